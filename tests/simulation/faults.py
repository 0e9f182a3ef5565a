"""What can go wrong with one call of AWS, and the ports through which every call of the simulation goes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

from slipway.adapters.memory import (
    MemoryAlarms,
    MemoryBlobs,
    MemoryDirectory,
    MemoryLake,
    MemoryMailer,
    MemoryPost,
    MemorySchedules,
    MemoryStore,
)
from slipway.feedback.posting import Letter, Outcome, Sending
from slipway.ports import Blob, Condition, Heard, Page, Row, Span, StoreUnavailable, Update, Write
from slipway.tables import Index, Table

Result = TypeVar("Result")


class Fault(Enum):
    BEFORE = "the process dies before the call"
    AFTER = "the process dies after the call, before it sees the answer"
    THROTTLED = "the call is refused, nothing happened"
    LOST = "the call happened, its answer is lost"
    AGAIN = "the call happened, its answer is lost, and the client's own retry does it again"
    PARTIAL = "of several events the first is not taken"
    RACE = "somebody else's request comes just before the call"


READ = (Fault.BEFORE, Fault.THROTTLED, Fault.RACE)
WRITE = (Fault.BEFORE, Fault.AFTER, Fault.THROTTLED, Fault.LOST, Fault.AGAIN, Fault.RACE)
SEND = (Fault.BEFORE, Fault.AFTER, Fault.THROTTLED, Fault.LOST, Fault.AGAIN, Fault.PARTIAL)


class Crash(BaseException):
    """The process is gone: no `except Exception` of ours sees it."""


class Call:
    """One call that a function made: `function.port.operation`, and what may go wrong with it."""

    def __init__(self, name: str, possible: Sequence[Fault]) -> None:
        self.name, self.possible = name, possible


Plan = Callable[[int, Call], Fault | None]


def nothing(number: int, call: Call) -> Fault | None:
    return None


class Faults:
    """Every call goes through `around`: it is counted, and the plan says what goes wrong with it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.calls: list[Call] = []
        self.happened: list[tuple[str, Fault]] = []
        self.functions: list[str] = []  # that run, the innermost last
        self.rival: Callable[[], None] = lambda: None

    def around(
        self,
        operation: str,
        possible: Sequence[Fault],
        do: Callable[[], Result],
        refused: Callable[[], Result] | None = None,
        partly: Callable[[], Result] | None = None,
    ) -> Result:
        """`refused`: what the caller sees when the service takes nothing (StoreUnavailable unless told)."""
        if not self.functions:
            return do()  # the test looks
        call = Call(f"{self.functions[-1]}.{operation}", possible)
        number = len(self.calls)
        self.calls.append(call)
        fault = self.plan(number, call)
        if fault is None or fault not in possible:
            return do()
        self.happened.append((call.name, fault))
        match fault:
            case Fault.BEFORE:
                raise Crash
            case Fault.THROTTLED:
                return _refused(refused)
            case Fault.RACE:
                self.rival()
                return do()
            case Fault.PARTIAL:
                assert partly is not None
                return partly()
        do()
        if fault is Fault.AFTER:
            raise Crash
        return do() if fault is Fault.AGAIN else _refused(refused)


def _refused(answer: Callable[[], Result] | None) -> Result:
    if answer is None:
        raise StoreUnavailable("simulated")
    return answer()


class FaultyStore:
    def __init__(self, store: MemoryStore, faults: Faults) -> None:
        self._store, self._faults = store, faults

    def get(self, table: Table, pk: str, sk: str) -> Row | None:
        return self._faults.around("get", READ, lambda: self._store.get(table, pk, sk))

    def get_many(self, table: Table, keys: Sequence[tuple[str, str]]) -> list[Row]:
        return self._faults.around("get_many", READ, lambda: self._store.get_many(table, keys))

    def query(
        self,
        table: Table,
        partition: Sequence[str | int],
        span: Span = Span(),
        *,
        index: Index | None = None,
        limit: int = 100,
        start: Mapping[str, Any] | None = None,
        forward: bool = True,
    ) -> Page:
        def do() -> Page:
            return self._store.query(table, partition, span, index=index, limit=limit, start=start, forward=forward)

        return self._faults.around("query", READ, do)

    def put(self, table: Table, row: Row, condition: Condition | None = None) -> None:
        self._faults.around("put", WRITE, lambda: self._store.put(table, row, condition))

    def update(self, write: Update) -> None:
        self._faults.around("update", WRITE, lambda: self._store.update(write))

    def transact(self, writes: Sequence[Write], token: str) -> None:
        self._faults.around("transact", WRITE, lambda: self._store.transact(writes, token))


