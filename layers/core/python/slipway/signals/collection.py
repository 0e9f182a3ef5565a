"""From what is posted to rows: every effect is a row of its own, so that the same batch again changes nothing.

Exposures first prove themselves, by token or, with a server key, by the context, which is used in memory and never stored. An
outcome counts for each running rollout that watches it and whose unit was exposed before. What stands already is read in two
rounds, and only what does not is written; then the batch goes to the lake. Only when all of that is done has it
been taken. What a client's clock says is data.
"""

from __future__ import annotations

from slipway.copies import Copies
from slipway.flags.snapshot import Snapshot, path
from slipway.ports import StoreUnavailable
from slipway.signals.effects import Effects
from slipway.signals.known import Known, Seen
from slipway.signals.names import Names
from slipway.signals.posted import Exposure
from slipway.signals.salts import Salts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from slipway.ports import Blobs, Lake, Store
    from slipway.rollouts.signing import Secrets
    from slipway.signals.posted import Rejected, Sender, Signal

FRESH = 2  # seconds for which a copy of the flags is believed without asking
PAUSE = 10  # seconds after which one that did not come is asked for again
MOST_ENVIRONMENTS = 8  # documents in memory
MOST_RECORD = 1_000_000  # bytes: a little less than a lake takes at once
_TRIES = 5


def documents(blobs: Blobs) -> Copies:
    """The flags as one instance sees them: the last good copy while the bucket does not answer."""
    return Copies(
        blobs, path, Snapshot.read, fresh=FRESH, pause=PAUSE, stale=float("inf"), most=MOST_ENVIRONMENTS, outlives=True
    )


class Collector:
    """`entropy(n)`: n random bytes."""

    def __init__(self, store: Store, lake: Lake, documents: Copies, secrets: Secrets, entropy: Callable[[int], bytes]) -> None:
        self._store, self._lake = store, lake
        self._documents, self._secrets, self._entropy = documents, secrets, entropy
        self._seen = Seen()
        self._salts = Salts(store, entropy)

    def collect(self, sender: Sender, signals: Sequence[Signal], now: float) -> list[Rejected]:
        """Take the events; those that cannot be taken, by index. `now`: epoch seconds.

        Raises StoreUnavailable where something could not be made durable: the same batch again completes it."""
        copy = self._documents.find(sender.environment, now)
        snapshot = Snapshot.empty(sender.environment) if copy is None else copy.content
        if not signals:
            return []
        shows = any(isinstance(signal, Exposure) for signal in signals)
        needed = shows or snapshot.rollouts
        secrets = (self._secrets.known if needed else self._secrets.find)(sender.environment, now)
        if shows and snapshot.rollouts and not secrets:
            raise StoreUnavailable("what signs the exposures of an environment's first rollout is not published yet")
        salts = self._salts.of(sender.environment, now), self._salts.of(sender.environment, now, 1)
        for _ in range(_TRIES):
            known = Known(self._store, self._seen)
            batch = Effects(sender, snapshot, secrets, salts, known, now)
            names = Names(sender, snapshot, known, now)
            shown, rejected = batch.shown(signals)
            taken = [signal for signal in signals if not isinstance(signal, Exposure) or signal.index in shown]
            known.read((*names.before(taken), *batch.before(taken, shown)))
            known.read((*names.after(taken), *batch.after(taken, shown)))
            taken, unnamed = names.taken(taken)
            lines = [batch.take(signal, shown.get(signal.index)) for signal in taken]
            if known.write(self._entropy(12).hex()):
                break
        else:
            raise StoreUnavailable("clients keep telling the same at this moment")
        for record in _records(lines):
            self._lake.add(record)
        return rejected + unnamed


def _records(lines: Sequence[bytes]) -> Iterator[bytes]:
    """One for the whole batch, unless what many rollouts make of it is more than a record holds."""
    record = b""
    for line in lines:
        if record and len(record) + len(line) > MOST_RECORD:
            yield record
            record = b""
        record += line
    if record:
        yield record
