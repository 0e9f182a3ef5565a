"""Who gets in, and who does not, with the authorizer that ships and IAM enforced."""

from __future__ import annotations

import json
import secrets

import pytest

from infra.local.emulator import free_port
from tests.e2e.journey import MERGE
from tests.e2e.login import sign_in
from tests.e2e.stack import Stack, until

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("fading")]


def test_each_kind_of_key_is_who_it_says(stack: Stack) -> None:
    admin, server, client = (stack.call("GET", "/v1/me", token=kind).json() for kind in ("admin", "server", "client"))
    assert (admin["kind"], admin["role"], admin["environment"]) == ("admin", "admin", None)
    assert (server["kind"], server["role"], server["environment"]) == ("server", None, "development")
    assert (client["kind"], client["role"], client["environment"]) == ("client", None, "development")
    for kind in ("server", "client"):
        assert stack.call("GET", "/v1/products", token=kind).status == 403


def test_a_cached_answer_for_a_viewer_opens_nothing_on_an_admins_route(stack: Stack) -> None:
    made = stack.call("POST", "/v1/keys", {"name": "Only looks", "kind": "admin", "role": "viewer"})
    viewer = made.json()["key"]
    for _ in range(2):  # the second answer comes from the gateway's cache
        assert stack.call("GET", "/v1/products?limit=1", token=viewer).status == 200
    product = stack.call("GET", "/v1/products?limit=1").json()["items"][0]["id"]
    assert stack.call("GET", "/v1/keys", token=viewer).status == 403
    assert stack.call("POST", "/v1/keys", {"name": "x", "kind": "admin", "role": "admin"}, token=viewer).status == 403
    assert stack.call("GET", "/v1/audit", token=viewer).status == 403
    assert stack.call("POST", "/v1/products", {"name": "x", "price": 1}, token=viewer).status == 403
    headers = {**MERGE, "If-Match": "*"}
    assert stack.call("PATCH", f"/v1/products/{product}", {"price": 1}, token=viewer, headers=headers).status == 403


def test_people_sign_in_with_an_access_token_and_nothing_else(stack: Stack) -> None:
    tokens = sign_in(stack, stack.details["user"], stack.details["password"])
    me = stack.call("GET", "/v1/me", token=tokens["access_token"]).json()
    assert (me["kind"], me["role"], me["email"]) == ("member", "admin", stack.details["user"])
    assert stack.call("GET", "/v1/products?limit=1", token=tokens["access_token"]).status == 200
    header, payload, signature = tokens["access_token"].split(".")
    for refused in (
        tokens["id_token"],
        tokens["refresh_token"],
        f"{header}.{payload}.{signature[:-4]}AAAA",
        f"{header}.{payload}.",
    ):
        assert stack.call("GET", "/v1/me", token=refused).status in (401, 403)


def test_the_keys_of_an_environment_work_while_dynamodb_is_down(stack: Stack) -> None:
    name = f"dark{secrets.token_hex(3)}"
    new = {
        kind: stack.call("POST", "/v1/keys", {"name": "Works in the dark", "kind": kind, "environment": name}).json()["key"]
        for kind in ("server", "client")
    }
    bucket, objects = stack.setting("authorize", "SLIPWAY_BUCKET_KEYS"), stack.client("s3")

    def published() -> bool:
        try:
            return len(json.load(objects.get_object(Bucket=bucket, Key=f"keys/{name}.json")["Body"])["keys"]) == 2
        except objects.exceptions.NoSuchKey:
            return False

    until(published, within=30, what="the key file of the new environment")
    nowhere = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}", "AWS_ENDPOINT_URL_S3": stack.aws}
    with stack.changed({"authorize": nowhere, "access": nowhere}):
        for kind, key in new.items():
            me = stack.call("GET", "/v1/me", token=key)
            assert (me.status, me.json()["kind"], me.json()["environment"]) == (200, kind, name)
