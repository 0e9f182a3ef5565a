"""Boards through their door."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from functions.feedback.door import Feedback
from functions.feedback.handler import api, handler
from slipway.access import Principal
from slipway.adapters.memory import MemoryStore
from slipway.cursors import encode
from slipway.feedback.boards import BoardPatch, Boards, BoardView
from slipway.feedback.switches import DEFAULTS
from slipway.outbox import envelopes
from slipway.ports import Row
from slipway.tables import Table
from tests.catalogue import START, Faulty, a_call
from tests.functions.events import EDITOR, VIEWER, Reply, call
from tests.inboxes import VISITOR, furnished, rows

PATH = "/v1/boards"


@pytest.fixture(autouse=True)
def use() -> Iterator[Feedback]:
    use = furnished(None, "grinder", "kettle", "mug")
    with api.testing(use=use, now=START):
        yield use


def read(product: str = "grinder", principal: Principal = VIEWER) -> Reply:
    return call(handler, "GET", f"{PATH}/{product}", principal=principal)


def patched(product: str = "grinder", match: str = "*", query: str = "", principal: Principal = EDITOR, **fields: Any) -> Reply:
    return call(handler, "PATCH", f"{PATH}/{product}", fields, headers={"If-Match": match}, query=query, principal=principal)


def test_a_board_that_nobody_changed_says_the_defaults() -> None:
    reply = read()
    BoardView.model_validate(reply.json)
    never = {"product": "grinder", "created_at": None, "updated_at": None, "version": 0}
    assert (reply.json, reply.headers["etag"]) == ({**DEFAULTS, **never}, '"0"')
    assert not any(reply.json[name] for name in ("roadmap", "changelog", "suggestions"))
    assert read("teapot").status == 404
    assert read(principal=VISITOR).status == 403


def test_a_change_is_merged_into_what_stands(use: Feedback) -> None:
    first = patched(match='"0"', roadmap=True, form={"seconds": 5}, labels={"shipped": "Done!", "planned": "Soon"})
    assert (first.status, first.headers["etag"]) == (200, '"1"')
    BoardView.model_validate(first.json)
    assert (first.json["roadmap"], first.json["form"]) == (True, {"token": False, "seconds": 5})
    second = patched(match='"1"', labels={"shipped": None}, form={"token": True}, notify={"email": True})
    assert second.json["labels"] == {"planned": "Soon"}
    assert second.json["form"] == {"token": True, "seconds": 5}
    assert second.json["notify"] == {"email": True}
    third = patched(labels=None, form=None, notify={})
    assert (third.json["labels"], third.json["form"], third.json["notify"]) == ({}, DEFAULTS["form"], {"email": True})
    assert read().json == third.json
    assert use.boards.of("grinder")["roadmap"] is True
    told = [event for row in rows(use, "board#grinder/") for event in envelopes(row)]
    assert sorted(event["sequence"] for event in told) == [1, 2, 3]
    assert {event["type"] for event in told} == {"board.updated.v1"}
    assert "Done!" not in str(told)


def test_a_change_holds_the_version_that_was_read() -> None:
    assert call(handler, "PATCH", f"{PATH}/grinder", {"roadmap": True}, principal=EDITOR).status == 428
    assert patched(match='"1"', roadmap=True).status == 412
    assert patched(roadmap=True).json["version"] == 1
    late = patched(match='"0"', changelog=True)
    assert (late.status, late.headers["etag"]) == (412, '"1"')
    assert patched(roadmap=True).headers["etag"] == '"1"'
    assert patched(roadmap=True, principal=VIEWER).status == 403
    assert patched("teapot", roadmap=True).status == 404


def test_a_change_that_is_only_validated_writes_nothing() -> None:
    assert patched(query="validate_only=true", roadmap=True).json["version"] == 1
    assert read().json["version"] == 0
    patched(roadmap=True)
    assert patched(query="validate_only=true", changelog=True).json["version"] == 2
    assert read().json["version"] == 1


class Contested(MemoryStore):
    """After the next reading of a board another writer is faster."""

    rival = True

    def get(self, table: Table, pk: str, sk: str) -> Row | None:
        row = super().get(table, pk, sk)
        if pk.startswith("board#") and self.rival:
            self.rival = False
            Boards(self).update(a_call(), "grinder", None, BoardPatch(changelog=True))
        return row


@pytest.mark.parametrize(("match", "status"), [("*", 200), ('"0"', 412)])
def test_of_two_who_are_the_first_none_is_lost(match: str, status: int) -> None:
    store = Contested()
    use = furnished(store)
    with api.testing(use=use, now=START):
        assert patched(match=match, roadmap=True).status == status
        board = read().json
    assert (board["changelog"], board["roadmap"], board["version"]) == (True, status == 200, 1 + (status == 200))


def test_a_first_change_whose_acknowledgement_was_lost_is_made_once() -> None:
    store = Faulty()
    use = furnished(store)
    store.after.add(store.writes)
    with api.testing(use=use, now=START):
        assert patched(roadmap=True).status == 503
        assert patched(roadmap=True).json["version"] == 1


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"roadmap": "yes"}, "/roadmap"),
        ({"roadmap": None}, "/roadmap"),
        ({"form": {"seconds": -1}}, "/form/seconds"),
        ({"form": {"seconds": 3_601}}, "/form/seconds"),
        ({"form": {"seconds": True}}, "/form/seconds"),
        ({"form": {"minutes": 1}}, "/form/minutes"),
        ({"labels": {"done": "Done"}}, "/labels/done"),
        ({"labels": {"shipped": "x" * 41}}, "/labels/shipped"),
        ({"notify": {"email": None}}, "/notify/email"),
        ({"notify": {"from": "feedback@example.com"}}, "/notify/from"),
        ({"voting": 1}, "/voting"),
        ({"votes": True}, "/votes"),
    ],
)
def test_what_cannot_be_is_said(fields: dict[str, Any], pointer: str) -> None:
    reply = patched(**fields)
    assert (reply.status, [fault["pointer"] for fault in reply.json["errors"]]) == (422, [pointer])


def test_the_boards_that_were_changed_are_listed_once_each() -> None:
    for number, product in enumerate(("kettle", "grinder", "mug")):
        with api.testing(now=a_call(number).now):
            patched(product, roadmap=True)
    first = call(handler, "GET", PATH, query="limit=2", principal=VIEWER)
    for item in first.json["items"]:
        BoardView.model_validate(item)
    second = call(handler, "GET", PATH, query=f"limit=2&cursor={first.json['next_cursor']}", principal=VIEWER)
    found = [item["product"] for reply in (first, second) for item in reply.json["items"]]
    assert found == ["kettle", "grinder", "mug"]
    made_up = encode(["boards.list"], {"created_at": "2026-11-01T00:00:00.000Z", "pk": "fbk_" + "0" * 26})
    assert call(handler, "GET", PATH, query=f"cursor={made_up}").json["code"] == "bad_cursor"


def test_the_door_believes_of_a_board_that_nobody_touched_what_it_says() -> None:
    use = furnished(None, "grinder")
    said, believed = use.boards.of("grinder"), use.switches.of("grinder", 0)
    assert (believed.scrub, believed.voting, believed.suggestions) == (said["scrub"], said["voting"], said["suggestions"])
    assert (believed.token, believed.seconds) == (said["form"]["token"], said["form"]["seconds"])
