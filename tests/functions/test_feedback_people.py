"""`functions/feedback`: what is known of a person is told to it, and forgotten for good."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from functions.feedback.handler import api
from infra import data, service
from slipway import cursors
from slipway.adapters.aead import AesGcm
from slipway.audit import KEPT
from slipway.edge import observe
from slipway.feedback import people, sealing
from slipway.feedback.dossier import MOST
from slipway.feedback.erasure import STORES
from slipway.flags.environments import Environments, NewEnvironment
from slipway.outbox import due
from slipway.ports import Put, Row, StoreUnavailable
from slipway.tables import FEEDBACK
from tests.catalogue import a_call
from tests.functions.events import VIEWER, call
from tests.functions.test_feedback import BUG, CLIENT, SERVER, Room, faults

WORDS = (
    "The lever snaps",
    "under my thumb",
    "ada@example.com",
    "user-ada-17",
    "example.com/levers",
    "Phone of Ada",
    "session-9f",
)
ADA: dict[str, Any] = {
    "title": WORDS[0],
    "text": WORDS[1],
    "email": WORDS[2],
    "consent": True,
    "targeting_key": WORDS[3],
    "context": {"url": f"https://{WORDS[4]}", "device": WORDS[5], "session": WORDS[6]},
}
UNIT: dict[str, Any] = {"targeting_key": WORDS[3], "environment": "production"}


class Watched(Room):
    """And sees every row that ever stood, every event and every line of the log."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Row] = []
        self.events: list[Any] = []
        self.lines: list[str] = []
        self.store.listen(self.changed)

    def changed(self, table: str, old: Row | None, new: Row | None) -> None:
        self.seen += [image for image in (old, new) if image is not None]
        if table == FEEDBACK.name:
            self.events += due(old, new)


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    made = Watched()
    monkeypatch.setattr(observe, "sink", made.lines.append)
    with api.testing(use=made.use, now=lambda: made.now):
        yield made


def rows(room: Room) -> dict[tuple[str, str], Row]:
    return room.store.tables[FEEDBACK.name]


def vote(room: Room, item: str, person: str) -> None:
    row = {"pk": item, "sk": f"vote#{person}", "schema": 1, "person": person, "created_at": "2026-11-01T00:00:00.000Z"}
    room.store.transact([Put(FEEDBACK, row)], "vote")


def person(room: Room, id: str) -> str:
    return str(rows(room)[id, "head"]["person"])


def test_everything_about_a_person_and_nothing_of_anybody_else(room: Watched) -> None:
    mine = [room.told(**ADA), room.told(BUG, SERVER, targeting_key=WORDS[3])]
    bobs = room.told(targeting_key="bob", text="Not hers")
    vote(room, bobs["id"], person(room, mine[0]["id"]))
    told = room.ask("/v1/people/export", UNIT)
    assert told["people"] == [person(room, mine[0]["id"])]
    assert sorted(one["id"] for one in told["feedback"]) == sorted(one["id"] for one in mine)
    assert {one["id"]: one for one in told["feedback"]}[mine[0]["id"]] == mine[0]
    assert told["beside"] == [{"item": bobs["id"], "what": "vote", "created_at": "2026-11-01T00:00:00.000Z"}]
    nothing: dict[str, Any] = {"people": [], "feedback": [], "notes": [], "beside": []}
    assert room.ask("/v1/people/export", {**UNIT, "environment": "staging"}) == nothing
    assert room.ask("/v1/people/export", {"person": "psn_" + "0" * 26}) == nothing
    assert room.ask("/v1/people/export", {"person": told["people"][0]}) == told


def test_more_than_a_page_of_it(room: Watched) -> None:
    for number in range(230):
        room.tell(principal=SERVER, targeting_key="ada", title=f"{number}")
    pages = exported(room, {"targeting_key": "ada", "environment": "production"})
    assert max(len(page["feedback"]) for page in pages) == MOST
    assert sorted(int(one["title"]) for page in pages for one in page["feedback"]) == list(range(230))


