"""People who complain of what they were shown, with IAM enforced: items know the variant, and the rollout pauses by itself."""

from __future__ import annotations

import json
import secrets
from typing import Any

import pytest

from infra.local.demo import ENVIRONMENT
from slipway.access import Principal
from slipway.calls import derived_id
from tests.e2e.stack import Stack, until
from tests.e2e.test_rollouts import PATIENCE, Rollout
from tests.functions.events import http_event

pytestmark = pytest.mark.e2e

VISITOR = Principal("client", "key_visitor", environment=ENVIRONMENT)
ELSEWHERE = Principal("client", "key_stranger", environment="staging")  # where nobody has told of anything yet
GUARD = {"metric": "feedback.negative", "kind": "feedback"}
MERGE = {"If-Match": "*", "Content-Type": "application/merge-patch+json"}


@pytest.fixture(scope="module")
def product(stack: Stack) -> str:
    key = f"till-{secrets.token_hex(4)}"
    assert stack.call("POST", "/v1/products", {"name": "Till", "price": 1, "key": key}).status == 201
    return key


def complain(stack: Stack, address: str, visitor: Principal = VISITOR, **fields: Any) -> str:
    """As a browser in that network does: everybody here has one address, so the function is called as the gateway calls it."""
    sent = {"type": "bug", "title": f"I cannot pay at the till since the update {secrets.token_hex(16)}", **fields}
    headers = {"content-type": "application/json"}
    event = http_event("POST", "/v1/feedback", headers=headers, body=json.dumps(sent), principal=visitor)
    event["requestContext"]["http"]["sourceIp"] = address
    name = stack.functions()["feedback"]["FunctionName"]
    answer = json.loads(stack.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))["Payload"].read())
    assert answer["statusCode"] == 201, answer
    return str(json.loads(answer["body"])["id"])


def triaged(stack: Stack, id: str) -> dict[str, Any]:
    def read() -> Any:
        item = stack.call("GET", f"/v1/feedback/{id}").json()
        return item if item["proof"] is not None else None

    return dict(until(read, within=PATIENCE, what="somebody has looked at it"))


def listed(stack: Stack, query: str, *ids: str) -> None:
    def found() -> bool:
        return sorted(one["id"] for one in stack.call("GET", f"/v1/feedback?{query}").json()["items"]) == sorted(ids)

    until(found, within=PATIENCE, what=f"what is listed of {query}")


def test_a_rollout_that_people_complain_of_pauses_by_itself(stack: Stack, product: str) -> None:
    rollout = Rollout(stack, 5, GUARD)
    treated, others = rollout.people("t", 8), rollout.people("c", 8)
    rollout.shown([*treated, *others])
    ids = [complain(stack, "10.99.0.1", product=product, targeting_key=others[0])]
    ids += [complain(stack, f"10.{number}.0.1", product=product, targeting_key=who) for number, who in enumerate(treated)]
    rollout.becomes("paused")
    assert rollout.answer(treated[0])[0] == "on", "paused, and not taken back: it is clients' word"
    decision = stack.call("GET", f"{rollout.path}/evidence").json()["decided"]
    assert (decision["action"], decision["guard"]) == ("pause", "feedback.negative")
    assert decision["findings"][0]["e"] >= decision["findings"][0]["threshold"]
    item = triaged(stack, ids[1])
    assert (item["proof"], item["flags"][rollout.flag]["variant"], item["language"]) == ("recorded", "on", "en")
    listed(stack, f"product={product}&flag={rollout.flag}&variant=off", ids[0])
    listed(stack, f"product={product}&flag={rollout.flag}&variant=on", *ids[1:])

    answers(stack, product, treated[1])
    until(lambda: answered(stack, product) == {(rollout.flag, "on"): 1}, within=PATIENCE, what="its answer knows the variant")


