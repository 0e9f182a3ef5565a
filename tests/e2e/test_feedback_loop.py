"""Who asked hears when it ships: a wish is planned and ships with its flag, its voter's notice arrives signed, the changelog
shows it; and all of it back when the flag is switched off."""

from __future__ import annotations

import json
import secrets
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import pytest
from standardwebhooks import Webhook

from tests.e2e.stack import Stack, until
from tests.e2e.test_flags_later import invoke
from tests.figures import Tell

pytestmark = pytest.mark.e2e

PATIENCE = 60.0  # seconds from a change to what comes of it
MERGE = {"If-Match": "*", "Content-Type": "application/merge-patch+json"}
NAME = f"loop-{secrets.token_hex(3)}"


class Receiver:
    """Takes what is posted; `status` is what it answers."""

    def __init__(self) -> None:
        self.posted: list[tuple[dict[str, str], bytes]] = []
        self.status = 204
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.posted.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(outer.status)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/in"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def hook(stack: Stack, receiver: Receiver) -> dict[str, Any]:
    made = stack.call("POST", "/v1/webhooks", {"url": receiver.url, "events": ["feedback.*", "feedback.notice"]})
    assert made.status == 201, made.body
    return dict(made.json())


@pytest.fixture(scope="module")
def wish(stack: Stack, hook: dict[str, Any]) -> str:
    """Of a visitor who wants to hear of it by e-mail; and a user votes for it."""
    for path, body in (
        ("/v1/products", {"name": "Loop", "price": 1, "key": NAME}),
        ("/v1/flags", {"key": NAME, "type": "boolean"}),
    ):
        assert stack.call("POST", path, body).status == 201
    board = {"changelog": True, "notify": {"email": True}}
    assert stack.call("PATCH", f"/v1/boards/{NAME}", board, headers=MERGE).status == 200
    told = {"type": "idea", "product": NAME, "title": "Undo", "email": "ada@example.com", "consent": True}
    made = stack.call("POST", "/v1/feedback", {**told, "targeting_key": "ada"}, token="server")
    assert made.status == 201, made.body
    id = str(made.json()["id"])
    voted = stack.call("POST", f"/v1/feedback/{id}/votes", {"targeting_key": "grace"}, token="server")
    assert voted.status == 200, voted.body
    return id


def notices(receiver: Receiver, hook: dict[str, Any], status: str) -> dict[str, set[str]]:
    """Targeting keys by notice id, of deliveries that the scheme's own library takes for ours."""
    found: dict[str, set[str]] = {}
    for headers, body in list(receiver.posted):
        said = Webhook(hook["secret"]).verify(body, headers)
        if said["type"] == "feedback.notice" and said["data"]["status"] == status:
            for one in said["data"]["recipients"]:
                found.setdefault(one["id"], set()).add(one["targeting_key"])
    return found


def heard(receiver: Receiver, hook: dict[str, Any], status: str) -> None:
    """Both, each in one notice."""

    def both() -> bool:
        return sorted(key for keys in notices(receiver, hook, status).values() for key in keys) == ["ada", "grace"]

    until(both, within=PATIENCE, what=f"the notices of {status}")


def item(stack: Stack, id: str) -> dict[str, Any]:
    return dict(stack.call("GET", f"/v1/feedback/{id}").json())


def entries(stack: Stack) -> list[dict[str, Any]]:
    return list(stack.call("GET", f"/v1/changelog?product={NAME}").json()["items"])


def letters(stack: Stack) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{stack.aws}/_ministack/ses/messages") as answer:
        found = json.loads(answer.read())["messages"]
    return [one for sent in found.values() for one in sent if one["To"] == ["ada@example.com"]]


def test_who_asked_hears_that_it_is_planned(stack: Stack, receiver: Receiver, hook: dict[str, Any], wish: str) -> None:
    links = [{"flag": NAME, "environment": "development"}]
    change = {"status": "planned", "headline": "You can undo", "links": links}
    changed = stack.call("PATCH", f"/v1/feedback/{wish}", change, headers=MERGE)
    assert changed.status == 200, changed.body
    heard(receiver, hook, "planned")
    assert "Undo" not in b"".join(body for _, body in receiver.posted).decode(), "what was written goes nowhere"


