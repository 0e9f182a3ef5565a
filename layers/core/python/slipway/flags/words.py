"""A configuration in words: one sentence for each thing that may decide, in the order in which it is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from slipway.flags import jsontext
from slipway.flags.checks import escaped, in_words

LONG = 200  # characters of a condition

_COMPARED = {
    "==": "is", "===": "is", "!=": "is not", "!==": "is not", "<": "is less than", "<=": "is at most", ">": "is more than",
    ">=": "is at least", "starts_with": "begins with", "ends_with": "ends with", "matches": "matches", "in_cidr": "is in",
}  # fmt: skip
_VERSIONS = {"=": "is", "!=": "is not", ">": "is above", "<": "is below", ">=": "is at least", "<=": "is at most"}


class Sentence(NamedTuple):
    """`place`: what it is about, a pointer into the configuration (RFC 6901)."""

    place: str
    text: str


def sentences(configuration: Mapping[str, Any]) -> list[Sentence]:
    """Of a configuration's data."""
    default = configuration["default_variant"]
    otherwise = "the caller's own default" if default is None else default
    found = [] if configuration["enabled"] else [Sentence("/enabled", "It is off: every caller gets its own default.")]
    for place, needed in enumerate(configuration["prerequisites"]):
        text = f"Unless {needed['flag']} answers {_either(needed['variants'])}: {otherwise}."
        found.append(Sentence(f"/prerequisites/{place}", text))
    for variant, keys in sorted(configuration["overrides"].items()):
        found.append(Sentence(f"/overrides/{escaped(variant)}", f"For {in_words(keys)}: {variant}."))
    if configuration["targeting"] is not None:
        found += _rule(jsontext.read(configuration["targeting"]))
    found.append(Sentence("/default_variant", f"Otherwise: {otherwise}."))
    return [*found, *_rolled_out(configuration["rollout"])] if "rollout" in configuration else found


def _rolled_out(rollout: Mapping[str, Any]) -> list[Sentence]:
    share = f"{int(rollout['share']) / 1000:g} % of those who would get {rollout['from']} by its rule or default"
    return [Sentence("/rollout", f"{share} get {rollout['to']} (rollout {rollout['id']}).")]


def _rule(rule: Any) -> list[Sentence]:
    if isinstance(rule, dict) and isinstance(rule.get("if"), list):
        args = rule["if"]
        pairs = [
            Sentence(f"/targeting/if/{at}", f"If {condition(args[at])}: {_answer(args[at + 1])}.")
            for at in range(0, len(args) - 1, 2)
        ]
        if len(args) % 2 and args[-1] is not None:
            pairs.append(Sentence(f"/targeting/if/{len(args) - 1}", f"Else: {_answer(args[-1])}."))
        return pairs
    return [Sentence("/targeting", f"By its rule: {_answer(rule)}.")]


def _answer(rule: Any) -> str:
    if isinstance(rule, dict) and isinstance(rule.get("fractional"), list):
        return _split(rule["fractional"])
    return rule if isinstance(rule, str) else "no variant" if rule is None else condition(rule)


def _split(args: list[Any]) -> str:
    by = "" if not args or isinstance(args[0], list) else f" by {_drawn_by(args[0])}"
    parts = [part for part in args if isinstance(part, list) and part]
    weights = [part[1] if len(part) > 1 else 1 for part in parts]
    if not all(isinstance(weight, int | float) for weight in weights) or sum(weights) <= 0:
        return _cut("a share each of " + ", ".join(_answer(part[0]) for part in parts) + by)
    shares = [f"{100 * weight / sum(weights):.4g} % {_answer(part[0])}" for part, weight in zip(parts, weights, strict=True)]
    return _cut(", ".join(shares) + by)


def _drawn_by(rule: Any) -> str:
    joined = isinstance(rule, dict) and isinstance(rule.get("cat"), list)
    return _cut(" + ".join(map(_phrase, rule["cat"]))) if joined else condition(rule)


def condition(rule: Any) -> str:
    """A condition, or what stands for a value, in words; what has none is told as it is written."""
    return _cut(_phrase(rule))


def _phrase(rule: Any) -> str:
    if isinstance(rule, list):
        return _either([_phrase(item) for item in rule])
    if not isinstance(rule, dict) or len(rule) != 1:
        return jsontext.written(rule)
    ((name, raw),) = rule.items()
    args = raw if isinstance(raw, list) else [raw]
    if name == "var" and args and isinstance(args[0], str):
        return args[0] or "the item"
    if name == "$ref":
        return f"it is in the segment {raw}"
    if name in ("and", "or"):
        return f" {name} ".join(f"({_phrase(one)})" if _joins(one) else _phrase(one) for one in args)
    if name in ("!", "!!") and len(args) == 1:
        return f"not ({_phrase(args[0])})" if name == "!" else _phrase(args[0])
    if name == "some" and len(args) == 2 and isinstance(args[0], dict) and isinstance(args[0].get("merge"), list):
        return _phrase(args[1]).replace("the item", _phrase(args[0]["merge"]))
    if name == "===" and len(args) == 2 and args[0] in ({"+": [args[1]]}, {"cat": [args[1]]}):
        return f"{_phrase(args[1])} is {'a number' if '+' in args[0] else 'text'}"
    if name == "===" and len(args) == 2 and args[0] == {"-": [args[1], {"%": [args[1], 1]}]}:
        return f"{_phrase(args[1])} is a whole number"
    if len(args) == 2 and name in _COMPARED:
        return f"{_phrase(args[0])} {_COMPARED[name]} {_phrase(args[1])}"
    if len(args) == 2 and name == "in":
        among = isinstance(args[1], list)
        return (
            f"{_phrase(args[0])} is one of {_phrase(args[1])}" if among else f"{_phrase(args[1])} contains {_phrase(args[0])}"
        )
    if len(args) == 3 and name == "sem_ver":
        compared = _VERSIONS.get(str(args[1]), str(args[1]))
        return f"version {_phrase(args[0])} {compared} {_phrase(args[2])}"
    if name in ("in_range", "in_dates") and 2 <= len(args) <= 3:
        return f"{_phrase(args[0])} is " + " and ".join(_bounds(name, args[1:]))
    return jsontext.written(rule)


def _bounds(name: str, bounds: Sequence[Any]) -> list[str]:
    words = ("from", "before") if name == "in_dates" else ("at least", "at most")
    return [f"{word} {_phrase(bound)}" for word, bound in zip(words, bounds, strict=False) if bound is not None] or ["anything"]


def _joins(rule: Any) -> bool:
    return isinstance(rule, dict) and bool(rule.keys() & {"and", "or"})


def _either(names: Sequence[str]) -> str:
    return " or ".join(names) if len(names) < 4 else f"{', '.join(names[:3])} or {len(names) - 3} more"


def _cut(text: str) -> str:
    return text if len(text) <= LONG else text[: LONG - 1] + "…"
