"""Votes and duplicates through their door, counted by the function that reads the stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from functions.ballots.handler import handler as ballots
from functions.feedback.door import feedback
from functions.feedback.handler import api, handler
from slipway.access import Principal
from slipway.adapters.memory import MemoryBlobs, MemoryStore
from slipway.cursors import encode
from slipway.edge.stream import Wired
from slipway.feedback.buckets import MOST as BURST
from slipway.feedback.groups import MOST
from slipway.feedback.recount import Recount
from slipway.feedback.switches import FRESH
from slipway.feedback.views import FeedbackView
from slipway.feedback.vote import VotedView, VoteView
from slipway.ports import Put, Row
from slipway.products import Products
from slipway.tables import FEEDBACK
from tests.catalogue import START, made
from tests.functions.events import ADMIN, EDITOR, VIEWER, Context, Reply, call
from tests.records import record

VISITOR = Principal("client", "key_client", environment="production")
BACKEND = Principal("server", "key_server", environment="production")
ADA: dict[str, Any] = {"targeting_key": "ada"}
NOBODY = "fbk_" + "0" * 26


class Deployment:
    def __init__(self, store: MemoryStore) -> None:
        self.store, self.records = store, list[dict[str, Any]]()
        store.listen(self._changed)
        made(Products(store), name="Mug", key="mug")
        self._numbers = 0

    def _changed(self, table: str, old: Row | None, new: Row | None) -> None:
        if table == FEEDBACK.name:
            self.records.append(record(table, old, new, 10**27 + len(self.records)))

    def item(self, title: str = "A lid") -> str:
        self._numbers += 1
        body = {"type": "idea", "product": "mug", "title": title, "submission_id": f"{self._numbers}"}
        return str(self.post("", body, BACKEND).json["id"])

    def post(self, path: str, body: Any = None, principal: Principal = BACKEND, **headers: str) -> Reply:
        return call(handler, "POST", f"/v1/feedback{path}", body, principal=principal, headers=headers)

    def get(self, path: str, principal: Principal = VIEWER, query: str = "") -> Reply:
        return call(handler, "GET", f"/v1/feedback{path}", principal=principal, query=query)

    def merge(self, id: str, into: str, match: str = "*", principal: Principal = EDITOR) -> Reply:
        return self.post(f"/{id}/merge", {"into": into}, principal, **{"if-match": match})

    def unmerge(self, id: str, match: str = "*") -> Reply:
        return self.post(f"/{id}/unmerge", None, EDITOR, **{"if-match": match})

    def votes(self, *ids: str) -> list[int]:
        """Once everything was counted."""
        assert ballots({"Records": self.records}, Context()) == {"batchItemFailures": []}
        return [self.get(f"/{id}").json["votes"] for id in ids]

    def voters(self, id: str) -> list[dict[str, Any]]:
        return list(self.get(f"/{id}/votes").json["items"])


@pytest.fixture
def deployment() -> Iterator[Deployment]:
    store = MemoryStore()
    with (
        api.testing(use=feedback(store), now=START),
        ballots.testing(Wired(Recount(store, lambda: "a mark"), MemoryBlobs())),
    ):
        yield Deployment(store)


def faults(reply: Reply) -> list[tuple[str, str]]:
    return [(fault["pointer"], fault["code"]) for fault in reply.json["errors"]]


# --- votes ----------------------------------------------------------------------------------------------


def test_a_person_votes_once(deployment: Deployment) -> None:
    id = deployment.item()
    for principal in (VISITOR, BACKEND, VISITOR):
        reply = deployment.post(f"/{id}/votes", ADA, principal)
        assert (reply.status, reply.json) == (200, {"id": id, "counts_for": id, "voted": True})
        VotedView.model_validate(reply.json)
    assert deployment.votes(id) == [1]
    [vote] = deployment.voters(id)
    assert (vote["item"], vote["by"]) == (id, None)
    VoteView.model_validate(vote)


def test_of_another_environment_it_is_another_person(deployment: Deployment) -> None:
    id = deployment.item()
    deployment.post(f"/{id}/votes", ADA)
    deployment.post(f"/{id}/votes", ADA, Principal("server", "key_beta", environment="beta"))
    assert deployment.votes(id) == [2]


def test_a_vote_is_withdrawn_and_given_again(deployment: Deployment) -> None:
    id = deployment.item()
    deployment.post(f"/{id}/votes", ADA)
    for _ in range(2):
        reply = deployment.post(f"/{id}/votes/withdraw", ADA)
        assert (reply.status, reply.json["voted"]) == (200, False)
    assert deployment.post(f"/{id}/votes/withdraw", {"targeting_key": "never met"}).status == 200
    assert deployment.votes(id) == [0]
    deployment.post(f"/{id}/votes", ADA)
    assert deployment.votes(id) == [1]


def test_a_page_withdraws_only_what_pages_gave(deployment: Deployment) -> None:
    """Whoever reads its key can guess targeting keys, and gets no other answer where a vote stays."""
    given, merged = deployment.item(), deployment.item()
    bob, eve = {"targeting_key": "bob"}, {"targeting_key": "eve"}
    deployment.post(f"/{given}/votes", ADA, BACKEND)
    deployment.post(f"/{given}/votes", {**bob, "environment": "production"}, EDITOR)
    deployment.post(f"/{given}/votes", eve, VISITOR)
    deployment.post(f"/{merged}/votes", ADA, VISITOR)
    deployment.merge(merged, given)
    assert deployment.votes(given) == [3]
    for body in (ADA, bob, eve, {"targeting_key": "nobody"}):
        reply = deployment.post(f"/{given}/votes/withdraw", body, VISITOR)
        assert (reply.status, reply.json) == (200, {"id": given, "counts_for": given, "voted": False})
    assert deployment.votes(given) == [2]
    assert {vote["item"] for vote in deployment.voters(given)} == {given}, "its own in the duplicate is gone"
    for body in (ADA, bob):
        deployment.post(f"/{given}/votes/withdraw", body, BACKEND)
    assert deployment.votes(given) == [0]


def test_a_vote_of_nobody_knows_which_key_is_not_a_pages(deployment: Deployment) -> None:
    id = deployment.item()
    deployment.post(f"/{id}/votes", ADA, VISITOR)
    [row] = [row for row in deployment.store.tables["feedback"].values() if row["sk"].startswith("vote#")]
    old = {name: value for name, value in row.items() if name != "origin"}
    deployment.store.put(FEEDBACK, {**old, "schema": 1})
    deployment.post(f"/{id}/votes/withdraw", ADA, VISITOR)
    assert deployment.votes(id) == [1]
    deployment.post(f"/{id}/votes/withdraw", ADA, BACKEND)
    assert deployment.votes(id) == [0]


def test_a_member_votes_for_itself(deployment: Deployment) -> None:
    id = deployment.item()
    for _ in range(2):
        assert deployment.post(f"/{id}/votes", {}, VIEWER).status == 200
    deployment.post(f"/{id}/votes", {}, EDITOR)
    assert deployment.votes(id) == [2]
    assert [vote["by"] for vote in deployment.voters(id)] == [None, None]
    deployment.post(f"/{id}/votes/withdraw", {}, VIEWER)
    assert deployment.votes(id) == [1]


def test_an_editor_votes_on_somebodys_behalf(deployment: Deployment) -> None:
    id = deployment.item()
    assert deployment.post(f"/{id}/votes", {"email": " Ada@Example.com "}, EDITOR).status == 200
    deployment.post(f"/{id}/votes", {"email": "ada@example.com"}, ADMIN)
    deployment.post(f"/{id}/votes", {"targeting_key": "bob", "environment": "production"}, ADMIN)
    deployment.post(f"/{id}/votes", {"targeting_key": "bob"}, BACKEND)
    assert deployment.votes(id) == [2]
    assert {vote["by"] for vote in deployment.voters(id)} == {"member:mbr_editor", "admin:key_admin"}
    deployment.post(f"/{id}/votes/withdraw", {"email": "ada@example.com"}, EDITOR)
    assert deployment.votes(id) == [1]
    stored = str([row for row in deployment.store.tables["feedback"].values() if row["pk"] != id])
    assert "example.com" not in stored, "no address is kept"


def test_an_address_is_a_person_of_its_own_whoever_gave_it(deployment: Deployment) -> None:
    """Nobody checks whose it is: a vote by it is never that of who has a targeting key, and the same each time."""
    body = {"type": "idea", "product": "mug", "title": "A lid", **ADA, "email": "ada@example.com", "consent": True}
    id = deployment.post("", body, BACKEND).json["id"]
    deployment.post(f"/{id}/votes/withdraw", {"email": "ada@example.com"}, EDITOR)
    deployment.post(f"/{id}/votes", ADA)
    for _ in range(2):
        deployment.post(f"/{id}/votes", {"email": "ada@example.com"}, EDITOR)
    assert deployment.votes(id) == [2]
    deployment.post(f"/{id}/votes/withdraw", {"email": "ada@example.com"}, EDITOR)
    assert [vote["by"] for vote in deployment.voters(id)] == [None]


@pytest.mark.parametrize(
    ("principal", "body", "pointer", "code"),
    [
        (VISITOR, {}, "/targeting_key", "required"),
        (BACKEND, {}, "/targeting_key", "required"),
        (ADMIN, {}, "/targeting_key", "required"),
        (VISITOR, {"email": "ada@example.com"}, "/email", "forbidden"),
        (EDITOR, {"email": "ada@example.com", **ADA}, "/email", "forbidden"),
        (EDITOR, ADA, "/environment", "required"),
        (EDITOR, {"email": "nobody"}, "/email", "pattern"),
    ],
)
@pytest.mark.parametrize("what", ["votes", "votes/withdraw"])
def test_whose_vote_is_not_clear(
    deployment: Deployment, what: str, principal: Principal, body: Any, pointer: str, code: str
) -> None:
    reply = deployment.post(f"/{deployment.item()}/{what}", body, principal)
    assert (reply.status, faults(reply)) == (422, [(pointer, code)])


def test_who_may_not(deployment: Deployment) -> None:
    id = deployment.item()
    assert deployment.post(f"/{id}/votes", {**ADA, "environment": "production"}, VIEWER).status == 403
    assert deployment.post(f"/{id}/votes", {**ADA, "environment": "beta"}, VISITOR).status == 403
    assert deployment.get(f"/{id}/votes", VISITOR).status == 403
    assert deployment.merge(id, id, principal=VIEWER).status == 403
    assert deployment.votes(id) == [0]


def test_what_is_held_back_is_not_there_for_a_key(deployment: Deployment) -> None:
    id = deployment.item()
    head = deployment.store.tables["feedback"][id, "head"]
    deployment.store.put(FEEDBACK, {**head, "data": {**head["data"], "state": "held"}})
    assert deployment.post(f"/{id}/votes", ADA, VISITOR).status == 404
    assert deployment.post(f"/{id}/votes", {}, EDITOR).status == 200
    assert deployment.post(f"/{NOBODY}/votes", ADA).status == 404
    assert deployment.post(f"/{NOBODY}/votes/withdraw", ADA).status == 404
    assert deployment.get(f"/{NOBODY}/votes").status == 404


def test_a_board_may_take_no_votes(deployment: Deployment) -> None:
    id = deployment.item()
    deployment.post(f"/{id}/votes", ADA)
    deployment.store.put(FEEDBACK, {"pk": "board#mug", "sk": "head", "schema": 1, "kind": "board", "data": {"voting": False}})
    with api.testing(now=START + timedelta(seconds=FRESH)):
        assert deployment.post(f"/{id}/votes", {"targeting_key": "bob"}).status == 409
        assert deployment.post(f"/{id}/votes/withdraw", ADA).status == 200
    assert deployment.votes(id) == [0]


def test_what_one_network_may_send_with_a_client_key(deployment: Deployment) -> None:
    """A burst, and no more until later; who is refused has not voted."""
    id = deployment.item()
    replies = [deployment.post(f"/{id}/votes", {"targeting_key": f"{number}"}, VISITOR) for number in range(BURST + 5)]
    assert [reply.status for reply in replies] == [200] * BURST + [429] * 5
    assert replies[-1].headers["retry-after"] == "3"
    assert deployment.post(f"/{id}/votes/withdraw", {"targeting_key": "0"}, VISITOR).status == 429
    assert deployment.post(f"/{id}/votes", ADA, BACKEND).status == 200
    assert deployment.votes(id) == [BURST + 1]


def test_everybody_is_listed_once(deployment: Deployment) -> None:
    one, two = deployment.item(), deployment.item()
    for number in range(7):
        deployment.post(f"/{one}/votes", {"targeting_key": f"{number}"})
        deployment.post(f"/{two}/votes", {"targeting_key": f"{number + 4}"})
    deployment.merge(two, one)
    found, query = [], "limit=4"
    while True:
        page = deployment.get(f"/{one}/votes", query=query).json
        found += [vote["person"] for vote in page["items"]]
        if "next_cursor" not in page:
            break
        query = f"limit=4&cursor={page['next_cursor']}"
    assert len(found) == len(set(found)) == 11
    assert deployment.votes(one, two) == [11, 7]
    assert len(deployment.voters(two)) == 7


def test_a_cursor_that_is_none(deployment: Deployment) -> None:
    id = deployment.item()
    forged = [encode(["feedback.votes", id], {"person": person}) for person in ("", "psn_~")]
    for cursor in ("x", *forged, encode(["feedback.votes"], {"person": "psn_" + "0" * 26})):
        assert deployment.get(f"/{id}/votes", query=f"cursor={cursor}").status == 400


# --- duplicates -----------------------------------------------------------------------------------------


def test_a_duplicate_counts_for_what_it_is_a_duplicate_of(deployment: Deployment) -> None:
    one, two = deployment.item(), deployment.item()
    deployment.post(f"/{one}/votes", ADA)
    for key in ("ada", "bob"):
        deployment.post(f"/{two}/votes", {"targeting_key": key})
    assert deployment.votes(one, two) == [1, 2]
    reply = deployment.merge(two, one, '"1"')
    assert (reply.status, reply.headers["etag"]) == (200, '"2"')
    FeedbackView.model_validate(reply.json)
    assert (reply.json["status"], reply.json["merged_into"]) == ("duplicate", one)
    assert deployment.votes(one, two) == [2, 2]
    reply = deployment.post(f"/{two}/votes", {"targeting_key": "eve"})
    assert reply.json["counts_for"] == one
    assert deployment.votes(one, two) == [3, 3]
    reply = deployment.unmerge(two, '"2"')
    assert (reply.json["status"], reply.json["merged_into"], reply.headers["etag"]) == ("new", None, '"3"')
    assert deployment.votes(one, two) == [1, 3]


def test_a_withdrawal_is_from_the_whole_group(deployment: Deployment) -> None:
    one, two = deployment.item(), deployment.item()
    for id in (one, two):
        deployment.post(f"/{id}/votes", ADA)
    deployment.merge(two, one)
    assert deployment.post(f"/{two}/votes/withdraw", ADA).json == {"id": two, "counts_for": one, "voted": False}
    assert deployment.votes(one, two) == [0, 0]


def test_a_group_goes_into_another_and_comes_out_again(deployment: Deployment) -> None:
    """Merged into a duplicate it goes to that one's root, and takes its own duplicates along."""
    one, two, three, four = (deployment.item() for _ in range(4))
    for number, id in enumerate((one, two, three, four)):
        deployment.post(f"/{id}/votes", {"targeting_key": f"{number}"})
    deployment.merge(two, one)
    deployment.merge(four, three)
    assert deployment.votes(one, three) == [2, 2]
    assert deployment.merge(three, two).json["merged_into"] == one
    assert deployment.votes(one, two, three, four) == [4, 1, 1, 1]
    assert deployment.post(f"/{four}/votes", ADA).json["counts_for"] == one
    assert deployment.unmerge(three).json["status"] == "new"
    assert deployment.votes(one, two, three, four) == [2, 1, 3, 2]
    assert deployment.unmerge(four).json["merged_into"] is None
    assert deployment.votes(one, two, three, four) == [2, 1, 1, 2]


