"""What an answer proves while a rollout runs: the exposure in a flag's metadata."""

from __future__ import annotations

from typing import Any

import pytest

from slipway.adapters.memory import MemoryStore
from slipway.rollouts import exposure, signing
from tests.flag_rows import configuration, flag, needs, rows
from tests.functions.test_evaluate import CLIENT, Deployment, told

ROLLOUT: dict[str, Any] = {
    "id": "rol_" + "a" * 26,
    "from": "off",
    "to": "on",
    "bucket_by": "targetingKey",
    "share": 30_000,
    "stage": 1,
    "watch": "[]",
    "generation": 1,
}
SECRET = b"s" * 32
HALF = {"fractional": [["on", 50], ["off", 50]]}


def published(**changed: Any) -> Any:
    running = {**ROLLOUT, **changed}
    return rows(
        [flag("checkout", client_side=True), flag("held"), flag("gated"), flag("half"), flag("plain", client_side=True)],
        [
            configuration("checkout", rollout=running),
            configuration("held", rollout=running, overrides={"on": ["ada"], "off": ["bob"]}),
            configuration("gated", rollout=running, prerequisites=needs("half", "on")),
            configuration("half", rollout=running, targeting=HALF),
            configuration("plain"),
        ],
    )


@pytest.fixture
def deployment() -> Deployment:
    made = Deployment(published())
    store = MemoryStore()
    signing.begin(store, "production", SECRET)
    signing.publish(store, made.keys, "production")
    return made


def proven(answer: dict[str, Any]) -> exposure.Exposure | None:
    token = answer["metadata"].get("exposure")
    if token is None:
        return None
    found = exposure.verify({1: SECRET}, "production", answer["key"], token)
    assert found is not None, "a token that proves nothing"
    return found


def test_an_answer_proves_the_arm_that_it_shows(deployment: Deployment) -> None:
    shown = {}
    for number in range(200):
        answer = deployment.single("checkout", told(targetingKey=f"user-{number}")).json
        found = proven(answer)
        assert found is not None
        assert (found.rollout, found.stage, found.arm) == (ROLLOUT["id"], 1, {"on": "t", "off": "c"}[answer["variant"]])
        assert found.unit == exposure.unit(SECRET, ROLLOUT["id"], f"user-{number}")
        assert found.bucket == exposure.bucket("checkout", "v3", f"user-{number}")
        shown[found.unit] = found.arm
    assert len(shown) == 200
    assert set(shown.values()) == {"t", "c"}


def test_all_flags_at_once_prove_what_one_does(deployment: Deployment) -> None:
    for who in ("user-1", "user-2", "user-3"):
        answers = {answer["key"]: answer for answer in deployment.bulk(told(targetingKey=who)).json["flags"]}
        assert answers.keys() == {"checkout", "held", "gated", "half", "plain"}
        for key, answer in answers.items():
            assert answer == deployment.single(key, told(targetingKey=who)).json
        assert proven(answers["plain"]) is None
        assert proven(answers["checkout"]) is not None


def test_a_browser_proves_its_exposure_too(deployment: Deployment) -> None:
    answers = {answer["key"]: answer for answer in deployment.bulk(told(targetingKey="u"), who=CLIENT).json["flags"]}
    assert answers.keys() == {"checkout", "plain"}
    assert proven(answers["checkout"]) is not None


@pytest.mark.parametrize("who", ["ada", "bob"])
def test_who_is_held_by_an_override_takes_no_part(deployment: Deployment, who: str) -> None:
    answer = deployment.single("held", told(targetingKey=who)).json
    assert (answer["variant"], proven(answer)) == ({"ada": "on", "bob": "off"}[who], None)
    assert proven(deployment.single("held", told(targetingKey="eve")).json) is not None


def test_who_would_get_something_else_anyway_takes_no_part(deployment: Deployment) -> None:
    counts = {"on": [0, 0], "off": [0, 0]}
    for number in range(400):
        context = told(targetingKey=f"user-{number}")
        half, gated = deployment.single("half", context).json, deployment.single("gated", context).json
        counts[half["variant"]][proven(half) is not None] += 1
        assert (proven(gated) is None) == (half["variant"] == "off"), "its prerequisite decides who comes to the split"
    alone, treated = counts["on"]
    assert counts["off"][0] == 0
    assert 150 < alone < 250
    assert 30 < treated < 90


@pytest.mark.parametrize("context", [{}, {"targetingKey": ""}, {"targetingKey": "\ud800"}])
def test_who_cannot_be_counted_proves_nothing(deployment: Deployment, context: dict[str, Any]) -> None:
    reply = deployment.single("checkout", told(**context))
    assert (reply.status, reply.json["variant"], proven(reply.json)) == (200, "off", None)


def test_units_may_be_companies(deployment: Deployment) -> None:
    deployment.publish(published(bucket_by="company.id"))
    deployment.now += 60
    tokens = {
        deployment.single("checkout", told(targetingKey=who, company={"id": 7})).json["metadata"]["exposure"]
        for who in ("ada", "bob")
    }
    assert len(tokens) == 1
    assert proven(deployment.single("checkout", told(targetingKey="ada")).json) is None


def test_answers_stay_equal_within_a_stage(deployment: Deployment) -> None:
    first = deployment.bulk(told(targetingKey="u"))
    deployment.now += 3600
    held = {"if-none-match": first.headers["etag"]}
    assert deployment.bulk(told(targetingKey="u"), headers=held).status == 304
    deployment.publish(published(stage=2))
    deployment.now += 3600
    assert deployment.bulk(told(targetingKey="u"), headers=held).status == 200


def test_without_a_secret_the_answer_is_the_same_and_proves_nothing(deployment: Deployment) -> None:
    with_secret = deployment.single("checkout", told(targetingKey="u")).json
    bare = Deployment(published())
    bare.keys.down = True
    answer = bare.single("checkout", told(targetingKey="u")).json
    assert "exposure" not in answer["metadata"]
    del with_secret["metadata"]["exposure"]
    assert answer == with_secret


def test_where_no_rollout_runs_nobody_asks_for_secrets() -> None:
    deployment = Deployment(rows([flag("plain")], [configuration("plain")]))
    assert deployment.single("plain").status == deployment.bulk().status == 200
    assert deployment.keys.asked == 0


def test_a_flag_that_is_off_runs_no_rollout(deployment: Deployment) -> None:
    deployment.publish(rows([flag("checkout")], [configuration("checkout", enabled=False, rollout=ROLLOUT)]))
    deployment.now += 60
    answer = deployment.single("checkout", told(targetingKey="u")).json
    assert (answer["reason"], proven(answer)) == ("DISABLED", None)
