"""Closures for the shapes that rules mostly have: an attribute against a literal, and chains of conditions.

Each answers as the general form does (`slipway.flags.operators`), faster: the tests compare them on random rules.
"""

from __future__ import annotations

import operator

from slipway.flags.coercion import SHORT_TEXT, contains, equal, loosely_equal, ordered, truth
from slipway.flags.operators import STRICT, var

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    Node = Callable[[Any, Any], Any]

_ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_HASHED = {str, int, float}  # true is not 1 to `in`, though it is to a set
MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "===": "===", "!=": "!=", "!==": "!=="}


class Literal:
    """A node whose value is known."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __call__(self, _data: Any, _meter: Any) -> Any:
        return self.value


def path(names: Sequence[str], default: Node | None) -> Node:
    """`var` with a literal path, of a context."""
    name, key = names[0], ".".join(names)
    if default is not None:
        # The default is evaluated in any case: an operator in it that does not exist is an error, as in flagd.
        return lambda data, meter: var(data, meter, key, default(data, meter))
    if len(names) == 1:
        return lambda data, _: data.get(name)
    if len(names) == 2:
        inner = names[1]

        def within(data: Any, meter: Any) -> Any:
            outer = data.get(name)
            return outer.get(inner) if type(outer) is dict else var(data, meter, key)

        return within
    return lambda data, meter: var(data, meter, key)


def call(function: Callable[..., Any], nodes: Sequence[Node]) -> Node:
    """A function of the meter and the arguments' values."""
    if len(nodes) == 1:
        (only,) = nodes
        return lambda data, meter: function(meter, only(data, meter))
    if len(nodes) == 2:
        one, other = nodes
        if type(other) is Literal:
            value = other.value
            return lambda data, meter: function(meter, one(data, meter), value)
        return lambda data, meter: function(meter, one(data, meter), other(data, meter))
    return lambda data, meter: function(meter, *[node(data, meter) for node in nodes])


# --- against a literal ----------------------------------------------------------------------------------


def special(name: str, nodes: Sequence[Node], fields: Mapping[Node, str]) -> Node | None:
    """None for operators and arguments that have no shape of their own. `fields`: nodes that are attributes of the context."""
    if name == "!" and len(nodes) == 1:
        return _negation(nodes[0])
    if name == "sem_ver" and len(nodes) == 3 and type(nodes[1]) is Literal and type(nodes[2]) is Literal:
        return _version(nodes[0], nodes[1].value, nodes[2].value)
    if len(nodes) != 2:
        return None
    one, other = nodes
    if type(one) is Literal and name == "in" and type(one.value) is str:
        return _part(one.value, other)
    if type(one) is Literal and name in MIRRORED:
        name, one, other = MIRRORED[name], other, one
    if type(other) is not Literal:
        return None
    literal, field = other.value, fields.get(one)
    if name == "in" and type(literal) is list and _HASHED.issuperset(map(type, literal)):
        return _member(frozenset(literal), one, field)
    if field is None:
        return None
    if name in ("==", "!=", "===", "!==") and type(literal) is str:
        same = _text_equals(literal, field, loosely_equal if len(name) == 2 else equal)
        return same if name[0] == "=" else _negation(same)
    if name in _ORDER and type(literal) in (int, float):
        return _number_compares(_ORDER[name], literal, field)
    if name in ("starts_with", "ends_with") and type(literal) is str:
        return _edge(str.startswith if name == "starts_with" else str.endswith, literal, field)
    return None


def _negation(node: Node) -> Node:
    def negation(data: Any, meter: Any) -> Any:
        value = node(data, meter)
        return value is False or (value is not True and not truth(value))

    return negation


def _text_equals(literal: str, field: str, otherwise: Callable[[Any, Any, Any], bool]) -> Node:
    def equals(data: Any, meter: Any) -> Any:
        value = data.get(field)
        return value == literal or (type(value) is not str and otherwise(value, literal, meter))

    return equals


