"""The other table: every function, its job, its size, what triggers it and what it may do.

A grant is literal: these actions on this one resource. Nothing is granted anywhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from slipway import events, settings
from slipway.credentials import EVERYWHERE
from slipway.tables import (
    ACCESS,
    AUDIT,
    BY_CREATED,
    BY_MONTH,
    BY_PERSON,
    BY_PRODUCT,
    BY_STATUS,
    COUNTERS,
    FEEDBACK,
    FLAGS,
    PRODUCTS,
    SIGNALS,
    USAGE,
    Index,
    Table,
)

Bucket = Literal["keys", "flags", "attachments", "quarantine"]
Layer = Literal["dependencies", "core"]


@dataclass(frozen=True, slots=True)
class OnTable:
    """Actions on one table, or with `index` on one of its indexes; `leading`: only rows whose `pk` fits these patterns."""

    table: Table
    actions: tuple[str, ...]
    index: Index | None = None
    leading: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OnObjects:
    """Actions on the objects below one prefix of a bucket."""

    bucket: Bucket
    prefix: str
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OnBucket:
    """Actions on a bucket itself. To learn that an object is not there takes `s3:ListBucket`: without it S3 answers 403."""

    bucket: Bucket
    actions: tuple[str, ...] = ("s3:ListBucket",)


@dataclass(frozen=True, slots=True)
class OnBus:
    actions: tuple[str, ...] = ("events:PutEvents",)


@dataclass(frozen=True, slots=True)
class OnUserPool:
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OnOneShots:
    """Actions on the one-shots that wake a function; and to hand over the role by which they do."""

    actions: tuple[str, ...] = ("scheduler:CreateSchedule", "scheduler:DeleteSchedule")


@dataclass(frozen=True, slots=True)
class OnAlarms:
    """To read how the account's alarms stand: of composite ones CloudWatch tells only who may read all."""

    actions: tuple[str, ...] = ("cloudwatch:DescribeAlarms",)


@dataclass(frozen=True, slots=True)
class OnLake:
    actions: tuple[str, ...] = ("firehose:PutRecord",)


@dataclass(frozen=True, slots=True)
class OnMail:
    """In the name of the deployment's sender, where it has one."""

    actions: tuple[str, ...] = ("ses:SendEmail",)


@dataclass(frozen=True, slots=True)
class OnSentiment:
    """To ask Amazon Comprehend how a text sounds, where the deployment wants that."""

    actions: tuple[str, ...] = ("comprehend:DetectSentiment",)


OnOne = OnTable | OnObjects | OnBucket | OnBus | OnUserPool | OnOneShots | OnAlarms | OnLake
Grant = OnOne | OnMail | OnSentiment


@dataclass(frozen=True, slots=True)
class Function:
    """`memory` in MB, `timeout` in seconds. `streams`: tables whose changes it reads, `batch` at most at once; `pattern`:
    events that it consumes; `daily`: it runs once a day as well; `woken`: by one-shots; `lines`: the function whose log lines
    it reads, and the word in them; `custom`: it is a custom resource of other stacks; `alarmed`: by a topic of alarms;
    `layers`: what a cold start fetches beside its zip, which holds what it can reach of those that are not among them."""

    name: str
    job: str
    settings: type[settings.Settings]
    memory: int = 512
    timeout: int = 10
    grants: tuple[Grant, ...] = ()
    streams: tuple[Table, ...] = ()
    batch: int = 100
    pattern: dict[str, Any] | None = None
    daily: bool = False
    woken: bool = False
    lines: tuple[str, str] | None = None
    custom: bool = False
    alarmed: bool = False
    layers: tuple[Layer, ...] = ("dependencies", "core")

    @property
    def asynchronous(self) -> bool:
        """Whether it is called without waiting, so that what fails needs a place to go."""
        called = self.daily or self.woken or self.custom or self.alarmed
        return called or self.pattern is not None or self.lines is not None

    @property
    def named(self) -> bool:
        """Whether its name is fixed: others know it by that, or it has to know its own."""
        return self.custom or (self.woken and any(isinstance(grant, OnOneShots) for grant in self.grants))

    @property
    def handler(self) -> str:
        return f"functions.{self.name}.handler.handler"


