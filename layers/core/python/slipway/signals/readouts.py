"""What people ask of the signals at once: who uses a flag, and what a metric came to, by day and variant; from the counters."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from slipway.ports import Span, Store, every
from slipway.signals.counters import Counts, add
from slipway.signals.posted import MILLION
from slipway.tables import COUNTERS

DAYS = 35  # that one answer spans at most
WHOLE = ""  # the variant of everybody


def adoption(store: Store, environment: str, flag: str, first: date, last: date) -> dict[str, dict[str, int]]:
    """Distinct units by day and variant; days without any are left out."""
    return dict(_days(store, f"adopt#{environment}#{flag}", first, last))


def metric(
    store: Store, environment: str, name: str, flag: str | None, first: date, last: date
) -> dict[str, dict[str, dict[str, int | float]]]:
    """By day, and within by variant of the flag, WHOLE for everybody: distinct units, events, and the sum of their values."""
    return {
        day: {
            variant: {
                "units": counts.get(f"units{place}", 0),
                "events": counts.get(f"events{place}", 0),
                "sum": counts.get(f"sum{place}", 0) / MILLION,
            }
            for variant, place in _places(counts, flag)
        }
        for day, counts in _days(store, f"metric#{environment}#{name}", first, last)
    }


def _places(counts: Counts, flag: str | None) -> Iterator[tuple[str, str]]:
    """Of everybody, and of each variant that the flag gave: where it stands among the counts."""
    yield WHOLE, ""
    if flag is not None:
        variants = {name.split("|", 2)[2] for name in counts if name.split("|", 2)[1:2] == [flag]}
        yield from ((variant, f"|{flag}|{variant}") for variant in sorted(variants))


def _days(store: Store, pk: str, first: date, last: date) -> Iterator[tuple[str, Counts]]:
    """All shards of each day together, in order."""
    days: dict[str, Counts] = {}
    for row in every(store, COUNTERS, pk, Span(low=first.isoformat(), high=f"{last.isoformat()}#~")):
        add(days.setdefault(row["sk"].partition("#")[0], {}), row["counts"])
    yield from sorted(days.items())
