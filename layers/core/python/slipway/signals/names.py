"""Which metrics clients may name: anybody can read their key, and each new name is rows that are kept for long.

Those that a running rollout watches, those that a server has named that day, and what feedback comes to: all of them. MOST
others, as they come.
"""

from __future__ import annotations

from slipway.signals import rows
from slipway.signals.posted import RESERVED, Outcome, Rejected

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from slipway.flags.snapshot import Snapshot
    from slipway.signals.known import Known
    from slipway.signals.posted import Sender, Signal
    from slipway.signals.rows import Key

MOST = 50  # an environment and day


class Names:
    """Of one batch."""

    def __init__(self, sender: Sender, snapshot: Snapshot, known: Known, now: float) -> None:
        self._sender, self._known, self._now = sender, known, now
        self._watched = {one["metric"] for told in snapshot.rollouts.values() for one in told.get("watch", ())}

    def before(self, signals: Sequence[Signal]) -> Iterator[Key]:
        """Which names may stand already."""
        return (self._name(signal.name) for signal in signals if isinstance(signal, Outcome))

    def after(self, signals: Sequence[Signal]) -> Iterator[Key]:
        """And which places are taken, where a name does not."""
        if any(self._known.get(key) is None for key in self.before(signals)) and not self._sender.server:
            yield from self._places()

    def taken(self, signals: Sequence[Signal]) -> tuple[list[Signal], list[Rejected]]:
        kept: list[Signal] = []
        rejected = []
        for signal in signals:
            if not isinstance(signal, Outcome) or self._may(signal.name):
                kept.append(signal)
                continue
            detail = (
                f"Client keys name {MOST} metrics a day, beside those that a running rollout watches or a server key names."
            )
            rejected.append(Rejected(signal.index, "too_many_names", detail))
        return kept, rejected

    def _may(self, name: str) -> bool:
        free = self._sender.server or name in self._watched or name.startswith(RESERVED)
        places = () if free else [rows.row(key, self._now, rows.READ_DAYS) for key in self._places()]
        return self._known.add(rows.row(self._name(name), self._now, rows.READ_DAYS), places)

    def _name(self, name: str) -> Key:
        return rows.name(self._sender.environment, self._now, f"name#{name}")

    def _places(self) -> list[Key]:
        return [rows.name(self._sender.environment, self._now, f"place#{number}") for number in range(MOST)]