class FaultyBlobs:
    def __init__(self, name: str, blobs: MemoryBlobs, faults: Faults) -> None:
        self._name, self._blobs, self._faults = name, blobs, faults

    def get(self, key: str, *, etag: str | None = None) -> Blob | None:
        return self._faults.around(f"{self._name}.get", READ, lambda: self._blobs.get(key, etag=etag))

    def put(self, key: str, body: bytes, *, content_type: str, absent: bool = False, etag: str | None = None) -> str:
        def do() -> str:
            return self._blobs.put(key, body, content_type=content_type, absent=absent, etag=etag)

        return self._faults.around(f"{self._name}.put", WRITE, do)

    def delete(self, key: str) -> None:
        self._faults.around(f"{self._name}.delete", WRITE, lambda: self._blobs.delete(key))


class FaultyLake:
    def __init__(self, lake: MemoryLake, faults: Faults) -> None:
        self._lake, self._faults = lake, faults

    def add(self, record: bytes) -> None:
        self._faults.around("lake.add", WRITE, lambda: self._lake.add(record))


class FaultyPost(MemoryPost):
    """Receivers that do not answer, or whose answer is lost."""

    def __init__(self, faults: Faults) -> None:
        super().__init__()
        self._faults = faults

    def send(self, sendings: Sequence[Sending]) -> list[Outcome]:
        late = [Outcome(None, 10_000, "timeout")] * len(sendings)
        return self._faults.around("post.send", WRITE, lambda: super(FaultyPost, self).send(sendings), refused=lambda: late)


class FaultyMailer(MemoryMailer):
    def __init__(self, faults: Faults) -> None:
        super().__init__()
        self._faults = faults

    def send(self, letter: Letter) -> None:
        self._faults.around("mailer.send", WRITE, lambda: super(FaultyMailer, self).send(letter))


class FaultyBus:
    def __init__(self, take: Callable[[Mapping[str, Any]], None], faults: Faults) -> None:
        self._take, self._faults = take, faults

    def send(self, envelopes: Sequence[Mapping[str, Any]]) -> list[int]:
        def take(some: Sequence[Mapping[str, Any]]) -> list[int]:
            for envelope in some:
                self._take(envelope)
            return []

        return self._faults.around(
            "send",
            SEND,
            lambda: take(envelopes),
            refused=lambda: list(range(len(envelopes))),
            partly=lambda: [*take(envelopes[1:]), 0],
        )


class People(MemoryDirectory):
    """The directory: who may sign in, and who was invited."""

    def __init__(self, faults: Faults) -> None:
        super().__init__()
        self._faults = faults

    def add(self, username: str, email: str) -> str:
        return self._faults.around("directory.add", WRITE, lambda: super(People, self).add(username, email))

    def remove(self, username: str) -> None:
        self._faults.around("directory.remove", WRITE, lambda: super(People, self).remove(username))


class PoolTokens:
    """The twin of `slipway.tokens.Tokens`: whose a made-up token is. As there, an instance asks for the pool's keys first."""

    def __init__(self, faults: Faults) -> None:
        self._faults, self._asked = faults, False

    @staticmethod
    def made(username: str, device: str) -> str:
        return f"made.{username}.{device}"

    def username(self, token: str, now: float) -> str | None:
        del now  # these never expire: only the table can keep somebody out
        if not self._asked:
            self._faults.around("pool.keys", READ, lambda: None)
            self._asked = True
        made, username, _ = token.split(".")
        return username if made == "made" else None


class Alarms(MemoryAlarms):
    """Who is asked whether alarms ring."""

    def __init__(self, faults: Faults) -> None:
        super().__init__()
        self._faults = faults

    def hear(self, names: Collection[str]) -> Heard:
        return self._faults.around("alarms.hear", READ, lambda: super(Alarms, self).hear(names))


class OneShots(MemorySchedules):
    """What wakes the planner, and when."""

    def __init__(self, faults: Faults) -> None:
        super().__init__()
        self._faults = faults

    def add(self, name: str, at: datetime) -> None:
        self._faults.around("schedules.add", WRITE, lambda: super(OneShots, self).add(name, at))

    def remove(self, name: str) -> None:
        self._faults.around("schedules.remove", WRITE, lambda: super(OneShots, self).remove(name))
