"""The rules of many flags as one Python function, for answers with all flags: several times as fast as their closures.

Its source has no word of a rule: attributes, texts and numbers are values beside it, under names that we number. What has no
form here, and every context that makes an expression fail, is left to the closures (`slipway.flags.compiler`), which the
expressions are equal to. The tests compare them on random rules.
"""

from __future__ import annotations

import operator
import re
from bisect import bisect_right

from slipway.flags.coercion import SHORT_TEXT, contains, equal, loosely_equal, ordered, truth
from slipway.flags.fractional import prefix, shares, thresholds, unit
from slipway.flags.murmur3 import murmur3, murmur3_after, pure
from slipway.flags.shapes import MIRRORED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    Outcomes = Mapping[str | None, bytes]  # by variant, and of null
    from slipway.flags.limits import Allowance

    One = Callable[[Any, float, Allowance], bytes]  # the answer of one flag
    Rule = tuple[str, str, Any, Outcomes, One]  # key, hash and targeting of a flag; what answers where that has no form
    Program = Callable[[Any, float, Allowance], list[bytes]]


MOST_DEPTH = 20  # of conditions inside each other: Python's own parser has a limit
MOST_PARTS = 60  # of one rule

_ORDERED = {
    "<": lambda value, number: operator.lt(*ordered(value, number)),
    "<=": lambda value, number: operator.le(*ordered(value, number)),
    ">": lambda value, number: operator.gt(*ordered(value, number)),
    ">=": lambda value, number: operator.ge(*ordered(value, number)),
}
_CLAUSE = re.compile("<(q[0-9]+)>")


def program(rules: Sequence[Rule], evaluators: Mapping[str, Any]) -> Program:
    """The answers of these flags to a context that is a dict. It raises what a rule raises, Unmetered for what takes steps, and
    ValueError where there is no unit to draw for: the closures then tell what each flag answers."""
    writer = _Writer(evaluators)
    answers = [writer.rule(rule) for rule in rules]
    lines = ["get = context.get"]
    lines += [f"{name} = get({writer.named(path)})" for path, name in writer.attributes.items()]
    lines += [f"unit_{hash} = unit(context, {writer.named(hash)})" for hash in sorted(writer.hashes)]
    texts: dict[str, str] = {}

    def whole(expression: str) -> str:
        return _CLAUSE.sub(lambda found: texts[found[1]], expression)

    for expression, (name, asked) in writer.clauses.items():
        texts[name] = whole(expression)
        if asked > 1:
            lines.append(f"{name} = {texts[name]}")
            texts[name] = name
    lines.append(f"return [{', '.join(map(whole, answers))}]")
    source = "\n    ".join(["def answers(context, now, shared):", *lines])
    exec(compile(source, "<flags>", "exec"), writer.names)  # noqa: S102 - of our own words alone
    made: Program = writer.names["answers"]
    return made


class _Formless(Exception):
    """There is no form for this here."""


