"""What one person does in an afternoon, through the API alone. It runs once with each client of AWS."""

from __future__ import annotations

from typing import Any

from tests.e2e.stack import Stack, until, with_query

MERGE = {"Content-Type": "application/merge-patch+json"}


def catalogue(stack: Stack, tag: str) -> str:
    """A product from its creation to its restoring; its id. `tag` is unlike that of any other journey."""
    new = {"name": "  Gantt  ", "price": "19.99", "key": f"gantt-{tag}", "stage": "alpha", "tags": [tag], "owner": "maya"}
    made = stack.call("POST", "/v1/products", new, headers={"Idempotency-Key": f"create-{tag}"})
    assert made.status == 201, made.body
    product = made.json()
    assert (product["name"], product["price"], product["version"]) == ("Gantt", {"amount": 1999, "currency": "EUR"}, 1)
    place = made.headers["Location"]
    again = stack.call("POST", "/v1/products", new, headers={"Idempotency-Key": f"create-{tag}"})
    assert (again.status, again.headers["Idempotency-Replayed"], again.json()) == (201, "true", product)

    read = stack.call("GET", place)
    assert (read.status, read.etag, read.json()) == (200, '"1"', product)
    assert stack.call("GET", f"/v1/products/gantt-{tag}").json() == product
    assert stack.call("GET", place, headers={"If-None-Match": read.etag}).status == 304

    assert stack.call("PATCH", place, {"price": 25}, headers=MERGE).status == 428
    changed = stack.call("PATCH", place, {"price": 25, "stage": "beta"}, headers=MERGE | {"If-Match": '"1"'})
    assert (changed.status, changed.etag) == (200, '"2"'), changed.body
    late = stack.call("PATCH", place, {"price": 26}, headers=MERGE | {"If-Match": '"1"'})
    assert (late.status, late.etag) == (412, '"2"')
    assert stack.call("PATCH", place, {"stage": "idea"}, headers=MERGE | {"If-Match": '"2"'}).status == 409
    assert stack.call("PATCH", place, {"price": 26}, headers={"If-Match": '"2"', "Content-Type": "text/plain"}).status == 415

    before = stack.call("GET", with_query(place, as_of=product["created_at"]))
    assert before.json()["price"]["amount"] == 1999
    assert stack.call("GET", with_query(place, as_of="2020-01-01T00:00:00Z")).status == 404
    assert stack.call("GET", with_query(place, as_of="2999-01-01T00:00:00Z")).status == 422
    archived = stack.call("DELETE", place, headers={"If-Match": "*"})
    assert archived.json()["status"] == "archived"
    assert stack.call("PATCH", place, {"price": 27}, headers=MERGE | {"If-Match": "*"}).status == 409
    restored = stack.call("POST", f"{place}/restore", headers={"If-Match": archived.etag})
    assert (restored.json()["status"], restored.json()["version"]) == ("active", 4)
    moved = stack.call("PATCH", place, {"key": f"chart-{tag}"}, headers=MERGE | {"If-Match": restored.etag})
    assert (moved.status, moved.json()["key"]) == (200, f"chart-{tag}")
    assert stack.call("GET", f"/v1/products/gantt-{tag}").status == 404
    assert [version["version"] for version in stack.pages(f"{place}/versions?limit=2")] == [5, 4, 3, 2, 1]
    return str(product["id"])


def lists(stack: Stack, tag: str) -> None:
    """Many at once, and every page of them."""
    tag = f"{tag}-items"
    items = [{"name": f"Item {number}", "price": {"amount": number, "currency": "JPY"}, "tags": [tag]} for number in range(7)]
    made = stack.call("POST", "/v1/products/batch", {"items": items})
    assert made.status == 201, made.body
    ids = [item["product"]["id"] for item in made.json()["items"]]
    found = [product["id"] for product in stack.pages(with_query("/v1/products", tag=tag, limit=5))]
    assert sorted(found) == sorted(ids)
    by_name = [product["name"] for product in stack.pages(with_query("/v1/products", tag=tag, name_prefix="item", limit=3))]
    assert by_name == sorted(by_name)
    assert len(by_name) == 7
    assert stack.call("GET", "/v1/products?cursor=rubbish").status == 400


