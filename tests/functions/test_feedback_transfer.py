"""Feedback as files, through its door: posts of other tools in, everything out."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from functions.feedback.door import Feedback
from functions.feedback.handler import api, handler
from slipway import importing
from slipway.access import Principal
from slipway.feedback import people, posts, transfer
from slipway.feedback.boards import BoardPatch
from slipway.feedback.imported import PostsView
from slipway.feedback.transfer import COLUMNS
from slipway.feedback.views import FeedbackView
from slipway.ports import every
from slipway.tables import FEEDBACK
from tests.catalogue import START, Counting, Faulty, a_call
from tests.functions.events import EDITOR, VIEWER, Reply, call
from tests.inboxes import changed, forgotten, furnished, heads, rows, told

PATH = "/v1/feedback"
FIDER = """number,title,description,created_at,created_by,votes_count,comments_count,status,responded_by,responded_at,response,\
original_number,original_title,tags
1,Dark mode,Please,2026-01-12T01:46:59Z,Ada Lovelace,12,3,planned,Bo,2026-02-01T00:00:00Z,Soon!,,,"ui, night"
2,Night mode,,2026-01-13T01:46:59Z,Grace,3,0,duplicate,Bo,2026-02-01T00:00:00Z,,1,Dark mode,
3,"Line
breaks",,2026-01-14T01:46:59Z,Grace,0,0,parked,,,,,,
"""
CANNY = """Title,Details,Board,Status,Score,Tags,Author Email,Comments,URL
Dark mode,Please,Ideas,in progress,12,ui,Ada@Example.com,"Bo: on it",https://a.canny.io/p/dark
Quieter,,Ideas,open,1,,nobody,2,https://a.canny.io/p/quieter
"""


@pytest.fixture(autouse=True)
def use() -> Iterator[Feedback]:
    use = furnished(None, "grinder", "kettle")
    with api.testing(use=use, now=START):
        yield use


def sent(body: str | bytes, query: str = "source=fider", key: str = "", principal: Principal = EDITOR) -> Reply:
    headers = {"Content-Type": "text/csv"} | ({"Idempotency-Key": key} if key else {})
    return call(handler, "POST", f"{PATH}/import", body, headers=headers, query=f"product=grinder&{query}", principal=principal)


def counted(reply: Reply) -> tuple[int, int, int]:
    assert reply.status == 200
    PostsView.model_validate(reply.json)
    return reply.json["lines"], reply.json["created"], reply.json["existing"]


def listed(query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = call(handler, "GET", PATH, query=query, principal=VIEWER).json["items"]
    return sorted(found, key=lambda item: item["title"])


def many(count: int) -> str:
    return "title,status\n" + "".join(f"Post {number},open\n" for number in range(count))


# --- in -----------------------------------------------------------------------------------------------------


def test_what_fider_exports_comes_in(use: Feedback) -> None:
    reply = sent(FIDER)
    assert counted(reply) == (3, 3, 0)
    assert reply.json["notes"] == [{"line": 4, "detail": "its status is not one of ours: it comes in as new"}]
    dark, odd, night = listed()
    for item in (dark, odd, night):
        FeedbackView.model_validate(item)
    said = {name: dark[name] for name in ("title", "text", "status", "type", "tags", "reply", "imported_votes", "origin")}
    assert said == {
        "title": "Dark mode",
        "text": "Please",
        "status": "planned",
        "type": "idea",
        "tags": ["night", "ui"],
        "reply": "Soon!",
        "imported_votes": 12,
        "origin": "import",
    }
    assert dark["imported"] == {"source": "fider", "reference": "1", "created_at": "2026-01-12T01:46:59Z"}
    assert (odd["title"], odd["text"], odd["status"], night["status"]) == ("Line breaks", None, "new", "declined")
    (note,) = call(handler, "GET", f"{PATH}/{night['id']}/notes", principal=VIEWER).json["items"]
    assert note["text"] == "A duplicate in Fider, of #1: Dark mode"
    assert "Lovelace" not in str([*every(use.items.shelf.store, FEEDBACK, dark["id"])])
    assert rows(use, "person#") == []


def test_what_canny_exports_comes_in_and_addresses_only_when_asked_for(use: Feedback) -> None:
    assert counted(sent(CANNY, "source=canny")) == (2, 2, 0)
    dark, _ = listed()
    assert (dark["status"], dark["imported_votes"], dark["email"]) == ("in_progress", 12, None)
    assert dark["imported"]["reference"] == "https://a.canny.io/p/dark"
    (note,) = call(handler, "GET", f"{PATH}/{dark['id']}/notes", principal=VIEWER).json["items"]
    assert (note["text"], note["author"]) == ("Bo: on it", "member:mbr_editor")
    assert rows(use, "person#") == []

    refused = sent(CANNY, "source=canny&emails=true")
    assert (refused.status, [fault["pointer"] for fault in refused.json["errors"]]) == (422, ["/lines/3/email"])
    assert counted(sent(CANNY.replace("nobody", ""), "source=canny&emails=true&type=bug")) == (2, 2, 0)
    with_address, _ = listed("type=bug")
    assert (with_address["email"], with_address["consent"]) == ("ada@example.com", False)
    (row,) = rows(use, use.people.lookup(people.email("ADA@example.com")))
    assert row["pid"] == use.items.read(with_address["id"]).data["person"]
    assert not any("@example" in str(row) for row in rows(use, ""))


def test_what_a_board_scrubs_is_scrubbed_of_a_file_as_well(use: Feedback) -> None:
    file = CANNY.replace("Please", "Write to bob@example.com").replace("Bo: on it", "Call +49 30 1234567").replace("nobody", "")
    sent(file, "source=canny")
    (item,) = (item for item in listed() if item["title"] == "Dark mode")
    assert item["text"] == "Write to [e-mail]"
    (note,) = call(handler, "GET", f"{PATH}/{item['id']}/notes", principal=VIEWER).json["items"]
    assert note["text"] == "Call [phone]"
    use.boards.update(a_call(operation="boards.update"), "grinder", None, BoardPatch(scrub=False))
    sent(file, "source=canny&type=bug")
    assert "Write to bob@example.com" in [item["text"] for item in listed("type=bug")]


def test_of_an_address_that_is_all_that_was_written_the_fragment_stays() -> None:
    sent("title,description\nA,https://x.de/help#cups\n")
    assert [item["text"] for item in listed()] == ["https://x.de/help#cups"]


def test_the_same_import_again_makes_nothing_twice(use: Feedback) -> None:
    assert counted(sent(FIDER)) == (3, 3, 0)
    changed(use, listed()[0]["id"], status="shipped")
    with api.testing(now=a_call(60).now):
        again = sent(FIDER)
    assert (counted(again), again.headers["idempotency-replayed"]) == ((3, 0, 3), "true")
    assert counted(sent(FIDER + "4,More,,,,,,,,,,,,\n")) == (4, 4, 0)  # another file is another import
    assert len(heads(use)) == 7
    assert sum(row["sk"].startswith("note#") for row in rows(use, "fbk_")) == 2


def test_the_same_file_is_another_import_into_another_product() -> None:
    into = {"product=grinder": 3, "product=kettle": 3, "product=grinder&type=bug": 3, "product=grinder&emails=true": 3}
    headers = {"Content-Type": "text/csv"}
    for query, made in into.items():
        for created in (made, 0):
            asked = f"source=fider&{query}"
            reply = call(handler, "POST", f"{PATH}/import", FIDER, headers=headers, query=asked, principal=EDITOR)
            assert counted(reply) == (3, created, 3 - created)
    assert sent(FIDER, "source=fider", "once").status == 200
    assert sent(FIDER, "source=fider&type=bug", "once").json["code"] == "idempotency_mismatch"


def test_a_key_belongs_to_one_file() -> None:
    assert counted(sent(many(2), key="once")) == (2, 2, 0)
    assert counted(sent(many(2), key="once")) == (2, 0, 2)
    assert sent(many(3), key="once").json["code"] == "idempotency_mismatch"
    assert sent(many(3), "source=fider&validate_only=true", key="once").json["code"] == "idempotency_mismatch"
    assert counted(sent(many(2), key="twice")) == (2, 2, 0)


@pytest.mark.parametrize("fault", ["before", "after"])
@pytest.mark.parametrize("number", range(4))
def test_an_import_that_broke_off_is_finished(fault: str, number: int) -> None:
    store = Faulty()
    use = furnished(store)
    getattr(store, fault).add(store.writes + number)
    with api.testing(use=use, now=START):
        assert sent(many(30), key="once").status == 503
        lines, created, existing = counted(sent(many(30), key="once"))
    assert (lines, created + existing) == (30, 30)
    assert len(heads(use)) == 30
    assert len(rows(use, "psn_")) == 30


def test_an_import_that_meets_part_of_itself_writes_the_rest(use: Feedback) -> None:
    store = Faulty()
    use = furnished(store)
    with api.testing(use=use, now=START):
        counted(sent(many(30), key="once"))
        gone = heads(use)[::4]
        for stored in gone:
            del store.tables["feedback"][stored.id, "head"]
        assert counted(sent(many(30), key="once")) == (30, len(gone), 30 - len(gone))


def test_what_is_only_validated_writes_nothing() -> None:
    store = Counting()
    use = furnished(store)
    with api.testing(use=use, now=START):
        before = len(store.requests)
        assert counted(sent(FIDER, "source=fider&validate_only=true")) == (3, 3, 0)
        assert {*store.requests[before:]} <= {"get", "get_many"}
        sent(FIDER)
        assert counted(sent(FIDER, "source=fider&validate_only=true")) == (3, 0, 3)
    assert len(heads(use)) == 3


def test_all_lines_are_checked_before_the_first_is_written(use: Feedback) -> None:
    file = f"title,votes_count,description\nGood,1,\n,2,\n{'x' * 201},3,\nOdd,many,\nBad,1,a\u202eb\nShort,1\n"
    reply = sent(file)
    assert (reply.status, [(fault["pointer"], fault["code"]) for fault in reply.json["errors"]]) == (
        422,
        [
            ("/lines/3/title", "empty"),
            ("/lines/4/title", "too_long"),
            ("/lines/5/votes", "type"),
            ("/lines/6/text", "forbidden_character"),
            ("/lines/7", "wrong_cells"),
        ],
    )
    assert heads(use) == []


@pytest.mark.parametrize(
    ("body", "query", "status"),
    [
        ("", "source=fider", 400),
        ("who,what\n1,2\n", "source=fider", 422),
        ("title\n", "source=fider", 422),
        ("title\nA\n", "source=trello", 422),
        ("title\nA\n", "", 422),
        ("title\nA\n", "source=fider&type=nps", 422),
        (many(importing.LINES + 1), "source=fider", 413),
        ("title\n\xff".encode("latin-1"), "source=fider", 400),
    ],
)
def test_a_file_that_cannot_be_taken_is_refused(body: str | bytes, query: str, status: int) -> None:
    assert sent(body, query).status == status


def test_a_file_that_is_not_utf_8_is_told_so() -> None:
    reply = sent("title\nCafé\n".encode("latin-1"))
    assert (reply.status, reply.json["detail"]) == (400, "The file is not UTF-8: byte 9 cannot be decoded.")


def test_columns_that_are_not_those_of_the_source_are_named(use: Feedback) -> None:
    wrong = sent("Post Title,Post Details\nA,B\n")
    (fault,) = wrong.json["errors"]
    assert (wrong.status, fault["pointer"], fault["code"]) == (422, "/lines/1", "unknown_columns")
    assert all(column in fault["detail"] for column in posts.FIDER)
    twice = sent("title,Status ,status,,\nA,open,planned,,\n")
    (fault,) = twice.json["errors"]
    assert (twice.status, fault["pointer"], fault["code"]) == (422, "/lines/1", "duplicate")
    assert "name status;" in fault["detail"]
    assert heads(use) == []


@pytest.mark.parametrize("created", ["yesterday", "2026-13-01T00:00:00Z", "2026-01-12T25:00:00Z", "99999-01-01", "1768182419"])
def test_what_is_no_moment_is_told_and_not_kept(created: str) -> None:
    reply = sent(f"number,title,created_at\n1,A,{created}\n2,B,\n3,C,2026-01-12 01:46:59+01:00\n")
    assert counted(reply) == (3, 3, 0)
    assert [(note["line"], "no moment" in note["detail"]) for note in reply.json["notes"]] == [(2, True)]
    assert [item["imported"]["created_at"] for item in listed()] == [None, None, "2026-01-12 01:46:59+01:00"]


def test_a_reference_is_scrubbed_and_told_where_it_comes_again(use: Feedback) -> None:
    file = "url,title\nhttps://u:p@x.de/?token=secret#a,A\nada@example.com,B\nada@example.com,C\n,D\n,E\n"
    reply = sent(file, "source=canny")
    assert reply.json["notes"] == [{"line": 4, "detail": "line 3 has its reference too"}]
    kept = [item["imported"]["reference"] for item in listed()]
    assert kept == ["https://x.de/?token=[secret]", "[e-mail]", "[e-mail]", None, None]
    use.boards.update(a_call(operation="boards.update"), "grinder", None, BoardPatch(scrub=False))
    sent(file, "source=canny&type=bug")
    assert "ada@example.com" in [item["imported"]["reference"] for item in listed("type=bug")]


def test_an_import_belongs_to_a_product() -> None:
    headers = {"Content-Type": "text/csv"}
    reply = call(
        handler, "POST", f"{PATH}/import", FIDER, headers=headers, query="source=fider&product=teapot", principal=EDITOR
    )
    assert (reply.status, reply.json["errors"][0]["pointer"]) == (422, "/query/product")
    assert sent(FIDER, principal=VIEWER).status == 403


def test_an_import_costs_two_writes_a_post_in_groups() -> None:
    store = Counting()
    use = furnished(store)
    with api.testing(use=use, now=START):
        made = store.counted(lambda: sent(many(120)))
    assert made.count("transact") == 120 / transfer.GROUP
    assert len(made) == made.count("transact") + 2  # whether the product is there, and its board


def test_posts_with_all_that_they_can_have_still_fit_into_a_transaction() -> None:
    comments = "\n".join(["x" * 100] * 200)
    lines = [f'Post {number},{number}@example.com,"{comments}"' for number in range(transfer.GROUP + 1)]
    reply = sent("title,email,comments\n" + "\n".join(lines), "source=canny&emails=true")
    assert counted(reply) == (transfer.GROUP + 1, transfer.GROUP + 1, 0)
    assert {note["detail"] for note in reply.json["notes"]} == {"its comments are too long to be kept whole"}
    notes = call(handler, "GET", f"{PATH}/{listed()[0]['id']}/notes", principal=VIEWER).json["items"]
    assert len(notes) == posts.REMARKS


# --- out ----------------------------------------------------------------------------------------------------


def exported(query: str = "format=csv") -> str:
    text, link = "", f"/v1/feedback/export?{query}"
    while link:
        path, _, asked = link.partition("?")
        reply = call(handler, "GET", path, query=asked, principal=VIEWER)
        assert reply.status == 200
        text += reply.body.decode()
        link = reply.headers.get("link", "").removeprefix("<").partition(">")[0]
    return text


def test_everything_is_exported_and_no_address(use: Feedback) -> None:
    mine = told(use, 0, title="=1+1", text="two\nlines", email="ada@example.com", consent=True, targeting_key="user-1")
    changed(use, mine.id, tags=["a", "b"], sentiment="negative", status="planned")
    gone = told(use, 1, product="kettle")
    changed(use, gone.id, state="spam")
    forgotten(use, gone)
    sent(CANNY.replace("nobody", ""), "source=canny&emails=true")
    records = [*csv.DictReader(io.StringIO(exported()))]
    assert [tuple(record) for record in records[:1]] == [COLUMNS]
    by_id = {record["id"]: record for record in records}
    assert set(by_id) == {stored.id for stored in heads(use)}
    assert (by_id[mine.id]["title"], by_id[mine.id]["text"]) == ("'=1+1", "two\nlines")
    assert (by_id[mine.id]["tags"], by_id[mine.id]["sentiment"]) == ("a;b", "negative")
    assert (by_id[gone.id]["title"], by_id[gone.id]["erased"], by_id[gone.id]["state"]) == ("", "true", "spam")
    lines = [json.loads(line) for line in exported("format=jsonl").splitlines()]
    assert {line["id"]: line["title"] for line in lines}[mine.id] == "=1+1"
    assert {tuple(line) for line in lines} == {COLUMNS}
    for file in (exported(), exported("format=jsonl")):
        assert not any(word in file for word in ("example.com", "user-1", "psn_"))


def test_the_feedback_of_one_product_is_exported(use: Feedback) -> None:
    told(use, 0)
    mine = told(use, 1, product="kettle")
    lines = exported("format=jsonl&product=kettle").splitlines()
    assert [json.loads(line)["id"] for line in lines] == [mine.id]


def test_a_big_inbox_comes_in_pieces_that_are_one_file(use: Feedback, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [told(use, number, text="x" * 100).id for number in range(25)]
    whole = exported()
    monkeypatch.setattr(transfer, "PAGE_BYTES", 1_000)
    assert exported() == whole
    assert [record["id"] for record in csv.DictReader(io.StringIO(whole))] == ids
    first = call(handler, "GET", f"{PATH}/export", query="format=csv&product=grinder", principal=VIEWER)
    assert "format=csv&product=grinder&cursor=" in first.headers["link"]
    cursor = first.headers["link"].partition("cursor=")[2].partition(">")[0]
    other = call(handler, "GET", f"{PATH}/export", query=f"format=jsonl&cursor={cursor}", principal=VIEWER)
    assert other.json["code"] == "bad_cursor"
