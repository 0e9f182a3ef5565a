"""The inbox through its door: lists, changes, notes, many at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from functions.feedback.door import Feedback
from functions.feedback.handler import api, handler
from slipway.access import Principal
from slipway.feedback.edits import BulkView
from slipway.feedback.notes import FeedbackNoteView
from slipway.feedback.views import FeedbackView
from slipway.history import VersionView
from slipway.outbox import envelopes
from slipway.tables import ACCESS
from tests.catalogue import START, Faulty, a_call
from tests.functions.events import ADMIN, EDITOR, VIEWER, Reply, call
from tests.inboxes import VISITOR, a_flag, a_member, changed, forgotten, furnished, indexed, rows, served, told

PATH = "/v1/feedback"
BULK = f"{PATH}/bulk"


@pytest.fixture(autouse=True)
def use() -> Iterator[Feedback]:
    use = furnished()
    with api.testing(use=use, now=START):
        yield use


def listed(query: str = "", principal: Principal = VIEWER) -> Reply:
    return call(handler, "GET", PATH, query=query, principal=principal)


def patched(id: str, match: str = "*", query: str = "", principal: Principal = EDITOR, **fields: Any) -> Reply:
    return call(handler, "PATCH", f"{PATH}/{id}", fields, headers={"If-Match": match}, query=query, principal=principal)


def faults(reply: Reply) -> list[tuple[str, str]]:
    return [(fault["pointer"], fault["code"]) for fault in reply.json["errors"]]


# --- lists --------------------------------------------------------------------------------------------------


def test_a_list_opens_what_it_shows(use: Feedback) -> None:
    first, second = told(use, 0, title="Quieter", text="Please."), told(use, 1, title="Louder")
    forgotten(use, second)
    reply = listed()
    assert reply.status == 200
    for item in reply.json["items"]:
        FeedbackView.model_validate(item)
    shown = [(item["id"], item["title"], item["text"], item["erased"]) for item in reply.json["items"]]
    assert shown == [(first.id, "Quieter", "Please.", False), (second.id, None, None, True)]
    assert "next_cursor" not in reply.json


def test_a_page_leads_to_the_next(use: Feedback) -> None:
    ids = [told(use, number).id for number in range(3)]
    first = listed("limit=2&product=grinder")
    assert [item["id"] for item in first.json["items"]] == ids[:2]
    assert first.headers["link"].startswith(f"<{PATH}?limit=2&product=grinder&cursor=")
    second = listed(f"limit=2&product=grinder&cursor={first.json['next_cursor']}")
    assert [item["id"] for item in second.json["items"]] == ids[2:]
    other = listed(f"limit=2&status=new&cursor={first.json['next_cursor']}")
    assert (other.status, other.json["code"]) == (400, "bad_cursor")


def test_what_is_held_and_spam_is_listed_when_asked_for(use: Feedback) -> None:
    held, spam, mine = (told(use, number).id for number in range(3))
    assert [patched(held, state="held").status, patched(spam, state="spam").status] == [200, 200]
    ids = {state: [item["id"] for item in listed(f"state={state}").json["items"]] for state in ("visible", "held", "spam")}
    assert ids == {"visible": [mine], "held": [held], "spam": [spam]}
    assert [item["id"] for item in listed().json["items"]] == [mine]
    assert patched(held, state="visible").status == 200
    assert [item["id"] for item in listed("status=new").json["items"]] == [held, mine]


def test_items_are_found_by_the_variant_that_their_sender_had_and_by_words(use: Feedback) -> None:
    on, off = told(use, 0, title="Burrs squeak", text="Since Monday"), told(use, 1, title="Burrs are fine")
    for stored, variant in ((on, "on"), (off, "off")):
        served(use, stored, "burrs", variant)
        indexed(use, stored)
    assert [item["id"] for item in listed("flag=burrs&variant=on").json["items"]] == [on.id]
    assert [item["id"] for item in listed("product=grinder&words=MONDAY+burrs").json["items"]] == [on.id]
    assert [item["id"] for item in listed("product=grinder&words=monday+fine").json["items"]] == []
    assert [item["id"] for item in listed("product=grinder&title_prefix=burrs%20ARE").json["items"]] == [off.id]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("flag=burrs", "/query/variant"),
        ("words=quieter", "/query/product"),
        ("status=done", "/query/status"),
        ("state=hidden", "/query/state"),
        ("min_rating=11", "/query/min_rating"),
        ("min_rating=4&max_rating=3", "/query/min_rating"),
        ("assignee=ada", "/query/assignee"),
        ("sentiment=bad", "/query/sentiment"),
        ("product=a%23b", "/query/product"),
    ],
)
def test_what_cannot_be_looked_for_is_said(query: str, pointer: str) -> None:
    reply = listed(query)
    assert reply.status == 422
    assert [fault["pointer"] for fault in reply.json["errors"]] == [pointer]


def test_who_may_look_and_who_may_sort(use: Feedback) -> None:
    id = told(use).id
    assert listed(principal=VISITOR).status == 403
    assert patched(id, principal=VIEWER, tags=["a"]).status == 403
    assert call(handler, "POST", BULK, {"ids": [id], "change": {"status": "planned"}}, principal=VIEWER).status == 403
    assert call(handler, "POST", f"{PATH}/{id}/notes", {"text": "Hm"}, principal=VIEWER).status == 403
    assert call(handler, "GET", f"{PATH}/{id}/notes", principal=VISITOR).status == 403


# --- changes ------------------------------------------------------------------------------------------------


def test_a_change_is_a_version_and_an_event_without_words(use: Feedback) -> None:
    id, member = told(use).id, a_member(use.items.shelf.store)
    a_flag(use.items.shelf.store, "burrs")
    fields: dict[str, Any] = {
        "status": "planned",
        "tags": ["noise", "burrs", "noise"],
        "assignee": member,
        "reply": "Soon!",
        "headline": "A quieter grinder",
        "links": [{"flag": "burrs", "environment": "production"}] * 2,
        "type": "bug",
        "sentiment": "negative",
    }
    reply = patched(id, '"1"', **fields)
    assert (reply.status, reply.headers["etag"]) == (200, '"2"')
    FeedbackView.model_validate(reply.json)
    said = {name: reply.json[name] for name in fields}
    assert said == fields | {
        "tags": ["burrs", "noise"],
        "links": fields["links"][:1],
        "sentiment": {"label": "negative", "by": "hand"},
    }
    assert reply.json["title"] == "Quieter"
    (row,) = rows(use, f"{id}/head")
    (event,) = envelopes(row)
    assert (event["type"], event["data"]["before"], event["data"]["after"]) == ("feedback.status_changed.v1", "new", "planned")
    assert {change["field"] for change in event["data"]["changes"]} == set(fields)
    assert not any(word in str(event) for word in ("Soon", "quieter", "Quieter"))
    patched(id, tags=[])
    (row,) = rows(use, f"{id}/head")
    assert [event["type"] for event in envelopes(row)] == ["feedback.updated.v1"]


def test_null_takes_away_and_what_changes_nothing_makes_no_version(use: Feedback) -> None:
    id = told(use).id
    assert patched(id, tags=["a"], reply="Soon!", headline="Quiet").json["version"] == 2
    reply = patched(id, tags=None, reply=None, headline="")
    assert faults(reply) == [("/headline", "empty")]
    reply = patched(id, tags=None, reply="", headline=None)
    assert (reply.json["tags"], reply.json["reply"], reply.json["headline"]) == ([], None, None)
    assert patched(id, tags=[], status="new").headers["etag"] == '"3"'
    (row,) = rows(use, f"{id}/head")
    assert {"tags", "reply", "headline"}.isdisjoint(row["data"])


def test_a_change_that_is_only_validated_writes_nothing(use: Feedback) -> None:
    id = told(use).id
    reply = patched(id, query="validate_only=true", status="planned")
    assert (reply.status, reply.json["status"], reply.json["version"]) == (200, "planned", 2)
    assert "etag" not in reply.headers
    assert call(handler, "GET", f"{PATH}/{id}").json["version"] == 1
    assert patched(id, query="validate_only=true", status="duplicate").status == 409


def test_a_change_holds_the_version_that_was_read(use: Feedback) -> None:
    id = told(use).id
    assert call(handler, "PATCH", f"{PATH}/{id}", {"tags": []}, principal=EDITOR).status == 428
    assert patched(id, tags=["a"]).status == 200
    late = patched(id, '"1"', tags=["b"])
    assert (late.status, late.headers["etag"]) == (412, '"2"')
    assert patched("fbk_" + "0" * 26, tags=["a"]).status == 404


def test_a_status_that_may_not_follow_is_refused_with_those_that_may(use: Feedback) -> None:
    id = told(use).id
    patched(id, status="declined")
    reply = patched(id, status="shipped")
    assert (reply.status, faults(reply)) == (409, [("/status", "move_not_allowed")])
    assert "under_review or planned" in reply.json["detail"]
    assert "merge" in patched(id, status="duplicate").json["detail"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"assignee": "mbr_" + "0" * 26}, ("/assignee", "unknown_member")),
        ({"assignee": "ada"}, ("/assignee", "invalid_id")),
        ({"links": [{"flag": "burrs", "environment": "production"}]}, ("/links/0/flag", "unknown_flag")),
        ({"links": [{"flag": "burrs"}]}, ("/links/0/environment", "required")),
        ({"links": [{"flag": "hopper", "environment": "prod"}]}, ("/links/0/environment", "unknown_environment")),
        ({"type": "nps"}, ("/type", "not_one_of")),
        ({"type": None}, ("/type", "not_one_of")),
        ({"status": "done"}, ("/status", "not_one_of")),
        ({"tags": ["A B"]}, ("/tags/0", "invalid_tag")),
        ({"headline": "x" * 201}, ("/headline", "too_long")),
        ({"title": "Mine"}, ("/title", "unknown")),
        ({"sentiment": "bad"}, ("/sentiment", "not_one_of")),
    ],
)
def test_what_cannot_be_is_said(use: Feedback, fields: dict[str, Any], expected: tuple[str, str]) -> None:
    a_flag(use.items.shelf.store, "hopper")
    reply = patched(told(use).id, **fields)
    assert (reply.status, faults(reply)) == (422, [expected])


def test_a_member_who_is_gone_is_assigned_nothing(use: Feedback) -> None:
    store = use.items.shelf.store
    member = a_member(store)
    id = told(use).id
    assert patched(id, assignee=member).status == 200
    row = store.get(ACCESS, member, "head")
    assert row is not None
    store.put(ACCESS, {**row, "data": {**row["data"], "status": "removed"}})
    assert faults(patched(told(use, 1).id, assignee=member)) == [("/assignee", "unknown_member")]
    assert patched(id, assignee=None).json["assignee"] is None


def test_a_flag_finds_what_is_linked_to_it(use: Feedback) -> None:
    for flag in ("burrs", "hopper"):
        a_flag(use.items.shelf.store, flag)
    id = told(use).id
    changed(use, id, links=[{"flag": "burrs", "environment": "production"}, {"flag": "hopper", "environment": "staging"}])
    assert [(row["pk"], row["sk"]) for row in rows(use, "list#link#")] == [
        ("list#link#burrs#production", id),
        ("list#link#hopper#staging", id),
    ]
    changed(use, id, links=[{"flag": "hopper", "environment": "production"}])
    assert [row["pk"] for row in rows(use, "list#link#")] == ["list#link#hopper#production"]
    changed(use, id, links=None)
    assert rows(use, "list#link#") == []


def test_the_versions_tell_who_changed_what_and_nothing_that_people_wrote(use: Feedback) -> None:
    id = told(use, title="Quieter", email="ada@example.com", consent=True).id
    patched(id, status="planned", tags=["a"])
    reply = call(handler, "GET", f"{PATH}/{id}/versions", principal=VIEWER)
    for version in reply.json["items"]:
        VersionView.model_validate(version)
    newest, first = reply.json["items"]
    assert newest["actor"] == "member:mbr_editor"
    assert {change["field"]: (change.get("from"), change["to"]) for change in newest["changes"]} == {
        "status": ("new", "planned"),
        "tags": (None, ["a"]),
    }
    assert {"product", "type", "status"} <= {change["field"] for change in first["changes"]}
    assert not any(word in str(reply.json) for word in ("Quieter", "ada@", "psn_", "sealed"))
    assert call(handler, "GET", f"{PATH}/fbk_{'0' * 26}/versions").status == 404


# --- many at once -------------------------------------------------------------------------------------------


def sent(ids: list[str], key: str = "", principal: Principal = EDITOR, **change: Any) -> Reply:
    headers = {"Idempotency-Key": key} if key else {}
    return call(handler, "POST", BULK, {"ids": ids, "change": change}, headers=headers, principal=principal)


def test_of_many_each_is_changed_by_itself(use: Feedback) -> None:
    new, declined = told(use, 0).id, told(use, 1).id
    changed(use, declined, status="declined")
    missing = "fbk_" + "0" * 26
    reply = sent([new, declined, missing, new], status="shipped", add_tags=["burrs"])
    assert reply.status == 207
    BulkView.model_validate(reply.json)
    assert [(item["id"], item["status"], item.get("version")) for item in reply.json["items"]] == [
        (new, 200, 2),
        (declined, 409, None),
        (missing, 404, None),
        (new, 200, 2),
    ]
    assert reply.json["items"][1]["problem"]["code"] == "move_not_allowed"
    again = sent([new], status="shipped", add_tags=["burrs"])
    assert again.json["items"] == [{"id": new, "status": 200, "version": 2}]


def test_tags_are_put_on_and_taken_off(use: Feedback) -> None:
    id = told(use).id
    changed(use, id, tags=["a", "b"])
    sent([id], add_tags=["c"], remove_tags=["a"])
    assert use.items.read(id).data["tags"] == ["b", "c"]
    sent([id], remove_tags=["b", "c"])
    assert "tags" not in use.items.read(id).data
    changed(use, id, tags=[f"t{number}" for number in range(20)])
    (item,) = sent([id], add_tags=["one-more"]).json["items"]
    assert (item["status"], item["problem"]["errors"][0]["pointer"]) == (422, "/change/add_tags")


def test_a_key_makes_a_change_one_of_its_own_whatever_comes_after(use: Feedback) -> None:
    ids = [told(use, number).id for number in range(2)]
    first = sent(ids, "once", status="planned")
    changed(use, ids[0], status="in_progress")
    again = sent(ids, "once", status="planned")
    assert [item["version"] for item in first.json["items"]] == [2, 2]
    assert [item["version"] for item in again.json["items"]] == [3, 2]
    assert use.items.read(ids[0]).data["status"] == "in_progress"
    assert sent(ids, status="planned").json["items"][0]["version"] == 4
    other = sent(ids, "once", status="shipped")
    assert (other.status, other.json["code"]) == (422, "idempotency_mismatch")
    marks = [row for start in ("bulk#", *(f"{id}/bulk#" for id in ids)) for row in rows(use, start)]
    assert len(marks) == 3
    assert {row["expires"] for row in marks} == {int(START.timestamp()) + 35 * 24 * 3600}


def test_a_key_holds_where_an_item_was_as_it_should_be(use: Feedback) -> None:
    id = told(use).id
    changed(use, id, status="planned")
    first = sent([id], "once", status="planned")
    changed(use, id, 2, status="declined")
    again = sent([id], "once", status="planned")
    assert [reply.json["items"][0]["version"] for reply in (first, again)] == [2, 3]
    assert use.items.read(id).data["status"] == "declined"


def test_a_key_is_of_one_bulk_change(use: Feedback) -> None:
    one, two = told(use, 0).id, told(use, 1).id
    sent(["fbk_" + "0" * 26], "refused", status="planned")
    sent([one], "once", status="planned")
    for key, ids, fields in (("once", [two], {"status": "planned"}), ("refused", [two], {"add_tags": ["a"]})):
        reply = sent(ids, key, **fields)
        assert (reply.status, reply.json["code"]) == (422, "idempotency_mismatch")
    assert use.items.read(two).version == 1


def test_what_was_refused_is_tried_again_under_its_key(use: Feedback) -> None:
    id = told(use).id
    changed(use, id, status="declined")
    assert sent([id], "once", status="shipped").json["items"][0]["status"] == 409
    changed(use, id, 2, status="planned")
    assert sent([id], "once", status="shipped").json["items"] == [{"id": id, "status": 200, "version": 4}]


@pytest.mark.parametrize("fault", ["before", "after"])
@pytest.mark.parametrize("number", range(3))
def test_a_bulk_change_of_nothing_that_broke_off_holds_once_it_was_answered(fault: str, number: int) -> None:
    store = Faulty()
    use = furnished(store)
    ids = [told(use, number).id for number in range(2)]
    for id in ids:
        changed(use, id, status="planned")
    getattr(store, fault).add(store.writes + number)
    with api.testing(use=use, now=START):
        assert sent(ids, "once", status="planned").status == 503
        assert sent(ids, "once", status="planned").status == 207
        for id in ids:
            changed(use, id, 2, status="declined")
        done = sent(ids, "once", status="planned")
    assert [item["version"] for item in done.json["items"]] == [3, 3]


@pytest.mark.parametrize("fault", ["before", "after"])
@pytest.mark.parametrize("number", range(4))
def test_a_bulk_change_that_broke_off_is_finished_and_changes_nothing_twice(fault: str, number: int) -> None:
    store = Faulty()
    use = furnished(store)
    ids = [told(use, number).id for number in range(3)]
    getattr(store, fault).add(store.writes + number)
    with api.testing(use=use, now=START):
        broken = sent(ids, "once", status="planned", add_tags=["a"])
        assert broken.status == 503
        done = sent(ids, "once", status="planned", add_tags=["a"])
    assert [item["version"] for item in done.json["items"]] == [2, 2, 2]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"ids": [], "change": {"status": "planned"}}, ("/ids", "too_short")),
        ({"ids": ["fbk_1"], "change": {"status": "planned"}}, ("/ids/0", "invalid_id")),
        ({"ids": ["fbk_" + "0" * 26] * 101, "change": {"status": "planned"}}, ("/ids", "too_long")),
        ({"ids": ["fbk_" + "0" * 26], "change": {}}, ("/change", "empty")),
        (
            {"ids": ["fbk_" + "0" * 26], "change": {"add_tags": ["a", "b"], "remove_tags": ["b"]}},
            ("/change/remove_tags", "also_added"),
        ),
        ({"ids": ["fbk_" + "0" * 26], "change": {"reply": "Hi"}}, ("/change/reply", "unknown")),
        ({"ids": ["fbk_" + "0" * 26], "change": {"assignee": "mbr_" + "0" * 26}}, ("/change/assignee", "unknown_member")),
    ],
)
def test_a_bulk_change_that_cannot_be_is_refused_whole(body: dict[str, Any], expected: tuple[str, str]) -> None:
    reply = call(handler, "POST", BULK, body, principal=EDITOR)
    assert (reply.status, faults(reply)) == (422, [expected])


# --- notes --------------------------------------------------------------------------------------------------


def noted(id: str, text: str, key: str = "", principal: Principal = EDITOR) -> Reply:
    headers = {"Idempotency-Key": key} if key else {}
    return call(handler, "POST", f"{PATH}/{id}/notes", {"text": text}, headers=headers, principal=principal)


def notes(id: str, query: str = "") -> Reply:
    return call(handler, "GET", f"{PATH}/{id}/notes", query=query, principal=VIEWER)


def test_notes_are_kept_in_their_order_with_who_wrote_them(use: Feedback) -> None:
    id = told(use).id
    made = noted(id, " Ada called.\r\nAgain. ")
    assert made.status == 201
    FeedbackNoteView.model_validate(made.json)
    assert made.json["text"] == "Ada called.\nAgain."
    with api.testing(now=a_call(5).now):
        noted(id, "Done?", principal=ADMIN)
    items = notes(id).json["items"]
    assert [(item["text"], item["author"]) for item in items] == [
        ("Ada called.\nAgain.", "member:mbr_editor"),
        ("Done?", "admin:key_admin"),
    ]
    assert items[0] == made.json


def test_notes_come_page_by_page(use: Feedback) -> None:
    id = told(use).id
    for number in range(5):
        with api.testing(now=a_call(number).now):
            noted(id, f"{number}")
    found, asked = list[str](), "limit=2"
    while asked:
        reply = notes(id, asked)
        found += [item["text"] for item in reply.json["items"]]
        asked = f"limit=2&cursor={reply.json['next_cursor']}" if "next_cursor" in reply.json else ""
    assert found == ["0", "1", "2", "3", "4"]


def test_one_key_makes_one_note_whenever_it_is_sent_again(use: Feedback) -> None:
    id = told(use).id
    first = noted(id, "Hm", "once")
    with api.testing(now=a_call(60).now):
        again = noted(id, "Hm", "once")
    assert (again.status, again.json) == (201, first.json)
    assert again.headers["idempotency-replayed"] == "true"
    assert noted(id, "Other", "once").json["code"] == "idempotency_mismatch"
    assert len(notes(id).json["items"]) == 1


def test_a_note_whose_acknowledgement_was_lost_is_made_once() -> None:
    store = Faulty()
    use = furnished(store)
    id = told(use).id
    store.after.add(store.writes)
    with api.testing(use=use):
        assert noted(id, "Hm", "once").status == 503
        assert noted(id, "Hm", "once").status == 201
        assert len(notes(id).json["items"]) == 1


def test_notes_go_with_the_person(use: Feedback) -> None:
    stored = told(use)
    noted(stored.id, "It is Ada")
    assert "Ada" not in str(rows(use, stored.id))
    forgotten(use, stored)
    (item,) = notes(stored.id).json["items"]
    assert (item["text"], item["author"]) == (None, "member:mbr_editor")
    assert noted(stored.id, "Who was it?").status == 409


@pytest.mark.parametrize("text", ["", "  ", "\u200b", "a\u202eb", "x" * 4_001])
def test_a_note_says_something(use: Feedback, text: str) -> None:
    reply = noted(told(use).id, text)
    assert (reply.status, [pointer for pointer, _ in faults(reply)]) == (422, ["/text"])


def test_notes_belong_to_an_item(use: Feedback) -> None:
    missing = "fbk_" + "0" * 26
    assert [noted(missing, "Hm").status, notes(missing).status] == [404, 404]
    first, second = told(use, 0).id, told(use, 1).id
    for number in range(2):
        noted(first, f"{number}")
    cursor = notes(first, "limit=1").json["next_cursor"]
    assert notes(second, f"cursor={cursor}").json["code"] == "bad_cursor"
