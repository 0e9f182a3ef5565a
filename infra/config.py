"""What a deployment may choose: the only reader of CDK context. Pass a key with `cdk -c key=value` or in `cdk.json`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from slipway.money import DECIMALS

# CDK's own context: feature flags and look-ups.
_FOREIGN = ("@aws-cdk", "aws:", "aws-cdk:", "cdk-migrate")
_LOG_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
DEFAULT_STAGE = "prod"


class BadConfig(Exception):
    """A context key is unknown or malformed; the message says which, and how to mend it."""


@dataclass(frozen=True, slots=True)
class Config:
    """One deployment. Each field is the context key of that name."""

    stage: str = DEFAULT_STAGE  # several deployments may share an account
    target: Literal["aws", "local"] = "aws"  # local: for the embedded AWS, see infra.local
    ephemeral: bool = False  # a throw-away stage: destroy deletes its data too
    retention: int = 30  # days that logs are kept
    alarm_email: str = ""  # who hears of alarms
    currency: str = "EUR"  # of a price that names none
    domain: str = ""  # the API's own host name, with `certificate`
    certificate: str = ""  # ARN of an ACM certificate for it: in the same region, with `edge` in us-east-1
    edge: bool = False  # a CloudFront distribution before the API
    sender: str = ""  # whom e-mail to people who gave feedback comes from; SES has to know the address, or its domain
    sentiment: Literal["lexicon", "comprehend"] = "lexicon"  # what says how feedback sounds; the texts go to Amazon Comprehend
    callback: str = ""  # one more URL to which the login page may return
    boto3: tuple[str, ...] = ()  # functions that use boto3 in place of the small client, or "all"

    @property
    def local(self) -> bool:
        return self.target == "local"

    @property
    def suffix(self) -> str:
        """What tells the names of another stage apart: "" for the default stage."""
        return "" if self.stage == DEFAULT_STAGE else f"-{self.stage}"

    def function(self, name: str) -> str:
        """The name of a function that other people's stacks call."""
        return f"slipway{self.suffix}-{name}"

    def stack(self, part: str) -> str:
        """The name of one of the stacks: Data, Service or Watch."""
        return f"Slipway{part}{self.suffix}"

    @property
    def alarm_topic(self) -> str:
        return f"slipway{self.suffix}-alarms"

    def client(self, function: str) -> str:
        return "boto3" if "all" in self.boto3 or function in self.boto3 else "slipway"

    @classmethod
    def read(cls, context: Mapping[str, Any], functions: tuple[str, ...]) -> Config:
        """From the whole CDK context. `functions`: the names that `boto3` may list. Raises BadConfig."""
        known = {field.name for field in fields(cls)}
        values: dict[str, Any] = {}
        for key, value in context.items():
            if key.startswith(_FOREIGN):
                continue
            if key not in known:
                raise BadConfig(f"There is no context key {key!r}.{_suggestion(key, known)} Known: {', '.join(sorted(known))}.")
            values[key] = _PARSERS[key](key, value)
        config = cls(**values)
        if bool(config.domain) != bool(config.certificate):
            raise BadConfig("`domain` and `certificate` belong together: give both, or neither.")
        if config.edge and config.domain and ":us-east-1:" not in config.certificate:
            raise BadConfig("`certificate` must be in us-east-1 with `edge`: CloudFront takes no other.")
        if config.edge and config.local:
            raise BadConfig("`edge` is for the target aws: the embedded AWS has no edge before an API.")
        for name in config.boto3:
            if name not in (*functions, "all"):
                raise BadConfig(
                    f"`boto3` names no function {name!r}.{_suggestion(name, {*functions, 'all'})} "
                    f"Known: all, {', '.join(functions)}."
                )
        return config


def _suggestion(word: str, known: set[str]) -> str:
    close = difflib.get_close_matches(word.lower(), sorted(known), 1)
    return f" Did you mean {close[0]!r}?" if close else ""


def _matching(pattern: str, meaning: str) -> Callable[[str, Any], str]:
    def parse(key: str, value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise BadConfig(f"`{key}` is {value!r}; it must be {meaning}.")
        return value

    return parse


def _flag(key: str, value: Any) -> bool:
    if value in (True, "true"):
        return True
    if value in (False, "false"):
        return False
    raise BadConfig(f"`{key}` is {value!r}; it must be true or false.")


def _days(key: str, value: Any) -> int:
    text = str(value)
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,5}", text) or int(text) not in _LOG_DAYS:
        raise BadConfig(f"`{key}` is {value!r}; it must be a number of days that CloudWatch Logs takes: {_LOG_DAYS}.")
    return int(text)


def _currency(key: str, value: Any) -> str:
    if not isinstance(value, str) or value not in DECIMALS:
        raise BadConfig(f"`{key}` is {value!r}; it must be an ISO 4217 code of money that is in use, such as EUR.")
    return value


def _target(key: str, value: Any) -> str:
    if value not in ("aws", "local"):
        raise BadConfig(f"`{key}` is {value!r}; it must be aws or local.")
    return str(value)


def _sentiment(key: str, value: Any) -> Literal["lexicon", "comprehend"]:
    if value == "lexicon":
        return "lexicon"
    if value == "comprehend":
        return "comprehend"
    raise BadConfig(f"`{key}` is {value!r}; it must be lexicon or comprehend.")


def _names(key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, str):
        raise BadConfig(f"`{key}` is {value!r}; it must be names with commas between them.")
    return tuple(name for name in (part.strip() for part in value.split(",")) if name)


_PARSERS: dict[str, Callable[[str, Any], Any]] = {
    "stage": _matching(r"[a-z]([a-z0-9-]{0,14}[a-z0-9])?", "1 to 16 of a-z, 0-9 and -, from a letter to a letter or digit"),
    "target": _target,
    "sentiment": _sentiment,
    "ephemeral": _flag,
    "retention": _days,
    "alarm_email": _matching(r"|[^@\s]{1,64}@[^@\s]{1,189}", "an e-mail address"),
    "currency": _currency,
    "domain": _matching(
        r"|(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", "a host name such as api.example.com"
    ),
    "certificate": _matching(
        r"|arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[a-zA-Z0-9-]+", "the ARN of an ACM certificate"
    ),
    "edge": _flag,
    "sender": _matching(r"|[^@\s]{1,64}@[^@\s]{1,189}", "an e-mail address"),
    "callback": _matching(
        r"|https://[^\s]+|http://(localhost|127\.0\.0\.1)(:[0-9]+)?(/[^\s]*)?", "an https URL (http: loopback only)"
    ),
    "boto3": _names,
}
