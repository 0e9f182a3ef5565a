"""How many signals there are: the table `counters`, one row for each partition of signals that is counted.

    <rollout> / <shard>                                  of `<rollout>#<shard>`
    adopt#<environment>#<flag> / <day>#<shard>           of `adopt#<environment>#<flag>#<day>#<shard>`
    metric#<environment>#<name> / <day>#<shard>          of `metric#<environment>#<name>#<day>#<shard>`

    counts     of a rollout  exposed|<stage>|<arm>|<trust>   met|<metric>|<stage>|<arm>|<trust>   seen|<stage>
                             out|<stage>   none
               of a flag     <variant>
               of a metric   units   events   sum, and each with |<flag>|<variant>; sums in millionths
    networks   of a rollout  <metric>|<stage>|<arm>: how many units of clients each of 64 groups of networks brought; for
                             exposures ~exposed|<stage>|<arm>, ~seen|<stage>|, ~out|<stage>|
    recent     of a rollout  the same two by time of the signals, for the last two WINDOWS: a recount goes on from there
    last       the sequence number of the last record that was counted
    floor      signals from before this millisecond are counted by a recount, and not again
    version    one more with each write

Networks are put into 64 groups by their daily hash: a row stays small, and grouping makes nobody look like several.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from slipway.ports import Row

SCHEMA = 1
GROUPS = 64  # of networks
WINDOW = 600_000  # milliseconds
ROLLOUT, ADOPTION, METRIC = "rol_", "adopt#", "metric#"
KEPT_DAYS = 400
EXPOSED, SEEN, OUT = "~exposed", "~seen", "~out"  # beside the metrics, none of which has such a name

Counts = dict[str, int]  # flat: `net|<metric>|<stage>|<arm>|<group>` for networks


def home(pk: str) -> tuple[str, str] | None:
    """Where a partition of signals is counted; None for one that is not."""
    if pk.startswith(ROLLOUT):
        rollout, _, shard = pk.partition("#")
        return rollout, shard
    if pk.startswith((ADOPTION, METRIC)):
        kind, environment, name, day, shard = pk.split("#")
        return f"{kind}#{environment}#{name}", f"{day}#{shard}"
    return None


def counted(row: Row) -> Counts:
    """What one signal adds. Raises KeyError, ValueError for what is none."""
    kind, _, rest = row["sk"].partition("#")
    if row["pk"].startswith(ADOPTION):
        return {row["variant"]: 1}
    if row["pk"].startswith(METRIC):
        whole = {"units": 1} if kind == "unit" else {"events": 1, **({"sum": row["value"]} if "value" in row else {})}
        split = {f"{name}|{flag}|{variant}": n for name, n in whole.items() for flag, variant in row["variants"].items()}
        return whole | split
    match kind:
        case "unit":
            place = f"{row['stage']}|{row['arm']}"
            return {f"exposed|{place}|{row['trust']}": 1} | _network(f"{EXPOSED}|{place}", row)
        case "vouched" if rest.startswith("met#"):  # servers' own, and of all counted where it was first
            name = rest.split("#")[1]
            place = f"{name}|{row['stage']}|{row['arm']}"
            return {f"met|{place}|server": 1, f"met|{place}|client": -1} | _network(f"{name}|{row['first']}", row, -1)
        case "vouched" if rest.startswith("out#"):
            return _network(f"{OUT}|{row['stage']}|", row, -1)
        case "vouched" if "arm" in row:  # it was a client's, and is a server's
            place = f"{row['stage']}|{row['arm']}"
            moved = {f"exposed|{place}|client": -1, f"exposed|{place}|server": 1}
            return moved | _network(f"{EXPOSED}|{place}", row, -1)
        case "vouched":
            return _network(f"{SEEN}|{row['stage']}|", row, -1)
        case "met":
            place = f"{rest.rpartition('#')[0]}|{row['stage']}|{row['arm']}"
            return {f"met|{place}|{row['trust']}": 1} | _network(place, row)
        case "out" | "seen":
            return {f"{kind}|{row['stage']}": 1} | _network(f"~{kind}|{row['stage']}|", row)
        case "none":
            return {"none": 1}
        case "subject":
            return {}
    raise ValueError(f"{kind} is no signal of a rollout")


def _network(place: str, row: Row, number: int = 1) -> Counts:
    """Of a client: which group of networks brought it."""
    source = row.get("source")
    return {f"net|{place}|{int(source, 16) % GROUPS}": number} if source else {}


def add(counts: Counts, more: Mapping[str, int]) -> None:
    for name, number in more.items():
        counts[name] = counts.get(name, 0) + number
        if not counts[name]:
            del counts[name]


def packed(counts: Mapping[str, int]) -> dict[str, Any]:
    """As a row holds them: `counts` and `networks`."""
    networks: dict[str, list[int]] = {}
    for name, number in counts.items():
        if name.startswith("net|"):
            place, _, group = name.removeprefix("net|").rpartition("|")
            networks.setdefault(place, [0] * GROUPS)[int(group)] = number
    return {"counts": {name: n for name, n in counts.items() if not name.startswith("net|")}, "networks": networks}


def unpacked(held: Mapping[str, Any]) -> Counts:
    networks: Mapping[str, list[int]] = held.get("networks", {})
    return {**held.get("counts", {})} | {
        f"net|{place}|{group}": number for place, groups in networks.items() for group, number in enumerate(groups) if number
    }


def window(at: int) -> int:
    return at // WINDOW * WINDOW


def row(
    home: tuple[str, str], before: Row | None, counts: Counts, recent: Mapping[int, Counts], last: int, floor: int, now: int
) -> Row:
    """The row after one more write; `now`: milliseconds. Only the two newest windows are kept."""
    newest = max(recent, default=0)
    kept = {str(start): packed(some) for start, some in recent.items() if start >= newest - WINDOW}
    return {
        "pk": home[0],
        "sk": home[1],
        "schema": SCHEMA,
        "version": 1 if before is None else before["version"] + 1,
        "last": str(last),  # of up to 40 digits: more than a number of the table holds
        "floor": floor,
        **packed(counts),
        "recent": kept if home[0].startswith(ROLLOUT) else {},
        "expires": now // 1000 + KEPT_DAYS * 86_400,
    }


def recents(row: Row | None) -> dict[int, Counts]:
    return {} if row is None else {int(start): unpacked(held) for start, held in row["recent"].items()}


def total(rows: Iterable[Row]) -> Counts:
    """Of several rows, such as the shards of a rollout."""
    counts: Counts = {}
    for row in rows:
        add(counts, unpacked(row))
    return counts
