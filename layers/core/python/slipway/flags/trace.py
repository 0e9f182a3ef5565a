"""A rule compiled so that it tells what it does: every operator that is visited, in the order in which they finish."""

from __future__ import annotations

from slipway.flags import shapes
from slipway.flags.compiler import Compiler
from slipway.flags.evaluation import Evaluation
from slipway.flags.fractional import Draw, draw
from slipway.flags.limits import Meter
from slipway.flags.operators import STRICT
from slipway.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from slipway.flags.compiler import Place
    from slipway.flags.evaluation import FlagSet
    from slipway.flags.shapes import Node

MOST_STEPS_TOLD = 1_000


class Step(Value):
    """One visit of one operator.

    `pointer`: where it stands in the targeting (RFC 6901), as if shared rules were written in the place of their `$ref`;
    `draw`: for `fractional`, the bucket and what was hashed, None where nothing could be drawn."""

    pointer: str
    operator: str
    result: Any
    draw: Draw | None = None


class Explanation(Value):
    """An evaluation, and the operators that were visited for it; empty where the targeting is not asked."""

    evaluation: Evaluation
    trace: tuple[Step, ...]


class Tracer(Meter):
    """Keeps the first thousand steps."""

    __slots__ = ("drawn", "steps")

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[Step] = []
        self.drawn: Draw | None = None


class Tracing(Compiler):
    """Compiles without shortcuts; the nodes want a Tracer for a meter."""

    def operator(self, name: str, args: list[Any], depth: int, root: bool, at: Place, listed: bool) -> Node:
        node = super().operator(name, args, depth, root, at, listed)
        pointer = _pointer(at[0])

        def traced(data: Any, tracer: Any) -> Any:
            result = node(data, tracer)
            drawn, tracer.drawn = tracer.drawn, None
            if len(tracer.steps) < MOST_STEPS_TOLD:
                tracer.steps.append(Step(pointer, name, result, drawn if name == "fractional" else None))
            return result

        return traced

    def strict(self, name: str, nodes: list[Node]) -> Node:
        return shapes.call(STRICT[name], nodes)

    def fractional(self, args: list[Any], nodes: list[Node], root: bool) -> Node:  # noqa: ARG002 - how they are written does not matter here
        flag, hash = self.flag if root else "", self.hash

        def fractional(data: Any, tracer: Any) -> Any:
            drawn = draw(flag, hash, data, [node(data, tracer) for node in nodes], tracer)
            tracer.drawn = drawn
            return None if drawn is None else drawn.variant

        return fractional


def explained(flags: FlagSet, key: str, context: Mapping[str, Any] | None, now: float) -> Explanation:
    """What the flag answers, and why."""
    if type(flags.ready(key)) is Evaluation:
        return Explanation(flags.evaluate(key, context, now=now), ())
    (hash, targeting), tracer = flags.source(key), Tracer()
    try:
        traced = Tracing(key, hash, flags.evaluators).compiled(targeting)
        answer = flags.answering(key, traced, lambda _: tracer)
        return Explanation(answer(context, now), tuple(tracer.steps))
    except RecursionError:  # it takes a deeper stack than `evaluate`
        return Explanation(flags.evaluate(key, context, now=now), ())


def _pointer(place: Place) -> str:
    tokens: list[str] = []
    while place:
        place, token = place
        tokens.append(str(token).replace("~", "~0").replace("/", "~1"))
    return "".join(f"/{token}" for token in reversed(tokens))
