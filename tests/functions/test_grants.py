"""What functions do with the table of feedback, held to their grants: there stand secrets of webhooks and keys of people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from fnmatch import fnmatchcase
from typing import Any

import pytest

from functions.feedback.door import feedback
from functions.feedback.handler import api as feedback_api
from functions.hooks.door import hooks
from functions.hooks.handler import handler as hooks_api
from functions.surveys.handler import api as surveys_api
from functions.surveys.handler import room
from infra.functions import FUNCTIONS, OnTable
from slipway.access import Principal
from slipway.adapters.memory import MemorySchedules
from slipway.cursors import encode
from slipway.products import Products
from slipway.tables import FEEDBACK
from tests.catalogue import START, made
from tests.functions.events import ADMIN, EDITOR, Handler, Reply, call
from tests.granted import Granted
from tests.inboxes import a_flag

VISITOR = Principal("client", "key_client", environment="production")
BACKEND = Principal("server", "key_server", environment="production")
DOORS: dict[str, Handler] = {"feedback": feedback_api, "hooks": hooks_api, "surveys": surveys_api}

Ask = Callable[..., Reply]


@pytest.fixture
def store() -> Granted:
    store = Granted()
    made(Products(store), key="grinder")
    return store


@pytest.fixture
def ask(store: Granted) -> Iterator[Ask]:
    """Asks a function, which does what it may and no more."""

    def ask(function: str, method: str, path: str, body: Any = None, principal: Principal = ADMIN, **headers: str) -> Reply:
        store.function = function
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            path, _, query = path.partition("?")
            return call(DOORS[function], method, path, body, principal=principal, headers=named, query=query)
        finally:
            store.function = None

    with ExitStack() as stack:
        stack.enter_context(feedback_api.testing(use=feedback(store), now=START))
        stack.enter_context(hooks_api.testing(use=hooks(store, MemorySchedules()), now=START))
        stack.enter_context(surveys_api.testing(use=room(store), now=START))
        yield ask


def readers(pk: str, *actions: str) -> set[str]:
    """The functions that may do one of these with such a row of feedback."""
    return {
        function.name
        for function in FUNCTIONS
        for grant in function.grants
        if isinstance(grant, OnTable) and grant.table == FEEDBACK and grant.index is None
        if {f"dynamodb:{action}" for action in actions} & {*grant.actions}
        if not grant.leading or any(fnmatchcase(pk, pattern) for pattern in grant.leading)
    }


READS, WRITES = ("GetItem", "BatchGetItem", "Query"), ("PutItem", "UpdateItem", "DeleteItem")


@pytest.mark.parametrize(
    ("row", "reading", "writing"),
    [
        ("whk_1", {"hooks", "courier"}, {"hooks", "courier"}),
        ("secret#pepper", {"feedback", "surveys", "courier"}, {"feedback", "surveys"}),
        ("secret#form", {"feedback"}, {"feedback", "surveys"}),
        ("secret#survey", {"feedback", "surveys"}, {"feedback", "surveys"}),
        ("secret#unsubscribe", {"courier", "unsubscribe"}, {"feedback", "courier", "surveys"}),
        ("psn_1", {"feedback", "triage", "courier"}, {"feedback"}),
        ("person#1", {"feedback"}, {"feedback"}),
    ],
)
def test_secrets_are_of_few(row: str, reading: set[str], writing: set[str]) -> None:
    assert readers(row, *READS) == reading
    assert readers(row, *WRITES) == writing


@pytest.mark.parametrize("id", ["nothing", "whk-1", "psn_1", "secret%23pepper", "list%23webhooks", "\u00e9" * 200])
@pytest.mark.parametrize(
    ("function", "method", "path"),
    [
        ("feedback", "GET", "/v1/feedback/{}"),
        ("feedback", "PATCH", "/v1/feedback/{}"),
        ("feedback", "GET", "/v1/feedback/{}/versions"),
        ("feedback", "GET", "/v1/feedback/{}/notes"),
        ("feedback", "GET", "/v1/feedback/{}/votes"),
        ("feedback", "POST", "/v1/feedback/{}/votes"),
        ("feedback", "POST", "/v1/feedback/{}/votes/withdraw"),
        ("feedback", "POST", "/v1/feedback/{}/unmerge"),
        ("feedback", "GET", "/v1/feedback/{}/attachments/att_1"),
        ("feedback", "GET", "/v1/boards/{}"),
        ("hooks", "GET", "/v1/webhooks/{}"),
        ("hooks", "DELETE", "/v1/webhooks/{}"),
        ("hooks", "POST", "/v1/webhooks/{}/rotate"),
        ("hooks", "GET", "/v1/webhooks/{}/deliveries"),
        ("hooks", "POST", "/v1/webhooks/{}/deliveries/dlv_1/resend"),
        ("hooks", "GET", "/v1/changelog/{}"),
        ("hooks", "DELETE", "/v1/changelog/{}"),
        ("surveys", "GET", "/v1/surveys/{}"),
        ("surveys", "GET", "/v1/surveys/{}/versions"),
        ("surveys", "GET", "/v1/surveys/{}/results"),
        ("surveys", "DELETE", "/v1/surveys/{}"),
    ],
)
def test_a_path_that_names_nothing_is_404_and_nobody_is_asked_for_what_is_not_granted(
    ask: Ask, function: str, method: str, path: str, id: str
) -> None:
    voting = {"targeting_key": "ada", "environment": "production"} if "votes" in path else {}
    body = None if method in ("GET", "DELETE") or "unmerge" in path or "resend" in path else voting
    typed = {"content_type": "application/merge-patch+json"} if method == "PATCH" else {}
    reply = ask(function, method, path.format(id), body, if_match="*", **typed)
    assert (reply.status, reply.json["code"]) == (404, "not_found"), reply.body


def test_a_delivery_that_can_be_none_is_404(ask: Ask) -> None:
    body = {"url": "https://hooks.example.com/in", "events": ["*"]}
    made = ask("hooks", "POST", "/v1/webhooks", body).json
    assert ask("hooks", "POST", f"/v1/webhooks/{made['id']}/deliveries/{256 * '%F0%9F%90%9B'}/resend").status == 404


def test_a_page_of_versions_of_what_is_none_is_404(ask: Ask) -> None:
    for function, kind, all in (("feedback", "feedback", "/v1/feedback"), ("surveys", "surveys", "/v1/surveys")):
        cursor = encode([f"{kind}.versions", "whk_1"], {"version": 3})
        assert ask(function, "GET", f"{all}/whk_1/versions?cursor={cursor}").status == 404


def test_the_inbox_does_all_it_does_with_its_grants(store: Granted, ask: Ask) -> None:
    a_flag(store, "undo")

    def did(method: str, path: str, body: Any = None, principal: Principal = EDITOR, **headers: str) -> Any:
        reply = ask("feedback", method, f"/v1{path}", body, principal, **headers)
        assert reply.status < 300, reply.body
        return reply.json if reply.headers["content-type"].startswith("application/json") else reply.body

    merge: dict[str, Any] = {"if_match": "*", "content_type": "application/merge-patch+json"}
    did("PATCH", "/boards/grinder", {"suggestions": True}, **merge)
    did("GET", "/boards")
    form = did("POST", "/feedback/form", {"product": "grinder"}, VISITOR)
    assert form["form"]
    wish = {"type": "idea", "product": "grinder", "title": "Quieter", "email": "ada@example.com", "consent": True}
    one, two = (did("POST", "/feedback", {**wish, "targeting_key": who}, VISITOR)["id"] for who in ("ada", "joe"))
    did("PATCH", f"/feedback/{one}", {"links": [{"flag": "undo", "environment": "production"}]}, **merge)
    did("PATCH", f"/feedback/{one}", {"links": None}, **merge)
    did("POST", "/feedback/bulk", {"ids": [one, two], "change": {"add_tags": ["loud"]}}, idempotency_key="once")
    did("POST", f"/feedback/{one}/votes", {"targeting_key": "eve"}, BACKEND)
    did("POST", f"/feedback/{one}/votes", {})
    did("POST", f"/feedback/{one}/votes", {"email": "zoe@example.com"})
    did("POST", f"/feedback/{one}/votes/withdraw", {})
    did("POST", f"/feedback/{two}/merge", {"into": one}, if_match="*")
    did("POST", f"/feedback/{one}/notes", {"text": "Measured it."}, idempotency_key="note")
    for path in ("", f"/{one}", f"/{one}/notes", f"/{one}/votes", f"/{one}/versions", "/export"):
        did("GET", f"/feedback{path}")
    for query in ("product=grinder&words=quieter", "flag=undo&variant=on", "status=new", "state=spam", "product=grinder"):
        did("GET", f"/feedback?{query}")
    did("GET", "/feedback/similar?product=grinder&text=quiet", None, VISITOR)
    did("POST", f"/feedback/{two}/unmerge", if_match="*")
    did("POST", "/people/export", {"email": "ada@example.com"}, ADMIN)
    did("POST", "/feedback", wish, VISITOR)
    for who in ("ada", "joe"):
        did("POST", "/people/erase", {"targeting_key": who, "environment": "production"}, ADMIN)
    assert len(did("POST", "/people/erase", {"email": "ada@example.com"}, ADMIN)["certificates"]) == 1
    did("POST", "/people/erase", {"targeting_key": "nobody", "environment": "production"}, ADMIN)
