"""After everything: nothing secret has got into a log, a template, an event or an error."""

from __future__ import annotations

import itertools
import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.assembly import CACHE
from infra.local.month import PEOPLE
from tests.e2e.journey import MERGE
from tests.e2e.login import sign_in
from tests.e2e.stack import Stack, until, with_query

pytestmark = pytest.mark.e2e


def test_canaries_are_seen_nowhere(stack: Stack) -> None:
    canary = f"canary{secrets.token_hex(8)}"
    token = sign_in(stack, stack.details["user"], stack.details["password"])["access_token"]
    made = stack.call("POST", "/v1/keys", {"name": f"{canary} name", "kind": "admin", "role": "viewer"}).json()
    assert stack.call("GET", "/v1/me", token=token).status == 200
    assert stack.call("GET", "/v1/me", token=made["key"]).status == 200

    # As what may not be told on, everywhere that a client can put it.
    for forged in (f"slp_prod_server_{canary}", f"Bearer {canary}", f"eyJhbGciOiJSUzI1NiJ9.{canary}.{canary}"):
        assert stack.call("GET", "/v1/me", token=forged).status in (401, 403)
    text = {
        "description": canary,
        "metadata": {"note": canary},
        "links": [{"label": canary, "url": f"https://x.example/{canary}"}],
    }
    product = stack.call("POST", "/v1/products", {"name": "Free text", "price": 1, **text})
    place = product.headers["Location"]
    changed = stack.call("PATCH", place, {"description": f"again {canary}"}, headers={**MERGE, "If-Match": "*"})
    assert changed.status == 200
    assert stack.call("POST", "/v1/products", {"name": 1, "price": canary, "description": [canary]}).status == 422
    json_type = {"Content-Type": "application/json"}
    assert stack.call("POST", "/v1/products", f'{{"name": "{canary}'.encode(), headers=json_type).status == 400
    assert stack.call("POST", "/v1/members", {"email": f"{canary} is no address", "role": "viewer"}).status == 422
    invited = stack.call("POST", "/v1/members", {"email": f"{canary}@tideline.example", "role": "viewer"}).json()
    assert stack.call("GET", with_query("/v1/products", cursor=canary)).status == 400
    assert stack.call("GET", "/v1/products?limit=1", headers={"Cookie": canary, "X-Secret": canary}).status == 200

    for subject in (product.json()["id"], invited["id"], made["id"]):
        entries = until(
            lambda subject=subject: list(stack.pages(with_query("/v1/audit", subject=subject))),  # type: ignore[misc]
            within=60,
            what="the audit has it",
        )
        assert canary not in json.dumps(entries)

    credentials = {"demo password": stack.details["password"], "new key": made["key"], "token": token}
    credentials |= {f"{kind} key": secret for kind, secret in stack.details["keys"].items()}
    personal = {"canary": canary, **{f"address of {person.name}": person.email for person in PEOPLE}}
    everywhere = itertools.chain(stack.log_lines(), told(stack), templates(stack))
    found = {
        f"{name} in {where}" for where, line in everywhere for name, it in {**credentials, **personal}.items() if it in line
    }
    # The embedded AWS is the user pool, too: it says in its own log whom it invited.
    found |= {f"{name} in aws.log" for name, it in credentials.items() if it in (stack.home / "aws.log").read_text()}
    assert sorted(found) == []


def told(stack: Stack) -> Iterator[tuple[str, str]]:
    """What clients were told when something was wrong, what stands on the bus's way, and what the start wrote down."""
    for error in stack.errors:
        yield "an error", error
    for row in stack.rows(stack.setting("record", "SLIPWAY_TABLE_AUDIT"), "pk", "sk", "data", "changes", "actor"):
        yield "the audit", json.dumps(row)
    for name in ("run.log", "synth.log", "bootstrap.log", "deploy.log"):
        if (stack.home / name).exists():
            yield name, (stack.home / name).read_text()


def templates(stack: Stack) -> Iterator[tuple[str, str]]:
    name = json.loads((stack.home / "deployed.json").read_text())["assembly"]
    for path in sorted(Path(CACHE / name).glob("*.json")):
        yield path.name, path.read_text()
