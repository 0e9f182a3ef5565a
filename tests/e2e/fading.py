"""Credentials that lose their power while the other tests run: how long they go on working is measured beside them."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.e2e.journey import MERGE, in_pool
from tests.e2e.login import sign_in
from tests.e2e.stack import Response, Stack, until

PROMISE = 60.0  # seconds from a revocation to the end
PAUSE = 1.0  # seconds between two tries; a client that never stops must not keep an answer alive


class Fading:
    """Each of `seconds` is how long the credentials of that name went on working after they lost their power."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.seconds: dict[str, float] = {}
        self._pool = ThreadPoolExecutor(3)
        self._work = [self._pool.submit(work) for work in (self._server_key, self._admin_key, self._member)]

    def join(self) -> dict[str, float]:
        for work in self._work:
            work.result(4 * PROMISE)
        self._pool.shutdown()
        return self.seconds

    def _server_key(self) -> None:
        self._key("server key", {"kind": "server", "environment": "fading"})

    def _admin_key(self) -> None:
        self._key("admin key", {"kind": "admin", "role": "viewer"})

    def _key(self, name: str, wish: dict[str, Any]) -> None:
        made = self._stack.call("POST", "/v1/keys", {"name": name, **wish})
        secret, place = made.json()["key"], made.headers["Location"]
        until(lambda: self._status(secret) == 200, within=PROMISE, what=f"the new {name} works", every=PAUSE)
        assert self._stack.call("POST", f"{place}/revoke", headers={"If-Match": "*"}).status == 200
        self._measure(name, lambda: self._status(secret) in (401, 403))

    def _member(self) -> None:
        email = f"fading-{secrets.token_hex(3)}@tideline.example"
        made = self._stack.call("POST", "/v1/members", {"email": email, "role": "editor"}).json()
        until(lambda: in_pool(self._stack, made["id"]), within=30, what="the member is in the user pool")
        password = secrets.token_urlsafe(18) + "-Aa1"
        self._stack.client("cognito-idp").admin_set_user_password(
            UserPoolId=self._stack.setting("invite", "SLIPWAY_USER_POOL"),
            Username=made["id"],
            Password=password,
            Permanent=True,
        )
        token = sign_in(self._stack, email, password)["access_token"]
        assert self._stack.call("GET", "/v1/me", token=token).json()["role"] == "editor"
        place = f"/v1/members/{made['id']}"
        assert self._stack.call("PATCH", place, {"role": "viewer"}, headers={**MERGE, "If-Match": "*"}).status == 200
        self._measure("role", lambda: self._me(token).json().get("role") == "viewer")
        assert self._stack.call("DELETE", place, headers={"If-Match": "*"}).status == 204
        self._measure("member", lambda: self._status(token) in (401, 403))

    def _status(self, token: str) -> int:
        return self._me(token).status

    def _me(self, token: str) -> Response:
        # Another test takes DynamoDB away for a moment: then this is a 503.
        return self._stack.call("GET", "/v1/me", token=token, broken=True)

    def _measure(self, name: str, over: Callable[[], bool]) -> None:
        begun = time.monotonic()
        until(over, within=2 * PROMISE, what=f"the {name} has lost its power", every=PAUSE)
        self.seconds[name] = time.monotonic() - begun
