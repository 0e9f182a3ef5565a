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
        until(lambda: self._me(secret).status == 200, within=2 * PROMISE, what=f"the new {name} works", every=PAUSE)
        assert self._stack.call("POST", f"{place}/revoke", headers={"If-Match": "*"}).status == 200
        self._measure(name, secret, lambda answer: answer.status == 200)

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
        self._measure("role", token, lambda answer: answer.status == 200 and answer.json()["role"] == "editor")
        assert self._stack.call("DELETE", place, headers={"If-Match": "*"}).status == 204
        self._measure("member", token, lambda answer: answer.status == 200)

    def _measure(self, name: str, token: str, works: Callable[[Response], bool]) -> None:
        """From now to the last request that still had the old power; how long a busy machine takes to answer is no matter."""
        begun = last = time.monotonic()

        def over() -> bool:
            nonlocal last
            asked = time.monotonic()
            answer = self._me(token)
            if works(answer):
                last = asked
            return answer.status < 500 and not works(answer)

        until(over, within=4 * PROMISE, what=f"the {name} has lost its power", every=PAUSE)
        self.seconds[name] = last - begun

    def _me(self, token: str) -> Response:
        # Another test takes DynamoDB away for a moment: then this is a 503.
        return self._stack.call("GET", "/v1/me", token=token, broken=True)
