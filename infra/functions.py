"""The other table: every function, its job, its size, what triggers it and what it may do.

A grant is literal: these actions on this one resource. Nothing is granted anywhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from slipway import events, settings
from slipway.credentials import EVERYWHERE
from slipway.tables import ACCESS, AUDIT, FLAGS, PRODUCTS, Index, Table

Bucket = Literal["keys", "flags", "quarantine"]


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


Grant = OnTable | OnObjects | OnBucket | OnBus | OnUserPool | OnOneShots


@dataclass(frozen=True, slots=True)
class Function:
    """`memory` in MB, `timeout` in seconds. `streams`: tables whose changes it reads; `pattern`: events that it consumes;
    `daily`: it runs once a day as well; `woken`: by one-shots."""

    name: str
    job: str
    settings: type[settings.Settings]
    memory: int = 512
    timeout: int = 10
    grants: tuple[Grant, ...] = ()
    streams: tuple[Table, ...] = ()
    pattern: dict[str, Any] | None = None
    daily: bool = False
    woken: bool = False

    @property
    def asynchronous(self) -> bool:
        """Whether it is called without waiting, so that what fails needs a place to go."""
        return self.pattern is not None or self.daily or self.woken

    @property
    def handler(self) -> str:
        return f"functions.{self.name}.handler.handler"


_QUERY = ("dynamodb:Query",)
# Of an area that keeps versioned resources: a transaction is granted as the writes that it holds.
_CHANGE = ("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:DeleteItem")
_KEEP = (*_CHANGE, "dynamodb:Query")


def _indexes(table: Table) -> tuple[OnTable, ...]:
    return tuple(OnTable(table, _QUERY, index=index) for index in table.indexes)


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
        "The control plane of feature flags",
        settings.Flags,
        timeout=29,
        grants=(OnTable(FLAGS, (*_KEEP, "dynamodb:UpdateItem", "dynamodb:ConditionCheckItem")), *_indexes(FLAGS)),
    ),
    Function(
        "access",
        "API keys, members, and who am I",
        settings.Access,
        grants=(OnTable(ACCESS, _KEEP), *_indexes(ACCESS)),
    ),
    Function(
        "audit",
        "Who did what, when",
        settings.Audit,
        grants=(OnTable(AUDIT, ("dynamodb:BatchGetItem", "dynamodb:Query")), *_indexes(AUDIT)),
    ),
    Function(
        "evaluate",
        "Answers what flags give, from the published snapshots",
        settings.Evaluate,
        memory=1024,
        grants=(OnObjects("flags", "flags/", ("s3:GetObject",)), OnBucket("flags")),
    ),
    Function(
        "relay",
        "Sends the events that rows carry to the bus; the only publisher",
        settings.Relay,
        timeout=60,
        grants=(OnBus(), OnObjects("quarantine", "records/relay/", ("s3:PutObject",))),
        streams=(PRODUCTS, ACCESS, FLAGS),
    ),
    Function(
        "keyring",
        "Publishes the verifiers of each environment's keys for the hot path",
        settings.Keyring,
        timeout=60,
        grants=(
            OnTable(ACCESS, _QUERY, leading=("verifiers#*",)),
            OnTable(ACCESS, ("dynamodb:BatchGetItem",), leading=("used#*",)),
            OnObjects("keys", "keys/", ("s3:GetObject", "s3:PutObject")),
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
    Function(
        "planner",
        "Makes scheduled changes when their minute has come",
        settings.Flags,
        timeout=60,
        grants=(OnTable(FLAGS, (*_CHANGE, "dynamodb:UpdateItem", "dynamodb:ConditionCheckItem")),),
        woken=True,
    ),
    Function(
        "calendar",
        "Keeps the one-shots in step with the scheduled changes",
        settings.Calendar,
        timeout=60,
        grants=(
            OnTable(
                FLAGS,
                ("dynamodb:BatchGetItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"),
                leading=("chg_*", "sch_*", "list#proposals", "list#schedules"),
            ),
            OnOneShots(),
        ),
        pattern=events.pattern(events.SchedulePlanned, events.ScheduleCancelled),
        daily=True,
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
