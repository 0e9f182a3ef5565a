"""A survey room to test with: a store that counts, a clock, and both functions that a survey meets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from functions.feedback.door import feedback
from functions.feedback.handler import api as feedback_api
from functions.surveys.handler import api as surveys_api
from functions.surveys.handler import room
from slipway.access import Principal
from slipway.ports import Row
from slipway.products import Products
from slipway.tables import FEEDBACK
from tests.catalogue import START, Counting, made
from tests.functions.events import EDITOR, VIEWER, Reply, call

CLIENT = Principal("client", "key_c", environment="production")
SERVER = Principal("server", "key_s", environment="production")
STAGING = Principal("server", "key_t", environment="staging")
SURVEY = {"product": "mug", "environment": "production", "kind": "nps", "question": "Would you recommend it?", "enabled": True}


class Surveying:
    def __init__(self) -> None:
        self.store = Counting()
        self.now = START
        self.surveys, self.feedback = room(self.store), feedback(self.store)
        made(Products(self.store), key="mug")
        made(Products(self.store), key="cup", name="Cup")

    def later(self, **time: float) -> None:
        self.now += timedelta(**time)

    # --- the team ---

    def ask(self, method: str, path: str, body: Any = None, principal: Principal = EDITOR, **headers: str) -> Reply:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return call(surveys_api, method, f"/v1/surveys{path}", body, headers=names, principal=principal)

    def survey(self, **fields: Any) -> Any:
        answer = self.ask("POST", "", {**SURVEY, **fields})
        assert answer.status == 201, answer.body
        self.later(seconds=11)  # now it is known everywhere
        return answer.json

    def change(self, id: str, **fields: Any) -> Any:
        answer = self.ask("PATCH", f"/{id}", fields, if_match="*")
        assert answer.status == 200, answer.body
        self.later(seconds=11)
        return answer.json

    def results(self, id: str) -> Any:
        answer = self.ask("GET", f"/{id}/results", principal=VIEWER)
        assert answer.status == 200, answer.body
        return answer.json

    # --- people ---

    def prompting(self, key: str = "ada", view: str = "v1", principal: Principal = CLIENT, **context: Any) -> Reply:
        body = {"product": context.pop("product", "mug"), "view": view, "context": {"targetingKey": key, **context}}
        return self.ask("POST", "/prompt", body, principal)

    def prompt(self, key: str = "ada", view: str = "v1", **context: Any) -> Any:
        """What it is asked, or None: by a server, of which any number may be asked at once."""
        answer = self.prompting(key, view, SERVER, **context)
        assert answer.status in (200, 204), answer.body
        return answer.json if answer.status == 200 else None

    def answer(self, prompt: Any, rating: int = 9, key: str = "ada", principal: Principal = SERVER, **fields: Any) -> Reply:
        body = {"type": prompt["kind"], "product": "mug", "rating": rating, "targeting_key": key, "survey": prompt["token"]}
        return call(feedback_api, "POST", "/v1/feedback", {**body, **fields}, principal=principal)

    def answered(self, rating: int = 9, key: str = "ada", **fields: Any) -> str:
        prompt = self.prompt(key)
        assert prompt is not None
        reply = self.answer(prompt, rating, key, **fields)
        assert reply.status == 201, reply.body
        return str(reply.json["id"])

    def rows(self, kind: str) -> list[Row]:
        rows = self.store.tables.get(FEEDBACK.name, {}).items()
        return [row for (pk, sk), row in rows if pk.startswith(kind) or sk.startswith(kind)]


@contextmanager
def surveying() -> Iterator[Surveying]:
    made = Surveying()
    with (
        surveys_api.testing(use=made.surveys, now=lambda: made.now),
        feedback_api.testing(use=made.feedback, now=lambda: made.now),
    ):
        yield made
