"""What is kept of a flag, made of what was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slipway.fields import EXACT
from slipway.flags import flag, jsontext
from slipway.flags.checks import escaped, wrong
from slipway.flags.fields import METADATA, METADATA_BYTES, VALUES_BYTES, VARIANTS
from slipway.flags.flag import NewFlag
from slipway.problems import Fault, Invalid

Data = dict[str, Any]


def made(new: NewFlag) -> Data:
    given = new.model_dump()
    variants, metadata = given.pop("variants"), given.pop("metadata")
    if variants is None:
        if new.type != "boolean":
            detail = "Give the flag its variants: values by name. A boolean flag alone has `on` and `off` by itself."
            raise Invalid(detail, errors=[Fault("/variants", "required", detail)])
        variants = flag.BOOLEAN
    texts = {"variants": _typed(new.type, variants), "metadata": _metadata_text(metadata)}
    return _without_empty({**given, **texts, "status": "active"})


def patched(data: Data, fields: Mapping[str, Any]) -> Data:
    result = {**data, **{name: value for name, value in fields.items() if name not in ("variants", "metadata")}}
    if "variants" in fields:
        merged = {**jsontext.read(data["variants"]), **fields["variants"]}
        result["variants"] = _typed(data["type"], {name: value for name, value in merged.items() if value is not None})
    if "metadata" in fields:
        merged = {} if fields["metadata"] is None else {**flag.metadata(data), **fields["metadata"]}
        result["metadata"] = _metadata_text({name: value for name, value in merged.items() if value is not None})
    return _without_empty(result)


def _metadata_text(metadata: Mapping[str, Any]) -> str:
    """Empty for none. Raises Invalid where what is there and what comes are too much together."""
    if not metadata:
        return ""
    text = jsontext.written(metadata)
    if len(metadata) > METADATA or len(text.encode()) > METADATA_BYTES:
        detail = f"A flag has at most {METADATA} names of metadata, and {METADATA_BYTES:,} bytes of it."
        raise Invalid(detail, errors=[Fault("/metadata", "too_large", detail)])
    return text


_KINDS: dict[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "string": (str,),
    "integer": (int, float),
    "float": (int, float),
    "object": (dict,),
}


def _typed(type: str, variants: Mapping[str, Any]) -> str:
    """The text that is kept: integers without a fraction, floats with one. Raises Invalid."""
    faults, found = [], {}
    for name, value in variants.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        fits = isinstance(value, _KINDS[type]) and (number or type not in ("integer", "float"))
        if not fits or (type == "integer" and value != int(value)):
            pointer = f"/variants/{escaped(name)}"
            faults.append(Fault(pointer, "mixed_types", f"Every variant of this flag is of the type {type}."))
        elif type == "integer" and abs(value) > EXACT:
            detail = "A variant of an integer flag is at most 2^53 - 1; a float flag has larger numbers."
            faults.append(Fault(f"/variants/{escaped(name)}", "out_of_range", detail))
        elif number:
            found[name] = int(value) if type == "integer" else float(value)
        else:
            found[name] = value
    if faults:
        raise wrong(faults)
    text = jsontext.written(found)
    if not found or len(found) > VARIANTS:
        detail = f"A flag has 1 to {VARIANTS} variants; with this there would be {len(found)}."
        raise Invalid(detail, errors=[Fault("/variants", "too_long" if found else "too_short", detail)])
    if len(text.encode()) > VALUES_BYTES:
        detail = f"The variants take {len(text.encode()):,} bytes of {VALUES_BYTES:,} at most."
        raise Invalid(detail, errors=[Fault("/variants", "too_large", detail)])
    return text


def _without_empty(data: Data) -> Data:
    return {name: value for name, value in data.items() if value not in (None, "", [])}
