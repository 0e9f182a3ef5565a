"""How often flags are asked for: what the log of evaluation tells, counted exactly once and at little cost.

Kept in the table `usage`, which has no stream: counting wakes no reader of flags, and takes none of the writes that they have.

    told#<environment>#<day> / <log event>   what one line of the log told: evaluations by flag, as JSON text; kept ten days
    usage#<environment>#<share> / <day>      evaluations of that day by flag, as JSON text: the sum of the rows above for one
                                             flag in 64 (`share_of`), made anew each time
    seen#<environment> / <flag>              `day`: the last on which it was evaluated; it only moves forward; kept two years
    counting / since                         `day`: the first of all this

A line is one row, put if absent, however many flags it tells of and however often it comes; a sum is written whole, never added
to. So nothing is counted twice, and a row costs as many writes as it has kilobytes. In place of a flag stand EVERY, for answers
with all flags to server keys, and EVERY_CLIENT, for those with all `client_side` flags to browsers and apps.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import NamedTuple

from slipway.ports import Absent, Below, ConditionFailed, Put, Row, Span, Store, Write, every
from slipway.tables import FLAGS, USAGE

EVERY, EVERY_CLIENT = "*", "*client"  # no flag has such a key
SHARES = 64  # 256 is a multiple of it
SUMMED = 3  # days that are summed anew: today, and those of which late lines may still come
_TOLD, _COUNTED, _SEEN = timedelta(days=10), timedelta(days=35), timedelta(days=731)  # kept
SINCE = ("counting", "since")
_CHUNK = 100


class Told(NamedTuple):
    """What one line of the log told. `id`: of the log event, the same whenever it comes; `counts`: by environment and flag."""

    id: str
    day: date
    counts: Mapping[str, Mapping[str, int]]


def told(id: str, moment: datetime, message: str) -> Told | None:
    """None for a line that counts nothing."""
    try:
        counts = json.loads(message)["evaluations"]
        return Told(id, moment.date(), {environment: dict(flags) for environment, flags in counts.items()})
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


class Counting:
    """Remembers what it noted today, so that a flag that is asked for all day is marked as seen once."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._seen: dict[tuple[str, str], str] = {}

    def note(self, lines: Sequence[Told]) -> None:
        for line in lines:
            day = line.day.isoformat()
            for environment, counts in line.counts.items():
                row = {
                    "pk": f"told#{environment}#{day}",
                    "sk": line.id,
                    "schema": 1,
                    "counts": json.dumps(counts, separators=(",", ":"), sort_keys=True),
                    "expires": _expires(line.day, _TOLD),
                }
                with suppress(ConditionFailed):  # it came before
                    self.store.put(USAGE, row, Absent())
                for key in counts:
                    self._mark(environment, key, day)

    def sum(self, environment: str, now: datetime) -> None:
        """Make the sums of the last days anew."""
        for back in range(SUMMED):
            day = now.date() - timedelta(days=back)
            counts: dict[str, int] = {}
            for row in every(self.store, USAGE, f"told#{environment}#{day.isoformat()}"):
                for key, number in json.loads(row["counts"]).items():
                    counts[key] = counts.get(key, 0) + number
            shares: dict[str, dict[str, int]] = {}
            for key, number in counts.items():
                shares.setdefault(share_of(key), {})[key] = number
            write_all(self.store, now, [Put(USAGE, _sums(environment, share, day, shares[share])) for share in sorted(shares)])

    def since(self, today: date) -> str:
        """The first day that was counted; today where none was before."""
        row: Row = {"pk": SINCE[0], "sk": SINCE[1], "schema": 1, "day": today.isoformat()}
        try:
            self.store.put(USAGE, row, Absent())
        except ConditionFailed as failed:
            row = failed.row or row
        return str(row["day"])

    def _mark(self, environment: str, key: str, day: str) -> None:
        if self._seen.get((environment, key), "") >= day:
            return
        row = {"pk": f"seen#{environment}", "sk": key, "schema": 1, "day": day}
        row["expires"] = _expires(date.fromisoformat(day), _SEEN)
        with suppress(ConditionFailed):  # another instance has seen it that day, or later
            self.store.put(USAGE, row, Below("day", day))
        self._seen[environment, key] = day


def environments(store: Store) -> list[str]:
    return [row["sk"] for row in every(store, FLAGS, "list#environments")]


def seen(store: Store, environment: str) -> dict[str, str]:
    """The last day of each flag that was ever evaluated there."""
    return {row["sk"]: row["day"] for row in every(store, USAGE, f"seen#{environment}")}


def evaluations(store: Store, environment: str, key: str, first: date) -> int:
    """Evaluations since that day."""
    page = store.query(USAGE, (f"usage#{environment}#{share_of(key)}",), Span(low=first.isoformat()))
    return sum(json.loads(row["counts"]).get(key, 0) for row in page.rows)


def share_of(key: str) -> str:
    """The rows in which a flag is summed with others: a row for each flag would be 80 times the writes."""
    return f"share-{hashlib.sha256(key.encode()).digest()[0] % SHARES:02}"


def write_all(store: Store, now: datetime, writes: Sequence[Write]) -> None:
    """Writes that may be repeated in any order, a hundred at a time. The same writes at another time are another request."""
    for first in range(0, len(writes), _CHUNK):
        some = writes[first : first + _CHUNK]
        store.transact(some, hashlib.sha256(repr((now, some)).encode()).hexdigest()[:36])


def _sums(environment: str, share: str, day: date, counts: Mapping[str, int]) -> Row:
    return {
        "pk": f"usage#{environment}#{share}",
        "sk": day.isoformat(),
        "schema": 1,
        "counts": json.dumps(counts, separators=(",", ":"), sort_keys=True),
        "expires": _expires(day, _COUNTED),
    }


def _expires(day: date, kept: timedelta) -> int:
    return (day + kept - date(1970, 1, 1)).days * 86_400
