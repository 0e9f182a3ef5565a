"""The loop of every function that reads a table's stream.

What the platform promises: one shard's records come in the order of their sequence numbers, at least once. What it does with
a partial answer: it takes the *lowest* sequence number among `batchItemFailures` as the checkpoint and delivers everything
from there again, also what went well after it (with bisection on, it splits the batch there). An exception fails the whole
batch. So a record may come twice, and its effect must be safe to repeat; and a failure must hold back only what has to come
after it:

- A record that cannot be read, or is no change of ours, will never be better: it is put in quarantine and counted, and the
  stream goes on. Its item's next change goes on as well; whoever needs order sees the gap in `sequence`.
- A record whose effect failed is answered as failed, and so are the later ones of the same item: they are not tried. Other
  items go on, so that one stuck item does not stop the rest of the batch.
- When the world is out (the handler raised), the rest is not tried: it will be delivered again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from slipway.adapters.attributes import unmarshal_row
from slipway.ports import Blobs, ConditionFailed, Row

Use = TypeVar("Use")
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one row: before and after."""

    old: Row | None
    new: Row | None


@dataclass(frozen=True, slots=True)
class Wired(Generic[Use]):
    """What a stream function works with. `raise_failures`: the platform ignores partial answers, so fail the whole batch."""

    use: Use
    quarantine: Blobs
    raise_failures: bool = False


class BatchFailed(Exception):
    """Some records of a batch were not handled: the platform is to deliver all of them again."""


class Stream(Generic[Use, Item]):
    """A Lambda entry point for `INSERT`, `MODIFY` and `REMOVE` records of a DynamoDB stream.

    `decode(change)` is pure: what a change asks for, or None; whatever it raises is permanent (quarantine).
    `handle(use, items)` has the effect, for up to `wave` items of different rows: the indexes of those that failed; whatever
    it raises is transient (again later).
    """

    def __init__(
        self,
        name: str,
        wire: Callable[[], Wired[Use]],
        decode: Callable[[Change], Item | None],
        handle: Callable[[Use, Sequence[Item]], Collection[int]],
        *,
        wave: int = 1,
    ) -> None:
        self.name, self.wave = name, wave
        self._wire, self._decode, self._handle = wire, decode, handle
        self._wired: Wired[Use] | None = None

    def __call__(self, event: Mapping[str, Any], _context: object) -> dict[str, Any]:
        if self._wired is None:
            self._wired = self._wire()
        records = event["Records"]
        failed = self._run(self._wired, records)
        if failed and self._wired.raise_failures:
            raise BatchFailed(f"{len(failed)} of {len(records)} records are to come again")
        return {"batchItemFailures": [{"itemIdentifier": sequence} for sequence in failed]}

    @contextmanager
    def testing(self, wired: Wired[Use]) -> Iterator[None]:
        """Work with this for a while."""
        before, self._wired = self._wired, wired
        try:
            yield
        finally:
            self._wired = before

    def _run(self, wired: Wired[Use], records: Sequence[Mapping[str, Any]]) -> list[str]:
        """The sequence numbers to deliver again, in order."""
        held: set[str] = set()  # items of which a change failed: their later changes wait
        failed: set[str] = set()
        wave: dict[str, tuple[str, Item]] = {}  # by item, so that no wave holds two changes of one
        out = False

        def flush() -> None:
            nonlocal out
            if not wave:
                return
            try:
                missed = self._handle(wired.use, [item for _, item in wave.values()])
            except Exception:
                missed, out = range(len(wave)), True
            for index in missed:
                row, (sequence, _) = list(wave.items())[index]
                held.add(row)
                failed.add(sequence)
            wave.clear()

        for record in records:
            row, sequence = _row(record), record["dynamodb"]["SequenceNumber"]
            if row in wave or len(wave) == self.wave:
                flush()
            if out or row in held:
                failed.add(sequence)
                continue
            try:
                item = self._decode(_change(record))
            except Exception as error:
                if not self._quarantined(wired, record, error):
                    held.add(row)
                    failed.add(sequence)
                continue
            if item is not None:
                wave[row] = (sequence, item)
        flush()
        return [sequence for record in records if (sequence := record["dynamodb"]["SequenceNumber"]) in failed]

    def _quarantined(self, wired: Wired[Use], record: Mapping[str, Any], error: Exception) -> bool:
        """Put the record aside, once however often it comes; whether it stands there."""
        text = json.dumps({"function": self.name, "reason": repr(error), "record": record}, sort_keys=True, default=str)
        name = hashlib.sha256(json.dumps(record["dynamodb"], sort_keys=True, default=str).encode()).hexdigest()
        try:
            wired.quarantine.put(
                f"records/{self.name}/{name}.json", text.encode(), content_type="application/json", absent=True
            )
        except ConditionFailed:
            return True
        except Exception:
            return False
        return True


def _row(record: Mapping[str, Any]) -> str:
    """Which row the record is about."""
    return json.dumps([record.get("eventSourceARN"), record["dynamodb"].get("Keys")], sort_keys=True)


def _change(record: Mapping[str, Any]) -> Change:
    images = record["dynamodb"]
    old, new = (unmarshal_row(images[name]) if name in images else None for name in ("OldImage", "NewImage"))
    if old is None and new is None:
        raise ValueError("the record has no image: the stream must show NEW_AND_OLD_IMAGES")
    return Change(old, new)