def exported(room: Room, subject: dict[str, Any]) -> list[dict[str, Any]]:
    """Every page."""
    pages = [room.ask("/v1/people/export", subject)]
    while "next_cursor" in pages[-1]:
        pages.append(room.ask("/v1/people/export", {**subject, "cursor": pages[-1]["next_cursor"]}))
    return pages


def test_a_page_is_never_more_than_a_function_may_answer(room: Watched) -> None:
    for _ in range(60):
        room.tell(principal=SERVER, targeting_key="ada", text="\U0001f98a" * 10_000)
    pages = exported(room, {"targeting_key": "ada", "environment": "production"})
    assert len({one["id"] for page in pages for one in page["feedback"]}) == 60
    assert [len(page["feedback"]) for page in pages] == [25, 25, 10], "of about 40 KB each"


def test_the_notes_on_the_items_are_told_with_them_however_many(room: Watched) -> None:
    mine, bobs = [room.told(**ADA), room.told(**ADA)], room.told(targeting_key="bob", text="Not hers")
    written = {(item["id"], note(room, item["id"], f"{number}")) for item in mine for number in range(MOST + 9)}
    note(room, bobs["id"], "Of somebody else")
    pages = exported(room, UNIT)
    told = [one for page in pages for one in page["notes"]]
    assert len(told) == len(written)
    assert {(one["item"], one["id"]) for one in told} == written
    assert {one["text"] for one in told} == {f"{number}" for number in range(MOST + 9)}
    assert sorted(one["id"] for page in pages for one in page["feedback"]) == sorted(one["id"] for one in mine)


def note(room: Room, id: str, text: str) -> str:
    return str(call(api, "POST", f"/v1/feedback/{id}/notes", {"text": text}).json["id"])


def test_a_cursor_is_of_one_person_and_of_a_place_that_there_may_be(room: Watched) -> None:
    for number in range(MOST + 1):
        room.tell(principal=SERVER, targeting_key="ada", title=f"{number}")
    cursor = room.ask("/v1/people/export", {"targeting_key": "ada", "environment": "production"})["next_cursor"]
    assert call(api, "POST", "/v1/people/export", {**UNIT, "cursor": cursor}).status == 400
    lookup = room.use.people.lookup(people.unit("production", "ada"))
    place = {"person": "psn_" + "0" * 26, "created_at": "x", "pk": "fbk_" + "0" * 26, "sk": "head", "note": ""}
    made = cursors.encode(["people.export", lookup], place)
    body = {"targeting_key": "ada", "environment": "production", "cursor": made}
    assert call(api, "POST", "/v1/people/export", body).status == 400


def test_an_address_means_all_who_gave_it(room: Watched) -> None:
    given: dict[str, Any] = {"email": "ada@example.com", "consent": True}
    nobody, ada, member = room.told(**given), room.told(targeting_key="ada", **given), room.told(principal=VIEWER, **given)
    told = room.ask("/v1/people/export", {"email": "ada@example.com"})
    assert {one["id"] for one in told["feedback"]} == {nobody["id"], ada["id"], member["id"]}
    assert len(told["people"]) == 3
    assert room.ask("/v1/people/export", {"member": VIEWER.id})["feedback"] == [member]


def test_an_address_that_another_gave_in_a_persons_name_tells_and_forgets_nothing_of_that_person(room: Watched) -> None:
    """Anybody may send somebody's targeting key with an address of their own."""
    hers, bobs = room.told(**ADA), room.told(targeting_key="bob", text="Not hers")
    pid = person(room, hers["id"])
    note(room, hers["id"], "Of hers")
    vote(room, bobs["id"], pid)
    eves = room.told(targeting_key=WORDS[3], title="x", email="eve@example.com", consent=True)
    note(room, eves["id"], "Of Eve's")
    told = room.ask("/v1/people/export", {"email": "EVE@example.com "})
    assert ([one["id"] for one in told["feedback"]], [one["text"] for one in told["notes"]]) == ([eves["id"]], ["Of Eve's"])
    assert (told["people"], told["beside"]) == ([pid], [])
    refused = call(api, "POST", "/v1/people/erase", {"email": "eve@example.com"})
    assert (refused.status, pid in refused.json["detail"]) == (409, True)
    assert call(api, "GET", f"/v1/feedback/{hers['id']}", principal=VIEWER).json["text"] == WORDS[1]