_QUERY = ("dynamodb:Query",)
# Of an area that keeps versioned resources: a transaction is granted as the writes that it holds.
_CHANGE = ("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:DeleteItem")
_KEEP = (*_CHANGE, "dynamodb:Query")


# To judge a rollout and to move it: the rollout, its configuration, the list of those that run, and the revision.
_MOVE = (
    OnTable(COUNTERS, _QUERY, leading=("rol_*",)),
    OnTable(FLAGS, _QUERY, leading=("list#rollouts",)),
    OnTable(FLAGS, ("dynamodb:GetItem", "dynamodb:PutItem"), leading=("rol_*", "flag#*")),
    OnTable(FLAGS, ("dynamodb:DeleteItem",), leading=("list#rollouts",)),
    OnTable(FLAGS, ("dynamodb:UpdateItem",), leading=("revision#*",)),
)


def _indexes(table: Table) -> tuple[OnTable, ...]:
    return tuple(OnTable(table, _QUERY, index=index) for index in table.indexes)


# Items, their people, what bounds a network, and switches.
_TOLD = ("fbk_*", "psn_*", "person#*", "bucket#*", "board#*")

# What the collector has for each event.
_SIGNALS = ("rol_*", "adopt#*", "metric#*", "slots#*", "names#*", "shown#*")

