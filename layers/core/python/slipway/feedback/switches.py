"""What a board says about taking feedback and votes, as the door needs it: believed for a short while without asking."""

from __future__ import annotations

from slipway.resources import HEAD
from slipway.tables import FEEDBACK
from slipway.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from slipway.ports import Store

FRESH = 15  # seconds
MOST = 256  # in memory


class Switched(Value):
    """`scrub`: whether what people write is scrubbed; `token`: whether a browser has to send a form's; `seconds`: that it takes
    to write something; `voting`: whether votes are taken; `suggestions`: whether who is not of the team is shown titles that
    are alike."""

    scrub: bool = True
    token: bool = False
    seconds: int = 3
    voting: bool = True
    suggestions: bool = False


class Switches:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._found: dict[str, tuple[float, Switched]] = {}

    def of(self, product: str, now: float) -> Switched:
        """`now`: epoch seconds."""
        until, switched = self._found.get(product, (0.0, Switched()))
        if now >= until:
            row = self._store.get(FEEDBACK, f"board#{product}", HEAD)
            switched = Switched() if row is None else _switched(row["data"])
            if len(self._found) >= MOST:
                self._found.clear()
            self._found[product] = now + FRESH, switched
        return switched


def _switched(data: Mapping[str, Any]) -> Switched:
    form = data.get("form", {})
    return Switched(
        scrub=data.get("scrub", True),
        token=form.get("token", False),
        seconds=int(form.get("seconds", 3)),
        voting=data.get("voting", True),
        suggestions=data.get("suggestions", False),
    )
