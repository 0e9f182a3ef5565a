"""What may be saved as a flag's targeting: every fault at once, each with where it stands and how to mend it.

Stricter than evaluation, which takes whatever another tool once wrote: here a rule has to mean something, and to be accepted
by flagd's schema of targeting, our own operators apart. Pointers (RFC 6901) begin where the caller says that the rule stands.

    code                  what is wrong
    not_a_rule            an object that is no operator with its arguments
    unknown_operator      ... with the nearest that exists
    wrong_arity           too few arguments, or too many
    unknown_reference     a `$ref` to a shared rule that does not exist
    nested_reference      a `$ref` inside of a shared rule
    unknown_variant       what the targeting may answer is no variant, as far as it can be told without evaluating it
    not_a_list            arguments that are not written as a list, where flagd's schema wants one
    bad_argument          an argument that flagd's schema does not take there
    bad_path              a `var` that no context has
    bad_weight            a weight that is no whole number from 0 to 2^31 - 1, or weights with a sum outside of 1 to that
    bad_version, bad_comparison, bad_pattern, bad_network, bad_moment, bad_number, bad_range    a literal that is none
    too_deep, too_large   see `slipway.flags.limits`
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from slipway.flags.arguments import ARGUMENTS
from slipway.flags.coercion import number, text, truth
from slipway.flags.limits import MOST_DEPTH, MOST_NODES
from slipway.problems import Fault

MOST_FAULTS = 100

# Fewest and most arguments.
ARITY: dict[str, tuple[int, int | None]] = {
    "var": (1, 2), "missing": (1, None), "missing_some": (2, 2),
    "if": (1, None), "and": (1, None), "or": (1, None), "!": (1, 1), "!!": (1, 1),
    "==": (2, 2), "===": (2, 2), "!=": (2, 2), "!==": (2, 2), "<": (2, 3), "<=": (2, 3), ">": (2, 2), ">=": (2, 2),
    "+": (1, None), "-": (1, 2), "*": (2, None), "/": (2, 2), "%": (2, 2), "min": (1, None), "max": (1, None),
    "in": (2, 2), "cat": (1, None), "substr": (2, 3), "merge": (1, None), "starts_with": (2, 2), "ends_with": (2, 2),
    "map": (2, 2), "filter": (2, 2), "all": (2, 2), "some": (2, 2), "none": (2, 2), "reduce": (3, 3),
    "sem_ver": (3, 3), "fractional": (1, None),
    "matches": (2, 2), "in_cidr": (2, 2), "in_dates": (2, 3), "in_range": (2, 3),
}  # fmt: skip
_ALONE = ("var", "!", "!!")  # take their one argument without a list
TRUTH_VALUED = frozenset((
    "!", "!!", "==", "===", "!=", "!==", "<", "<=", ">", ">=", "in", "all", "some", "none",
    "starts_with", "ends_with", "sem_ver", "matches", "in_cidr", "in_dates", "in_range",  # or null
))  # fmt: skip
# What gives no text, and so hardly a variant: `list` and `float` stand for any of their kind.
_KINDS = {
    **dict.fromkeys(("map", "filter", "merge", "missing", "missing_some"), list),
    **dict.fromkeys(("+", "-", "*", "/", "%", "min", "max"), float),
}
_MEANT = {
    "?:": "if", "not": "!", "eq": "==", "equals": "==", "neq": "!=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">=",
    "contains": "in", "startsWith": "starts_with", "endsWith": "ends_with", "semver": "sem_ver", "concat": "cat",
    "regex": "matches", "match": "matches", "cidr": "in_cidr", "between": "in_range", "split": "fractional",
}  # fmt: skip


def targeting_faults(rule: Any, variants: Sequence[str], evaluators: Mapping[str, Any], at: str = "/targeting") -> list[Fault]:
    """Of a targeting: `{}` or a rule. `evaluators`: the shared rules that it may refer to."""
    if rule == {}:
        return []
    if not isinstance(rule, dict):
        return [Fault(at, "not_a_rule", "A targeting is an object: one operator with its arguments, or {}.")]
    check = _Check(evaluators)
    check.rule(rule, at, MOST_DEPTH)
    known = ", ".join(sorted(variants)[:10]) + (", ..." if len(variants) > 10 else "")
    strangers: dict[str, dict[str, None]] = {}
    for pointer, value in _values(rule, at, evaluators, MOST_DEPTH):
        if (stranger := _stranger(value, variants)) is not None:
            strangers.setdefault(pointer, {})[stranger] = None
    for pointer, names in strangers.items():
        are = "is no variant" if len(names) == 1 else "are no variants"
        check.fault(pointer, "unknown_variant", f"{' and '.join(names)} {are}; there are {known}.")
    return check.faults[:MOST_FAULTS]


def evaluator_faults(rule: Any, at: str) -> list[Fault]:
    """Of one shared rule, which refers to no other."""
    if not isinstance(rule, dict) or len(rule) != 1:
        return [Fault(at, "not_a_rule", "A shared rule is an object: one operator with its arguments.")]
    check = _Check(None)
    check.rule(rule, at, MOST_DEPTH)
    return check.faults[:MOST_FAULTS]


class _Check:
    def __init__(self, evaluators: Mapping[str, Any] | None) -> None:
        self.evaluators = evaluators
        self.faults: list[Fault] = []
        self.size = 0

    def fault(self, at: str, code: str, detail: str) -> None:
        if Fault(at, code, detail) not in self.faults[-1:]:
            self.faults.append(Fault(at, code, detail))

    def rule(self, rule: Any, at: str, depth: int) -> None:
        self.size += 1
        if depth == 0:
            return self.fault(at, "too_deep", f"Rules are at most {MOST_DEPTH} operators and lists deep.")
        if self.size > MOST_NODES or len(self.faults) > MOST_FAULTS:
            if self.size == MOST_NODES + 1:
                self.fault(at, "too_large", f"A rule has at most {MOST_NODES:,} values.")
            return None
        if isinstance(rule, list):
            for index, item in enumerate(rule):
                self.rule(item, f"{at}/{index}", depth - 1)
        elif isinstance(rule, dict):
            self._operation(rule, at, depth - 1)
        return None

    def _operation(self, rule: dict[str, Any], at: str, depth: int) -> None:
        if len(rule) != 1 or not all(isinstance(name, str) for name in rule):
            return self.fault(at, "not_a_rule", "An object in a rule has one key: the operator.")
        ((name, raw),) = rule.items()
        inside = _member(at, name)
        if name == "$ref":
            return self._reference(raw, inside)
        if name not in ARITY:
            return self.fault(inside, "unknown_operator", f"There is no operator {name[:60]!r}{_suggestion(name)}")
        args = raw if isinstance(raw, list) else [raw]
        fewest, most = ARITY[name]
        if len(args) < fewest or (most is not None and len(args) > most):
            wanted = f"{fewest} or more" if most is None else f"{fewest}" if fewest == most else f"{fewest} to {most}"
            return self.fault(inside, "wrong_arity", f"{name!r} takes {wanted} arguments, not {len(args)}.")
        if not isinstance(raw, list) and name not in _ALONE:
            return self.fault(inside, "not_a_list", f"Write the arguments of {name!r} as a list.")
        places = [f"{inside}/{index}" for index in range(len(args))] if isinstance(raw, list) else [inside]
        if name in ARGUMENTS:
            for place, code, detail in ARGUMENTS[name](args, places):
                self.fault(place, code, detail)
        for arg, place in zip(args, places, strict=True):
            self.rule(arg, place, depth)
        return None

    def _reference(self, name: Any, at: str) -> None:
        if self.evaluators is None:
            self.fault(at, "nested_reference", "A shared rule cannot refer to another; write its rule out.")
        elif not isinstance(name, str) or name not in self.evaluators:
            shown = repr(name[:60]) if isinstance(name, str) else "of that name"
            self.fault(at, "unknown_reference", f"There is no shared rule {shown}.")


def _member(at: str, name: Any) -> str:
    return f"{at}/{str(name).replace('~', '~0').replace('/', '~1')}"


def _suggestion(name: str) -> str:
    from difflib import get_close_matches

    near = [_MEANT[name]] if name in _MEANT else get_close_matches(name[:30], ARITY, 1)
    return f"; did you mean {near[0]!r}?" if near else "."


# --- what the targeting may answer ----------------------------------------------------------------------


def _stranger(value: Any, variants: Sequence[str]) -> str | None:
    """What to call a value that names no variant; None where it does, is null, or may as well."""
    if value is list or isinstance(value, list):
        return "A list"
    if value is float:
        return None if any(text(number(variant)) == variant for variant in variants) else "A number"
    return None if value is None or text(value) in variants else repr(text(value)[:60])


def _values(rule: Any, at: str, evaluators: Mapping[str, Any], depth: int) -> Iterator[tuple[str, Any]]:
    """What a rule may give, each where it comes from; nothing of what only evaluation tells, such as `var` and `cat`."""
    if not isinstance(rule, dict):
        yield at, rule
        return
    if len(rule) != 1 or depth == 0:
        return
    ((name, raw),) = rule.items()
    args = raw if isinstance(raw, list) else [raw]
    inside = _member(at, name)
    places = [f"{inside}/{index}" for index in range(len(args))] if isinstance(raw, list) else [inside]
    if name == "$ref":
        if isinstance(raw, str) and raw in evaluators:
            yield from _values(evaluators[raw], inside, {}, depth - 1)
    elif name == "if":
        for index in (*range(1, len(args), 2), *([len(args) - 1] if len(args) % 2 else [])):
            yield from _values(args[index], places[index], evaluators, depth - 1)
    elif name in ("and", "or"):
        for index, arg in enumerate(args):
            for place, value in _values(arg, places[index], evaluators, depth - 1):
                if index == len(args) - 1 or value in (list, float) or truth(value) == (name == "or"):
                    yield place, value
    elif name == "fractional":
        for arg, place in zip(args, places, strict=True):
            if isinstance(arg, list) and arg:
                yield from _values(arg[0], f"{place}/0", evaluators, depth - 1)
    elif name in TRUTH_VALUED:
        yield inside, True
        yield inside, False
    elif name in _KINDS:
        yield inside, _KINDS[name]