FUNCTIONS = (
    Function(
        "site",
        "The public page, /docs, /openapi.json, and a problem for every path that is no route",
        settings.Site,
    ),
    Function(
        "authorize",
        "Turns an API key or an access token into a principal; decides nothing else",
        settings.Authorize,
        timeout=10,
        layers=("dependencies",),  # to verify a person's token takes PyJWT and cryptography
        grants=(
            OnTable(ACCESS, ("dynamodb:GetItem",), leading=(f"verifiers#{EVERYWHERE}", "mbr_*")),
            OnTable(ACCESS, ("dynamodb:PutItem",), leading=("used#*",)),
            OnObjects("keys", "keys/", ("s3:GetObject",)),
            OnBucket("keys"),
        ),
    ),
    Function(
        "products",
        "The product catalogue",
        settings.Products,
        timeout=29,
        grants=(OnTable(PRODUCTS, _KEEP), *_indexes(PRODUCTS)),
    ),
    Function(
        "flags",
        "The control plane of feature flags and their rollouts",
        settings.Desk,
        timeout=29,
        grants=(
            OnTable(FLAGS, (*_KEEP, "dynamodb:UpdateItem", "dynamodb:ConditionCheckItem")),
            *_indexes(FLAGS),
            OnTable(USAGE, ("dynamodb:BatchGetItem",), leading=("seen#*",)),
            OnTable(PRODUCTS, ("dynamodb:GetItem",), leading=("key#*",)),
            OnTable(USAGE, _QUERY, leading=("usage#*",)),
            OnTable(ACCESS, ("dynamodb:GetItem",), leading=("generation#*",)),
            OnTable(ACCESS, ("dynamodb:PutItem",), leading=("signing#*", "generation#*")),
            OnTable(COUNTERS, _QUERY, leading=("rol_*",)),
            OnTable(SIGNALS, _QUERY, leading=("rol_*",)),
        ),
    ),
    Function(
        "access",
        "API keys, members, and who am I",
        settings.Access,
        grants=(
            OnTable(ACCESS, ("dynamodb:GetItem",), leading=("key_*", "mbr_*", "members", "verifiers#*")),
            OnTable(ACCESS, ("dynamodb:BatchGetItem",), leading=("key_*", "mbr_*", "used#*")),
            OnTable(ACCESS, ("dynamodb:PutItem",), leading=("key_*", "mbr_*", "members", "verifiers#*", "key#*")),
            OnTable(ACCESS, ("dynamodb:DeleteItem",), leading=("mbr_*", "verifiers#*", "key#*")),
            OnTable(ACCESS, _QUERY, leading=("verifiers#*",)),
            *_indexes(ACCESS),
        ),
    ),
    Function(
        "audit",
        "Who did what, when",
        settings.Audit,
        grants=(OnTable(AUDIT, ("dynamodb:BatchGetItem", "dynamodb:Query")), OnTable(AUDIT, _QUERY, index=BY_MONTH)),
    ),
    Function(
        "evaluate",
        "Answers what flags give, from the published snapshots",
        settings.Evaluate,
        memory=1024,
        layers=(),
        grants=(
            OnObjects("flags", "flags/", ("s3:GetObject",)),
            OnBucket("flags"),
            OnObjects("keys", "signing/", ("s3:GetObject",)),
            OnBucket("keys"),
        ),
    ),
    Function(
        "collect",
        "Takes exposures and outcomes from applications",
        settings.Collect,
        memory=1024,
        timeout=29,
        layers=(),
        grants=(
            OnTable(SIGNALS, ("dynamodb:BatchGetItem",), leading=_SIGNALS),
            OnTable(SIGNALS, ("dynamodb:PutItem",), leading=(*_SIGNALS, "salt#*")),
            OnTable(SIGNALS, ("dynamodb:GetItem",), leading=("salt#*",)),
            OnObjects("flags", "flags/", ("s3:GetObject",)),
            OnBucket("flags"),
            OnObjects("keys", "signing/", ("s3:GetObject",)),
            OnBucket("keys"),
            OnLake(),
        ),
    ),
    Function(
        "signals",
        "How many use a flag, and what metrics came to",
        settings.Signals,
        grants=(
            OnTable(COUNTERS, _QUERY, leading=("adopt#*", "metric#*")),
            OnTable(FLAGS, ("dynamodb:GetItem",), leading=("flag#*", "environment#*")),
        ),
    ),
    Function(
        "feedback",
        "What people tell about products, and what the team does with it",
        settings.Feedback,
        timeout=29,
        grants=(
            # What webhooks are signed with stands in the same table. One line an action: a transaction is judged by one line.
            OnTable(
                FEEDBACK,
                ("dynamodb:GetItem",),
                leading=(*_TOLD, "imp_*", "secret#pepper", "secret#form", "secret#survey"),
            ),
            OnTable(FEEDBACK, ("dynamodb:BatchGetItem",), leading=(*_TOLD, "srv_*", "index#*")),
            OnTable(FEEDBACK, ("dynamodb:PutItem",), leading=(*_TOLD, "srv_*", "imp_*", "bulk#*", "list#link#*", "secret#*")),
            OnTable(
                FEEDBACK,
                ("dynamodb:DeleteItem",),
                leading=("fbk_*", "psn_*", "person#*", "index#*", "list#link#*", "prompted#*"),
            ),
            OnTable(FEEDBACK, ("dynamodb:ConditionCheckItem",), leading=("psn_*",)),
            OnTable(FEEDBACK, _QUERY, leading=("fbk_*", "psn_*", "person#*", "index#*", "list#flag#*")),
            OnTable(FEEDBACK, _QUERY, index=BY_PERSON),
            OnTable(FEEDBACK, ("dynamodb:UpdateItem",), leading=("srv_*",)),
            OnTable(PRODUCTS, ("dynamodb:GetItem",), leading=("key#*",)),
            OnTable(SIGNALS, ("dynamodb:GetItem", "dynamodb:PutItem"), leading=("salt#*",)),
            # The inbox: its orders, and what an item names.
            *(OnTable(FEEDBACK, _QUERY, index=index) for index in (BY_CREATED, BY_PRODUCT, BY_STATUS)),
            OnTable(ACCESS, ("dynamodb:GetItem",), leading=("mbr_*",)),
            OnTable(FLAGS, ("dynamodb:GetItem",), leading=("flag#*", "environment#*")),
            # What its forms and links may do: it signs them. A file it touches only to take it away with its person.
            OnObjects("attachments", "incoming/", ("s3:PutObject", "s3:DeleteObject")),
            OnObjects("attachments", "clean/", ("s3:GetObject", "s3:DeleteObject")),
        ),
    ),
    Function(
        "public",
        "The roadmaps and changelogs that everybody may read",
        settings.Public,
        grants=(
            OnTable(FEEDBACK, ("dynamodb:GetItem",), leading=("board#*",)),
            OnTable(FEEDBACK, ("dynamodb:BatchGetItem",), leading=("fbk_*", "log_*", "index#*")),
            OnTable(FEEDBACK, _QUERY, index=BY_STATUS),
            OnTable(FEEDBACK, _QUERY, index=BY_PRODUCT),
            OnTable(PRODUCTS, ("dynamodb:GetItem",), leading=("key#*", "prd_*")),
        ),
    ),
    Function(
        "surveys",
        "Surveys: whom they ask, and what people answered",
        settings.Surveys,
        grants=(
            OnTable(
                FEEDBACK, ("dynamodb:GetItem",), leading=("srv_*", "prompted#*", "secret#pepper", "secret#survey", "bucket#*")
            ),
            OnTable(FEEDBACK, ("dynamodb:PutItem",), leading=("srv_*", "prompted#*", "secret#*", "list#surveys#*", "bucket#*")),
            OnTable(FEEDBACK, ("dynamodb:BatchGetItem", "dynamodb:UpdateItem"), leading=("srv_*",)),
            OnTable(FEEDBACK, _QUERY, leading=("srv_*", "list#surveys#*")),
            OnTable(FEEDBACK, ("dynamodb:DeleteItem",), leading=("list#surveys#*",)),
            OnTable(FEEDBACK, _QUERY, index=BY_CREATED),
            OnTable(PRODUCTS, ("dynamodb:GetItem",), leading=("key#*",)),
            OnTable(FLAGS, ("dynamodb:GetItem",), leading=("environment#*",)),
        ),
    ),
    Function(
        "hooks",
        "Webhooks, their deliveries, and the changelog as the team writes it",
        settings.Hooks,
        grants=(
            OnTable(FEEDBACK, ("dynamodb:GetItem", "dynamodb:BatchGetItem"), leading=("whk_*", "log_*")),
            OnTable(FEEDBACK, ("dynamodb:PutItem",), leading=("whk_*", "list#webhooks", "log_*")),
            OnTable(FEEDBACK, ("dynamodb:DeleteItem",), leading=("whk_*", "list#webhooks")),
            OnTable(FEEDBACK, _QUERY, leading=("whk_*", "list#webhooks")),
            OnTable(FEEDBACK, _QUERY, index=BY_CREATED),
            OnTable(PRODUCTS, ("dynamodb:GetItem",), leading=("key#*",)),
            OnOneShots(("scheduler:CreateSchedule",)),
        ),
    ),
    Function(
        "courier",
        "Takes events to webhooks, and notices to the people who asked for something",
        settings.Courier,
        timeout=120,
        grants=(
            OnTable(
                FEEDBACK,
                ("dynamodb:PutItem",),
                leading=("whk_*", "list#webhooks", "ntc_*", "list#rounds", "secret#unsubscribe"),
            ),
            OnTable(FEEDBACK, ("dynamodb:DeleteItem",), leading=("whk_*", "list#rounds")),
            OnTable(FEEDBACK, _QUERY, leading=("whk_*", "fbk_*", "list#webhooks", "list#rounds")),
            OnTable(
                FEEDBACK,
                ("dynamodb:GetItem",),
                leading=("whk_*", "ntc_*", "fbk_*", "mail#*", "board#*", "secret#unsubscribe", "secret#pepper"),
            ),
            OnTable(FEEDBACK, ("dynamodb:BatchGetItem",), leading=("whk_*", "ntc_*", "fbk_*", "psn_*")),
            OnOneShots(("scheduler:CreateSchedule",)),
            OnMail(),
        ),
        pattern=events.pattern(),
        daily=True,
        woken=True,
    ),
    Function(
        "unsubscribe",
        "The link by which an address gets no more e-mails",
        settings.Unsubscribe,
        grants=(
            OnTable(FEEDBACK, ("dynamodb:GetItem",), leading=("secret#unsubscribe",)),
            OnTable(FEEDBACK, ("dynamodb:PutItem",), leading=("mail#*",)),
        ),
    ),
    Function(
        "shipping",
        "Ships feedback with the flags that it is linked to, and enters what shipped into the changelog",
        settings.Shipping,
        timeout=60,
        grants=(
            OnTable(FEEDBACK, ("dynamodb:GetItem",), leading=("fbk_*", "log_*", "board#*")),
            OnTable(FEEDBACK, ("dynamodb:PutItem",), leading=("fbk_*", "log_*")),
            OnTable(FEEDBACK, _QUERY, leading=("fbk_*", "list#link#*")),
            OnTable(FLAGS, ("dynamodb:GetItem",), leading=("flag#*", "rol_*")),
        ),
        pattern=events.pattern(
            *(events.RolloutStarted, events.RolloutAdvanced, events.RolloutResumed),
            *(events.RolloutCompleted, events.RolloutRolledBack),
            *(events.ConfigurationUpdated, events.FeedbackStatusChanged),
        ),
    ),
    Function(
        "triage",
        "Finds out about what people told: what they were served, how it sounds; and tells rollouts what was negative",
        settings.Triage,
        timeout=60,
        grants=(
            OnTable(FEEDBACK, ("dynamodb:GetItem",), leading=("fbk_*", "srv_*", "secret#shingles")),
            OnTable(FEEDBACK, ("dynamodb:PutItem",), leading=("fbk_*", "list#flag#*", "index#*", "flood#*", "secret#shingles")),
            OnTable(FEEDBACK, ("dynamodb:BatchGetItem",), leading=("psn_*",)),
            OnTable(FEEDBACK, ("dynamodb:ConditionCheckItem",), leading=("psn_*", "fbk_*")),
            OnTable(FEEDBACK, ("dynamodb:UpdateItem",), leading=("srv_*",)),
            OnTable(FEEDBACK, _QUERY, leading=("flood#*",)),
            OnTable(SIGNALS, ("dynamodb:BatchGetItem",), leading=("rol_*", "metric#*", "slots#*", "names#*")),
            OnTable(SIGNALS, ("dynamodb:PutItem",), leading=("rol_*", "metric#*", "slots#*", "names#*", "salt#*")),
            OnTable(SIGNALS, ("dynamodb:GetItem",), leading=("salt#*",)),
            OnTable(SIGNALS, _QUERY, leading=("shown#*",)),
            OnObjects("flags", "flags/", ("s3:GetObject",)),
            OnBucket("flags"),
            OnObjects("keys", "signing/", ("s3:GetObject",)),
            OnBucket("keys"),
            OnObjects("attachments", "incoming/", ("s3:GetObject", "s3:DeleteObject")),
            OnObjects("attachments", "clean/", ("s3:GetObject", "s3:PutObject", "s3:DeleteObject")),
            OnBucket("attachments"),
            OnLake(),
            OnOneShots(("scheduler:CreateSchedule",)),
            OnSentiment(),
        ),
        pattern=events.pattern(events.FeedbackSubmitted, events.FeedbackUpdated, events.FeedbackStatusChanged),
        woken=True,
    ),
    Function(
        "relay",
        "Sends the events that rows carry to the bus; the only publisher",
        settings.Relay,
        timeout=60,
        grants=(OnBus(), OnObjects("quarantine", "records/relay/", ("s3:PutObject",))),
        streams=(PRODUCTS, ACCESS, FLAGS, FEEDBACK),
    ),
    Function(
        "keyring",
        "Publishes the verifiers of each environment's keys, and what signs its exposures, for the hot path",
        settings.Keyring,
        timeout=60,
        grants=(
            OnTable(ACCESS, _QUERY, leading=("verifiers#*", "signing#*")),
            OnTable(ACCESS, ("dynamodb:BatchGetItem",), leading=("used#*",)),
            OnObjects("keys", "keys/", ("s3:GetObject", "s3:PutObject")),
            OnObjects("keys", "signing/", ("s3:GetObject", "s3:PutObject")),
            OnBucket("keys"),
            OnObjects("quarantine", "records/keyring/", ("s3:PutObject",)),
        ),
        streams=(ACCESS,),
    ),
    Function(
        "snapshot",
        "Publishes the flags of each environment for the hot path",
        settings.Snapshot,
        memory=1024,
        timeout=60,
        grants=(
            OnTable(FLAGS, ("dynamodb:BatchGetItem",), leading=("flag#*", "segment#*")),
            OnTable(FLAGS, ("dynamodb:GetItem",), leading=("revision#*",)),
            OnTable(FLAGS, _QUERY, leading=("list#*",)),
            OnObjects("flags", "flags/", ("s3:GetObject", "s3:PutObject")),
            OnObjects("flags", "revisions/", ("s3:PutObject",)),
            OnBucket("flags"),
            OnObjects("quarantine", "records/snapshot/", ("s3:PutObject",)),
        ),
        streams=(FLAGS,),
        daily=True,
    ),
    # A delivery is one write for each partition in it: the larger, the cheaper.
    Function(
        "tally",
        "Counts signals, each once, and recounts once a day those of rollouts that run and of the day before",
        settings.Tally,
        timeout=300,
        grants=(
            OnTable(COUNTERS, ("dynamodb:BatchGetItem", "dynamodb:PutItem"), leading=("rol_*", "adopt#*", "metric#*")),
            OnTable(COUNTERS, ("dynamodb:GetItem",), leading=("rol_*", "adopt#*", "metric#*")),
            OnTable(SIGNALS, _QUERY, leading=("rol_*", "adopt#*", "metric#*", "names#*")),
            OnTable(FLAGS, _QUERY, leading=("list#rollouts", "list#environments")),
            OnObjects("quarantine", "records/tally/", ("s3:PutObject",)),
        ),
        streams=(SIGNALS,),
        batch=1000,
        daily=True,
    ),
    Function(
        "ballots",
        "Counts the people behind each item of feedback, once each, and recounts them once a day",
        settings.Ballots,
        timeout=300,
        grants=(
            OnTable(FEEDBACK, ("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem"), leading=("fbk_*",)),
            OnTable(FEEDBACK, ("dynamodb:GetItem", "dynamodb:PutItem"), leading=("recounted#*",)),
            OnTable(FEEDBACK, _QUERY, leading=("fbk_*",)),
            OnTable(FEEDBACK, _QUERY, index=BY_CREATED),
            OnObjects("quarantine", "records/ballots/", ("s3:PutObject",)),
        ),
        streams=(FEEDBACK,),
        batch=1000,
        daily=True,
    ),
    Function(
        "usage",
        "Counts how often flags are asked for, and lists those that nobody seems to need",
        settings.FlagsAndUsage,
        timeout=300,
        grants=(
            OnTable(USAGE, ("dynamodb:PutItem",), leading=("told#*", "usage#*", "seen#*", "counting")),
            OnTable(USAGE, _QUERY, leading=("told#*", "seen#*")),
            OnTable(FLAGS, ("dynamodb:BatchGetItem",), leading=("flag#*", "segment#*")),
            OnTable(FLAGS, ("dynamodb:GetItem",), leading=("revision#*", "environment#*")),
            OnTable(FLAGS, _QUERY, leading=("list#*",)),
            OnTable(FLAGS, ("dynamodb:PutItem", "dynamodb:DeleteItem"), leading=("list#stale#*",)),
        ),
        daily=True,
        lines=("evaluate", "evaluations"),
    ),
    Function(
        "planner",
        "Makes scheduled changes when their minute has come",
        settings.Flags,
        timeout=60,
        grants=(OnTable(FLAGS, (*_KEEP, "dynamodb:UpdateItem", "dynamodb:ConditionCheckItem")),),
        woken=True,
    ),
    Function(
        "guard",
        "Judges rollouts by what was counted, and steps them back",
        settings.Guard,
        timeout=60,
        grants=(
            *_MOVE,
            OnTable(COUNTERS, ("dynamodb:PutItem",), leading=("rol_*",)),
            OnObjects("quarantine", "records/guard/", ("s3:PutObject",)),
        ),
        streams=(COUNTERS,),
        alarmed=True,
    ),
    Function(
        "ramp",
        "Takes the next step of rollouts when its minute has come, unless an alarm rings",
        settings.Ramp,
        timeout=60,
        grants=(*_MOVE, OnAlarms()),
        pattern=events.pattern(events.RolloutStarted, events.RolloutAdvanced, events.RolloutResumed),
        daily=True,
        woken=True,
    ),
    Function(
        "calendar",
        "Keeps the one-shots in step with scheduled changes and rollouts",
        settings.Calendar,
        timeout=60,
        grants=(
            OnTable(FLAGS, _QUERY, leading=("list#proposals", "list#schedules", "list#rollouts")),
            OnTable(FLAGS, ("dynamodb:GetItem",), leading=("chg_*", "sch_*", "rol_*")),
            OnTable(FLAGS, ("dynamodb:BatchGetItem",), leading=("sch_*",)),
            OnTable(FLAGS, ("dynamodb:PutItem",), leading=("chg_*",)),
            OnTable(FLAGS, ("dynamodb:DeleteItem",), leading=("list#proposals",)),
            OnOneShots(),
        ),
        pattern=events.pattern(
            *(events.SchedulePlanned, events.ScheduleCancelled, events.SchedulePlannedV2, events.ScheduleCancelledV2),
            *(events.RolloutStarted, events.RolloutAdvanced, events.RolloutResumed),
            *(events.RolloutPaused, events.RolloutRolledBack, events.RolloutStopped),
        ),
        daily=True,
    ),
    Function(
        "seed",
        "Makes the flags that come with other stacks, where there are none",
        settings.Flags,
        timeout=60,
        grants=(
            OnTable(
                FLAGS,
                (
                    *("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"),
                    *("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:ConditionCheckItem"),
                ),
            ),
        ),
        custom=True,
    ),
    Function(
        "record",
        "Writes the audit row of every event",
        settings.Record,
        timeout=30,
        grants=(OnTable(AUDIT, ("dynamodb:PutItem",)),),
        pattern=events.pattern(),
    ),
    Function(
        "invite",
        "Keeps the user pool in step with the members",
        settings.Invite,
        timeout=30,
        grants=(
            OnTable(ACCESS, ("dynamodb:GetItem",), leading=("mbr_*",)),
            OnUserPool(
                tuple(f"cognito-idp:Admin{what}" for what in ("CreateUser", "DeleteUser", "GetUser", "UserGlobalSignOut"))
            ),
        ),
        pattern=events.pattern(events.MemberInvited, events.MemberUpdated, events.MemberRemoved),
    ),
)

NAMES = tuple(function.name for function in FUNCTIONS)
