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

Who counts by partition wants all of a partition at once and in order (`together`): then what has to come after a failure is the
later records of the same partition.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from slipway.adapters.attributes import unmarshal_row
from slipway.edge import observe
from slipway.ports import Blobs, ConditionFailed, Row

Use = TypeVar("Use")
Item = TypeVar("Item")
Missed = Collection[int] | Mapping[int, Exception | None]


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one row: before and after. `sequence`: it grows with each change of a partition."""

    old: Row | None
    new: Row | None
    sequence: int = 0


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
    `handle(use, items)` has the effect, for up to `wave` items of different rows: the indexes of those that failed, in a
    mapping with the error of those that always will (quarantine); whatever it raises is transient (again later). With
    `together` it is handed all items of a delivery, in order, and fails those of a partition from one of them on. `delay`
    names the metric of the time from the write to its effect, or to a try that failed. `daily(use)` is what the function does
    besides, when the clock calls; what it raises comes again, then is a dead letter.
    """

    def __init__(
        self,
        name: str,
        wire: Callable[[], Wired[Use]],
        decode: Callable[[Change], Item | None],
        handle: Callable[[Use, Sequence[Item]], Missed],
        *,
        wave: int = 1,
        together: bool = False,
        delay: str | None = None,
        daily: Callable[[Use], None] | None = None,
    ) -> None:
        self.name, self.wave, self.together, self.delay = name, wave, together, delay
        self.decode, self.handle, self.daily = decode, handle, daily
        self._wire = wire
        self._wired: Wired[Use] | None = None

    def __call__(self, event: Mapping[str, Any], context: object) -> dict[str, Any]:
        request = {"request_id": getattr(context, "aws_request_id", "none"), "trace_id": "", "correlation_id": ""}
        if self.daily is not None and "Records" not in event:
            with observe.Line(self.name, **request, source=event["source"]):
                self.daily(self.ready().use)
            return {}
        records = event["Records"]
        with observe.Line(self.name, **request, source=_table(records[0]), records=len(records)) as line:
            wired = self.ready()  # in here, so that a setting that is missing leaves a line
            failed = _Batch(self, wired, line).run(records)
        if failed and wired.raise_failures:
            raise BatchFailed(f"{len(failed)} of {len(records)} records are to come again")
        return {"batchItemFailures": [{"itemIdentifier": sequence} for sequence in failed]}

    def ready(self) -> Wired[Use]:
        if self._wired is None:
            self._wired = self._wire()
        return self._wired

    @contextmanager
    def testing(self, wired: Wired[Use]) -> Iterator[None]:
        """Work with this for a while."""
        before, self._wired = self._wired, wired
        try:
            yield
        finally:
            self._wired = before


class _Batch(Generic[Use, Item]):
    """One delivery of records."""

    def __init__(self, stream: Stream[Use, Item], wired: Wired[Use], line: observe.Line) -> None:
        self.stream, self.wired, self.line = stream, wired, line
        self.wave: list[tuple[Mapping[str, Any], Item]] = []
        self.rows: set[str] = set()  # of the wave: unless all go together, it holds no two changes of one
        self.held: set[str] = set()  # of which a change failed: their later changes wait
        self.failed: set[str] = set()  # sequence numbers
        self.out = False

    def run(self, records: Sequence[Mapping[str, Any]]) -> list[str]:
        """The sequence numbers to deliver again, in order."""
        for record in records:
            row = self._lane(record)
            if not self.stream.together and (row in self.rows or len(self.wave) == self.stream.wave):
                self._flush()
            if self.out or row in self.held:
                self._fail(record)
                continue
            try:
                item = self.stream.decode(_change(record))
            except Exception as error:
                self._put_aside(record, error)
                continue
            if item is not None:
                self.wave.append((record, item))
                self.rows.add(row)
        self._flush()
        if self.failed:
            self.line["failed"] = len(self.failed)
            self.line.measure("Failures", len(self.failed))
        return [sequence for record in records if (sequence := _sequence(record)) in self.failed]

    def _flush(self) -> None:
        if not self.wave:
            return
        records = [record for record, _ in self.wave]
        missed: Missed
        try:
            missed = self.stream.handle(self.wired.use, [item for _, item in self.wave])
        except Exception as error:
            self.line.failure(error)
            missed, self.out = range(len(records)), True
        for index, record in enumerate(records):
            if index in missed:
                never = missed[index] if isinstance(missed, Mapping) else None
                if never is None:
                    self._fail(record)
                else:
                    self._put_aside(record, never)
            if self.stream.delay is not None and "ApproximateCreationDateTime" in record["dynamodb"]:
                self.line.longest(self.stream.delay, (time.time() - record["dynamodb"]["ApproximateCreationDateTime"]) * 1000)
        self.wave.clear()
        self.rows.clear()

    def _lane(self, record: Mapping[str, Any]) -> str:
        """What has to keep its order."""
        return _partition(record) if self.stream.together else _row(record)

    def _fail(self, record: Mapping[str, Any]) -> None:
        self.held.add(self._lane(record))
        self.failed.add(_sequence(record))

    def _put_aside(self, record: Mapping[str, Any], error: Exception) -> None:
        """Into quarantine, once however often it comes; where that fails it comes again."""
        text = json.dumps({"function": self.stream.name, "reason": repr(error), "record": _shown(record)}, sort_keys=True)
        name = hashlib.sha256(json.dumps(record["dynamodb"], sort_keys=True).encode()).hexdigest()
        key = f"records/{self.stream.name}/{name}.json"
        self.line.failure(error, "quarantined")
        try:
            self.wired.quarantine.put(key, text.encode(), content_type="application/json", absent=True)
        except ConditionFailed:
            return  # it stands there
        except Exception as refused:
            self.line.failure(refused)
            self._fail(record)
            return
        self.line["quarantined"] = self.line.fields.get("quarantined", 0) + 1
        self.line.measure("Quarantined", 1)


def _shown(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without what signs exposures: who mends a record needs none of it."""
    images = {
        name: {key: value for key, value in part.items() if key != "secret"} if isinstance(part, dict) else part
        for name, part in record["dynamodb"].items()
    }
    return {**record, "dynamodb": images}


def _sequence(record: Mapping[str, Any]) -> str:
    return str(record["dynamodb"]["SequenceNumber"])


def _table(record: Mapping[str, Any]) -> str:
    """The physical name, from `arn:aws:dynamodb:<region>:<account>:table/<name>/stream/<label>`."""
    return str(record["eventSourceARN"]).split("/")[1]


def _row(record: Mapping[str, Any]) -> str:
    """Which row the record is about."""
    return json.dumps([record["eventSourceARN"], record["dynamodb"].get("Keys")], sort_keys=True)


def _partition(record: Mapping[str, Any]) -> str:
    return json.dumps([record["eventSourceARN"], (record["dynamodb"].get("Keys") or {}).get("pk")], sort_keys=True)


def _change(record: Mapping[str, Any]) -> Change:
    images = record["dynamodb"]
    old, new = (unmarshal_row(images[name]) if name in images else None for name in ("OldImage", "NewImage"))
    if old is None and new is None:
        raise ValueError("the record has no image: the stream must show NEW_AND_OLD_IMAGES")
    return Change(old, new, int(images["SequenceNumber"]))