def transfer(stack: Stack, tag: str) -> None:
    """Out and in again."""
    exported = "".join(answer.body.decode() for answer in stack.follow("/v1/products/export?format=csv"))
    assert exported.count(f"chart-{tag}") == 1
    lines = f'name,price,tags\n"Imported",1.50,imported-{tag}\n"Also",2,imported-{tag}\n'.encode()
    for _ in range(2):
        done = stack.call("POST", "/v1/products/import", lines, headers={"Content-Type": "text/csv"})
        assert done.status == 200, done.body
    assert len(list(stack.pages(with_query("/v1/products", tag=f"imported-{tag}")))) == 2


def keys(stack: Stack, tag: str) -> None:
    """A key from its making to its end; that it stops working is another test's matter."""
    made = stack.call("POST", "/v1/keys", {"name": f"Robot {tag}", "kind": "admin", "role": "editor"})
    assert made.status == 201, made.body
    place, secret = made.headers["Location"], made.json()["key"]
    assert stack.call("GET", "/v1/me", token=secret).json()["role"] == "editor"
    assert stack.call("GET", "/v1/keys", token=secret).status == 403
    assert "key" not in stack.call("GET", place).json()
    rotated = stack.call("POST", f"{place}/rotate", {"overlap_seconds": 0}, headers={"If-Match": made.etag})
    assert rotated.status == 200, rotated.body
    assert stack.call("GET", "/v1/me", token=rotated.json()["key"]).status == 200
    assert place.rsplit("/", 1)[1] in [key["id"] for key in stack.pages("/v1/keys?limit=3")]
    revoked = stack.call("POST", f"{place}/revoke", headers={"If-Match": rotated.etag})
    assert revoked.json()["status"] == "revoked"


def members(stack: Stack, tag: str) -> None:
    """A member from the invitation to the removal, and the user pool in step."""
    made = stack.call("POST", "/v1/members", {"email": f"{tag}@tideline.example", "role": "viewer"})
    assert made.status == 201, made.body
    place, id = made.headers["Location"], made.json()["id"]
    until(lambda: in_pool(stack, id), within=30, what="the invited member is in the user pool")
    changed = stack.call("PATCH", place, {"role": "editor"}, headers=MERGE | {"If-Match": made.etag})
    assert changed.json()["role"] == "editor"
    assert id in [member["id"] for member in stack.pages("/v1/members?limit=2")]
    assert stack.call("DELETE", place, headers={"If-Match": changed.etag}).status == 204
    assert stack.call("GET", place).status == 404
    until(lambda: not in_pool(stack, id), within=30, what="the removed member has left the user pool")
    admin = stack.call("POST", "/v1/members", {"email": f"admin-{tag}@tideline.example", "role": "admin"})
    assert admin.json()["role"] == "admin", "who stays, as the last one has to"


def audited(stack: Stack, subject: str, sequences: list[int]) -> list[dict[str, Any]]:
    """The audit's entries of a subject, once it has all of them; each exactly once."""

    def entries() -> list[dict[str, Any]]:
        found = list(stack.pages(with_query("/v1/audit", subject=subject)))
        return found if len(found) >= len(sequences) else []

    found = until(entries, within=30, what=f"the audit knows {len(sequences)} changes of {subject}")
    assert sorted(entry["sequence"] for entry in found) == sequences
    return found


def in_pool(stack: Stack, username: str) -> bool:
    directory = stack.client("cognito-idp")
    try:
        directory.admin_get_user(UserPoolId=stack.setting("invite", "SLIPWAY_USER_POOL"), Username=username)
    except directory.exceptions.UserNotFoundException:
        return False
    return True


def afternoon(stack: Stack, tag: str) -> None:
    product = catalogue(stack, tag)
    lists(stack, tag)
    transfer(stack, tag)
    keys(stack, tag)
    members(stack, tag)
    entries = audited(stack, product, [1, 2, 3, 4, 5])
    assert {entry["type"].split(".")[1] for entry in entries} == {"created", "updated", "archived", "restored"}
    today = stack.call("GET", "/v1/audit?limit=5").json()["items"]
    assert [entry["time"] for entry in today] == sorted((entry["time"] for entry in today), reverse=True)
    assert len(today) == 5
