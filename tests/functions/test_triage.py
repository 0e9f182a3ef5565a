"""`functions/triage`: what becomes of what people told, through the handler."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.feedback.door import feedback
from functions.triage.handler import Outside, handler, triage
from slipway.access import Principal
from slipway.adapters.lexicon import Lexicon
from slipway.adapters.memory import MemoryBlobs, MemorySchedules, MemoryStore
from slipway.calls import Call
from slipway.feedback.complaints import complains
from slipway.feedback.edits import FeedbackPatch
from slipway.feedback.floods import MOST
from slipway.feedback.item import NewFeedback
from slipway.feedback.people import unit as named
from slipway.feedback.sentiment import SCALES
from slipway.feedback.served import MOST as MOST_FLAGS
from slipway.outbox import due
from slipway.ports import Row, Store, StoreUnavailable
from slipway.resources import Stored
from slipway.signals import rows
from slipway.signals.salts import person
from slipway.tables import FEEDBACK, PRODUCTS, SIGNALS, Table
from tests.collecting import CLIENT, NOW, SERVER, WATCH, Deployment, arm, exposed, outcome, people, unit
from tests.records import arrival

ADA = Principal("member", "mbr_ada", "editor")
GUARDED = json.dumps(
    [*WATCH, {"metric": "feedback.negative", "kind": "feedback"}, {"metric": "feedback.csat", "kind": "activity"}]
)
[TREATED, OTHER, *_] = people("t", 20)
BUG: dict[str, Any] = {"type": "bug", "title": "The new checkout is broken", "targeting_key": TREATED}
HEARD = {contract.name() for contract in handler.contracts}


class Desk:
    """Applications that tell what they showed, people who tell what they think of it. `store`: what triage sees of `memory`."""

    def __init__(self, store: Callable[[MemoryStore], Store] = lambda memory: memory) -> None:
        self.applications = Deployment(watch=GUARDED)
        self.memory = self.applications.memory
        self.memory.put(PRODUCTS, {"pk": "key#mug", "sk": "key", "schema": 1, "id": "prd_1"})
        self.events: list[dict[str, Any]] = []
        self.said: list[dict[str, Any]] = []
        self.memory.listen(self._changed)
        self._drawn = 0
        self.room = feedback(self.memory, self.entropy)
        self.items = self.room.items
        self.attachments, self.shots = MemoryBlobs(), MemorySchedules()
        self.store = store(self.memory)
        self.another()

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.applications.now, UTC)

    def another(self) -> None:
        """An instance with nothing in its memory."""
        there = self.applications
        outside = Outside(there.lake, there.flags, there.keys, self.attachments, self.shots, Lexicon())
        self.use = triage(self.store, outside, lambda: self.now, self.entropy)

    def entropy(self, size: int) -> bytes:
        self._drawn += 1
        return hashlib.shake_256(f"{self._drawn}".encode()).digest(size)

    def call(self, principal: Principal) -> Call:
        self._drawn += 1
        return Call(principal, "feedback.submit", self.now, f"nonce {self._drawn}")

    def submit(self, who: Principal = CLIENT, address: str = "192.0.2.1", **fields: Any) -> str:
        new = NewFeedback.model_validate({"product": "mug", **fields})
        return self.room.submissions.submit(self.call(who), new, address).stored.id

    def patch(self, id: str, **fields: Any) -> Stored:
        return self.room.edits.update(self.call(ADA), id, None, FeedbackPatch.model_validate(fields))

    def settle(self) -> None:
        while self.events:
            self.hear(self.events.pop(0))

    def hear(self, event: dict[str, Any]) -> None:
        self.said.append(event)
        if event["type"] in HEARD:
            with handler.testing(self.use):
                handler(arrival(event), None)

    def told(self, who: Principal = CLIENT, address: str = "192.0.2.1", **fields: Any) -> Stored:
        """What it is once everybody has heard of it."""
        id = self.submit(who, address, **fields)
        self.settle()
        return self.items.read(id)

    def minutes(self, number: int = 2) -> None:
        self.applications.now += 60 * number
        for name in [name for name, at in self.shots.waiting.items() if at <= self.now]:
            del self.shots.waiting[name]
            with handler.testing(self.use):
                handler({"schedule": name}, None)
        self.settle()

    def rows(self, prefix: str) -> list[Row]:
        found = self.memory.tables.get("feedback", {}).items()
        return [row for (pk, sk), row in sorted(found) if f"{pk}/{sk}".startswith(prefix)]

    def met(self, metric: str = "feedback.negative") -> list[tuple[str, str]]:
        """Which units complained, and whose word it is."""
        found = self.applications.rows(f"met#{metric}#")
        return sorted((row["sk"].rpartition("#")[2], row["trust"]) for row in found)

    def _changed(self, table: str, old: Row | None, new: Row | None) -> None:
        self.events += due(old, new) if table == "feedback" else []


@pytest.fixture
def desk() -> Desk:
    return Desk()


# --- what the sender was served -------------------------------------------------------------------------


def test_an_item_has_what_its_sender_was_really_served(desk: Desk) -> None:
    plain = {"id": "1", "type": "exposure", "flag": "plain", "context": {"targetingKey": TREATED}}
    desk.applications.post(exposed(TREATED), who=CLIENT)
    desk.applications.post(plain)
    desk.applications.now += 60
    item = desk.told(**BUG)
    at = "2026-11-23T12:00:00.000Z"
    assert item.data["flags"] == {
        "checkout": {"variant": "on", "version": 2, "at": at},
        "plain": {"variant": "off", "version": 2, "at": at},
    }
    assert item.data["proof"] == "recorded"
    place = f"{item.created_at}#{item.id}"
    assert [(row["pk"], row["sk"]) for row in desk.rows("list#flag#")] == [
        ("list#flag#checkout#on", place),
        ("list#flag#plain#off", place),
    ]
    told = [event for event in desk.said if event["type"] == "feedback.triaged.v1"]
    assert [event["subject"] for event in told] == [item.id]
    assert {change["field"] for change in told[0]["data"]["changes"]} == {"flags", "language", "proof", "sentiment"}
    assert "on" not in json.dumps(told[0]["data"]["changes"]).split('"'), "names of fields, nothing of what is in them"


def test_without_a_record_nothing_is_made_up(desk: Desk) -> None:
    desk.applications.post(exposed(OTHER), who=CLIENT)
    for fields in ({"targeting_key": "stranger"}, {"targeting_key": None}):
        item = desk.told(type="bug", title=f"It drips {fields}", **fields)
        assert (item.data["flags"], item.data["proof"]) == ({}, "unknown")
    assert desk.rows("list#flag#") == []


def test_a_day_back_counts_and_no_more_across_midnight(desk: Desk) -> None:
    """The newest of each flag: whoever was moved on has what it had last."""
    desk.applications.now = NOW - 13 * 3600  # 23:00 of the day before
    desk.applications.post(exposed(TREATED), who=SERVER)
    desk.applications.now = NOW + 10 * 3600
    assert desk.told(**BUG).data["flags"]["checkout"]["at"] == "2026-11-22T23:00:00.000Z"
    desk.applications.now = NOW + 11 * 3600 + 1
    assert desk.told(**BUG | {"title": "A day and a second later"}).data["proof"] == "unknown"
    desk.applications.post(exposed(OTHER), who=SERVER)
    desk.applications.now += 60
    desk.applications.publish(share=0, stage=1)
    context = {"id": "2", "type": "exposure", "flag": "checkout", "context": {"targetingKey": OTHER}}
    desk.applications.another()
    desk.applications.post(context)
    desk.applications.now += 60
    assert desk.told(**BUG | {"targeting_key": OTHER}).data["flags"]["checkout"]["variant"] == "off"


def test_the_newest_flags_are_kept_where_there_are_more(desk: Desk) -> None:
    salt = b"s" * 16
    desk.memory.put(SIGNALS, rows.row(rows.salt("production", "2026-11-23"), NOW, 2, salt=salt))
    pk = rows.shown("production", "2026-11-23", person(salt, TREATED))
    for number in range(MOST_FLAGS + 10):
        told = {"flag": f"f{number:02d}", "variant": "on", "version": 1}
        desk.memory.put(SIGNALS, rows.row((pk, f"f{number:02d}#on#1"), NOW - 600 + number, 2, **told))
    flags = desk.told(**BUG).data["flags"]
    assert sorted(flags) == [f"f{number:02d}" for number in range(10, MOST_FLAGS + 10)]


def test_what_was_on_its_way_is_found_a_minute_later_and_only_then(desk: Desk) -> None:
    item = desk.told(**BUG)
    assert item.data["proof"] == "unknown"
    desk.applications.now += 5
    desk.applications.post(exposed(TREATED), who=CLIENT)
    assert desk.met() == []
    assert [at - desk.now < timedelta(minutes=2) for at in desk.shots.waiting.values()] == [True]
    desk.minutes()
    found = desk.items.read(item.id)
    assert (found.data["proof"], found.data["flags"]["checkout"]["variant"], found.version) == ("recorded", "on", 3)
    assert [row["pk"] for row in desk.rows("list#flag#")] == ["list#flag#checkout#on"]
    assert desk.met() == [(unit(TREATED), "client")]
    with handler.testing(desk.use):
        handler({"schedule": item.id}, None)
    assert desk.items.read(item.id).version == 3


def test_who_stays_unknown_is_looked_at_twice_and_changes_once(desk: Desk) -> None:
    item = desk.told(**BUG)
    desk.minutes()
    assert (desk.items.read(item.id).version, desk.shots.waiting) == (2, {})
    desk.hear(next(event for event in desk.said if event["type"] == "feedback.submitted.v1"))
    assert desk.shots.waiting == {}, "the minute is over"


def test_a_one_shot_of_what_is_not_there_does_nothing(desk: Desk) -> None:
    with handler.testing(desk.use):
        handler({"schedule": "fbk_" + "0" * 26}, None)
    assert desk.events == []


# --- what else is found out -----------------------------------------------------------------------------


def test_how_it_sounds_is_told_by_the_rating_or_in_its_language_by_the_words(desk: Desk) -> None:
    """And by nobody, where no language is sure."""
    for fields, label, by, spoken in (
        ({"type": "nps", "rating": 3}, "negative", "rating", "unknown"),
        ({"type": "csat", "rating": 4, "text": "I hate it and it is awful"}, "positive", "rating", "en"),
        ({"type": "idea", "text": "I love this and it is great, but there is no dark mode"}, "positive", "lexicon", "en"),
        ({"type": "question", "text": "Why is this terrible and awful for me?"}, "negative", "lexicon", "en"),
        ({"type": "idea", "text": "Ich finde das ganz furchtbar und es ist nicht gut"}, "unknown", "lexicon", "de"),
        ({"type": "idea", "title": "Horrible"}, "unknown", "lexicon", "unknown"),
    ):
        data = desk.told(**fields, context={"locale": "en-GB"}).data
        assert (data["sentiment"], data["language"]) == ({"label": label, "by": by}, spoken), fields


def test_it_is_found_by_its_words_once_it_is_sorted(desk: Desk) -> None:
    item = desk.told(**BUG)
    [row] = desk.rows("index#mug/")
    assert (row["sk"], row["shown"]) == (item.id, BUG["title"])


@pytest.mark.parametrize("kept", [True, False])
def test_an_answer_to_a_survey_knows_what_its_giver_was_served_while_it_is_kept(desk: Desk, kept: bool) -> None:
    desk.applications.post(exposed(TREATED))
    id, survey = desk.submit(type="csat", rating=2, targeting_key=TREATED), f"srv_{'1' * 26}"
    item = desk.items.update(desk.call(ADA), id, None, lambda data: {**data, "survey": survey})
    place = {"pk": survey, "sk": f"answer#{item.data['person']}", "schema": 1}
    if kept:
        desk.memory.put(FEEDBACK, {**place, "feedback": id, "score": 2})
    desk.settle()
    flags = desk.items.read(id).data["flags"]
    assert flags["checkout"]["variant"] == "on"
    assert [row["flags"] for row in desk.rows("srv_")] == ([flags] if kept else [])


def test_attachments_are_cleaned(desk: Desk) -> None:
    id = "att_" + "1" * 26
    desk.attachments.put(f"incoming/{id}", b"what it said", content_type="text/plain")
    item = desk.told(**BUG, attachments=[id])
    assert [(one["id"], one["state"]) for one in item.data["attachments"]] == [(id, "ready")]
    assert list(desk.attachments.objects) == [f"clean/{item.id}/{id}"]


def test_of_who_was_erased_meanwhile_nothing_is_found_out(desk: Desk) -> None:
    id = desk.submit(**BUG)
    desk.room.erasure.erase(desk.call(ADA), named("production", TREATED))
    desk.settle()
    data = desk.items.read(id).data
    assert (data["language"], data["proof"], data["sentiment"]["label"]) == ("unknown", "unknown", "unknown")
    assert desk.rows("index#") == desk.rows("list#flag#") == []


# --- people who work on it meanwhile ---------------------------------------------------------------------


def test_what_a_person_did_first_stands(desk: Desk) -> None:
    desk.applications.post(exposed(TREATED))
    id = desk.submit(**BUG)
    desk.patch(id, sentiment="positive", state="spam", tags=["dull"])
    desk.settle()
    data = desk.items.read(id).data
    assert (data["sentiment"], data["state"], data["tags"]) == ({"label": "positive", "by": "hand"}, "spam", ["dull"])
    assert data["proof"] == "recorded"
    assert desk.rows("index#") == []
    assert desk.met() == []


class Between(MemoryStore):
    """Lets `come` happen just before the next transaction of triage."""

    def __init__(self, memory: MemoryStore) -> None:
        super().__init__()
        self.memory, self.come = memory, list[Callable[[], Any]]()
        self.get, self.put, self.query, self.get_many = memory.get, memory.put, memory.query, memory.get_many  # type: ignore[method-assign]

    def transact(self, writes: Any, token: str) -> None:
        while self.come:
            self.come.pop()()
        self.memory.transact(writes, token)


def test_an_edit_in_between_is_read_again_and_decided_anew() -> None:
    desk = Desk(Between)
    desk.applications.post(exposed(TREATED))
    id = desk.submit(**BUG)
    assert isinstance(desk.store, Between)
    desk.store.come.append(lambda: desk.patch(id, sentiment="neutral", status="planned"))
    desk.settle()
    item = desk.items.read(id)
    assert (item.version, item.data["status"], item.data["sentiment"]["by"]) == (3, "planned", "hand")
    assert item.data["flags"]["checkout"]["variant"] == "on"


def test_an_erasure_in_between_leaves_no_words(desk: Desk) -> None:
    desk = Desk(Between)
    id = desk.submit(**BUG)
    assert isinstance(desk.store, Between)
    desk.store.come.append(lambda: desk.room.erasure.erase(desk.call(ADA), named("production", TREATED)))
    desk.settle()
    assert desk.items.read(id).data["proof"] == "unknown"
    assert desk.rows("index#") == []


# --- what it comes to for rollouts ----------------------------------------------------------------------


def test_a_complaint_of_who_was_shown_the_variant_counts_once(desk: Desk) -> None:
    desk.applications.post(exposed(TREATED))
    item = desk.told(SERVER, **BUG)
    submitted = next(event for event in desk.said if event["type"] == "feedback.submitted.v1")
    for _ in range(3):
        desk.another()
        desk.hear(submitted)
    assert desk.met() == [(unit(TREATED), "server")]
    [row] = desk.applications.rows("met#feedback.negative#")
    assert (row["stage"], row["arm"]) == (0, arm(TREATED))
    messages = {row["sk"].rpartition("#")[2] for row in desk.applications.rows("msg#")}
    assert messages == {item.id}
    assert len(desk.applications.rows("msg#")) == 2, "that it was a bug, and that it was negative"
    assert desk.items.read(item.id).version == 2


def test_a_client_s_complaint_is_of_its_network_and_a_client_s_word(desk: Desk) -> None:
    desk.applications.post(exposed(TREATED))
    item = desk.told(CLIENT, **BUG)
    [row] = desk.applications.rows("met#feedback.negative#")
    assert (row["trust"], row["source"]) == ("client", item.data["network"])
    desk.applications.post(outcome(TREATED), who=CLIENT, address="192.0.2.77")
    [told] = desk.applications.rows("met#errors#")
    assert told["source"] == row["source"], "the same network as a signal has it"


def test_one_network_s_complaints_are_five_an_hour(desk: Desk) -> None:
    for number, key in enumerate(people("t", 8)):
        desk.applications.post(exposed(key))
        desk.told(type="bug", title=f"Something else {hashlib.md5(bytes([number])).hexdigest()}", targeting_key=key)
    assert len(desk.met()) == rows.SLOTS


@pytest.mark.parametrize(
    ("fields", "counts"),
    [
        ({"type": "bug", "title": "It is great"}, True),
        ({"type": "csat", "rating": 2}, True),
        ({"type": "csat", "rating": 3}, False),
        ({"type": "nps", "rating": 6}, True),
        ({"type": "nps", "rating": 7}, False),
        ({"type": "ces", "rating": 3}, True),
        ({"type": "rating", "rating": 4}, False),
        ({"type": "idea", "text": "This is terrible and I hate it"}, True),
        ({"type": "idea", "text": "Please make this for the phone"}, False),
        ({"type": "praise", "text": "This is terribly good and not awful"}, False),
        ({"type": "bug", "title": "It drips", "targeting_key": "never-shown"}, False),
        ({"type": "bug", "title": "It drips", "targeting_key": None}, False),
        ({"type": "bug", "title": "It drips", "website": "https://spam.example"}, False),
    ],
)
def test_what_is_negative(desk: Desk, fields: dict[str, Any], counts: bool) -> None:
    desk.applications.post(exposed(TREATED))
    desk.told(SERVER, **{"targeting_key": TREATED, **fields})
    desk.minutes()
    assert (desk.met() != []) is counts


def test_a_rating_is_the_value_of_its_outcome(desk: Desk) -> None:
    desk.applications.post(exposed(TREATED))
    desk.told(SERVER, type="csat", rating=4, targeting_key=TREATED)
    [row] = desk.applications.rows("metric#production#feedback.csat")[-1:]
    assert (row["value"], desk.met("feedback.csat")) == (4_000_000, [(unit(TREATED), "server")])


def test_a_member_s_word_about_somebody_is_no_complaint_of_that_person(desk: Desk) -> None:
    desk.applications.post(exposed(TREATED))
    item = desk.told(ADA, **BUG, environment="production")
    assert item.data["proof"] == "recorded"
    assert desk.met() == []


def test_what_is_held_counts_once_somebody_has_made_it_visible(desk: Desk) -> None:
    desk.applications.post(exposed(TREATED))
    item = desk.told(**BUG, website="https://spam.example")
    assert (item.data["state"], desk.met(), desk.rows("index#")) == ("spam", [], [])
    desk.patch(item.id, tags=["looked-at"])
    desk.settle()
    assert desk.met() == []
    desk.patch(item.id, state="visible", status="planned")
    desk.settle()
    desk.patch(item.id, state="held")
    desk.patch(item.id, state="visible")
    desk.settle()
    assert desk.met() == [(unit(TREATED), "client")]
    assert [row["sk"] for row in desk.rows("index#mug/")] == [item.id]


def test_many_names_of_clients_do_not_keep_complaints_out(desk: Desk) -> None:
    for start in (0, 40):
        desk.applications.post(*(outcome("x", f"m{start + number}") for number in range(40)), who=CLIENT)
    desk.told(type="idea", text="This is terrible and I hate it", targeting_key="x")
    desk.minutes()
    assert [row["pk"].split("#")[2] for row in desk.applications.rows("msg#") if "fbk_" in row["sk"]] == [
        "feedback.idea",
        "feedback.negative",
    ]


def test_every_scale_has_a_place_for_each_label() -> None:
    for kind, (negative, neutral) in SCALES.items():
        data = {"type": kind, "sentiment": {"label": "negative", "by": "rating"}}
        assert negative < neutral
        assert complains(data)


# --- floods ---------------------------------------------------------------------------------------------


def flood(
    desk: Desk, number: int, text: str = "Buy cheap watches at our shop, order number {} today", **more: Any
) -> list[str]:
    states = []
    for count in range(number):
        desk.applications.now += 40
        states.append(desk.told(type="idea", text=text.format(count * 7919), **more).data["state"])
    return states


def test_who_tells_nearly_the_same_over_and_over_is_held_from_then_on(desk: Desk) -> None:
    assert flood(desk, MOST + 3) == ["visible"] * MOST + ["held"] * 3
    assert flood(desk, 1, "The lever is too hard to reach for my hand") == ["visible"], "its other words are not"
    assert flood(desk, 1, address="198.51.100.1") == ["visible"], "and nobody else is"
    held = [event["data"]["changes"] for event in desk.said if event["type"] == "feedback.triaged.v1"][MOST]
    assert {"field": "state", "to": "held", "from": "visible"} in held


def test_what_many_tell_from_many_places_stands(desk: Desk) -> None:
    states = [
        desk.told(type="bug", title="The app does not start", address=f"10.0.{number}.1").data["state"] for number in range(30)
    ]
    assert set(states) == {"visible"}


def test_a_person_is_one_sender_wherever_it_is(desk: Desk) -> None:
    states = [flood(desk, 1, targeting_key="pest", address=f"10.0.{number}.1")[0] for number in range(MOST + 1)]
    assert states == ["visible"] * MOST + ["held"]
    assert flood(desk, 1, targeting_key="somebody", address="10.0.99.1") == ["visible"]


def test_an_hour_later_the_same_is_nothing_of_a_flood(desk: Desk) -> None:
    flood(desk, MOST)
    desk.applications.now += 3600
    assert flood(desk, 1) == ["visible"]


def test_where_a_person_has_touched_it_a_flood_does_not_take_it_away(desk: Desk) -> None:
    flood(desk, MOST)
    id = desk.submit(type="idea", text="Buy cheap watches at our shop, order number 1 today")
    desk.patch(id, tags=["known"])
    desk.settle()
    assert desk.items.read(id).data["state"] == "visible"


def test_the_text_cannot_be_read_from_what_is_kept_of_a_flood(desk: Desk) -> None:
    flood(desk, 1)
    [row] = desk.rows("flood#")
    [secret] = desk.rows("secret#shingles")
    assert set(row) == {"pk", "sk", "schema", "print", "expires"}
    assert len(row["print"]) <= 200
    assert secret["expires"] > row["expires"]


# --- what goes wrong ------------------------------------------------------------------------------------


class Broken(MemoryStore):
    """Loses the acknowledgement of the n-th write of triage."""

    def __init__(self, memory: MemoryStore) -> None:
        super().__init__()
        self.memory, self.left, self.writes = memory, -1, 0
        self.get, self.query, self.get_many = memory.get, memory.query, memory.get_many  # type: ignore[method-assign]

    def put(self, table: Table, row: Row, condition: Any = None) -> None:
        self.memory.put(table, row, condition)
        self._lose()

    def transact(self, writes: Any, token: str) -> None:
        self.memory.transact(writes, token)
        self._lose()

    def _lose(self) -> None:
        self.writes += 1
        self.left -= 1
        if self.left == 0:
            raise StoreUnavailable("no answer")


def test_whichever_acknowledgement_is_lost_everything_is_there_once() -> None:
    whole = Desk(Broken)
    whole.applications.post(exposed(TREATED))
    item = whole.told(**BUG)
    assert isinstance(whole.store, Broken)
    writes = whole.store.writes
    assert writes > 5
    for number in range(1, writes + 1):
        desk = Desk(Broken)
        desk.applications.post(exposed(TREATED))
        id = desk.submit(**BUG)
        assert isinstance(desk.store, Broken)
        desk.store.left = number
        submitted = desk.events[0]
        with pytest.raises(StoreUnavailable):
            desk.settle()
        desk.another()
        desk.hear(submitted)
        desk.settle()
        found = desk.items.read(id)
        assert (found.version, found.data["flags"]) == (2, item.data["flags"])
        assert (desk.met(), len(desk.applications.rows("msg#"))) == (whole.met(), 2)


def test_an_item_that_is_not_there_any_more_is_nothing_to_do(desk: Desk) -> None:
    id = desk.submit(**BUG)
    del desk.memory.tables["feedback"][id, "head"]
    desk.settle()
    assert [event["type"] for event in desk.said] == ["feedback.submitted.v1"]
