"""What an item comes to for the rollouts that its sender is in: outcomes, told as an application would tell them.

    feedback.<type>     of every item of that type, with its rating as the value
    feedback.negative   a bug; a low rating; an idea or a question that sounds negative

They take the way of all signals (see `slipway.signals.effects`): only of who was shown the variant before, by proof; a
client's are few a network and hour, and make evidence of clients. Each item is one message: it counts once, however often it
is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slipway.signals.posted import RESERVED, Outcome, Sender

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slipway.resources import Stored
    from slipway.signals.collection import Collector

NEGATIVE = f"{RESERVED}negative"
ORIGINS = frozenset({"client", "server"})  # who speaks for the user whose key it sends; a member or a file does not


class Complaints:
    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    def tell(self, item: Stored, targeting_key: str, now: float) -> None:
        """`now`: epoch seconds. Raises StoreUnavailable."""
        data, rating = item.data, item.data.get("rating")
        names = [f"{RESERVED}{data['type']}", *([NEGATIVE] if complains(data) else [])]
        outcomes = [
            Outcome(
                index=index,
                id=item.id,
                name=name,
                value=None if rating is None else float(rating),
                key=targeting_key,
                previous=None,
                at=item.created_at,
            )
            for index, name in enumerate(names)
        ]
        server = data["origin"] == "server"
        sender = Sender(data["environment"], server, "", source="" if server else str(data["network"]))
        self._collector.collect(sender, outcomes, now)


def complains(data: Mapping[str, Any]) -> bool:
    """Praise never does, whatever its words; nobody's sentiment makes a bug none."""
    label = data.get("sentiment", {}).get("label")
    return bool(data["type"] == "bug" or (data["type"] != "praise" and label == "negative"))
