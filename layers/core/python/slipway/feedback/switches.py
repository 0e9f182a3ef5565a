"""What a board says about taking feedback and votes, as the door needs it: believed for a short while without asking."""

from __future__ import annotations

from slipway.resources import HEAD
from slipway.tables import FEEDBACK
from slipway.upgrades import upgrade
from slipway.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from slipway.ports import Store

FRESH = 15  # seconds
MOST = 256  # in memory


FORM: Mapping[str, Any] = {"token": False, "seconds": 3}
NOTIFY: Mapping[str, Any] = {"email": False}
# What a board says that nobody has touched.
DEFAULTS: Mapping[str, Any] = {
    "roadmap": False,
    "changelog": False,
    "suggestions": False,
    "voting": True,
    "scrub": True,
    "ship_with_flags": True,
    "form": FORM,
    "labels": {},
    "notify": NOTIFY,
}


class Switched(Value):
    """`scrub`: whether what people write is scrubbed; `token`: whether a browser has to send a form's; `seconds`: that it takes
    to write something; `voting`: whether votes are taken; `suggestions`: whether who is not of the team is shown titles that
    are alike."""

    scrub: bool
    token: bool
    seconds: int
    voting: bool
    suggestions: bool


class Switches:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._found: dict[str, tuple[float, Switched | None]] = {}

    def of(self, product: str, now: float) -> Switched:
        """`now`: epoch seconds."""
        until, switched = self._found.get(product, (0.0, None))
        if switched is None or now >= until:
            row = self._store.get(FEEDBACK, board_id(product), HEAD)
            switched = _switched({} if row is None else upgrade("board", row)["data"])
            if len(self._found) >= MOST:
                self._found.clear()
            self._found[product] = now + FRESH, switched
        return switched


def board_id(product: str) -> str:
    return f"board#{product}"


def standing(data: Mapping[str, Any]) -> dict[str, Any]:
    """What a board says: what stands in its row, and the defaults where there is nothing."""
    return {**DEFAULTS, **data, "form": {**FORM, **data.get("form", {})}}


def _switched(data: Mapping[str, Any]) -> Switched:
    said = standing(data)
    form = said["form"]
    return Switched(said["scrub"], form["token"], int(form["seconds"]), said["voting"], said["suggestions"])