def test_votes_stand_in_the_list_and_in_the_file(deployment: Deployment) -> None:
    one, two = deployment.item(), deployment.item()
    deployment.post(f"/{one}/votes", ADA)
    deployment.merge(two, one)
    deployment.votes()
    listed = deployment.get("", query="product=mug").json["items"]
    assert [(item["votes"], item["merged_into"]) for item in listed] == [(1, None), (0, one)]
    lines = [json.loads(line) for line in deployment.get("/export").body.splitlines()]
    assert [(line["votes"], line["merged_into"]) for line in lines] == [(1, None), (0, one)]


def test_a_duplicate_leaves_its_status_by_unmerging_alone(deployment: Deployment) -> None:
    one, two = deployment.item(), deployment.item()
    deployment.merge(two, one)
    sent = {"if-match": "*"}
    reply = call(handler, "PATCH", f"/v1/feedback/{two}", {"status": "planned"}, principal=EDITOR, headers=sent)
    assert (reply.status, reply.json["code"]) == (409, "move_not_allowed")


def test_the_status_comes_back(deployment: Deployment) -> None:
    one, two = deployment.item(), deployment.item()
    head = deployment.store.tables["feedback"][two, "head"]
    deployment.store.put(FEEDBACK, {**head, "status": "planned", "data": {**head["data"], "status": "planned"}})
    deployment.merge(two, one)
    assert deployment.store.tables["feedback"][two, "head"]["status"] == "duplicate"
    assert deployment.unmerge(two).json["status"] == "planned"


