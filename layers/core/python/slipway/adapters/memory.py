"""The in-memory twins of the AWS adapters: same contract, same spec (`tests/ports`), for tests and simulation."""

from __future__ import annotations

import copy
import hashlib
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from slipway.adapters.attributes import marshal, unmarshal
from slipway.adapters.keys import can_stand, check_start, names, nothing_within, place, row_can_stand
from slipway.adapters.lake import MOST_BYTES
from slipway.feedback.posting import Letter, Outcome, Sending
from slipway.ports import (
    Blob,
    Check,
    Condition,
    ConditionFailed,
    Delete,
    Form,
    Heard,
    NotModified,
    Page,
    Put,
    Row,
    Span,
    Update,
    Write,
    check_transaction,
    check_update,
    holds,
    key_of,
)
from slipway.tables import Index, Table

LEVELS = 32  # of nesting, the row itself among them
Listener = Callable[[str, Row | None, Row | None], None]  # logical table, old image, new image


class MemoryStore:
    """Tables in a dict, one lock. `listen` receives every change of a table with a stream, in order."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[tuple[str, str], Row]] = {}
        self.listeners: list[Listener] = []
        self._lock = threading.RLock()
        self._tokens: dict[str, Sequence[Write]] = {}

    def listen(self, listener: Listener) -> None:
        self.listeners.append(listener)

    def get(self, table: Table, pk: str, sk: str) -> Row | None:
        with self._lock:
            return copy.deepcopy(self._rows(table).get((pk, sk)))

    def get_many(self, table: Table, keys: Sequence[tuple[str, str]]) -> list[Row]:
        if len(keys) > 100:
            raise ValueError("at most 100 keys")
        with self._lock:
            rows = self._rows(table)
            return [copy.deepcopy(rows[key]) for key in keys if key in rows]

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
        hash_names, sort_names = names(index)
        if start is not None:
            check_start(partition, index, start)
        if nothing_within(partition, span):
            return Page([])
        order = [*sort_names, *(("pk", "sk") if index else ())]
        with self._lock:
            found = [
                row
                for row in self._rows(table).values()
                if all(name in row for name in (*hash_names, *sort_names))
                and tuple(row[name] for name in hash_names) == tuple(partition)
                and place([row[name] for name in sort_names], span) == 0
            ]
            found.sort(key=lambda row: [row[name] for name in order], reverse=not forward)
            if start is not None:
                edge = [start[name] for name in order]
                found = [
                    row for row in found if ([row[n] for n in order] > edge if forward else [row[n] for n in order] < edge)
                ]
            page, more = found[:limit], len(found) >= limit > 0
            keys = tuple(dict.fromkeys((*hash_names, *sort_names, "pk", "sk")))
            rows = [copy.deepcopy(row if index is None else {name: row[name] for name in keys}) for row in page]
            return Page(rows, {name: page[-1][name] for name in keys} if more else None)

    def put(self, table: Table, row: Row, condition: Condition | None = None) -> None:
        self._apply([Put(table, row, condition)])

    def update(self, write: Update) -> None:
        if write.add:
            raise ValueError("a bare add doubles when its acknowledgement is lost: put it in a transaction")
        check_update(write)
        self._apply([write])

    def transact(self, writes: Sequence[Write], token: str) -> None:
        check_transaction(writes, token)
        with self._lock:
            if token in self._tokens:
                if self._tokens[token] != list(writes):
                    raise ValueError("this token was used with other writes")
                return
            self._apply(writes)
            self._tokens[token] = copy.deepcopy(list(writes))

    def _rows(self, table: Table) -> dict[tuple[str, str], Row]:
        return self.tables.setdefault(table.name, {})

    def _apply(self, writes: Sequence[Write]) -> None:
        with self._lock:
            for number, write in enumerate(writes):
                standing = self._rows(write.table).get(key_of(write))
                if write.condition is not None and not holds(write.condition, standing):
                    raise ConditionFailed(number, copy.deepcopy(standing))
            changes = [(write, self._written(write)) for write in writes if not isinstance(write, Check)]
            for write, new in changes:
                self._change(write.table, key_of(write), new)

    def _written(self, write: Put | Update | Delete) -> Row | None:
        """The row as it stands after the write, whose condition holds. Raises ValueError for one that no table takes."""
        if isinstance(write, Delete):
            return None
        if isinstance(write, Put):
            new: Row = stored(write.row)
        else:
            old = self._rows(write.table).get(key_of(write)) or {"pk": write.pk, "sk": write.sk}
            new = {**old, **stored(dict(write.set))}
            for name, amount in write.add.items():
                new[name] = new.get(name, 0) + amount
        if not row_can_stand(*key_of(write)):
            raise ValueError("a key is 1 to 2048 bytes, a sort key 1 to 1024")
        for index in write.table.indexes:
            if not all(can_stand(new[name]) for name in (*index.partition, *index.sort) if name in new):
                raise ValueError(f"an attribute of the index {index.name} is text that is not empty")
        return new

    def _change(self, table: Table, key: tuple[str, str], new: Row | None) -> None:
        rows = self._rows(table)
        old = rows.pop(key, None)
        if new is not None:
            rows[key] = new
        if table.stream and old != new:
            for listener in self.listeners:
                listener(table.name, copy.deepcopy(old), copy.deepcopy(new))


class MemoryBlobs:
    """One bucket in a dict."""

    def __init__(self) -> None:
        self.objects: dict[str, Blob] = {}
        self._lock = threading.Lock()

    def get(self, key: str, *, etag: str | None = None) -> Blob | None:
        blob = self.objects.get(key)
        if blob is not None and blob.etag == etag:
            raise NotModified
        return blob

    def put(self, key: str, body: bytes, *, content_type: str, absent: bool = False, etag: str | None = None) -> str:
        with self._lock:
            standing = self.objects.get(key)
            if (absent and standing is not None) or (etag is not None and (standing is None or standing.etag != etag)):
                raise ConditionFailed
            blob = Blob(body, '"' + hashlib.md5(body, usedforsecurity=False).hexdigest() + '"', content_type)
            self.objects[key] = blob
            return blob.etag

    def delete(self, key: str) -> None:
        self.objects.pop(key, None)


class MemoryUploads:
    """Forms that say what they let through, and links that say where they lead."""

    def form(self, key: str, media: str, most: int, now: datetime, lifetime: timedelta) -> Form:
        until = (now + lifetime).isoformat()
        return Form(
            "https://uploads.example.com/", {"key": key, "Content-Type": media, "policy": f"{most} bytes until {until}"}
        )

    def link(self, key: str, media: str, name: str, now: datetime, lifetime: timedelta) -> str:
        return f"https://uploads.example.com/{key}?as={media}&name={name}&until={(now + lifetime).timestamp():.0f}"


class MemoryLake:
    """Records, in order."""

    def __init__(self) -> None:
        self.records: list[bytes] = []

    def add(self, record: bytes) -> None:
        if not 0 < len(record) <= MOST_BYTES:
            raise ValueError(f"a record has 1 to {MOST_BYTES} bytes")
        self.records.append(record)


def stored(value: Any, depth: int = 0) -> Any:
    """The value as storage gives it back. Raises TypeError or ValueError for what storage does not take."""
    if depth > LEVELS:
        raise ValueError(f"values are nested at most {LEVELS - 1} deep")
    if value is None or isinstance(value, str | bool | bytes):
        return value
    if isinstance(value, int | Decimal):
        return unmarshal(marshal(value))  # same range, and a whole number comes back as an int
    if isinstance(value, Mapping):
        if "" in value:
            raise ValueError("an attribute has a name")
        return {str(name): stored(item, depth + 1) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [stored(item, depth + 1) for item in value]
    raise TypeError(f"{type(value).__name__} cannot be stored")


class MemoryDirectory:
    """Users by name, and who was invited, in order. An address is one user's, as in the user pool."""

    def __init__(self) -> None:
        self.users: dict[str, str] = {}
        self.invited: list[str] = []

    def add(self, username: str, email: str) -> str:
        holders = [username] * (username in self.users) or [name for name, address in self.users.items() if address == email]
        if holders:
            return holders[0]
        self.users[username] = email
        self.invited.append(username)
        return username

    def remove(self, username: str) -> None:
        self.users.pop(username, None)


class MemoryPost:
    """What was posted, in order; `answer` says what comes of each."""

    def __init__(self, answer: Callable[[Sending], Outcome] = lambda _: Outcome(204, 1)) -> None:
        self.answer = answer
        self.sent: list[Sending] = []

    def send(self, sendings: Sequence[Sending]) -> list[Outcome]:
        self.sent += sendings
        return [self.answer(sending) for sending in sendings]


class MemoryMailer:
    """Letters, in order."""

    def __init__(self) -> None:
        self.sent: list[Letter] = []

    def send(self, letter: Letter) -> None:
        self.sent.append(letter)


class MemoryAlarms:
    """`ring`: those that do; `gone`: those that there are not."""

    def __init__(self) -> None:
        self.ring: set[str] = set()
        self.gone: set[str] = set()

    def hear(self, names: Collection[str]) -> Heard:
        return Heard(self.ring.intersection(names), self.gone.intersection(names))


class MemorySchedules:
    """One-shots by name, with their minute."""

    def __init__(self) -> None:
        self.waiting: dict[str, datetime] = {}

    def add(self, name: str, at: datetime) -> None:
        self.waiting.setdefault(name, at)

    def remove(self, name: str) -> None:
        self.waiting.pop(name, None)
