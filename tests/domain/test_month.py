"""The demo's month: it can be lived, and twice is once."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from infra.local.flagstories import FLAG_STORIES
from infra.local.seed import Month
from infra.local.visit import PRODUCT
from infra.local.voices import VOICES
from slipway.adapters.memory import MemoryStore
from slipway.feedback.served import Served
from slipway.feedback.statuses import STATUSES
from slipway.flags.control import Control
from slipway.flags.words import sentences
from slipway.rollouts.plan import RolloutListing
from slipway.signals.salts import Salts
from slipway.tables import FEEDBACK, SIGNALS
from tests.catalogue import a_call

END = datetime(2026, 11, 23, 12, tzinfo=UTC)


def lived(store: MemoryStore, end: datetime) -> None:
    month = Month(end, store, store, store, store, "EUR")
    month.work(month.gather())


def test_a_month_is_lived_once_however_often_it_is_seeded() -> None:
    store = MemoryStore()
    lived(store, END)
    before = {table: dict(rows) for table, rows in store.tables.items()}
    lived(store, END + timedelta(minutes=7))
    assert store.tables == before


def test_its_flags_are_in_states_that_one_meets() -> None:
    store = MemoryStore()
    lived(store, END)
    control, call = Control(store), a_call()
    states = {
        (story.flag["key"], stored.data["environment"]): stored
        for story in FLAG_STORIES
        for stored in control.configurations.each(call, str(story.flag["key"]))
    }
    assert {stored.data["enabled"] for stored in states.values()} == {True, False}
    assert states["live-map", "production"].version == 4
    assert sentences(states["live-map", "production"].data)[:2] == [
        ("/targeting/if/0", "If it is in the segment crew: on."),
        ("/targeting/if/2", "Else: 50 % on, 50 % off."),
    ]
    assert control.flags.read("old-booking-form").data["status"] == "archived"
    heads = [row for (_, sk), row in store.tables["flags"].items() if sk == "head"]
    assert sorted(row["kind"] for row in heads if row["kind"] in ("proposal", "schedule")) == [
        "proposal",
        "proposal",
        "schedule",
    ]
    assert control.proposals.expire(call.but(now=END)) == 1
    changed = [stored.updated_at for stored in control.configurations.shelf.versions("flag#live-map#production")]
    assert all(later >= earlier for later, earlier in itertools.pairwise(changed))
    assert all(stored.created_at < call.but(now=END).stamp for stored in states.values())


def test_one_of_its_rollouts_runs_and_something_is_known_of_it() -> None:
    store = MemoryStore()
    lived(store, END)
    rollouts, call = Control(store).rollouts, a_call()
    [back], _ = rollouts.page(call, "one-click-booking", "staging", RolloutListing())
    assert (back.data["state"], back.version) == ("rolled_back", 2)
    [running], _ = rollouts.page(call, "one-click-booking", "production", RolloutListing())
    assert (running.data["state"], running.version, rollouts.under_way()) == ("running", 2, [running.id])
    told = [row for (_, sk), row in store.tables[SIGNALS.name].items() if sk.startswith("unit#")]
    by_stage = {stage: {row["arm"] for row in told if row.get("stage") == stage} for stage in (0, 1)}
    assert by_stage == {0: {"c", "t"}, 1: {"c", "t"}}
    harmed = {row["arm"] for (_, sk), row in store.tables[SIGNALS.name].items() if sk.startswith("met#booking.failed#")}
    assert harmed == {"c", "t"}


def test_its_customers_are_heard() -> None:
    store = MemoryStore()
    lived(store, END)
    heads = [row for (_, sk), row in store.tables[FEEDBACK.name].items() if sk == "head"]
    items = sorted((row for row in heads if row["kind"] == "feedback"), key=lambda row: row["created_at"])
    assert len(items) == len(VOICES)
    assert {row["status"] for row in items} == {*STATUSES}
    assert {row["data"]["type"] for row in items} >= {"bug", "idea", "praise", "question", "nps", "csat", "ces", "rating"}
    assert [row["data"]["merged_into"] for row in items if row["status"] == "duplicate"] == [items[0]["pk"]] * 2
    votes = [sk for _, sk in store.tables[FEEDBACK.name] if sk.startswith("vote#")]
    assert len(votes) == sum(voice.votes for voice in VOICES)
    assert all(row["created_at"] <= row["updated_at"] < a_call().but(now=END).stamp for row in items)
    [board] = [row["data"] for row in heads if row["kind"] == "board"]
    assert (board["product"], board["roadmap"], board["changelog"], board["suggestions"]) == (PRODUCT, True, True, True)


def test_who_met_its_rollout_is_among_them() -> None:
    """So that the demo's inbox shows what they were served."""
    store = MemoryStore()
    lived(store, END)
    served = Served(store, Salts(store, lambda size: b"s" * size))
    captains = {str(voice.told["targeting_key"]): voice for voice in VOICES if "captain" in voice.told.get("targeting_key", "")}
    shown = {who: served.of("production", who, END - timedelta(hours=voice.hours)) for who, voice in captains.items()}
    variants = {who: flags["one-click-booking"]["variant"] for who, flags in shown.items()}
    assert variants == {"captain-43": "on", "captain-44": "on", "captain-45": "on", "captain-41": "off"}