def test_again_changes_nothing(deployment: Deployment) -> None:
    one, two, three = (deployment.item() for _ in range(3))
    deployment.merge(two, one)
    assert deployment.merge(three, two).json["version"] == 2
    assert deployment.merge(three, one).json["version"] == 2
    assert deployment.merge(three, two).json["version"] == 2
    assert deployment.unmerge(three).json["version"] == 3
    assert deployment.unmerge(three).json["version"] == 3


def test_what_is_told_of_it(deployment: Deployment) -> None:
    one, two = deployment.item(), deployment.item()
    deployment.merge(two, one)
    status = {"field": "status", "from": "new", "to": "duplicate"}
    rows = deployment.store.tables["feedback"]
    told = {"version": 2, "changes": [status], "product": "mug", "into": one}
    assert rows[two, "head"]["events"] == [{"type": "feedback.merged.v1", "data": told}]
    deployment.unmerge(two)
    status = {"field": "status", "from": "duplicate", "to": "new"}
    told = {"version": 3, "changes": [status], "product": "mug", "from": one}
    assert rows[two, "head"]["events"] == [{"type": "feedback.unmerged.v1", "data": told}]
    assert rows[one, "head"]["version"] == 1


def test_each_product_has_an_inbox_of_its_own(deployment: Deployment) -> None:
    made(Products(deployment.store), name="Cup", key="cup")
    one, two = deployment.item(), deployment.item()
    deployment.merge(two, one)
    body = {"type": "idea", "product": "cup", "title": "A lid", "submission_id": "cup"}
    other = str(deployment.post("", body, BACKEND).json["id"])
    for id, into in ((other, one), (other, two), (one, other)):
        reply = deployment.merge(id, into)
        assert (reply.status, reply.json["errors"][0]["code"]) == (409, "another_product")
    assert deployment.get(f"/{other}").json["version"] == 1


