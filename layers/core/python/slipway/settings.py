"""The environment of each function, typed. `.env()` feeds the infrastructure, `.load()` feeds the function.

A function's settings are a value; the field `table_products: str` is the variable `SLIPWAY_TABLE_PRODUCTS`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from slipway.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Self


class BadSettings(Exception):
    """A variable is missing or malformed; the message names it."""


class Settings(Value, kw_only=True):
    """What every function is told."""

    stage: str
    client: str = "slipway"  # "slipway": adapters/aws.py, "boto3": the same ports over boto3

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The fields, those of the base first."""
        return cls.__match_args__

    def env(self) -> dict[str, str]:
        return {_variable(name): _text(getattr(self, name)) for name in self.names()}

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read from the process environment. Raises BadSettings."""
        environ = os.environ if environ is None else environ
        kinds = {name: kind for base in cls.__mro__ for name, kind in getattr(base, "__annotations__", {}).items()}
        given = {name: environ[_variable(name)] for name in cls.names() if _variable(name) in environ}
        try:
            return cls(**{name: _parsed(_variable(name), text, kinds[name]) for name, text in given.items()})
        except TypeError:
            missing = [_variable(name) for name in cls.names() if name not in given]
            raise BadSettings(f"Set {', '.join(missing)} in the function's environment.") from None


class Site(Settings, kw_only=True):
    """No table, no bucket: its pages are files beside it."""


class Authorize(Settings, kw_only=True):
    table_access: str
    bucket_keys: str
    issuer: str  # of the user pool; its JWKS is at `<issuer>/.well-known/jwks.json`
    user_pool_client: str


class Products(Settings, kw_only=True):
    table_products: str
    currency: str = "EUR"  # of a price that names none


class Access(Settings, kw_only=True):
    table_access: str


class Flags(Settings, kw_only=True):
    table_flags: str


class FlagsAndUsage(Flags, kw_only=True):
    table_usage: str


class Desk(FlagsAndUsage, kw_only=True):
    table_products: str  # whether a product is there that a flag is said to belong to
    table_access: str  # secrets that exposures are signed with
    table_counters: str
    table_signals: str


class Calendar(Settings, kw_only=True):
    table_flags: str
    schedule_prefix: str  # of the names of one-shots
    schedule_role: str  # ARN; by it the one-shots call
    planner: str  # ARN of the function that those of scheduled changes call
    ramp: str  # ARN of the function that those of rollouts call


class Ramp(Flags, kw_only=True):
    table_counters: str


class Stream(Settings, kw_only=True):
    """Of a function that reads a table's stream."""

    bucket_quarantine: str
    raise_failures: bool = False  # for an emulator that ignores partial batch answers: fail the whole batch


class Keyring(Stream, kw_only=True):
    table_access: str
    bucket_keys: str


class Snapshot(Stream, kw_only=True):
    table_flags: str
    bucket_flags: str


class Guard(Stream, kw_only=True):
    table_flags: str
    table_counters: str


class Evaluate(Settings, kw_only=True):
    bucket_flags: str
    bucket_keys: str


class Collect(Settings, kw_only=True):
    table_signals: str
    bucket_flags: str
    bucket_keys: str
    lake: str  # the delivery stream that takes what came in as it came


class Triage(Collect, kw_only=True):
    table_feedback: str
    bucket_attachments: str
    schedule_prefix: str
    schedule_role: str
    triage: str  # ARN of the function that its one-shots wake, which is itself
    sentiment: str = "lexicon"  # what says how a text sounds, or "comprehend"


class Tally(Stream, kw_only=True):
    table_signals: str
    table_counters: str
    table_flags: str


class Ballots(Stream, kw_only=True):
    table_feedback: str


class Signals(Settings, kw_only=True):
    table_counters: str
    table_flags: str


class Feedback(Settings, kw_only=True):
    table_feedback: str
    table_products: str  # whether a product is there that feedback is about
    table_signals: str  # what the day's hashes of networks are made with
    table_access: str  # whether a member is there to whom an item is assigned
    table_flags: str  # whether a flag is there that an item is linked to, and the environment
    bucket_attachments: str


class Public(Settings, kw_only=True):
    table_feedback: str
    table_products: str  # what a product is called
    site: str  # the root of the API, for links in a feed


class Surveys(Settings, kw_only=True):
    table_feedback: str
    table_products: str  # whether a product is there that a survey asks about
    table_flags: str  # whether an environment is there whose people it asks


class Courier(Settings, kw_only=True):
    table_feedback: str
    schedule_prefix: str
    schedule_role: str
    courier: str  # ARN of the function that its one-shots wake, which is itself
    site: str  # the root of the API, for links in letters
    sender: str = ""  # whom letters come from; none: there are no letters
    loopback: bool = False  # for the laptop: webhooks may lead to this machine


class Hooks(Settings, kw_only=True):
    table_feedback: str
    table_products: str  # whether a product is there that an entry of the changelog is about
    schedule_prefix: str
    schedule_role: str
    courier: str
    loopback: bool = False


class Unsubscribe(Settings, kw_only=True):
    table_feedback: str


class Shipping(Settings, kw_only=True):
    table_feedback: str
    table_flags: str


class Invite(Settings, kw_only=True):
    table_access: str
    user_pool: str


class Relay(Stream, kw_only=True):
    bus: str


class Record(Settings, kw_only=True):
    table_audit: str


class Audit(Settings, kw_only=True):
    table_audit: str


def _variable(name: str) -> str:
    return f"SLIPWAY_{name.upper()}"


def _text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _parsed(variable: str, text: str, kind: str) -> Any:
    if kind == "bool":
        if text not in ("true", "false"):
            raise BadSettings(f"{variable} is {text!r}; it must be true or false.")
        return text == "true"
    if kind == "int":
        try:
            return int(text)
        except ValueError:
            raise BadSettings(f"{variable} is {text!r}; it must be a whole number.") from None
    return text
