"""What the domain needs of the world, as small protocols.

Every port has an AWS adapter and an in-memory twin that pass the same spec (`tests/ports`).
Rows are plain dicts with the string keys `pk` and `sk`; values are str, int, Decimal, bool, None, bytes,
lists and dicts of those (a float is refused: it does not survive storage).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from slipway.blobs import Blob as Blob  # the ports to objects are ports as well
from slipway.blobs import Blobs as Blobs
from slipway.blobs import NotModified as NotModified
from slipway.blobs import StoreError as StoreError
from slipway.blobs import StoreUnavailable as StoreUnavailable
from slipway.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from typing import Any, Protocol

    from slipway.tables import Index, Table

    Row = dict[str, Any]
else:
    Protocol, Row = object, dict  # `typing` is not worth its cold start for names that nobody looks at


# --- conditions: data, so that every backend evaluates the same thing -----------------------------------


class Absent(Value):
    """No row stands under this key."""


class Equals(Value):
    """The row exists and its attribute has this value."""

    attribute: str
    value: str | int


class Below(Value):
    """The row or its attribute is missing, or the attribute is smaller than this value."""

    attribute: str
    value: str | int


Condition = Absent | Equals | Below


def holds(condition: Condition, row: Row | None) -> bool:
    """Of what stands under the key; every backend decides so."""
    match condition:
        case Absent():
            return row is None
        case Equals(attribute, value):
            return row is not None and row.get(attribute) == value
        case Below(attribute, value):
            return row is None or attribute not in row or bool(row[attribute] < value)


# --- writes of a transaction ----------------------------------------------------------------------------


class Put(Value):
    table: Table
    row: Row
    condition: Condition | None = None


class Delete(Value):
    table: Table
    pk: str
    sk: str
    condition: Condition | None = None


class Update(Value):
    """Set attributes, add to numbers. A bare `add` doubles on a lost acknowledgement: only a transaction takes it."""

    table: Table
    pk: str
    sk: str
    set: Mapping[str, Any] = {}
    add: Mapping[str, int] = {}
    condition: Condition | None = None


class Check(Value):
    table: Table
    pk: str
    sk: str
    condition: Condition


Write = Put | Delete | Update | Check


def key_of(write: Write) -> tuple[str, str]:
    return (write.row["pk"], write.row["sk"]) if isinstance(write, Put) else (write.pk, write.sk)


def check_transaction(writes: Sequence[Write], token: str) -> None:
    """Raises ValueError for a transaction that no store takes."""
    if not 1 <= len(token) <= 36 or not 1 <= len(writes) <= 100:
        raise ValueError("a token has 1 to 36 characters, a transaction 1 to 100 writes")
    if len({(write.table.name, *key_of(write)) for write in writes}) < len(writes):
        raise ValueError("a transaction writes each row once")
    for write in writes:
        if isinstance(write, Update):
            check_update(write)


def check_update(write: Update) -> None:
    """Raises ValueError for an update that changes nothing, a key, or one attribute twice."""
    names = [*write.set, *write.add]
    if not names or len({*names}) < len(names) or "pk" in names or "sk" in names:
        raise ValueError("an update changes attributes, each once, and no key")


# --- queries --------------------------------------------------------------------------------------------


class Span(Value):
    """Which part of a partition: leading sort attributes equal to `equal`, the next one within the bounds.

    `low` and `high` are inclusive; `prefix` excludes both. All empty: the whole partition.
    """

    equal: tuple[str | int, ...] = ()
    low: str | int | None = None
    high: str | int | None = None
    prefix: str | None = None


class Page(Value):
    """Rows in order, and where to go on: the key attributes of the last row read, or None at the end."""

    rows: list[Row]
    next: Mapping[str, Any] | None = None


# --- errors ---------------------------------------------------------------------------------------------


class ConditionFailed(StoreError):
    """A condition did not hold and nothing was written. `index`: which write; `row`: what stands there, if known."""

    def __init__(self, index: int = 0, row: Row | None = None) -> None:
        super().__init__(f"the condition of write {index} does not hold")
        self.index = index
        self.row = row


# --- ports ----------------------------------------------------------------------------------------------


class Store(Protocol):
    """Rows in tables. Reads of a key are strongly consistent; an index is eventually consistent."""

    def get(self, table: Table, pk: str, sk: str) -> Row | None:
        """One strongly consistent read; None also for a key that no row can have (empty, too long)."""

    def get_many(self, table: Table, keys: Sequence[tuple[str, str]]) -> list[Row]:
        """Strong reads of up to 100 keys, in the order asked; missing rows are left out."""

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
        """One page (at most `limit` rows, at most 1 MB). Strong on the table itself; an index gives keys only.

        `start` is a page's `next`, or any key of the partition: raises ValueError for what is none."""

    def put(self, table: Table, row: Row, condition: Condition | None = None) -> None:
        """Write one row. Raises ConditionFailed with the row that stands there, also after a lost acknowledgement
        of our own earlier try: a caller whose row is derived from its cause compares and sees that it is its own."""

    def update(self, write: Update) -> None:
        """`write.set` on one row, conditional. Raises ConditionFailed; ValueError for a bare `add`."""

    def transact(self, writes: Sequence[Write], token: str) -> None:
        """All or nothing, up to 100 writes; the same token and writes within 10 minutes happen once (token: 1 to 36 letters).

        Raises ConditionFailed for the first write whose condition does not hold."""