def test_by_an_address_nobody_is_forgotten_while_one_of_them_has_a_name(room: Watched) -> None:
    given: dict[str, Any] = {"email": "ada@example.com", "consent": True}
    nobody, ada, member = room.told(**given), room.told(targeting_key="ada", **given), room.told(principal=VIEWER, **given)
    refused = call(api, "POST", "/v1/people/erase", {"email": "ada@example.com"})
    for item in (ada, member):
        assert person(room, item["id"]) in refused.json["detail"]
    assert "`person` or `targeting_key`" in refused.json["detail"]
    assert call(api, "GET", f"/v1/feedback/{nobody['id']}", principal=VIEWER).json["erased"] is False
    for item in (ada, member):
        room.ask("/v1/people/erase", {"person": person(room, item["id"])})
    (certificate,) = room.ask("/v1/people/erase", {"email": "ada@example.com"})["certificates"]
    assert certificate["person"] == person(room, nobody["id"])


def test_pages_by_an_address_go_past_what_does_not_hold_it(room: Watched) -> None:
    given: dict[str, Any] = {"email": "ada@example.com", "consent": True}
    first = room.told(principal=SERVER, targeting_key="ada", **given)
    others = [room.told(principal=SERVER, targeting_key="ada", title=f"{number}") for number in range(2 * MOST)]
    last = room.told(principal=SERVER, targeting_key="ada", **given)
    for other in others:
        note(room, other["id"], "Of no such item")
    pages = exported(room, {"email": "ada@example.com"})
    assert {one["id"] for page in pages for one in page["feedback"]} == {first["id"], last["id"]}
    assert len(pages) > 1, "what is looked at counts, so that a page comes in time"
    assert not [one for page in pages for one in page["notes"]]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/targeting_key"),
        ({"targeting_key": "ada"}, "/environment"),
        ({"environment": "production"}, "/targeting_key"),
        ({"email": "a@example.com", "member": "mbr_1"}, "/member"),
        ({**UNIT, "email": "a@example.com"}, "/email"),
        ({**UNIT, "person": "psn_" + "0" * 26}, "/person"),
        ({"email": "a@example.com", "environment": "production"}, "/environment"),
    ],
    ids=str,
)
@pytest.mark.parametrize("what", ["export", "erase"])
def test_a_request_names_one_person(room: Watched, what: str, body: Any, pointer: str) -> None:
    assert faults(call(api, "POST", f"/v1/people/{what}", body)) == [(pointer, "one_person")]
    for principal in (VIEWER, CLIENT, SERVER):
        assert call(api, "POST", f"/v1/people/{what}", UNIT, principal=principal).status == 403


@pytest.mark.parametrize("what", ["export", "erase"])
def test_an_environment_that_never_was_is_no_answer(room: Watched, what: str) -> None:
    reply = call(api, "POST", f"/v1/people/{what}", {**UNIT, "environment": "prodution"})
    assert (reply.status, faults(reply)) == (422, [("/environment", "unknown_environment")])
    environments, made = Environments(room.store), a_call(operation="environments.create")
    environments.create(made, NewEnvironment(name="preview"))
    environments.delete(made, "preview", None)
    assert call(api, "POST", f"/v1/people/{what}", {**UNIT, "environment": "preview"}).status == 200


@pytest.mark.parametrize(("name", "id"), [("person", "psn_1"), ("member", "ada")])
def test_what_is_no_id_is_told_in_a_sentence(room: Watched, name: str, id: str) -> None:
    reply = call(api, "POST", "/v1/people/export", {name: id})
    assert (reply.status, faults(reply)) == (422, [(f"/{name}", "pattern")])
    assert reply.json["errors"][0]["detail"].startswith(f"The id of a {name} is `")