def test_it_ships_with_its_flag_and_is_in_the_changelog(
    stack: Stack, receiver: Receiver, hook: dict[str, Any], wish: str, tell: Tell
) -> None:
    here = f"/v1/flags/{NAME}/environments/development"
    stack.call("PATCH", here, {"enabled": True, "default_variant": "off"}, headers=MERGE)
    ladder = [{"share": 50, "hold": {"minutes": 60}}, {"share": 100}]
    begun = stack.call("POST", f"{here}/rollouts", {"from": "off", "to": "on", "guards": [], "ladder": ladder, "start": True})
    assert begun.status == 201, begun.body
    advanced = stack.call("POST", f"{here}/rollouts/{begun.json()['id']}/advance", {}, headers={"If-Match": "*"})
    assert advanced.status == 200, advanced.body
    until(lambda: item(stack, wish)["status"] == "shipped", within=PATIENCE, what="the item ships")
    heard(receiver, hook, "shipped")
    until(lambda: [one["status"] for one in entries(stack)] == ["published"], within=PATIENCE, what="the entry")
    (entry,) = entries(stack)
    assert (entry["title"], entry["feedback"], entry["flags"], entry["made_of"]) == ("You can undo", [wish], [NAME], wish)

    def moved() -> Any:
        page = stack.call("GET", f"/v1/audit?subject={wish}&type=feedback.status_changed.v1").json()["items"]
        return [one for one in page if one["actor"] == "system:shipping"]

    (move,) = until(moved, within=PATIENCE, what="the audit says why")
    assert {change["field"] for change in move["changes"]} >= {"status", "shipped_by"}
    tell(f"{len(receiver.posted)} deliveries to the local receiver")


def test_who_consented_is_written_to_and_ends_it_with_one_click(stack: Stack, wish: str) -> None:
    until(lambda: len(letters(stack)) >= 2, within=PATIENCE, what="letters of planned and shipped")
    token = letters(stack)[-1]["BodyText"].partition("/unsubscribe/")[2].strip()
    assert stack.call("GET", f"/unsubscribe/{token}", token=None).status == 200
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert stack.call("POST", f"/unsubscribe/{token}", b"List-Unsubscribe=One-Click", token=None, headers=form).status == 200


def test_it_opens_again_when_the_flag_is_switched_off(stack: Stack, wish: str) -> None:
    before = len(letters(stack))
    off = stack.call("POST", f"/v1/flags/{NAME}/environments/development/off", {"reason": "It loses data"})
    assert off.status == 200, off.body
    until(lambda: item(stack, wish)["status"] == "planned", within=PATIENCE, what="the item opens again")
    until(lambda: [one["status"] for one in entries(stack)] == ["draft"], within=PATIENCE, what="the entry is withdrawn")
    assert len(letters(stack)) == before


def test_what_a_receiver_did_not_take_waits_and_one_that_is_gone_is_disabled(
    stack: Stack, receiver: Receiver, hook: dict[str, Any], wish: str
) -> None:
    deliveries = f"/v1/webhooks/{hook['id']}/deliveries"
    receiver.status = 503
    stack.call("PATCH", f"/v1/feedback/{wish}", {"reply": "Soon again."}, headers=MERGE)

    def waiting() -> Any:
        return [one for one in stack.call("GET", deliveries).json()["items"] if one["state"] == "waiting" and one["tries"]]

    (failed,) = until(waiting, within=PATIENCE, what="a delivery that waits")[:1]
    assert (failed["tries"][-1]["status"], failed["next_try"] is not None) == (503, True)
    receiver.status = 204
    assert stack.call("POST", f"{deliveries}/{failed['id']}/resend").status == 202
    invoke(stack, "courier", {"schedule": f"{hook['id']}-1"})
    until(lambda: not waiting(), within=PATIENCE, what="what waited is taken")
    invoke(stack, "courier", {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}})
    rotated = stack.call("POST", f"/v1/webhooks/{hook['id']}/rotate", {}, headers={"If-Match": "*"})
    assert rotated.json()["secret"] != hook["secret"]
    receiver.status = 410
    stack.call("PATCH", f"/v1/feedback/{wish}", {"reply": "Sooner."}, headers=MERGE)
    read = f"/v1/webhooks/{hook['id']}"
    until(lambda: stack.call("GET", read).json()["disabled_for"] == "gone", within=PATIENCE, what="it is disabled")
    assert hook["id"] in [one["id"] for one in stack.call("GET", "/v1/webhooks").json()["items"]]
    assert stack.call("PATCH", read, {"description": "Gone"}, headers=MERGE).status == 200
    assert stack.call("DELETE", read, headers={"If-Match": "*"}).status == 204
    written = stack.call("POST", "/v1/changelog", {"product": NAME, "title": "By hand", "text": "For all."}).json()
    assert stack.call("PATCH", f"/v1/changelog/{written['id']}", {"status": "published"}, headers=MERGE).status == 200
    assert stack.call("DELETE", f"/v1/changelog/{written['id']}", headers={"If-Match": "*"}).status == 204
