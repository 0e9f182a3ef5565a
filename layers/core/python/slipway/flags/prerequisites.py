"""A flag that needs others: it asks them first, and gives its default unless each answers one of the variants that it wants."""

from __future__ import annotations

from slipway.flags.evaluation import Evaluation
from slipway.flags.limits import Allowance, Unanswerable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from slipway.flags.evaluation import Answer, FlagSet

ASKING = 10  # steps: what asking one costs, in theirs


def asking(flags: FlagSet, needed: Sequence[tuple[str, Sequence[str]]], answer: Answer, default: Evaluation) -> Answer:
    """`answer`, once they were asked. One that errs is not met, unless it erred because all of them take too long."""
    wanted = [(key, frozenset(variants)) for key, variants in needed]

    def asked(context: Any, now: float, shared: Allowance | None = None) -> Evaluation:
        if context is not None and not isinstance(context, dict):
            return answer(context, now)
        shared = shared or Allowance()
        for key, variants in wanted:
            try:
                shared.spend(ASKING)
            except Unanswerable as wrong:
                return _error(default, wrong.code, wrong.detail)
            found = flags.evaluate(key, context, now=now, shared=shared)
            if shared.refused and found.error_code is not None:
                return _error(default, found.error_code, found.error_details)
            if found.variant not in variants:
                return default
        return answer(context, now, shared)

    return asked


def _error(flag: Evaluation, code: str, detail: str | None) -> Evaluation:
    return Evaluation(flag.key, None, None, "ERROR", code, detail, flag.metadata)
