"""A receiver on this machine: takes what is signed, once, and nothing else; its webhook is there no longer than it listens."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Mapping
from threading import Thread
from typing import Any
from urllib.error import HTTPError

import pytest
from typer.testing import CliRunner

import ops.cli
import ops.listen
from ops.api import Api, Reply
from ops.listen import Receiver, line, registered, serving
from slipway.feedback.signatures import shown, signed
from tests.contracts.rooms import gateway, opened
from tests.functions.events import ADMIN, http_event

NOW, SECRET = 1_795_000_000, b"s" * 32
NOTICE = {
    "type": "feedback.notice",
    "data": {
        "feedback": "fbk_1",
        "status": "planned",
        "headline": "A lid",
        "recipients": [{"targeting_key": "bo"}, {"targeting_key": "ada"}],
    },
}


@pytest.fixture
def receiver() -> Receiver:
    receiver = Receiver(lambda: NOW)
    receiver.secret = SECRET
    return receiver


def delivery(body: bytes, at: int = NOW, secret: bytes = SECRET, id: str = "msg_1") -> dict[str, str]:
    return {"webhook-id": id, "webhook-timestamp": str(at), "webhook-signature": f"v1,other {signed([secret], id, at, body)}"}


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as answer:
            return int(answer.status)
    except HTTPError as refused:
        with refused:
            return refused.code


def test_what_is_signed_is_taken_once(receiver: Receiver) -> None:
    body = json.dumps(NOTICE).encode()
    with serving(receiver) as url:
        assert [post(url, body, delivery(body)) for _ in range(2)] == [204, 204]
    assert (receiver.arrived.get_nowait(), receiver.arrived.empty()) == (NOTICE, True)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        delivery(b"{}", secret=b"t" * 32),
        delivery(b"{ }"),
        delivery(b"{}", at=NOW - 301),
        delivery(b"{}", at=NOW + 301),
        delivery(b"{}") | {"webhook-timestamp": "yesterday"},
        delivery(b"{}") | {"webhook-id": "msg_2"},
    ],
)
def test_what_is_not_ours_is_refused(receiver: Receiver, headers: dict[str, str]) -> None:
    with serving(receiver) as url:
        assert post(url, b"{}", headers) == 401
    assert receiver.arrived.empty()


@pytest.mark.parametrize(
    ("said", "shows"),
    [
        (NOTICE, "feedback.notice: A lid is planned; tell ada, bo"),
        (NOTICE | {"data": NOTICE["data"] | {"headline": None}}, "feedback.notice: fbk_1 is planned; tell ada, bo"),  # type: ignore[operator]
        (
            {"type": "feedback.merged.v1", "subject": "fbk_1", "actor": "member:mbr_1", "data": {"into": "fbk_2"}},
            'feedback.merged.v1: fbk_1 by member:mbr_1: {"into": "fbk_2"}',
        ),
    ],
)
def test_what_is_shown_of_a_delivery(said: dict[str, Any], shows: str) -> None:
    assert line(said) == shows


def test_its_webhook_is_there_as_long_as_it_listens() -> None:
    def send(method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        answer = gateway(http_event(method, path, headers=headers, body=body, principal=ADMIN))
        return Reply(answer.status, answer.headers, answer.body)

    api, url = Api(send), "https://hooks.example.com/in"

    def standing() -> list[list[str]]:
        return [hook["events"] for hook in api.read("/v1/webhooks")["items"] if hook["url"] == url]

    with opened():
        with registered(api, url, ["feedback.merged.v1"]) as secret:
            assert (standing(), len(secret)) == ([["feedback.merged.v1"]], 32)
        assert standing() == []


def test_the_command_ends_after_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """The deployment is one that delivers as soon as it is asked, and again until it is taken."""
    asked, body = list[str](), json.dumps(NOTICE).encode()

    def deliver(url: str) -> None:
        while post(url, body, delivery(body, int(time.time()))) != 204:
            pass

    def send(method: str, path: str, headers: Mapping[str, str], sent: bytes | None) -> Reply:
        asked.append(f"{method} {path}")
        if method == "DELETE":
            return Reply(204, {}, b"")
        Thread(target=deliver, args=[json.loads(sent or b"")["url"]], daemon=True).start()
        return Reply(201, {}, json.dumps({"id": "whk_1", "secret": shown(SECRET)}).encode())

    monkeypatch.setattr(ops.listen, "from_environment", lambda: Api(send))
    ran = CliRunner().invoke(ops.cli.app, ["listen", "feedback.notice", "--count", "1"])
    assert ran.exit_code == 0, ran.output
    assert "feedback.notice: A lid is planned; tell ada, bo" in ran.output
    assert asked == ["POST /v1/webhooks", "DELETE /v1/webhooks/whk_1"]