def test_what_cannot_be_merged(deployment: Deployment) -> None:
    one, two, three = (deployment.item() for _ in range(3))
    for into, status, code in ((one, 422, "itself"), (NOBODY, 422, "unknown_item"), ("fbk_1", 422, "pattern")):
        reply = deployment.merge(one, into)
        assert (reply.status, faults(reply)) == (status, [("/into", code)])
    assert reply.json["errors"][0]["detail"] == "An id is `fbk_` and 26 letters and digits."
    deployment.merge(two, one)
    reply = deployment.merge(one, two)
    assert (reply.status, faults(reply)) == (409, [("/into", "own_duplicate")])
    reply = deployment.merge(two, three)
    assert (reply.status, one in reply.json["detail"]) == (409, True)
    assert deployment.merge(NOBODY, one).status == 404
    assert deployment.unmerge(NOBODY).status == 404
    assert deployment.merge(three, one, '"7"').status == 412
    assert deployment.post(f"/{three}/merge", {"into": one}, EDITOR).status == 428
    assert deployment.post(f"/{three}/unmerge", None, EDITOR).status == 428


def test_a_group_has_its_bounds(deployment: Deployment) -> None:
    root, other = deployment.item(), deployment.item()
    for _ in range(MOST - 1):
        assert deployment.merge(deployment.item(), root).status == 200
    reply = deployment.merge(other, root)
    assert (reply.status, faults(reply)) == (409, [("/into", "group_full")])
    for id in (root, other):
        deployment.post(f"/{id}/votes", ADA)
    last = next(iter(deployment.store.tables["feedback"][root, "group"]["members"]))
    deployment.post(f"/{last}/votes", {"targeting_key": "bob"})
    assert deployment.votes(root) == [2]
    assert deployment.post(f"/{root}/votes/withdraw", {"targeting_key": "bob"}).status == 200
    assert deployment.votes(root) == [1]


