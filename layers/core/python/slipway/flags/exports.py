"""The flags of an environment as documents, piece by piece."""

from __future__ import annotations

from slipway.calls import Call
from slipway.flags import flagd, jsontext
from slipway.flags.checks import references
from slipway.flags.compilation import Rows
from slipway.flags.control import Control
from slipway.flags.portability import lacks
from slipway.flags.publication import read
from slipway.paging import PAGE_BYTES
from slipway.ports import Row
from slipway.rowsize import row_bytes

PIECE = 500  # flags and segments of one document


def exported(control: Control, call: Call, environment: str, after: str = "") -> tuple[flagd.Document, str | None]:
    """A piece as all of it stands at one revision, and after what the next one begins (None: this is the last).

    Flags by key, each with the segments that it uses, then the segments that none uses. Raises NotFound."""
    control.environments.read(call, environment)
    rows = read(control.store, environment)
    segments = {row["data"]["key"]: row for row in rows.segments}
    configurations = {row["data"]["flag"]: row for row in rows.configurations}
    needed = {row["data"]["key"]: _needed(configurations.get(row["data"]["key"]), segments) for row in rows.flags}
    unused = [row for key, row in segments.items() if not any(key in each for each in needed.values())]

    def piece() -> flagd.Document:
        asking = [row["data"]["key"] for row in flags if _asks(configurations.get(row["data"]["key"]))]
        whole = Rows(environment, 0, rows.flags, rows.configurations, rows.segments)
        part = Rows(environment, 0, tuple(flags), rows.configurations, tuple(taken.values()))
        return flagd.written(part, {key: lacks(key, whole) for key in asking})

    flags, taken, size, last = list[Row](), dict[str, Row](), 0, None
    for row in sorted([*rows.flags, *unused], key=lambda row: str(row["pk"])):
        if row["pk"] <= after:
            continue
        if len(flags) + len(taken) >= PIECE or size > PAGE_BYTES:
            return piece(), last
        key, last = row["data"]["key"], row["pk"]
        more = {key: row} if row["kind"] == "segment" else {one: segments[one] for one in needed[key] if one not in taken}
        if row["kind"] == "flag":
            flags.append(row)
            size += row_bytes(row["data"]) + row_bytes(configurations.get(key, {}))
        taken |= more
        size += sum(row_bytes(one["data"]) for one in more.values())
    return piece(), None


def _asks(configuration: Row | None) -> bool:
    return configuration is not None and bool(configuration["data"]["prerequisites"])


def _needed(configuration: Row | None, segments: dict[str, Row]) -> list[str]:
    rule = None if configuration is None else configuration["data"]["targeting"]
    return sorted(references(jsontext.read(rule or "null")) & segments.keys())
