"""The flags of environments as documents, piece by piece.

The pieces of an environment come in an order in which each needs only itself and those before it: by how long the chain of
prerequisites is that a flag stands at the end of, then by key. So each can be imported when those before it have been.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

from slipway.calls import Call
from slipway.flags import flagd, jsontext
from slipway.flags.checks import references
from slipway.flags.compilation import Rows
from slipway.flags.control import Control
from slipway.flags.portability import all_lack
from slipway.flags.publication import read
from slipway.paging import PAGE_BYTES
from slipway.ports import Row
from slipway.problems import Conflict
from slipway.rowsize import row_bytes

PIECE = 500  # flags and segments of one document


class Place(NamedTuple):
    """Where a piece begins: after this row of this level. `order` tells of the chains by which levels were made out."""

    environment: str
    level: int = 0
    after: str = ""
    order: str = ""


def exported(control: Control, call: Call, place: Place, *, on: bool = False) -> tuple[flagd.Document, Place | None]:
    """A piece as all of it stands at one revision, and where the next one begins (None: this is the last).

    Flags with the segments that they use, then the segments that none uses. `on`: the next environment follows the last piece
    of one. Raises NotFound, Conflict where prerequisites changed between two pieces."""
    control.environments.read(call, place.environment)
    rows = read(control.store, place.environment)
    segments = {row["data"]["key"]: row for row in rows.segments}
    configurations = {row["data"]["flag"]: row for row in rows.configurations}
    needed = {row["data"]["key"]: _needed(configurations.get(row["data"]["key"]), segments) for row in rows.flags}
    unused = [row for key, row in segments.items() if not any(key in each for each in needed.values())]
    levels = _levels(configurations)
    order = hashlib.sha256(jsontext.written(levels).encode()).hexdigest()[:16]
    if place.order not in ("", order):
        raise Conflict("Some flags need others than before, so the pieces do not fit together any more: begin anew.")
    flags, taken, size, last = list[Row](), dict[str, Row](), 0, place
    for at, row in sorted(
        ((_level(row, levels), row) for row in [*rows.flags, *unused]), key=lambda one: (one[0], one[1]["pk"])
    ):
        if (at, row["pk"]) <= (place.level, place.after):
            continue
        if len(flags) + len(taken) >= PIECE or size > PAGE_BYTES:
            break
        key, last = row["data"]["key"], Place(place.environment, at, row["pk"], order)
        more = {key: row} if row["kind"] == "segment" else {one: segments[one] for one in needed[key] if one not in taken}
        if row["kind"] == "flag":
            flags.append(row)
            size += row_bytes(row["data"]) + row_bytes(configurations.get(key, {}))
        taken |= more
        size += sum(row_bytes(one["data"]) for one in more.values())
    else:
        others = [name for name in control.environments.all(call).names if name > place.environment] if on else []
        return _document(rows, flags, taken), Place(min(others)) if others else None
    return _document(rows, flags, taken), last


def _document(rows: Rows, flags: list[Row], segments: Mapping[str, Row]) -> flagd.Document:
    asking = {row["data"]["flag"] for row in rows.configurations if row["data"]["prerequisites"]}
    left_out = all_lack((row["data"]["key"] for row in flags if row["data"]["key"] in asking), rows)
    part = Rows(rows.environment, 0, tuple(flags), rows.configurations, tuple(segments.values()))
    return flagd.written(part, left_out)


def _levels(configurations: Mapping[str, Row]) -> dict[str, int]:
    """Of flags that need others: 2 where those need none, and one more for each step of the longest chain."""
    wanted = {key: [one["flag"] for one in row["data"]["prerequisites"]] for key, row in configurations.items()}
    found: dict[str, int] = {}

    def level(key: str) -> int:
        if wanted.get(key) and key not in found:
            found[key] = 2  # for a circle, which cannot be saved
            found[key] = 1 + max(map(level, wanted[key]))
        return found.get(key, 1)

    for key in wanted:
        level(key)
    return found


def _level(row: Row, levels: Mapping[str, int]) -> int:
    return levels.get(row["data"]["key"], 1) if row["kind"] == "flag" else 1


def _needed(configuration: Row | None, segments: dict[str, Row]) -> list[str]:
    rule = None if configuration is None else configuration["data"]["targeting"]
    return sorted(references(jsontext.read(rule or "null")) & segments.keys())
