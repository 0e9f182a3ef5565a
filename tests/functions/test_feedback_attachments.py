"""Attachments through the function's own door: forms, what is told of files, links, and what is left of who is forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from functions.feedback.door import feedback
from functions.feedback.handler import api
from slipway.access import Principal
from slipway.adapters.memory import MemoryBlobs, MemoryUploads
from slipway.feedback.attachments import Attachments, accept
from slipway.feedback.buckets import MOST
from tests.boards import NOW, PRODUCT, Board
from tests.functions.events import ADMIN, VIEWER, Reply, call
from tests.pictures import SECRET, TELLING

BROWSER = Principal("client", "key_browser", environment="production")
FORM = "/v1/feedback/attachments"


class Desk:
    def __init__(self) -> None:
        self.blobs, self.store = MemoryBlobs(), Board().store
        self.use = feedback(self.store, files=lambda: Attachments(MemoryUploads(), self.blobs))

    def form(self, principal: Principal = BROWSER, **body: Any) -> Reply:
        return call(api, "POST", FORM, body, principal=principal)

    def uploaded(self, media: str = "image/png") -> str:
        """Its id. A browser has sent the form."""
        form = self.form(type=media).json
        self.blobs.put(form["fields"]["key"], TELLING["image/png"], content_type=form["fields"]["Content-Type"])
        return str(form["id"])

    def told(self, *attachments: str, **more: Any) -> Reply:
        body = {"type": "bug", "product": PRODUCT, "title": "See here", "attachments": list(attachments), **more}
        return call(api, "POST", "/v1/feedback", body, principal=BROWSER)

    def triage(self, id: str) -> None:
        """As on the event of the item."""
        item = self.use.items.read(id)
        listed = accept(self.blobs, item, lambda: self.use.items.open(item) is not None)
        event = Board().call("triage")
        self.use.items.update(event, id, None, lambda data: {**data, "attachments": listed})

    def read(self, id: str, *more: str, principal: Principal = VIEWER) -> Reply:
        return call(api, "GET", "/".join([f"/v1/feedback/{id}", *more]), principal=principal)


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    with api.testing(use=desk.use, now=NOW + timedelta(hours=1)):
        yield desk


def test_a_file_goes_from_a_browser_to_the_team(desk: Desk) -> None:
    id = desk.uploaded()
    item = desk.told(id).json["id"]
    waiting = {"id": id, "state": "waiting", "type": None, "bytes": None, "reason": None}
    assert desk.read(item).json["attachments"] == [waiting]
    assert desk.read(item, "attachments", id).status == 404
    desk.triage(item)
    [listed] = desk.read(item).json["attachments"]
    clean = desk.blobs.objects[f"clean/{item}/{id}"]
    assert listed == {"id": id, "state": "ready", "type": "image/png", "bytes": len(clean.body), "reason": None}
    assert SECRET not in clean.body
    link = desk.read(item, "attachments", id)
    assert (link.status, link.headers["cache-control"]) == (200, "no-store")
    assert link.json["url"].startswith(f"https://uploads.example.com/clean/{item}/{id}?")
    assert f"incoming/{id}" not in desk.blobs.objects


def test_who_may(desk: Desk) -> None:
    id = desk.uploaded()
    item = desk.told(id).json["id"]
    desk.triage(item)
    assert desk.read(item, "attachments", id, principal=BROWSER).status == 403
    assert desk.form(VIEWER, type="image/png").status == 200


@pytest.mark.parametrize("type", ["application/pdf", "image/svg+xml", "text/html", "", None, 1])
def test_other_kinds_have_no_form(desk: Desk, type: object) -> None:
    reply = desk.form(type=type)
    assert (reply.status, reply.json["errors"][0]["pointer"]) == (422, "/type")


@pytest.mark.parametrize(
    ("attachments", "pointer"),
    [
        (["att_1"], "/attachments/0"),
        ([f"att_{0:026}", f"att_{1:026}", f"att_{0:026}"], "/attachments/2"),
        (["../clean/x"], "/attachments/0"),
        ([f"att_{n:026}" for n in range(6)], "/attachments"),
    ],
)
def test_what_names_no_attachment_is_refused(desk: Desk, attachments: list[str], pointer: str) -> None:
    reply = desk.told(*attachments)
    assert (reply.status, reply.json["errors"][0]["pointer"]) == (422, pointer)


def test_somebody_elses_file_is_nobodys_link(desk: Desk) -> None:
    id = desk.uploaded()
    mine, other = desk.told(id).json["id"], desk.told(id, title="Mine, too").json["id"]
    desk.triage(mine)
    desk.triage(other)
    assert [one["state"] for one in desk.read(other).json["attachments"]] == ["missing"]
    assert desk.read(other, "attachments", id).status == 404


def test_forms_are_bounded_by_network(desk: Desk) -> None:
    replies = [desk.form(type="image/png") for _ in range(MOST + 1)]
    assert [reply.status for reply in replies] == [200] * MOST + [429]
    assert int(replies[-1].headers["retry-after"]) > 0
    assert desk.form(VIEWER, type="image/png").status == 200


def test_who_is_forgotten_takes_the_files_along(desk: Desk) -> None:
    id = desk.uploaded()
    item = desk.told(id, targeting_key="user-1").json["id"]
    desk.triage(item)
    assert list(desk.blobs.objects) == [f"clean/{item}/{id}"]
    subject = {"targeting_key": "user-1", "environment": "production"}
    reply = call(api, "POST", "/v1/people/erase", subject, principal=ADMIN)
    assert reply.status == 200, reply.body
    assert "bucket of attachments" in str(reply.json)
    assert desk.blobs.objects == {}
