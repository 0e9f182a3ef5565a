"""Signing in as a browser does: the pool's own login page, authorization code with PKCE."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import secrets
import urllib.parse
from typing import Any

from tests.e2e.stack import Response, Stack


def sign_in(stack: Stack, user: str, password: str) -> dict[str, Any]:
    """The tokens: `access_token`, `id_token`, `refresh_token`."""
    client = stack.setting("authorize", "SLIPWAY_USER_POOL_CLIENT")
    pool = stack.client("cognito-idp").describe_user_pool_client(
        UserPoolId=stack.setting("invite", "SLIPWAY_USER_POOL"), ClientId=client
    )["UserPoolClient"]
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "client_id": client,
        "redirect_uri": pool["CallbackURLs"][0],
        "response_type": "code",
        "scope": "openid email",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "state": secrets.token_urlsafe(8),
    }
    page = _exchange(stack, "GET", "/oauth2/authorize?" + urllib.parse.urlencode(asked))
    assert page.status == 200
    back = _exchange(stack, "POST", "/login", {**asked, "username": user, "password": password})
    assert back.status == 302, "the login page did not take the password"
    answer = urllib.parse.parse_qs(urllib.parse.urlsplit(back.headers["Location"]).query)
    assert answer["state"] == [asked["state"]]
    form = {
        "grant_type": "authorization_code",
        "client_id": client,
        "redirect_uri": asked["redirect_uri"],
        "code": answer["code"][0],
        "code_verifier": verifier,
    }
    tokens = _exchange(stack, "POST", "/oauth2/token", form)
    assert tokens.status == 200, tokens.body
    return dict(tokens.json())


def _exchange(stack: Stack, method: str, path: str, form: dict[str, str] | None = None) -> Response:
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(stack.aws).netloc, timeout=20)
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
    with contextlib.closing(connection):
        connection.request(method, path, body=urllib.parse.urlencode(form) if form else None, headers=headers)
        answer = connection.getresponse()
        return Response(answer.status, answer.headers, answer.read())
