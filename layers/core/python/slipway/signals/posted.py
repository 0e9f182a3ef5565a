"""What is posted: exposures and outcomes, each read by itself, so that a bad one is no harm to the others.

{"id", "type": "exposure", "flag", "exposure": <token> | "context": {...}, "targetingKey"?, "previous_key"?, "at"?}
{"id", "type": "outcome", "name", "value"?, "targetingKey", "previous_key"?, "at"?}
"""

from __future__ import annotations

from slipway.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

MOST = 100  # events of one batch
MOST_KEY = 256  # letters of a targeting key
LARGEST = 10**9  # of a value
MILLION = 1_000_000

RESERVED = "feedback."  # names of what feedback comes to, which nobody posts (see `slipway.feedback.complaints`)

_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
_NAME = _LETTERS | frozenset("._-")
_ID = _NAME | {":"}
_COMMON = frozenset({"id", "type", "targetingKey", "previous_key", "at"})
_FIELDS = {
    "exposure": _COMMON | {"flag", "exposure", "context"},
    "outcome": _COMMON | {"name", "value"},
}


class Sender(Value):
    """`server`: whether by a server's key; `network`: of a client, what its address belongs to; `source`: the hash of that,
    where nothing else was kept of it."""

    environment: str
    server: bool
    network: str
    source: str = ""

    @property
    def trust(self) -> str:
        return "server" if self.server else "client"


class Exposure(Value, kw_only=True):
    """Somebody was shown what a flag gives: proven by `token`, or said by a server with the `context`."""

    index: int
    id: str
    flag: str
    token: str | None
    context: Mapping[str, Any] | None
    key: str | None  # targeting key
    previous: str | None  # what it was before, of the same person
    at: str | None  # data: what a clock of somebody's says


class Outcome(Value, kw_only=True):
    index: int
    id: str
    name: str
    value: float | None
    key: str
    previous: str | None
    at: str | None

    @property
    def millionths(self) -> int | None:
        """The value as it is stored and summed: exactly, in any order."""
        return None if self.value is None else round(self.value * MILLION)


Signal = Exposure | Outcome


class Rejected(Value):
    """Which event, why, and how to mend it."""

    index: int
    code: str
    detail: str


class Wrong(Exception):
    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


def read(events: list[Any], *, server: bool) -> tuple[list[Signal], list[Rejected]]:
    """Those that can be taken, in order, and the others. `server`: whether a context may stand for a token."""
    taken: list[Signal] = []
    rejected = []
    for index, event in enumerate(events):
        try:
            taken.append(_signal(index, event, server))
        except Wrong as wrong:
            rejected.append(Rejected(index, wrong.code, wrong.detail))
    return taken, rejected


def _signal(index: int, event: Any, server: bool) -> Signal:
    if not isinstance(event, dict):
        raise Wrong("not_an_object", "An event is an object.")
    kind = event.get("type")
    if not isinstance(kind, str) or kind not in _FIELDS:
        raise Wrong("unknown_type", '`type` is "exposure" or "outcome".')
    if unknown := sorted(event.keys() - _FIELDS[kind]):
        raise Wrong("unknown_field", f"`{_shown(unknown[0])}` is no field of an {kind}: {', '.join(sorted(_FIELDS[kind]))}.")
    id: str = event.get("id", "")
    if not _word(id, _ID, 64):
        raise Wrong("invalid_id", "`id` is the message's own: 1 to 64 letters, digits, dots, dashes, colons and underscores.")
    key, previous = (_key(name, event.get(name)) for name in ("targetingKey", "previous_key"))
    at = _moment(event.get("at"))
    if kind == "exposure":
        token, context = _proof(event, server)
        if context is not None:
            key = _key("context/targetingKey", context.get("targetingKey") or None) or key
        if previous is not None and key is None:
            raise Wrong("key_missing", "Beside `previous_key` send the present `targetingKey`.")
        if not _word(event.get("flag"), _NAME, 128):
            raise Wrong("invalid_flag", "`flag` is the key of a flag.")
        return Exposure(index=index, id=id, flag=event["flag"], token=token, context=context, key=key, previous=previous, at=at)
    if not _word(event.get("name"), _NAME, 64) or event["name"][0] not in _LETTERS:
        detail = "`name` is a metric's: 1 to 64 letters, digits, dots, dashes and underscores, the first a letter or digit."
        raise Wrong("invalid_name", detail)
    if event["name"].startswith(RESERVED):
        raise Wrong(
            "reserved_name", f"What begins with `{RESERVED}` comes of feedback: POST /v1/feedback, or choose another name."
        )
    if key is None:
        raise Wrong("key_missing", "`targetingKey` says whose outcome it is.")
    value = _value(event.get("value"))
    return Outcome(index=index, id=id, name=event["name"], value=value, key=key, previous=previous, at=at)


def _proof(event: Mapping[str, Any], server: bool) -> tuple[str | None, Mapping[str, Any] | None]:
    token, context = event.get("exposure"), event.get("context")
    if (token is None) == (context is None):
        detail = "Send one of the two: `exposure`, from the metadata of what was evaluated, or with a server key `context`."
        raise Wrong("exposure_missing", detail)
    if token is not None and not isinstance(token, str):
        raise Wrong("invalid_exposure", "`exposure` is text, as the flag's metadata has it.")
    if context is not None and not server:
        raise Wrong("context_not_allowed", "With a client key send `exposure`, from the metadata of what was evaluated.")
    if context is not None and not (isinstance(context, dict) and isinstance(context.get("targetingKey", ""), str)):
        raise Wrong("invalid_context", "`context` is an object, and its `targetingKey` is text.")
    return token, context


def _word(value: Any, letters: frozenset[str], most: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= most and letters.issuperset(value)


def _key(name: str, value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= MOST_KEY or not value.isprintable():
        raise Wrong("invalid_key", f"`{name}` is 1 to {MOST_KEY} printable characters.")
    return value


def _value(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not -LARGEST <= value <= LARGEST:
        raise Wrong("invalid_value", f"`value` is a number from -{LARGEST} to {LARGEST}; six decimals are kept.")
    return value


def _moment(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not (value.isascii() and value.isprintable() and 10 <= len(value) <= 40):
        raise Wrong("invalid_at", "`at` is a moment such as 2026-11-23T12:00:00Z.")
    if not (value[:4].isdecimal() and value[4] == "-" and value[5:7].isdecimal() and value[7] == "-"):
        raise Wrong("invalid_at", "`at` is a moment such as 2026-11-23T12:00:00Z.")
    return value


def _shown(name: str) -> str:
    return name[:40] if name.isprintable() else "?"
