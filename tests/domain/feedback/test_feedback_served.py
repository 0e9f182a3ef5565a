"""What somebody was served, whatever was recorded: the newest of each flag, of a day, and of nobody else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from slipway.adapters.memory import MemoryStore
from slipway.calls import timestamp
from slipway.feedback.served import BACK, MOST, ON, Served
from slipway.signals import rows
from slipway.signals.salts import Salts, person
from slipway.tables import SIGNALS

CAME = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
Record = tuple[str, str, str, int, int]  # whose, which flag, variant and version, and minutes before the item came
records = st.tuples(
    st.sampled_from(["ada", "bob"]),
    st.sampled_from(["checkout", "search", "theme"]),
    st.sampled_from(["on", "off"]),
    st.integers(0, 3),
    st.integers(-5, 60 * 50),
)


@given(st.lists(records, max_size=30))
def test_it_is_the_newest_of_each_flag_within_a_day(told: list[Record]) -> None:
    store = MemoryStore()
    salts = Salts(store, lambda size: b"s" * size)
    wanted: dict[str, tuple[datetime, int, str]] = {}
    first: dict[tuple[str, ...], datetime] = {}
    for who, flag, variant, version, minutes in sorted(told, key=lambda one: -one[4]):
        at = CAME - timedelta(minutes=minutes)
        now = at.timestamp()
        pk = rows.shown("production", rows.day(now), person(salts.of("production", now), who))
        place = pk, f"{flag}#{variant}#{version}"
        if place in first:  # a row of a day stands as it was put
            continue
        first[place] = at
        store.put(SIGNALS, rows.row(place, now, 2, flag=flag, variant=variant, version=version))
        if who == "ada" and CAME - BACK <= at <= CAME + ON:
            wanted[flag] = max(wanted.get(flag, (at, -1, "")), (at, version, variant))
    found = Served(store, salts).of("production", "ada", CAME)
    assert found == {
        flag: {"variant": variant, "version": version, "at": timestamp(at)} for flag, (at, version, variant) in wanted.items()
    }
    assert len(found) <= MOST
    assert Served(store, salts).of("staging", "ada", CAME) == {}