class Form(Value):
    """To be sent as multipart/form-data: the fields, then the file as `file`."""

    url: str
    fields: Mapping[str, str]


class Uploads(Protocol):
    """Forms and links to objects of one bucket, for who has no right of its own to it. Nothing is asked of the service."""

    def form(self, key: str, media: str, most: int, now: datetime, lifetime: timedelta) -> Form:
        """By which somebody may put that object, of that type and of 1 to `most` bytes."""

    def link(self, key: str, media: str, name: str, now: datetime, lifetime: timedelta) -> str:
        """By which somebody may save that object as a file of that name."""


class Lake(Protocol):
    """Where raw records go, to be read in bulk much later. At least once: what is sent again may stand there twice."""

    def add(self, record: bytes) -> None:
        """One record of at most 1,000 KB. Raises StoreUnavailable; the record may or may not be there then."""


def every(store: Store, table: Table, partition: str, span: Span = Span()) -> Iterator[Row]:
    """All rows of a partition, or of a part of it, in order."""
    start: Mapping[str, Any] | None = None
    while True:
        page = store.query(table, (partition,), span, limit=1000, start=start)
        yield from page.rows
        if (start := page.next) is None:
            return


class Schedules(Protocol):
    """One-shots that wake a function of ours, to the minute. Every call is safe to repeat."""

    def add(self, name: str, at: datetime) -> None:
        """Wake it at that minute with this name; there already: nothing happens."""

    def remove(self, name: str) -> None:
        """Gone already: nothing happens."""


class Heard(Value):
    """Of alarms that were asked for: those that ring, and those that there are not."""

    ringing: Collection[str] = ()
    missing: Collection[str] = ()


QUIET = Heard()


class Alarms(Protocol):
    """The alarms of the account, by name."""

    def hear(self, names: Collection[str]) -> Heard:
        """How these, a hundred at most, stand now. Raises StoreUnavailable."""


class Bus(Protocol):
    def send(self, envelopes: Sequence[Mapping[str, Any]]) -> list[int]:
        """Offer envelopes (slipway.events) to the bus, in order; the indexes of those that it did not take."""


class Directory(Protocol):
    """The people who may sign in (a Cognito user pool). Every call is safe to repeat."""

    def add(self, username: str, email: str) -> str:
        """Create the user and have the directory send the invitation; there already: nothing happens.

        An address belongs to one user. The answer is whose it is now: where it is another's, nothing happened."""

    def remove(self, username: str) -> None:
        """Sign the user out everywhere and delete it; gone already: nothing happens."""
