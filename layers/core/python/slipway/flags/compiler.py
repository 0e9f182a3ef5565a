"""From a flag's targeting to one function of the context: JsonLogic, flagd's operators, and ours.

A node of the rule becomes a closure `(data, meter) -> value`. `data` is what `var` reads: the context, or inside of `map` and
its like the item. Frequent shapes get closures of their own (`slipway.flags.shapes`). What depends on nothing is
computed once.

An operator that does not exist is an error when it is reached, as in flagd; a rule that is too deep or too large at once.
"""

from __future__ import annotations

from slipway.flags import shapes
from slipway.flags.coercion import truth
from slipway.flags.fractional import bucketed, by_targeting_key, draw, shares
from slipway.flags.limits import LONG_KEY, MOST_DEPTH, MOST_NODES, Meter, Unanswerable, spend, walked
from slipway.flags.operators import READING, STRICT
from slipway.flags.shapes import Literal
from slipway.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from slipway.flags.shapes import Node

    Place = tuple[Any, ...]  # () or (place of the parent, operator or index)

EXTENSIONS = ("matches", "in_cidr", "in_dates", "in_range")  # ours: no other flagd provider knows them
AS_FLAG = "as_flag"  # ours as well, and nobody writes it: `slipway.flags.compilation` does
WALKING = ("map", "filter", "all", "some", "none", "reduce")

_SCALARS = {str, int, float, bool, type(None)}


class Compiled(Value):
    """A flag's targeting as a closure, `run`, and what it needs."""

    # walks        a meter in any case, because it walks through lists or texts
    # whole        the whole context, with `targetingKey` and `$flagd`, because it reads those or paths that it computes
    # refers       shared rules
    # extensions   our operators of these names

    run: Node
    walks: bool
    whole: bool
    refers: bool
    extensions: frozenset[str]