def test_who_is_erased_is_read_by_nobody_and_the_item_stays(room: Watched) -> None:
    mine, bobs = room.told(**ADA), room.told(targeting_key="bob", text="Not hers")
    room.use.items.update(a_call(), mine["id"], None, lambda data: {**data, "tags": ["lever"]})
    rows(room)["index#mug", mine["id"]] = {"pk": "index#mug", "sk": mine["id"], "schema": 1, "words": ["lever", "snaps"]}
    pid = person(room, mine["id"])
    (certificate,) = room.ask("/v1/people/erase", UNIT)["certificates"]
    assert certificate["person"] == pid
    read = call(api, "GET", f"/v1/feedback/{mine['id']}", principal=VIEWER).json
    assert read["erased"] is True
    gone = ("title", "text", "email", "targeting_key")
    assert [read[name] for name in gone] == [None] * len(gone)
    assert (read["context"]["url"], read["consent"], read["status"], read["tags"]) == (None, False, "new", ["lever"])
    assert call(api, "GET", f"/v1/feedback/{bobs['id']}", principal=VIEWER).json["text"] == "Not hers"
    left = {place for place, row in rows(room).items() if pid in repr((place, row))}
    assert left == {(mine["id"], "head"), (mine["id"], "v#0000000001"), (pid, "head")}
    assert not [pk for pk, _ in rows(room) if pk.startswith("index#")]
    assert room.ask("/v1/people/export", UNIT)["people"] == []


def test_no_byte_of_it_is_anywhere_before_or_after(room: Watched) -> None:
    """Only the search's own words stand in plain, and those are not here: in every row that ever stood, every event and every
    line of the log there is nothing of what was told; and what is sealed opens with no key that is left."""
    mine = room.told(**ADA)
    room.use.items.update(a_call(), mine["id"], None, lambda data: {**data, "status": "planned"})
    room.ask("/v1/people/export", UNIT)
    sealed = [bytes(row["data"]["sealed"]) for row in room.seen if "sealed" in row.get("data", {})]
    keys = {bytes(row["secret"]) for row in room.seen if "secret" in row}
    assert any(opens(key, one, mine["id"]) for key in keys for one in sealed), "or the next line could not fail"
    room.ask("/v1/people/erase", UNIT)
    left = {bytes(row["secret"]) for row in rows(room).values() if "secret" in row}
    assert len(left) == len(keys) - 1
    assert not any(opens(key, one, mine["id"]) for key in left for one in sealed)
    everything = repr(room.seen) + json.dumps(room.events) + "".join(room.lines)
    assert [type for type in ("submitted", "status_changed", "erased") if f".{type}.v1" not in everything] == []
    for word in WORDS:
        for form in (word, word.lower(), word.split()[-1], word.encode().hex()):
            assert form not in everything, form


def opens(key: bytes, sealed: bytes, id: str) -> bool:
    try:
        return bool(sealing.opened(AesGcm(), key, sealed, id))
    except ValueError:
        return False


def test_again_it_finds_nobody_and_tells_nothing_twice(room: Watched) -> None:
    room.told(**ADA)
    assert len(room.ask("/v1/people/erase", UNIT)["certificates"]) == 1
    for subject in (UNIT, {"email": WORDS[2]}):
        assert room.ask("/v1/people/erase", subject) == {"certificates": []}
    assert [event["type"] for event in room.events].count("person.erased.v1") == 1


def test_by_its_id_who_was_erased_gets_the_same_certificate_again(room: Watched) -> None:
    mine = room.told(**ADA)
    pid = person(room, mine["id"])
    first = room.ask("/v1/people/erase", UNIT)
    room.now += timedelta(days=1)
    assert room.ask("/v1/people/erase", {"person": pid}) == first
    assert room.ask("/v1/people/erase", {"person": "psn_" + "0" * 26}) == {"certificates": []}
    assert [event["type"] for event in room.events].count("person.erased.v1") == 1


def test_who_is_named_by_an_id_is_erased_like_any_other(room: Watched) -> None:
    pid = person(room, room.told(**ADA)["id"])
    (certificate,) = room.ask("/v1/people/erase", {"person": pid})["certificates"]
    assert certificate["person"] == pid
    assert room.ask("/v1/people/export", UNIT)["people"] == []


