"""Which flag needs which, in one environment: it has no cycle, and is walked before an edge is added.

The version of the graph's row guards the walk: two changes that would close a cycle only together cannot both be made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime

from slipway.flags import ledger
from slipway.problems import Fault, Invalid, NotFound
from slipway.resources import Shelf, Stored

Reader = Callable[[Sequence[str]], list[Stored]]  # what there is of these ids

MOST_REACHED = 50  # flags that one needs, and those that they need, and so on


def place(environment: str) -> ledger.Place:
    return f"graph#{environment}", "graph"


def reader(shelf: Shelf, at: datetime | None) -> Reader:
    """Of what stands now, or stood at that moment."""
    if at is None:
        return lambda ids: [one for first in range(0, len(ids), 100) for one in shelf.read_all(ids[first : first + 100])]

    def then(ids: Sequence[str]) -> list[Stored]:
        found = []
        for id in ids:
            with suppress(NotFound):
                found.append(shelf.at(id, at))
        return found

    return then


def reached(read: Reader, key: str, environment: str, wanted: Sequence[str]) -> dict[str, Stored | None]:
    """The configuration (None: untouched) of every flag that `key` needs when it needs the `wanted` ones.

    Raises Invalid, which names the cycle."""
    behind: dict[str, str] = dict.fromkeys(wanted, key)  # by whom each was reached
    found: dict[str, Stored | None] = {}
    asked = list(wanted)
    while asked and key not in behind and len(behind) <= MOST_REACHED:
        standing = read([f"flag#{flag}#{environment}" for flag in asked])
        found |= dict.fromkeys(asked)
        asked = []
        for stored in standing:
            found[stored.data["flag"]] = stored
            for one in stored.data["prerequisites"]:
                if one["flag"] not in behind:
                    behind[one["flag"]] = stored.data["flag"]
                    asked.append(one["flag"])
    if key in behind:
        detail = f"The flags would need each other in a circle: {' -> '.join(_circle(behind, key))}."
        raise Invalid(detail, errors=[Fault("/prerequisites", "cycle", detail)])
    if len(behind) > MOST_REACHED:
        detail = f"With what they need themselves these would be more than {MOST_REACHED} flags."
        raise Invalid(detail, errors=[Fault("/prerequisites", "too_long", detail)])
    return found


def _circle(behind: dict[str, str], key: str) -> list[str]:
    path = [key]
    while (before := behind[path[0]]) != key:
        path.insert(0, before)
    return [key, *path]