def _member(members: frozenset[Any], node: Node, field: str | None) -> Node:
    if field is not None and {str}.issuperset(map(type, members)):

        def text_in(data: Any, _: Any) -> Any:
            value = data.get(field)
            return type(value) is str and value in members

        return text_in

    def member(data: Any, meter: Any) -> Any:
        value = node(data, meter)
        return type(value) in _HASHED and value in members

    return member


def _part(literal: str, node: Node) -> Node:
    def part(data: Any, meter: Any) -> Any:
        value = node(data, meter)
        return literal in value if type(value) is str and len(value) <= SHORT_TEXT else contains(value, literal, meter)

    return part


def _number_compares(compare: Callable[[Any, Any], bool], literal: int | float, field: str) -> Node:
    def compares(data: Any, _: Any) -> Any:
        value = data.get(field)
        return compare(value, literal) if type(value) is int or type(value) is float else compare(*ordered(value, literal))

    return compares


def _edge(edge: Callable[[str, str], bool], literal: str, field: str) -> Node:
    def at_edge(data: Any, _: Any) -> Any:
        value = data.get(field)
        return edge(value, literal) if isinstance(value, str) else None

    return at_edge


def _version(node: Node, comparison: Any, literal: Any) -> Node | None:
    from slipway.flags.semver import COMPARISONS, parse

    version = parse(literal)
    if version is None or not isinstance(comparison, str) or comparison not in COMPARISONS:
        return call(STRICT["sem_ver"], [node, Literal(comparison), Literal(literal)])
    compare = COMPARISONS[comparison]

    def compares(data: Any, meter: Any) -> Any:
        found = parse(node(data, meter))
        return None if found is None else compare(found, version)

    return compares


# --- chains of conditions -------------------------------------------------------------------------------


class Conjunction:
    """`and`: the first value that is not true, or the last. A class, so that `if` sees its parts."""

    __slots__ = ("nodes",)

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = nodes

    def __call__(self, data: Any, meter: Any) -> Any:
        value = None
        for node in self.nodes:
            value = node(data, meter)
            if value is not True and not truth(value):
                return value
        return value


def disjunction(nodes: Sequence[Node]) -> Node:
    """`or`: the first value that is true, or the last."""
    if not nodes:
        return Literal(None)

    def either(data: Any, meter: Any) -> Any:
        for node in nodes:
            value = node(data, meter)
            if value is True or (value is not False and truth(value)):
                return value
        return value

    return either


def choice(nodes: Sequence[Node]) -> Node:
    """`if`: condition, value, condition, value, ... and the value otherwise, null without."""
    pairs = list(zip(nodes[::2], nodes[1::2], strict=False))
    otherwise = nodes[-1] if len(nodes) % 2 else Literal(None)
    while pairs and isinstance(pairs[0][0], Literal):
        met, value = pairs.pop(0)
        if truth(met.value):  # type: ignore[attr-defined]
            return value
    if not pairs:
        return otherwise
    if len(pairs) == 1 and isinstance(pairs[0][1], Literal) and isinstance(otherwise, Literal):
        return _either(pairs[0][0], pairs[0][1].value, otherwise.value)

    def first(data: Any, meter: Any) -> Any:
        for condition, value in pairs:
            met = condition(data, meter)
            if met is True or (met is not False and truth(met)):
                return value(data, meter)
        return otherwise(data, meter)

    return first


def _either(condition: Node, value: Any, otherwise: Any) -> Node:
    if isinstance(condition, Conjunction) and condition.nodes:
        clauses = tuple(condition.nodes)

        def all_met(data: Any, meter: Any) -> Any:
            for clause in clauses:
                met = clause(data, meter)
                if met is not True and not truth(met):
                    return otherwise
            return value

        return all_met

    def either(data: Any, meter: Any) -> Any:
        met = condition(data, meter)
        return value if met is True or (met is not False and truth(met)) else otherwise

    return either