class Compiler:
    """Of one flag."""

    def __init__(self, flag: str, hash: str, evaluators: Mapping[str, Any]) -> None:
        self.flag, self.hash, self.evaluators = flag, hash, evaluators
        self.size = 0
        self.walks = self.whole = self.refers = False
        self.extensions: set[str] = set()
        self.fields: dict[Node, str] = {}  # nodes that do nothing but read that attribute of the context

    def compiled(self, logic: Any) -> Compiled:
        """Raises as `compile` does."""
        return Compiled(self.compile(logic), self.walks, self.whole, self.refers, frozenset(self.extensions))

    def compile(self, logic: Any) -> Node:
        """Raises Unanswerable with PARSE_ERROR for what is too deep or too large."""
        return self.node(logic, MOST_DEPTH, True, ())

    def node(self, logic: Any, depth: int, root: bool, at: Place) -> Node:
        """`root`: whether `data` is the context; `at`: where this node stands in the targeting, for a trace."""
        self.size += 1 + (len(logic) if isinstance(logic, list) else 0)
        if depth == 0 or self.size > MOST_NODES:
            raise Unanswerable("PARSE_ERROR", f"The targeting is deeper than {MOST_DEPTH} or has over {MOST_NODES:,} values.")
        if isinstance(logic, list):
            return self._list(logic, depth, root, at)
        if not isinstance(logic, dict) or len(logic) != 1:
            return Literal(logic)
        ((name, raw),) = logic.items()
        if name == "$ref" and isinstance(raw, str):
            self.refers = True
            if raw not in self.evaluators:
                return _unknown(f"There is no shared rule {raw[:100]!r}.")
            return self.node(self.evaluators[raw], depth - 1, root, at)
        args = raw if isinstance(raw, list) else [raw]
        return self.operator(name, args, depth - 1, root, (at, name), isinstance(raw, list))

    def operator(self, name: str, args: list[Any], depth: int, root: bool, at: Place, listed: bool) -> Node:
        """`listed`: whether the arguments stand in a list, or the only one without."""
        if name in WALKING:
            return self._walking(name, args, depth, root, at)
        if name == AS_FLAG and len(args) == 3:
            return self._as_flag(args, depth, root, at)
        nodes = [self.node(arg, depth, root, (at, index) if listed else at) for index, arg in enumerate(args)]
        if name in ("if", "?:"):
            return shapes.choice(nodes)
        if name == "and":
            return shapes.Conjunction(nodes)
        if name == "or":
            return shapes.disjunction(nodes)
        if name in READING:
            return self._reading(name, nodes, root)
        if name == "fractional":
            return self.fractional(args, nodes, root)
        if name in STRICT:
            return self.strict(name, nodes)
        if name in EXTENSIONS:
            from slipway.flags.extensions import operator

            self.extensions.add(name)
            self.walks |= name == "matches"
            return operator(name, nodes)
        return _unknown(f"There is no operator {name[:100]!r}.")

    def strict(self, name: str, nodes: list[Node]) -> Node:
        function = STRICT[name]
        if all(type(node) is Literal for node in nodes):
            return _folded(function, [node.value for node in nodes])  # type: ignore[attr-defined]
        special = shapes.special(name, nodes, self.fields)
        return special or shapes.call(function, nodes)

    # --- inside ---

    def _list(self, logic: list[Any], depth: int, root: bool, at: Place) -> Node:
        if _SCALARS.issuperset(map(type, logic)):
            return Literal(logic)
        nodes = [self.node(item, depth - 1, root, (at, index)) for index, item in enumerate(logic)]
        if all(type(node) is Literal for node in nodes):
            return Literal([node.value for node in nodes])  # type: ignore[attr-defined]
        return lambda data, meter: [node(data, meter) for node in nodes]

    def _reading(self, name: str, nodes: list[Node], root: bool) -> Node:
        if name == "var" and (not nodes or type(nodes[0]) is Literal):
            path = nodes[0].value if nodes else None  # type: ignore[attr-defined]
            default = nodes[1] if len(nodes) > 1 else None
            if isinstance(path, str) and path and root:
                names = path.split(".")
                self.whole |= names[0] == "$flagd"
                node = shapes.path(names, default)
                if len(names) == 1 and default is None:
                    self.fields[node] = path
                return node
        self.whole |= root
        function = READING[name]
        return lambda data, meter: function(data, meter, *[node(data, meter) for node in nodes])

    def fractional(self, args: list[Any], nodes: list[Node], root: bool) -> Node:
        if root and nodes:
            short = isinstance(args[0], list)
            parts = nodes if short else nodes[1:]
            if all(type(part) is Literal for part in parts):
                split = shares([part.value for part in parts])  # type: ignore[attr-defined]
                if split is not None and short:
                    return by_targeting_key(self.hash, split, self.flag)
                if split is not None and type(nodes[0]) is not Literal:
                    return self._explicit(bucketed(self.hash, split), nodes)
        return self.drawn(nodes, root)

    def _explicit(self, bucket: Callable[[str], Any], nodes: list[Node]) -> Node:
        by, flag, hash = nodes[0], self.flag, self.hash
        parts = [part.value for part in nodes[1:]]  # type: ignore[attr-defined]

        def fractional(data: Any, meter: Any) -> Any:
            value = by(data, meter)
            if type(value) is str:
                if len(value) > LONG_KEY:
                    spend(meter, len(value))
                try:
                    return bucket(value)
                except ValueError:
                    return None
            drawn = draw(flag, hash, data, [value, *parts], meter)
            return None if drawn is None else drawn.variant

        return fractional

    def drawn(self, nodes: list[Node], root: bool) -> Node:
        flag, hash = self.flag if root else "", self.hash

        def fractional(data: Any, meter: Any) -> Any:
            drawn = draw(flag, hash, data, [node(data, meter) for node in nodes], meter)
            return None if drawn is None else drawn.variant

        return fractional

    def _as_flag(self, args: list[Any], depth: int, root: bool, at: Place) -> Node:
        """[flag, hash, rule]: the rule, its fractions drawn as that flag draws them."""
        self.extensions.add(AS_FLAG)
        before = self.flag, self.hash
        self.flag, self.hash = args[0], args[1]
        node = self.node(args[2], depth, root, (at, 2))
        self.flag, self.hash = before
        return node

    def _walking(self, name: str, args: list[Any], depth: int, root: bool, at: Place) -> Node:
        if not args or (len(args) < 2 and name in ("filter", "all", "some", "none")):
            return Literal({"map": [], "filter": [], "none": True, "reduce": None}.get(name, False))
        self.walks = True
        source = self.node(args[0], depth, root, (at, 0))
        before = self.size
        body = self.node(args[1], depth, False, (at, 1)) if len(args) > 1 else Literal(None)
        weight = self.size - before + 1
        if name == "reduce":
            initial = self.node(args[2], depth, root, (at, 2)) if len(args) > 2 else Literal(None)
            return _reduced(source, body, initial, weight)
        walk, otherwise = _WALKS[name]

        def walking(data: Any, meter: Any) -> Any:
            items = source(data, meter)
            if type(items) is not list:
                return [] if otherwise is None else otherwise  # a list of its own: `==` tells them apart
            meter.spend(len(walked(items)) * weight)
            return walk(items, body, meter)

        return walking


_WALKS: dict[str, tuple[Callable[[list[Any], Node, Any], Any], Any]] = {
    "map": (lambda items, body, meter: [body(item, meter) for item in items], None),
    "filter": (lambda items, body, meter: [item for item in items if truth(body(item, meter))], None),
    "all": (lambda items, body, meter: bool(items) and all(truth(body(item, meter)) for item in items), False),
    "some": (lambda items, body, meter: any(truth(body(item, meter)) for item in items), False),
    "none": (lambda items, body, meter: not any(truth(body(item, meter)) for item in items), True),
}


def _reduced(source: Node, body: Node, initial: Node, weight: int) -> Node:
    def reduce(data: Any, meter: Any) -> Any:
        items, accumulator = source(data, meter), initial(data, meter)
        if type(items) is not list:
            return accumulator
        meter.spend(len(walked(items)) * weight)
        for item in items:
            accumulator = body({"current": item, "accumulator": accumulator}, meter)
        return accumulator

    return reduce


def _folded(function: Callable[..., Any], values: list[Any]) -> Node:
    try:
        return Literal(function(Meter(), *values))
    except Exception:
        return lambda _data, meter: function(meter, *values)  # whoever reaches it gets the error


def _unknown(detail: str) -> Node:
    def unknown(_data: Any, _meter: Any) -> Any:
        raise Unanswerable("PARSE_ERROR", detail)

    return unknown