def test_what_broke_off_is_finished_by_the_next_try(room: Watched) -> None:
    """Whichever answer is lost: at the end nothing leads to the person, and it was told once."""
    lost = 0
    while True:
        mine = room.told(**ADA)
        asked = Losing(room, lost)
        if asked.answers == [200]:
            break
        assert asked.answers == [503, 200]
        pid = person(room, mine["id"])
        assert {place for place, row in rows(room).items() if pid in repr((place, row))} == {
            (mine["id"], "head"),
            (pid, "head"),
        }
        assert sum(event["subject"] == pid and event["type"] == "person.erased.v1" for event in room.events) == 1
        lost += 1
    assert lost >= 2


class Losing:
    """Erases, without the acknowledgement of that write; then again."""

    def __init__(self, room: Room, number: int) -> None:
        transact, count = room.store.transact, iter(range(100))

        def losing(writes: Any, token: str) -> None:
            transact(writes, token)
            if next(count) == number:
                raise StoreUnavailable("no answer")

        room.store.transact = losing  # type: ignore[method-assign]
        self.answers = [call(api, "POST", "/v1/people/erase", UNIT).status]
        room.store.transact = transact  # type: ignore[method-assign]
        if self.answers == [503]:
            self.answers.append(call(api, "POST", "/v1/people/erase", UNIT).status)


def test_who_tells_something_afterwards_is_a_new_person(room: Watched) -> None:
    first = room.told(**ADA)
    room.ask("/v1/people/erase", UNIT)
    second = room.told(**ADA)
    assert second["erased"] is False
    assert person(room, first["id"]) != person(room, second["id"])
    assert [one["id"] for one in room.ask("/v1/people/export", UNIT)["feedback"]] == [second["id"]]


def test_who_tells_something_meanwhile_is_a_new_person(room: Watched) -> None:
    """After the key is gone, and before what leads to it is."""
    first = room.told(**ADA)
    transact, told = room.store.transact, list[Any]()

    def meanwhile(writes: Any, token: str) -> None:
        transact(writes, token)
        room.store.transact = transact  # type: ignore[method-assign]
        told.append(room.told(**ADA))

    room.store.transact = meanwhile  # type: ignore[method-assign]
    room.ask("/v1/people/erase", UNIT)
    (second,) = told
    again = call(api, "GET", f"/v1/feedback/{second['id']}", principal=VIEWER).json
    assert (again["text"], person(room, second["id"]) != person(room, first["id"])) == (WORDS[1], True)
    assert [one["id"] for one in room.ask("/v1/people/export", UNIT)["feedback"]] == [second["id"]]


def test_who_is_erased_between_two_steps_of_a_submission_is_not_lost(room: Watched) -> None:
    """The key was read, and is gone when the item would be sealed with it: the item is a new person's."""
    room.told(**ADA)
    transact = room.store.transact

    def erased_first(writes: Any, token: str) -> None:
        room.store.transact = transact  # type: ignore[method-assign]
        room.ask("/v1/people/erase", UNIT)
        transact(writes, token)

    room.store.transact = erased_first  # type: ignore[method-assign]
    assert room.told(**ADA, submission_id="x")["text"] == WORDS[1]


def test_the_certificate_names_every_store_and_when_its_last_copy_goes(room: Watched) -> None:
    room.told(**ADA)
    (certificate,) = room.ask("/v1/people/erase", UNIT)["certificates"]
    erased = datetime.fromisoformat(certificate["erased_at"])
    until = {
        one["store"]: None if one["until"] is None else (datetime.fromisoformat(one["until"]) - erased) / timedelta(days=1)
        for one in certificate["stores"]
    }
    assert until == {store: days for store, _, days in STORES}
    assert until["backups of the table"] == 35  # as far back as a table can be restored
    assert until["stream of the table"] == 1
    assert until["audit"] == KEPT.days
    assert until["lake"] == data.LAKE_DAYS
    assert until["archive of events"] == service.ARCHIVE_DAYS
