"""From parsed JSON and query strings to pydantic models, and from pydantic's errors to ours.

Pointers are RFC 6901 into the body; a query parameter stands at `/query/<name>`. No input is ever repeated in a detail.
"""

from __future__ import annotations

import re
import types
from collections.abc import Sequence
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from slipway.edge.json import escaped
from slipway.problems import Fault, Invalid, Malformed

MOST_FAULTS = 20
MOST_PARAMETERS = 64
LONGEST_QUERY = 8192  # bytes; the gateway itself takes 10 KB for line and headers together

Model = TypeVar("Model", bound=BaseModel)

_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,37})")
_CODES = {
    "missing": "required",
    "extra_forbidden": "unknown",
    "literal_error": "not_one_of",
    "enum": "not_one_of",
    "string_too_short": "too_short",
    "too_short": "too_short",
    "string_too_long": "too_long",
    "too_long": "too_long",
    "greater_than": "too_small",
    "greater_than_equal": "too_small",
    "less_than": "too_large",
    "less_than_equal": "too_large",
    "string_pattern_mismatch": "pattern",
    "int_from_float": "type",
    "value_error": "invalid",
    "assertion_error": "invalid",
}


def body(model: type[Model], value: Any) -> Model:
    """The validated body. Raises Invalid with a Fault for each wrong value."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise Invalid("The body is not valid.", errors=faults(error, value)) from None


def query(model: type[Model] | None, raw: str) -> Model | None:
    """The validated query string. An unknown, repeated or wrong parameter raises Invalid; bad encoding Malformed."""
    pairs = _pairs(raw)
    kinds = (
        {} if model is None else {field.alias or name: _kind(field.annotation) for name, field in model.model_fields.items()}
    )
    values: dict[str, Any] = {}
    wrong: list[Fault] = []
    for name, text in pairs:
        kind = kinds.get(name)
        if kind is None:
            wrong.append(_parameter_fault(name, "unknown", "There is no such parameter here."))
        elif kind is list:
            values.setdefault(name, []).append(text)
        elif name in values:
            wrong.append(_parameter_fault(name, "repeated", "This parameter may stand once."))
        elif kind is bool and text not in ("true", "false"):
            wrong.append(_parameter_fault(name, "type", "Write true or false."))
        elif kind is int and not _WHOLE.fullmatch(text):
            wrong.append(_parameter_fault(name, "type", "Write a whole number."))
        else:
            values[name] = int(text) if kind is int else text
    if wrong:
        raise Invalid("The query string is not valid.", errors=wrong[:MOST_FAULTS])
    if model is None:
        return None
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise Invalid("The query string is not valid.", errors=faults(error, values, "/query")) from None


def faults(error: ValidationError, value: Any, base: str = "") -> list[Fault]:
    """pydantic's errors as ours, at most 20."""
    found = error.errors(include_url=False, include_context=False, include_input=False)[:MOST_FAULTS]
    return [Fault(base + pointer(one["loc"], value, one["type"]), _code(one["type"]), _detail(one["msg"])) for one in found]


def pointer(place: Sequence[str | int], value: Any, type: str = "") -> str:
    """The pointer of pydantic's `loc`. It names union branches and validators too: what is not in the input is left out."""
    tokens: list[str] = []
    for number, step in enumerate(place):
        known = step in value if isinstance(value, dict) else _indexes(value, step)
        if known:
            value = value[step]
        elif type != "missing" or number < len(place) - 1:
            continue
        tokens.append(escaped(str(step)))
    return "".join(f"/{token}" for token in tokens)


def _indexes(value: Any, step: str | int) -> bool:
    return isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value)


def _pairs(raw: str) -> list[tuple[str, str]]:
    if not raw:
        return []
    from urllib.parse import parse_qsl  # dear to a cold start

    if len(raw) > LONGEST_QUERY:
        raise Malformed(f"The query string is longer than {LONGEST_QUERY} bytes.")
    try:
        pairs = parse_qsl(raw, keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS)
    except UnicodeDecodeError:
        raise Malformed("The query string is not UTF-8.") from None
    except ValueError:
        raise Malformed(f"The query string has more than {MOST_PARAMETERS} parameters.") from None
    if any("\x00" in part for pair in pairs for part in pair):
        raise Malformed("The query string has U+0000 in it.")
    return pairs


def _parameter_fault(name: str, code: str, detail: str) -> Fault:
    return Fault(f"/query/{escaped(name)}", code, detail)


def _kind(annotation: Any) -> type:
    """list, bool, int or str: how a parameter's text is read before its model sees it."""
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        kinds = {_kind(option) for option in get_args(annotation) if option is not types.NoneType}
        return kinds.pop() if len(kinds) == 1 else str
    if origin is list or annotation is list:
        return list
    return annotation if annotation in (bool, int) else str


def _code(type: str) -> str:
    if type in _CODES:
        return _CODES[type]
    if type.endswith(("_type", "_parsing", "_parsing_size")):
        return "type"
    return type


def _detail(message: str) -> str:
    message = message.removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return message if len(message) <= 300 else message[:299] + "…"