def test_votes_come_without_a_version(deployment: Deployment) -> None:
    """So nobody is told that nothing changed."""
    id = deployment.item()
    reply = call(handler, "GET", f"/v1/feedback/{id}", headers={"If-None-Match": '"1"'})
    assert (reply.status, reply.headers["etag"]) == (200, '"1"')


# --- who counts -----------------------------------------------------------------------------------------


def test_what_cannot_be_read_is_put_aside_and_found_by_the_day(deployment: Deployment) -> None:
    id = deployment.item()
    deployment.post(f"/{id}/votes", ADA)
    vote = next(one for one in deployment.records if one["dynamodb"]["Keys"]["sk"]["S"].startswith("vote#"))
    broken = {**vote, "dynamodb": {name: value for name, value in vote["dynamodb"].items() if name != "NewImage"}}
    records = [broken if one is vote else one for one in deployment.records]
    assert ballots({"Records": records}, Context()) == {"batchItemFailures": []}
    assert deployment.get(f"/{id}").json["votes"] == 0
    ballots({"source": "aws.events"}, Context())
    seen = len(records)
    assert ballots({"Records": deployment.records[seen:]}, Context()) == {"batchItemFailures": []}
    assert deployment.get(f"/{id}").json["votes"] == 1


def test_the_day_says_what_differed(deployment: Deployment, log_lines: list[dict[str, Any]]) -> None:
    one, two = deployment.item(), deployment.item()
    for id in (one, two):
        deployment.post(f"/{id}/votes", ADA)
    deployment.votes()
    row = deployment.store.tables["feedback"][one, "count"]
    deployment.store.transact([Put(FEEDBACK, {**row, "own": 9})], "spoil")
    ballots({"source": "aws.events"}, Context())
    assert (log_lines[-1]["repaired"], log_lines[-1]["level"]) == ([one], "WARN")
    assert deployment.votes(one, two) == [1, 1]
