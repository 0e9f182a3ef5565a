"""What may be saved as a flag's evaluation part (a flagd flag) and as shared rules: every fault at once.

Pointers (RFC 6901) are those of the flag itself. Codes, beside those of `slipway.flags.rules`:

    bad_key, bad_state, bad_variants, bad_value, mixed_types, bad_default, bad_metadata, bad_hash, bad_type
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from slipway.flags.fields import VARIANT, VARIANTS
from slipway.flags.form import HASHES
from slipway.flags.rules import evaluator_faults, targeting_faults
from slipway.problems import Fault

TYPES = ("boolean", "string", "integer", "float", "object")
LONGEST_KEY = 128

_KEY = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")


def flag_faults(flag: Any, evaluators: Mapping[str, Any] | None = None, *, key: str | None = None) -> list[Fault]:
    """`evaluators`: the shared rules that the targeting may refer to."""
    found = [] if key is None or is_key(key) else [_bad_key("")]
    if not isinstance(flag, dict):
        return [*found, Fault("", "bad_variants", "A flag is an object with `state` and `variants`.")]
    if flag.get("state") not in ("ENABLED", "DISABLED"):
        found.append(Fault("/state", "bad_state", "`state` is ENABLED or DISABLED."))
    found += _variants(flag.get("variants"))
    variants = flag["variants"] if isinstance(flag.get("variants"), dict) else {}
    default = flag.get("defaultVariant")
    if default is not None and (not isinstance(default, str) or default not in variants):
        found.append(Fault("/defaultVariant", "bad_default", "`defaultVariant` is the name of a variant, or null for none."))
    found += _metadata(flag.get("metadata"), [] if found else list(variants.values()))
    if "targeting" in flag:
        found += targeting_faults(flag["targeting"], list(map(str, variants)), evaluators or {})
    return found


def shared_faults(evaluators: Any) -> list[Fault]:
    """Of `$evaluators`, an object of rules by name."""
    if not isinstance(evaluators, dict):
        return [Fault("", "not_a_rule", "`$evaluators` is an object of rules by name.")]
    found: list[Fault] = []
    for name, rule in evaluators.items():
        at = f"/{str(name).replace('~', '~0').replace('/', '~1')}"
        found += [] if is_key(name) else [_bad_key(at)]
        found += evaluator_faults(rule, at)
    return found


def is_key(key: Any) -> bool:
    """Whether SDKs that do not encode their URLs can ask for it."""
    return isinstance(key, str) and 0 < len(key) <= LONGEST_KEY and _KEY.issuperset(key) and key[0] not in "._-"


def _bad_key(at: str) -> Fault:
    detail = f"A key has 1 to {LONGEST_KEY} letters, digits, dots, dashes and underscores; the first is a letter or digit."
    return Fault(at, "bad_key", detail)


def _variants(variants: Any) -> Iterator[Fault]:
    if not isinstance(variants, dict) or not 0 < len(variants) <= VARIANTS:
        yield Fault("/variants", "bad_variants", f"`variants` is an object with 1 to {VARIANTS} variants.")
        return
    kinds: dict[str, str] = {}
    for name, value in variants.items():
        at = f"/variants/{str(name).replace('~', '~0').replace('/', '~1')}"
        if not isinstance(name, str) or not 0 < len(name) <= VARIANT:
            yield Fault(at, "bad_variants", f"The name of a variant has 1 to {VARIANT} characters.")
        kind = _kind(value)
        if kind is None:
            yield Fault(at, "bad_value", "A value is true or false, text, a finite number or an object.")
        else:
            kinds.setdefault(kind, at)
    if len(kinds) > 1:
        first, other = list(kinds)[:2]
        yield Fault(kinds[other], "mixed_types", f"All values are of one type; the first is a {first}, this a {other}.")


def _kind(value: Any) -> str | None:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number" if abs(value) < float("inf") else None
    return "string" if isinstance(value, str) else "object" if isinstance(value, dict) else None


def _metadata(metadata: Any, values: list[Any]) -> Iterator[Fault]:
    if metadata is None:
        return
    if not isinstance(metadata, dict):
        yield Fault("/metadata", "bad_metadata", "`metadata` is an object of text, numbers, true and false.")
        return
    for name, value in metadata.items():
        if not isinstance(value, (str, int, float, bool)):
            yield Fault(f"/metadata/{name}", "bad_metadata", "A value of metadata is text, a number, true or false.")
    if metadata.get("hash", "v3") not in HASHES:
        yield Fault("/metadata/hash", "bad_hash", f"The hash is one of {', '.join(HASHES)}.")
    declared = metadata.get("type")
    if declared is not None and (declared not in TYPES or not all(_fits(declared, value) for value in values)):
        yield Fault("/metadata/type", "bad_type", f"The type is one of {', '.join(TYPES)}, and all values are of it.")


def _fits(declared: str, value: Any) -> bool:
    kind = _kind(value)
    if declared == "integer":
        return kind == "number" and value == int(value)
    return kind == ("number" if declared == "float" else declared)
