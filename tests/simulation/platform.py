"""How the platform calls functions: what it delivers again, in which order, and what it takes for done.

stream    in order for each shard, from a checkpoint; after a partial answer from the lowest sequence number that failed,
          after an exception or a crash the whole batch again, split in half first
bus       each event to each rule that takes it, at least once, in any order, again until the function returns
HTTP      once: whoever asked may ask again
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from slipway.ports import Row
from tests.records import arrival, matches, record
from tests.simulation.faults import Crash, Faults

Function = Callable[[dict[str, Any]], Any]
SHARDS = 2


@dataclass
class Chance:
    """What the platform does although nothing failed; without a `random` nothing of it."""

    random: Random | None = None
    again: float = 0.0  # a batch or an event is delivered once more
    shuffle: bool = False

    def repeats(self) -> bool:
        return self.random is not None and self.random.random() < self.again

    def index(self, length: int) -> int:
        return self.random.randrange(length) if self.random is not None and self.shuffle else 0


class Stream:
    """The stream of one table: records by shard."""

    def __init__(self, table: str) -> None:
        self.table = table
        self.shards: list[list[dict[str, Any]]] = [[] for _ in range(SHARDS)]
        self._sequence = 100

    def add(self, old: Row | None, new: Row | None) -> None:
        row = new or old
        assert row is not None
        self._sequence += 1
        self.shards[sum(row["pk"].encode()) % SHARDS].append(record(self.table, old, new, self._sequence))


class Reader:
    """One event source mapping."""

    def __init__(self, name: str, stream: Stream, function: Function, batch: int, chance: Chance) -> None:
        self.name, self.stream, self.function, self.batch, self.chance = name, stream, function, batch, chance
        self._at = [0] * SHARDS
        self._size = [batch] * SHARDS

    @property
    def idle(self) -> bool:
        return all(at == len(shard) for at, shard in zip(self._at, self.stream.shards, strict=True))

    def deliver(self) -> None:
        """One batch of each shard."""
        for number, shard in enumerate(self.stream.shards):
            at = self._at[number]
            records = shard[at : at + self._size[number]]
            if not records:
                continue
            try:
                answer = self.function({"Records": json.loads(json.dumps(records))})
            except (Crash, Exception):
                self._size[number] = max(1, len(records) // 2)
                continue
            failed = {int(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]}
            self._size[number] = self.batch
            if failed:
                places = [int(one["dynamodb"]["SequenceNumber"]) for one in records]
                self._at[number] = at + places.index(min(failed))
            elif not self.chance.repeats():
                self._at[number] = max(self._at[number], at + len(records))  # another instance may be further


@dataclass
class Bus:
    """Rules and what is on its way to their functions. `log`: every event that was taken, in order."""

    chance: Chance
    rules: list[tuple[str, dict[str, list[Any]], Function]] = field(default_factory=list)
    log: list[dict[str, Any]] = field(default_factory=list)
    waiting: list[tuple[Function, dict[str, Any]]] = field(default_factory=list)

    def take(self, envelope: Mapping[str, Any]) -> None:
        event = arrival(dict(envelope))
        self.log.append(event["detail"])
        for _, pattern, function in self.rules:
            if matches(pattern, event):
                self.waiting += [(function, event)] * (2 if self.chance.repeats() else 1)

    def deliver(self) -> None:
        """One event to one function."""
        if not self.waiting:
            return
        function, event = self.waiting.pop(self.chance.index(len(self.waiting)))
        try:
            function(json.loads(json.dumps(event)))
        except (Crash, Exception):
            self.waiting.append((function, event))


def running(name: str, faults: Faults, function: Callable[[Any, Any], Any]) -> Function:
    """The function as the platform calls it; its calls are counted as its own."""

    def run(event: dict[str, Any]) -> Any:
        faults.functions.append(name)
        try:
            return function(event, None)
        finally:
            faults.functions.pop()

    return run
