"""The other table: every function, its job, its size, what triggers it and what it may do.

A grant is literal: these actions on this one resource. Nothing is granted anywhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from slipway import events, settings
from slipway.tables import ACCESS, AUDIT, PRODUCTS, Index, Table

Bucket = Literal["keys", "quarantine"]


@dataclass(frozen=True, slots=True)
class OnTable:
    """Actions on one table, or with `index` on one of its indexes; `leading`: only these partition keys (IAM patterns)."""

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
class OnBus:
    actions: tuple[str, ...] = ("events:PutEvents",)


@dataclass(frozen=True, slots=True)
class OnUserPool:
    actions: tuple[str, ...]


Grant = OnTable | OnObjects | OnBus | OnUserPool


@dataclass(frozen=True, slots=True)
class Function:
    """`memory` in MB, `timeout` in seconds. `streams`: tables whose changes it reads; `pattern`: events that it consumes."""

    name: str
    job: str
    settings: type[settings.Settings]
    memory: int = 512
    timeout: int = 10
    grants: tuple[Grant, ...] = ()
    streams: tuple[Table, ...] = ()
    pattern: dict[str, Any] | None = None

    @property
    def handler(self) -> str:
        return f"functions.{self.name}.handler.handler"


_READ = ("dynamodb:GetItem", "dynamodb:Query")
_WRITE = ("dynamodb:PutItem", "dynamodb:DeleteItem")
_QUERY = ("dynamodb:Query",)


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
        timeout=5,
        grants=(
            OnTable(ACCESS, ("dynamodb:GetItem",)),
            OnTable(ACCESS, ("dynamodb:PutItem",), leading=("used#*",)),
            OnObjects("keys", "", ("s3:GetObject",)),
        ),
    ),
    Function(
        "products",
        "The product catalogue",
        settings.Products,
        timeout=29,
        grants=(
            OnTable(PRODUCTS, (*_READ, *_WRITE, "dynamodb:BatchGetItem")),
            *(OnTable(PRODUCTS, _QUERY, index=index) for index in PRODUCTS.indexes),
        ),
    ),
    Function(
        "access",
        "API keys, members and who am I",
        settings.Access,
        grants=(
            OnTable(ACCESS, (*_READ, *_WRITE, "dynamodb:BatchGetItem")),
            *(OnTable(ACCESS, _QUERY, index=index) for index in ACCESS.indexes),
        ),
    ),
    Function(
        "audit",
        "Who did what, when",
        settings.Audit,
        grants=(
            OnTable(AUDIT, (*_READ, "dynamodb:BatchGetItem")),
            *(OnTable(AUDIT, _QUERY, index=index) for index in AUDIT.indexes),
        ),
    ),
    Function(
        "relay",
        "Sends the events that rows carry to the bus; the only publisher",
        settings.Relay,
        timeout=60,
        grants=(OnBus(), OnObjects("quarantine", "records/", ("s3:PutObject",))),
        streams=(PRODUCTS, ACCESS),
    ),
    Function(
        "keyring",
        "Publishes the verifiers of each environment's keys for the hot path",
        settings.Keyring,
        timeout=60,
        grants=(
            OnTable(ACCESS, _READ),
            OnObjects("keys", "", ("s3:GetObject", "s3:PutObject")),
        ),
        streams=(ACCESS,),
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
            OnTable(ACCESS, ("dynamodb:GetItem",)),
            OnUserPool(("cognito-idp:AdminCreateUser", "cognito-idp:AdminDeleteUser", "cognito-idp:AdminUserGlobalSignOut")),
        ),
        pattern=events.pattern(events.MemberInvited, events.MemberUpdated, events.MemberRemoved),
    ),
)

NAMES = tuple(function.name for function in FUNCTIONS)
