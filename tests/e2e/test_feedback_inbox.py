"""The inbox on the deployed stack: what is told is found, sorted and answered, and what others were told comes along."""

from __future__ import annotations

import pytest

from tests.e2e.stack import Stack, until

pytestmark = pytest.mark.e2e

MERGE = {"Content-Type": "application/merge-patch+json"}
FILE = b"title,status,votes_count,tags\nDark display,planned,12,night\n=Loud,open,1,\n"


def test_the_team_works_through_what_was_told(stack: Stack) -> None:
    stack.call("POST", "/v1/products", {"name": "Sorter", "price": 1, "key": "sorter"})
    told = {"type": "idea", "product": "sorter", "text": "It hums."}
    ids = [stack.call("POST", "/v1/feedback", {**told, "title": title}).json()["id"] for title in ("First", "Second", "Third")]
    looked_at = lambda: all(stack.call("GET", f"/v1/feedback/{id}").json()["proof"] for id in ids)  # noqa: E731
    until(looked_at, within=60, what="each was looked at, which makes a version")
    page = stack.call("GET", "/v1/feedback?product=sorter&limit=2").json()
    rest = stack.call("GET", f"/v1/feedback?product=sorter&limit=2&cursor={page['next_cursor']}").json()
    assert [item["title"] for item in (*page["items"], *rest["items"])] == ["First", "Second", "Third"]

    member = stack.call("GET", "/v1/members").json()["items"][0]["id"]
    changed = stack.call(
        "PATCH",
        f"/v1/feedback/{ids[0]}",
        {"status": "planned", "tags": ["noise"], "assignee": member, "reply": "Soon.", "headline": "Quieter"},
        headers={**MERGE, "If-Match": '"2"'},
    ).json()
    assert (changed["status"], changed["assignee"], changed["version"], changed["title"]) == ("planned", member, 3, "First")
    assert [one["id"] for one in stack.call("GET", "/v1/feedback?product=sorter&status=planned&tag=noise").json()["items"]] == [
        ids[0]
    ]
    for links in ([{"flag": "one-click-booking", "environment": "development"}], []):
        linked = stack.call("PATCH", f"/v1/feedback/{ids[0]}", {"links": links}, headers={**MERGE, "If-Match": "*"})
        assert linked.json()["links"] == links
    nobody = stack.call("PATCH", f"/v1/feedback/{ids[0]}", {"assignee": f"mbr_{'0' * 26}"}, headers={**MERGE, "If-Match": "*"})
    assert nobody.status == 422
    assert stack.call("POST", f"/v1/feedback/{ids[0]}/notes", {"text": "Measured it."}).status == 201
    assert [one["text"] for one in stack.call("GET", f"/v1/feedback/{ids[0]}/notes").json()["items"]] == ["Measured it."]

    bulk = {"ids": ids[1:], "change": {"status": "declined", "state": "held"}}
    done = stack.call("POST", "/v1/feedback/bulk", bulk, headers={"Idempotency-Key": "put-away"})
    assert [item["version"] for item in done.json()["items"]] == [3, 3]
    again = stack.call("POST", "/v1/feedback/bulk", bulk, headers={"Idempotency-Key": "put-away"})
    assert again.json() == done.json()
    assert [one["id"] for one in stack.call("GET", "/v1/feedback?product=sorter").json()["items"]] == ids[:1]

    assert stack.call("GET", "/v1/boards/sorter").etag == '"0"'
    board = stack.call("PATCH", "/v1/boards/sorter", {"roadmap": True}, headers={**MERGE, "If-Match": '"0"'})
    assert (board.json()["roadmap"], board.etag) == (True, '"1"')
    assert "sorter" in [one["product"] for one in stack.call("GET", "/v1/boards").json()["items"]]


def test_what_others_were_told_comes_along_and_goes_out(stack: Stack) -> None:
    stack.call("POST", "/v1/products", {"name": "Carrier", "price": 1, "key": "carrier"})
    path, media = "/v1/feedback/import?source=fider&product=carrier", {"Content-Type": "text/csv"}
    for created, existing in ((2, 0), (0, 2)):
        done = stack.call("POST", path, FILE, headers=media).json()
        assert (done["created"], done["existing"]) == (created, existing)
    reply = stack.call("GET", "/v1/feedback/export?format=csv&product=carrier")
    file = reply.body.decode()
    assert '"Dark display"' in file
    assert '"\'=Loud"' in file
    assert file.count('"import"') == 2