class _Writer:
    def __init__(self, evaluators: Mapping[str, Any]) -> None:
        self.evaluators = evaluators
        self.names: dict[str, Any] = {
            "bisect_right": bisect_right,
            "contains": contains,
            "equal": equal,
            "loosely_equal": loosely_equal,
            "ordered": ordered,
            "truth": truth,
            "murmur3": murmur3,
            "unit": unit,
        }
        self.attributes: dict[str, str] = {}
        self.clauses: dict[str, list[Any]] = {}  # expression: its name, and how often it is asked
        self.known: dict[Any, str] = {}
        self.hashes: set[str] = set()

    def rule(self, rule: Rule) -> str:
        """An expression for the bytes of the answer."""
        *_, logic, _, otherwise = rule
        self.parts = MOST_PARTS
        try:
            return self.outcome(rule, logic, MOST_DEPTH)
        except _Formless:
            return f"{self.named(otherwise)}(context, now, shared)"

    def outcome(self, rule: Rule, logic: Any, depth: int) -> str:
        if logic is None or type(logic) is str:
            if logic not in rule[3]:
                raise _Formless
            return self.named(rule[3][logic])
        name, args = self.operator(logic, depth)
        if name == "$ref":
            return self.outcome(rule, self.shared(args), depth - 1)
        if name in ("if", "?:") and len(args) > 1:
            met, then, *rest = args
            otherwise: Any = None if not rest else rest[0] if len(rest) == 1 else {"if": rest}
            condition = self.once(self.condition(met, depth - 1))
            return f"({self.outcome(rule, then, depth - 1)} if {condition} else {self.outcome(rule, otherwise, depth - 1)})"
        if name == "fractional" and args and type(args[0]) is list:
            return self.fraction(rule, args)
        raise _Formless

    def fraction(self, rule: Rule, parts: list[Any]) -> str:
        key, hash, _, outcomes, _ = rule
        split = shares(parts)
        if split is None or not all(type(name) is str and name in outcomes for name in split[0]):
            raise _Formless
        self.hashes.add(hash)
        answers = [outcomes[name] for name in split[0]]
        bounds = thresholds(split[1])
        start = prefix(hash, key)
        if murmur3 is pure:
            number = f"{self.named(murmur3_after(start))}(unit_{hash})"
        else:
            number = f"murmur3({self.named(start)} + unit_{hash})"
        if len(answers) == 2:
            one, other = answers
            return f"({self.named(one)} if {number} < {self.named(bounds[0])} else {self.named(other)})"
        return f"{self.named(answers)}[bisect_right({self.named(bounds)}, {number})]"

    # --- conditions: expressions that are true where `if` takes the value for true -------------------

    def condition(self, logic: Any, depth: int) -> str:
        name, args = self.operator(logic, depth)
        if name == "$ref":
            return self.condition(self.shared(args), depth - 1)
        if name in ("and", "or") and args:
            return "(" + f" {name} ".join([self.condition(arg, depth - 1) for arg in args]) + ")"
        if name in ("!", "!!") and len(args) == 1:
            met = self.condition(args[0], depth - 1)
            return met if name == "!!" else f"(not {met})"
        return self.once(self.clause(name, args))

    def clause(self, name: str, args: list[Any]) -> str:
        if name == "var":
            value = self.attribute({"var": args})
            return f"({value} is True or ({value} is not False and truth({value})))"
        if len(args) != 2:
            raise _Formless
        one, other = args
        if name == "in" and type(one) is str:
            value, literal = self.attribute(other), self.named(one)
            short = f"type({value}) is str and len({value}) <= {SHORT_TEXT}"
            return f"({literal} in {value} if {short} else contains({value}, {literal}))"
        if name in MIRRORED and type(one) is not dict:
            name, one, other = MIRRORED[name], other, one
        value, literal = self.attribute(one), other
        kind = type(literal)
        if name == "in" and kind is list and literal and {str}.issuperset(map(type, literal)):
            return f"(type({value}) is str and {value} in {self.named(frozenset(literal))})"
        if name in ("==", "===", "!=", "!==") and kind is str:
            text = self.named(literal)
            alike = "loosely_equal" if len(name) == 2 else "equal"
            same = f"({value} == {text} or (type({value}) is not str and {alike}({value}, {text})))"
            return same if name[0] == "=" else f"(not {same})"
        if name in ("<", "<=", ">", ">=") and kind in (int, float):
            number = self.named(literal)
            compare = self.named(_ORDERED[name])
            return (
                f"({value} {name} {number} if type({value}) is int or type({value}) is float else {compare}({value}, {number}))"
            )
        if name in ("starts_with", "ends_with") and kind is str:
            edge = "startswith" if name == "starts_with" else "endswith"
            return f"(isinstance({value}, str) and {value}.{edge}({self.named(literal)}))"
        raise _Formless

    # --- inside --------------------------------------------------------------------------------------

    def operator(self, logic: Any, depth: int) -> tuple[str, list[Any]]:
        self.parts -= 1
        if type(logic) is not dict or len(logic) != 1 or depth <= 0 or self.parts < 0:
            raise _Formless
        ((name, raw),) = logic.items()
        if name == "$ref" and type(raw) is not str:  # an operator that does not exist
            raise _Formless
        return name, raw if isinstance(raw, list) else [raw]

    def shared(self, args: list[Any]) -> Any:
        if args[0] not in self.evaluators:
            raise _Formless
        return self.evaluators[args[0]]

    def attribute(self, logic: Any) -> str:
        """Of the context, by a path of one name."""
        if type(logic) is not dict or list(logic) != ["var"]:
            raise _Formless
        path = logic["var"]
        path = path[0] if type(path) is list and len(path) == 1 else path
        if type(path) is not str or not path or "." in path or path.startswith("$"):
            raise _Formless
        return self.attributes.setdefault(path, f"a{len(self.attributes)}")

    def once(self, expression: str) -> str:
        """The name of an expression that several rules may ask: it is answered once."""
        name, asked = self.clauses.get(expression) or (f"q{len(self.clauses)}", 0)
        self.clauses[expression] = [name, asked + 1]
        return f"<{name}>"

    def named(self, value: Any) -> str:
        """A name for a value; the same one for an equal text, number or set."""
        key = (type(value), value) if type(value) in (str, int, float, bytes, frozenset) else id(value)
        if key not in self.known:
            self.known[key] = f"v{len(self.names)}"
            self.names[self.known[key]] = value
        return self.known[key]
