"""The environment of each function, typed. `.env()` feeds the infrastructure, `.load()` feeds the function.

A function's settings are a frozen dataclass; the field `table_products: str` is the variable `SLIPWAY_TABLE_PRODUCTS`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self, get_type_hints


class BadSettings(Exception):
    """A variable is missing or malformed; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What every function is told."""

    stage: str
    client: str = "slipway"  # "slipway": adapters/aws.py, "boto3": the same ports over boto3

    def env(self) -> dict[str, str]:
        return {_variable(field.name): _text(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read from the process environment. Raises BadSettings."""
        environ = os.environ if environ is None else environ
        hints, values = get_type_hints(cls), {}
        for field in fields(cls):
            variable = _variable(field.name)
            if variable in environ:
                values[field.name] = _parsed(variable, environ[variable], hints[field.name])
        try:
            return cls(**values)
        except TypeError:
            missing = [_variable(f.name) for f in fields(cls) if f.name not in values]
            raise BadSettings(f"Set {', '.join(missing)} in the function's environment.") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Site(Settings):
    """No table, no bucket: its pages are files beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorize(Settings):
    table_access: str
    bucket_keys: str
    issuer: str  # of the user pool; its JWKS is at `<issuer>/.well-known/jwks.json`
    user_pool_client: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Products(Settings):
    table_products: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Access(Settings):
    table_access: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream(Settings):
    """Of a function that reads a table's stream."""

    bucket_quarantine: str
    raise_failures: bool = False  # for an emulator that ignores partial batch answers: fail the whole batch


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring(Stream):
    table_access: str
    bucket_keys: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Invite(Settings):
    table_access: str
    user_pool: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay(Stream):
    bus: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record(Settings):
    table_audit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit(Settings):
    table_audit: str


def _variable(name: str) -> str:
    return f"SLIPWAY_{name.upper()}"


def _text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _parsed(variable: str, text: str, kind: type) -> Any:
    if kind is bool:
        if text not in ("true", "false"):
            raise BadSettings(f"{variable} is {text!r}; it must be true or false.")
        return text == "true"
    if kind is int:
        try:
            return int(text)
        except ValueError:
            raise BadSettings(f"{variable} is {text!r}; it must be a whole number.") from None
    return text
