"""From parsed JSON and query strings to pydantic models, and from pydantic's errors to ours.

Pointers are RFC 6901 into the body; a query parameter stands at `/query/<name>`. No input is ever repeated in a detail.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from slipway.edge.json import escaped
from slipway.problems import Fault, Invalid, Malformed

MOST_FAULTS = 20
MOST_PARAMETERS = 64
LONGEST_QUERY = 8192  # bytes; the gateway itself takes 10 KB for line and headers together

Model = TypeVar("Model", bound=BaseModel)

# Of a name that is no field: how like one it has to be, from 0 to 1, to be taken for it; and how long such a name may be.
ALIKE, LONGEST_TYPO = 0.7, 64

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
# What pydantic says in the words of Python, in ours.
_WORDS = {
    "missing": "This field is required.",
    "model_type": "Send a JSON object.",
    "model_attributes_type": "Send a JSON object.",
    "dict_type": "Send a JSON object.",
    "list_type": "Send a JSON array.",
    "string_type": "Send a text.",
    "int_type": "Send a whole number.",
    "int_from_float": "Send a whole number.",
    "bool_type": "Send true or false.",
    "none_required": "Send null.",
}
_ADDRESSED = re.compile(r"^(?:Input|String|List|Dictionary|Value) should ")


def body(model: type[Model], value: Any) -> Model:
    """The validated body. Raises Invalid with a Fault for each wrong value."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise _invalid(faults(error, value, model), error.error_count()) from None


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
            wrong.append(_parameter_fault(name, "unknown", _no_such("parameter", name, kinds)))
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
        raise _invalid(wrong[:MOST_FAULTS], len(wrong))
    if model is None:
        return None
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise _invalid(faults(error, values, model, "/query"), error.error_count()) from None


def faults(error: ValidationError, value: Any, model: type[BaseModel], base: str = "") -> list[Fault]:
    """pydantic's errors as ours, at most 20."""
    found = error.errors(include_url=False, include_context=False, include_input=False)[:MOST_FAULTS]
    told = []
    for one in found:
        place, type = one["loc"], one["type"]
        extra = type == "extra_forbidden"
        detail = _no_such("field", str(place[-1]), _fields(model, place[:-1])) if extra else _detail(type, one["msg"])
        told.append(Fault(base + pointer(place, value, type), _code(type), detail))
    return told


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


def _invalid(told: list[Fault], count: int) -> Invalid:
    values = "One value is" if count == 1 else f"{count} values are"
    where = "see `errors`" if count == len(told) else f"`errors` names the first {len(told)}"
    return Invalid(f"{values} not valid; {where}.", errors=told)


def _detail(type: str, message: str) -> str:
    """A sentence that does not speak of Python."""
    if type in _WORDS:
        return _WORDS[type]
    message = message.removeprefix("Value error, ").removeprefix("Assertion failed, ")
    message = _ADDRESSED.sub("It must ", message).replace(" after validation", "")
    message = message if len(message) <= 300 else message[:299] + "…"
    return message[:1].upper() + message[1:] + ("" if message.endswith((".", "!", "?", "…")) else ".")


def _no_such(what: str, name: str, known: Iterable[str]) -> str:
    """With the one of ours that is meant, where that is likely."""
    from difflib import get_close_matches  # seldom needed, and dear to a cold start

    close = get_close_matches(name.lower(), known, 1, ALIKE) if len(name) <= LONGEST_TYPO else []
    return f"There is no such {what} here" + (f"; did you mean `{close[0]}`?" if close else ".")


def _fields(model: type[BaseModel], place: Sequence[str | int]) -> list[str]:
    """The names that the object at this place may have. What pydantic's `loc` names beside fields is stepped over."""
    found = [model]
    for step in place:
        fields = [field for one in found for name, field in one.model_fields.items() if step in (name, field.alias)]
        found = [inner for field in fields for inner in _models(field.annotation)] or found
    return [field.alias or name for one in found for name, field in one.model_fields.items()]


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The models that stand anywhere in it."""
    if isinstance(annotation, type) and not get_args(annotation):
        return [annotation] if issubclass(annotation, BaseModel) else []
    return [model for part in get_args(annotation) for model in _models(part)]
