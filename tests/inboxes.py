"""An inbox to test with: a store, what works on it, and items that somebody told."""

from __future__ import annotations

from typing import Any

from functions.feedback.door import Feedback, feedback
from slipway.access import SYSTEM, Principal
from slipway.adapters.memory import MemoryStore
from slipway.calls import Call
from slipway.feedback import titles
from slipway.feedback.edits import FeedbackPatch
from slipway.feedback.item import NewFeedback
from slipway.feedback.people import KEY
from slipway.members import Members
from slipway.ports import Put, Store
from slipway.products import Products
from slipway.resources import Stored
from slipway.tables import FEEDBACK, FLAGS
from slipway.upgrades import upgrader
from tests.catalogue import a_call, made

VISITOR = Principal("client", "key_browser", environment="production")
BACKEND = Principal("server", "key_backend", environment="production")


def furnished(store: Store | None = None, *products: str) -> Feedback:
    """Products, and nothing told yet."""
    store = MemoryStore() if store is None else store
    for key in products or ("grinder",):
        made(Products(store), key=key)
    return feedback(store)


def told(use: Feedback, seconds: float = 0, **fields: Any) -> Stored:
    new = NewFeedback.model_validate({"type": "idea", "product": "grinder", "title": "Quieter", **fields})
    return use.submissions.submit(a_call(seconds, operation="feedback.submit").but(principal=BACKEND), new).stored


def patch(**fields: Any) -> FeedbackPatch:
    return FeedbackPatch.model_validate(fields)


def changed(use: Feedback, id: str, seconds: float = 1, **fields: Any) -> Stored:
    return use.edits.update(a_call(seconds, operation="feedback.update"), id, None, patch(**fields))


def indexed(use: Feedback, stored: Stored) -> None:
    """As what happens on the event does it."""
    opened = use.items.open(stored) or {}
    use.items.shelf.store.transact(titles.listed(stored, opened, a_call().now), stored.id)


def served(use: Feedback, stored: Stored, flag: str, variant: str) -> Stored:
    """The same: the sender had this variant."""
    row = {"pk": f"list#flag#{flag}#{variant}", "sk": f"{stored.created_at}#{stored.id}", "schema": 1}
    flags = {flag: {"variant": variant, "version": 1}}
    call = Call(SYSTEM, "triage", a_call().now, f"triage {stored.id}")
    return use.items.update(call, stored.id, None, lambda data: {**data, "flags": flags}, also=lambda *_: [Put(FEEDBACK, row)])


def forgotten(use: Feedback, stored: Stored) -> None:
    """The key of whom it is goes."""
    store = use.items.shelf.store
    assert isinstance(store, MemoryStore)
    del store.tables["feedback"][stored.data["person"], KEY]


def a_member(store: Store) -> str:
    return (
        Members(store, upgrader("member")).invite(a_call(operation="members.invite"), "grace@example.com", "editor").stored.id
    )


def a_flag(store: Store, key: str) -> None:
    store.put(FLAGS, {"pk": f"flag#{key}", "sk": "head", "schema": 1})


def rows(use: Feedback, prefix: str) -> list[dict[str, Any]]:
    """What stands in the table of an in-memory inbox under such a key."""
    store = use.items.shelf.store
    assert isinstance(store, MemoryStore)
    return [row for (pk, sk), row in sorted(store.tables.get("feedback", {}).items()) if f"{pk}/{sk}".startswith(prefix)]


def heads(use: Feedback) -> list[Stored]:
    return [Stored(row) for row in rows(use, "fbk_") if row["sk"] == "head"]