def answers(stack: Stack, product: str, who: str) -> None:
    """A survey, of a user whose server speaks."""
    survey = {"product": product, "environment": ENVIRONMENT, "kind": "csat", "question": "How was it?", "enabled": True}
    assert stack.call("POST", "/v1/surveys", survey).status == 201
    asked = {"product": product, "view": "v1", "context": {"targetingKey": who}}

    def prompt() -> Any:
        answer = stack.call("POST", "/v1/surveys/prompt", asked, token="server")
        return answer.json() if answer.status == 200 else None

    token = until(prompt, within=PATIENCE, what="the survey is known")["token"]
    told = {"type": "csat", "product": product, "rating": 5, "targeting_key": who, "survey": token}
    assert stack.call("POST", "/v1/feedback", told, token="server").status == 201


def answered(stack: Stack, product: str) -> dict[tuple[str, str], int]:
    (survey,) = stack.call("GET", f"/v1/surveys?product={product}").json()["items"]
    variants = stack.call("GET", f"/v1/surveys/{survey['id']}/results").json()["variants"]
    return {(one["flag"], one["variant"]): one["answers"] for one in variants}


def test_nobody_posts_what_comes_of_feedback(stack: Stack) -> None:
    event = {"id": "1", "type": "outcome", "name": "feedback.negative", "targetingKey": "ada"}
    told = stack.call("POST", "/v1/events", {"events": [event]}, token="server").json()
    assert [one["code"] for one in told["rejected"]] == ["reserved_name"]


def test_what_looked_like_spam_is_found_once_it_is_visible(stack: Stack, product: str) -> None:
    word = secrets.token_hex(6)
    fields = {"product": product, "targeting_key": "eve", "title": f"Odd {word}", "website": "https://spam.example"}
    id = complain(stack, "10.50.0.1", ELSEWHERE, **fields)
    assert triaged(stack, id)["state"] == "spam"
    assert stack.call("PATCH", f"/v1/feedback/{id}", {"state": "visible"}, headers=MERGE).status == 200
    listed(stack, f"product={product}&words={word}", id)


def test_the_files_of_who_was_erased_meanwhile_go(stack: Stack, product: str) -> None:
    """An item whose person is gone, and whose file comes only now: as if it had been erased just before it was looked at."""
    s3, dynamodb = stack.client("s3"), stack.client("dynamodb")
    bucket, table = stack.setting("triage", "SLIPWAY_BUCKET_ATTACHMENTS"), stack.setting("triage", "SLIPWAY_TABLE_FEEDBACK")
    file, who = f"att_{derived_id('', secrets.token_hex(8))}", f"user-{secrets.token_hex(6)}"
    s3.put_object(Bucket=bucket, Key=f"incoming/{file}", Body=b"what it said", ContentType="text/plain")
    id = complain(stack, "10.51.0.1", product=product, targeting_key=who, attachments=[file])
    triaged(stack, id)
    s3.head_object(Bucket=bucket, Key=f"clean/{id}/{file}")
    subject = {"targeting_key": who, "environment": ENVIRONMENT}
    assert stack.call("POST", "/v1/people/erase", subject).status == 200
    first = dynamodb.get_item(TableName=table, Key={"pk": {"S": id}, "sk": {"S": "v#0000000001"}})["Item"]
    data, twin = first["data"]["M"], f"fbk_{derived_id('', secrets.token_hex(8))}"
    indexed = {"kind": {"S": "feedback"}, **{name: data[name] for name in ("product", "status", "person")}}
    s3.put_object(Bucket=bucket, Key=f"incoming/{file}", Body=b"what it said", ContentType="text/plain")
    dynamodb.put_item(TableName=table, Item={**first, **indexed, "pk": {"S": twin}, "sk": {"S": "head"}})
    assert triaged(stack, twin)["erased"]
    left = s3.list_objects_v2(Bucket=bucket)
    assert not [one["Key"] for one in left.get("Contents", []) if file in one["Key"]]
