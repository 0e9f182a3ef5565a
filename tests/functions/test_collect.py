"""What is posted and what becomes of it: golden events in, rows out; the same again changes nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from slipway.access import Principal
from slipway.adapters.memory import MemoryBlobs
from slipway.ports import Blob, StoreUnavailable
from slipway.rollouts import exposure
from slipway.rollouts.arms import PER_NETWORK_HOUR
from slipway.rollouts.signing import FRESH
from slipway.signals import rows
from slipway.signals.posted import MOST
from slipway.signals.salts import person
from slipway.tables import SIGNALS
from tests.collecting import (
    BY_TEAM,
    CLIENT,
    HALF,
    NOW,
    ROLLOUT,
    SECRET,
    SERVER,
    Deployment,
    arm,
    exposed,
    outcome,
    people,
    token,
    unit,
)
from tests.functions.events import ADMIN, EDITOR, VIEWER, Context, http_event, reply

ADA = "user-1"


@pytest.fixture
def deployment() -> Deployment:
    return Deployment()


def without(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("pk", "sk", "schema", "at", "expires", *names)}


# --- what is taken --------------------------------------------------------------------------------------


def test_an_exposure_and_an_outcome_byte_for_byte(deployment: Deployment) -> None:
    reply = deployment.post(exposed(ADA), outcome(ADA, value=3.5, at="2020-01-01T00:00:00Z"))
    assert (reply.status, reply.body) == (202, b'{"accepted":2,"dropped":0,"rejected":[]}')
    assert reply.headers["content-type"] == "application/json"
    [shown] = deployment.rows("unit#" + unit(ADA))
    assert shown["pk"] == f"{ROLLOUT}#{rows.shard(unit(ADA))}"
    assert shown["at"] == NOW * 1000
    assert without(shown) == {
        "stage": 0,
        "arm": arm(ADA),
        "bucket": exposure.bucket("checkout", "v3", ADA),
        "trust": "server",
        "source": "",
    }
    met = {row["sk"].split("#")[1]: without(row) for row in deployment.rows("met#")}
    assert met == {name: {"stage": 0, "arm": arm(ADA), "trust": "server", "source": ""} for name in ("errors", "*")}
    [message] = deployment.rows("msg#")
    assert message["pk"].startswith("metric#production#errors#2026-11-23#")
    assert without(message) == {"value": 3_500_000, "variants": {"checkout": {"t": "on", "c": "off"}[arm(ADA)]}}
    [adopted] = deployment.rows("adopt#production#checkout#2026-11-23#")
    assert without(adopted) == {"variant": {"t": "on", "c": "off"}[arm(ADA)]}


def shown_to(deployment: Deployment, key: str) -> list[tuple[str, str, int]]:
    """What is found by the person: which flag, variant and version."""
    salt = deployment.rows("salt#production")[0]["salt"]
    found = deployment.rows(rows.shown("production", "2026-11-23", person(salt, key)))
    assert all(row["sk"] == f"{row['flag']}#{row['variant']}#{row['version']}" for row in found)
    return [(row["flag"], row["variant"], row["version"]) for row in found]


def test_what_a_person_was_shown_is_found_by_its_key_for_as_long_as_the_day_s_salt(deployment: Deployment) -> None:
    plain = {"id": "1", "type": "exposure", "flag": "plain", "context": {"targetingKey": ADA}}
    deployment.post(exposed(ADA), who=CLIENT)
    deployment.post(plain)
    before = deployment.rows("shown#")
    deployment.now += 60
    deployment.another()
    deployment.post(exposed(ADA, id="again"), plain)
    assert deployment.rows("shown#") == before
    assert shown_to(deployment, ADA) == [("checkout", {"t": "on", "c": "off"}[arm(ADA)], 2), ("plain", "off", 2)]
    assert shown_to(deployment, "bob") == []
    salt = deployment.rows("salt#production")[0]
    assert {row["expires"] for row in before} == {salt["expires"]}


def test_what_is_not_proven_to_be_somebody_s_own_is_not_found_by_that_key(deployment: Deployment) -> None:
    """A token of another's; without a key; of a rollout that is bucketed by something else, as a client says."""
    bucket = exposure.bucket("team", "v3", "blue")
    proof = exposure.Exposure(1, BY_TEAM, 0, exposure.arm(bucket, HALF), bucket, unit("blue", BY_TEAM))
    team = {"id": "1", "type": "exposure", "flag": "team", "exposure": exposure.sign(SECRET, "production", "team", proof)}
    deployment.post(exposed(ADA, targetingKey="bob"), exposed(ADA, targetingKey=None), who=CLIENT)
    deployment.post(team | {"targetingKey": ADA}, who=CLIENT)
    deployment.post(exposed(ADA, targetingKey="bob"))
    assert deployment.rows("shown#") == []
    deployment.post(team | {"targetingKey": ADA})
    assert [flag for flag, _, _ in shown_to(deployment, ADA)] == ["team"]


def test_what_was_shown_before_the_present_version_has_none(deployment: Deployment) -> None:
    deployment.publish(stage=1)
    deployment.post(exposed(ADA))
    assert shown_to(deployment, ADA) == [("checkout", {"t": "on", "c": "off"}[arm(ADA)], 0)]


def test_the_lake_has_one_record_a_batch_without_context_or_address(deployment: Deployment) -> None:
    context = {"targetingKey": ADA, "email": "ada@example.com", "team": "red"}
    told = {"id": "c-1", "type": "exposure", "flag": "team", "context": context}
    deployment.post(exposed(ADA), told, outcome(ADA, value=3.5, at="2020-01-01"), {"id": "no"})
    [record] = deployment.lake.records
    assert record.count(b"\n") == 3
    first, second, third = deployment.told()
    assert (first["type"], first["rollout"], first["unit"], first["subject"]) == (
        "exposure",
        ROLLOUT,
        unit(ADA),
        unit(ADA, "lake"),
    )
    assert {one["subject"] for one in (first, second, third)} == {unit(ADA, "lake")}, "joins"
    assert (second["rollout"], second["variant"] in ("on", "off")) == (BY_TEAM, True)
    assert (third["name"], third["value"], third["at"]) == ("errors", 3.5, "2020-01-01")
    assert b"example.com" not in record
    assert ADA.encode() not in record.replace(b"o-errors-user-1", b"").replace(b"x-user-1", b"")
    assert b"192.0.2" not in record


def test_only_kinds_of_keys_that_belong_to_an_environment_may_tell(deployment: Deployment) -> None:
    for who in (ADMIN, EDITOR, VIEWER, Principal("server", "key_x")):
        assert (deployment.post(exposed(ADA), who=who).status, deployment.rows()) == (403, [])
    refused = deployment.post(exposed(ADA), who=None)
    assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert deployment.post(exposed(ADA), who=CLIENT).status == 202


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"nothing", 400),
        (b'{"events": NaN}', 400),
        (b'{"events": [{"id": "1", "id": "2", "type": "outcome", "name": "errors", "targetingKey": "a"}]}', 400),
        (b"\xff\xfe", 400),
        (b"[" * 100_000, 400),
        (b"[]", 422),
        (b'{"events": []}', 422),
        (b'{"events": {}}', 422),
        (b'{"events": [{}], "more": 1}', 422),
        (json.dumps({"events": [{}] * (MOST + 1)}).encode(), 422),
        (b'{"events": ["' + b"x" * 256 * 1024 + b'"]}', 413),
    ],
)
def test_what_cannot_be_read_is_a_problem(deployment: Deployment, body: bytes, status: int) -> None:
    reply = deployment.send(body)
    assert (reply.status, reply.headers["content-type"]) == (status, "application/problem+json")
    assert reply.json["detail"]
    assert deployment.rows() == []


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        (b'{"events": [{]}', 400, "Expecting property name enclosed in double quotes at line 1, column 14"),
        (b'{"events": [{"value": NaN}]}', 400, "NaN is no JSON number"),
        (b'{"events": [{"value": %s}]}' % (b"9" * 5_000), 422, "/events/0/value"),
    ],
)
def test_a_body_that_is_no_json_is_told_where(deployment: Deployment, body: bytes, status: int, detail: str) -> None:
    reply = deployment.send(body)
    assert (reply.status, detail in reply.json["detail"]) == (status, True)


def test_who_names_another_environment_is_told_that_the_key_has_its_own(deployment: Deployment) -> None:
    event = http_event("POST", "/ofrep/v1/track", body=json.dumps({"events": [outcome(ADA)]}), principal=SERVER)
    for query, status in (("environment=staging", 403), ("environment=production", 202)):
        assert reply(deployment.handler({**event, "rawQueryString": query}, Context())).status == status


WRONG: list[tuple[Any, str]] = [
    (None, "not_an_object"),
    ([], "not_an_object"),
    ({}, "unknown_type"),
    ({"type": []}, "unknown_type"),
    (outcome(ADA, more=1), "unknown_field"),
    (outcome(ADA, flag="checkout"), "unknown_field"),
    (outcome(ADA) | {"id": None}, "invalid_id"),
    (outcome(ADA, id="a b"), "invalid_id"),
    (outcome(ADA, id="x" * 65), "invalid_id"),
    (outcome(ADA, "a#b", id="1"), "invalid_name"),
    (outcome(ADA, "a|b", id="1"), "invalid_name"),
    (outcome(ADA, "-a", id="1"), "invalid_name"),
    (outcome(ADA, "feedback.negative", id="1"), "reserved_name"),
    (outcome(ADA) | {"targetingKey": None}, "key_missing"),
    (outcome(ADA) | {"targetingKey": ""}, "invalid_key"),
    (outcome(ADA) | {"targetingKey": 7}, "invalid_key"),
    (outcome(ADA) | {"targetingKey": "\ud800"}, "invalid_key"),
    (outcome(ADA) | {"targetingKey": "x" * 257}, "invalid_key"),
    (outcome(ADA, previous_key="a\x00b"), "invalid_key"),
    (outcome(ADA, value=True), "invalid_value"),
    (outcome(ADA, value="3"), "invalid_value"),
    (outcome(ADA, value=10**400), "invalid_value"),
    (outcome(ADA, value=1e308), "invalid_value"),
    (outcome(ADA, at="yesterday evening"), "invalid_at"),
    (outcome(ADA, at=1795435200), "invalid_at"),
    (exposed(ADA) | {"exposure": None}, "exposure_missing"),
    (exposed(ADA) | {"context": {}}, "exposure_missing"),
    (exposed(ADA) | {"exposure": 7}, "invalid_exposure"),
    (exposed(ADA) | {"exposure": "1.1.x"}, "invalid_exposure"),
    (exposed(ADA) | {"exposure": "\ud800"}, "invalid_exposure"),
    (exposed(ADA, flag="a/b"), "invalid_flag"),
    (exposed(ADA, flag="team"), "invalid_exposure"),
    ({"id": "1", "type": "exposure", "flag": "team", "context": []}, "invalid_context"),
    ({"id": "1", "type": "exposure", "flag": "team", "context": {"targetingKey": 1}}, "invalid_context"),
    (
        {"id": "1", "type": "exposure", "flag": "team", "context": {"targetingKey": "\ud800"}, "targetingKey": "a"},
        "invalid_key",
    ),
    ({"id": "1", "type": "exposure", "flag": "nobody", "context": {}}, "unknown_flag"),
    ({"id": "1", "type": "exposure", "flag": "checkout", "exposure": token(ADA), "previous_key": "a"}, "key_missing"),
]


@pytest.mark.parametrize(("event", "code"), WRONG)
def test_a_bad_event_is_rejected_by_its_index_and_the_rest_is_kept(deployment: Deployment, event: Any, code: str) -> None:
    reply = deployment.post(outcome("a"), event, outcome("b"))
    assert reply.status == 202
    assert (reply.json["accepted"], [(one["index"], one["code"]) for one in reply.json["rejected"]]) == (2, [(1, code)])
    assert reply.json["rejected"][0]["detail"]
    assert {row["sk"].rpartition("#")[2] for row in deployment.rows("msg#")} == {"o-errors-a", "o-errors-b"}


def test_events_that_are_all_bad_leave_nothing(deployment: Deployment) -> None:
    assert deployment.post(1, 2).json["accepted"] == 0
    assert (deployment.rows(), deployment.lake.records) == ([], [])


@pytest.mark.parametrize(("who", "agent", "dropped"), [
    (CLIENT, "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", 2),
    (CLIENT, "Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/120.0", 2),
    (CLIENT, "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36", 0),
    (CLIENT, "", 0),
    (SERVER, "robotic-service/1.0 (bot)", 0),
])  # fmt: skip
def test_bots_are_dropped_and_counted_as_dropped(deployment: Deployment, who: Principal, agent: str, dropped: int) -> None:
    reply = deployment.post(exposed(ADA), outcome(ADA), who=who, user_agent=agent)
    assert (reply.status, reply.json["dropped"], reply.json["accepted"]) == (202, dropped, 2 - dropped)
    assert bool(deployment.rows()) == (dropped == 0)


# --- exposures ------------------------------------------------------------------------------------------


def test_a_token_of_elsewhere_proves_nothing(deployment: Deployment) -> None:
    forged = token(ADA)
    for proof in (token(ADA, environment="staging"), token(ADA, flag="plain"), forged[:-1] + "A", forged.replace(".t.", ".c.")):
        if proof == forged:
            continue
        assert deployment.post(exposed(ADA, exposure=proof)).json["rejected"][0]["code"] == "invalid_exposure"
    assert deployment.rows("rol_") == []


@pytest.mark.parametrize("who", [CLIENT, SERVER])
def test_a_token_says_whose_it_is(deployment: Deployment, who: Principal) -> None:
    before, after = "anonymous-1", ADA
    mistaken = exposed(before, "x", targetingKey=after)
    told = deployment.post(mistaken, exposed(after), outcome(after), who=who).json
    assert (told["accepted"], [(one["index"], one["code"]) for one in told["rejected"]]) == (2, [(0, "other_key")])
    assert deployment.rows("unit#" + unit(before)) == []
    # What was shown before a login may be told after it; and who says nothing of who it is needs no key.
    assert deployment.post({**mistaken, "previous_key": before}, who=who).json["rejected"] == []
    assert len(deployment.rows("unit#" + unit(before))) == 1
    nobodys = exposed("user-9")
    del nobodys["targetingKey"]
    assert deployment.post(nobodys, who=who).json["accepted"] == 1


def test_whose_a_token_is_matters_only_where_that_key_draws() -> None:
    deployment = Deployment(bucket_by="team")
    assert deployment.post(exposed("red", targetingKey=ADA), who=CLIENT).json["rejected"] == []


def test_a_client_sends_no_context(deployment: Deployment) -> None:
    event = {"id": "1", "type": "exposure", "flag": "team", "context": {"team": "red"}}
    assert deployment.post(event, who=CLIENT).json["rejected"][0]["code"] == "context_not_allowed"


def test_a_server_says_whom_it_served_by_the_context(deployment: Deployment) -> None:
    contexts = ({"targetingKey": ADA, "team": "red"}, {"targetingKey": ADA}, {"team": "red"}, {"team": True}, {"team": 1.5})
    for number, context in enumerate(contexts):
        deployment.post({"id": f"{number}", "type": "exposure", "flag": "team", "context": context})
    [shown] = deployment.rows(f"{BY_TEAM}#{rows.shard(unit('red', BY_TEAM))} unit#")
    assert shown["sk"] == f"unit#{unit('red', BY_TEAM)}"
    uncounted = deployment.rows("none#")
    assert [row["pk"].startswith(BY_TEAM) for row in uncounted] == [True, True, True]
    assert not any("red" in str(value) for row in deployment.rows() for value in row.values())


def test_who_is_held_by_the_configuration_is_not_of_the_rollout(deployment: Deployment) -> None:
    event = {"id": "1", "type": "exposure", "flag": "plain", "context": {"targetingKey": ADA}}
    assert deployment.post(event).json["accepted"] == 1
    assert deployment.rows("rol_") == []
    assert [row["variant"] for row in deployment.rows("adopt#production#plain#")] == ["off"]


def test_an_exposure_to_a_rollout_that_is_not_heard_of_yet_is_believed(deployment: Deployment) -> None:
    deployment.publish(id=BY_TEAM.replace("b", "c"))
    assert deployment.post(exposed(ADA)).json["accepted"] == 1
    assert [row["sk"] for row in deployment.rows("rol_")] == [f"unit#{unit(ADA)}"]
    assert deployment.rows("adopt#") == []


def test_a_context_of_anything_is_taken_or_told_what_is_wrong(deployment: Deployment) -> None:
    """Whatever JSON can say, also half of a surrogate pair where units are bucketed by it."""
    values: list[Any] = ["\ud800", "", None, 0, 7, 1.5, True, [], {"a": "\ud800"}, 10**4000, "x" * 100_000]
    for number, odd in enumerate(values):
        context = {"targetingKey": ADA, "team": odd, "\ud800": odd}
        reply = deployment.post({"id": f"{number}", "type": "exposure", "flag": "team", "context": context})
        assert (reply.status, reply.json["accepted"]) == (202, 1), odd
    assert len(deployment.rows("none#")) == 8, "who has neither a text nor a whole number that a rule computes with"


def test_a_targeting_key_beside_an_empty_one_of_the_context_is_whose_it_is(deployment: Deployment) -> None:
    event = {"id": "1", "type": "exposure", "flag": "checkout", "context": {"targetingKey": ""}, "targetingKey": ADA}
    assert deployment.post(event).json["accepted"] == 1
    assert [row["sk"] for row in deployment.rows("unit#")] == [f"unit#{unit(ADA)}"]
    assert deployment.rows("none#") == []


# --- outcomes -------------------------------------------------------------------------------------------


def test_an_outcome_counts_only_after_an_exposure_and_once(deployment: Deployment) -> None:
    deployment.post(outcome(ADA, id="before"))
    assert deployment.rows("met#") == []
    deployment.post(exposed(ADA))
    for number in range(3):
        deployment.now += 60
        deployment.post(outcome(ADA, id=f"after-{number}"))
    assert sorted(row["sk"].split("#")[1] for row in deployment.rows("met#")) == ["*", "errors"]
    assert {row["at"] for row in deployment.rows("met#")} == {(NOW + 60) * 1000}
    assert len(deployment.rows("msg#")) == 4


@pytest.mark.parametrize(("value", "slow"), [(None, False), (250, False), (250.5, True), (10**9, True), (-1, False)])
def test_slow_is_above_the_threshold(deployment: Deployment, value: float | None, slow: bool) -> None:
    deployment.post(exposed(ADA), outcome(ADA, "latency", value=value))
    assert [row["sk"].split("#")[1] for row in deployment.rows("met#")] == (["latency>250", "*"] if slow else ["*"])


def test_the_arm_is_that_of_the_split_in_force(deployment: Deployment) -> None:
    """A ramp moves units from control to treatment, and that is no fault."""
    moved = next(key for key in people("c", 50) if arm(key, 3 * HALF // 2) == "t")
    deployment.post(exposed(moved))
    deployment.publish(share=3 * HALF // 2, stage=1)
    deployment.now += 60
    deployment.post(outcome(moved))
    assert {(row["stage"], row["arm"]) for row in deployment.rows("unit#" + unit(moved))} == {(0, "c")}
    assert {(row["stage"], row["arm"]) for row in deployment.rows("met#")} == {(1, "t")}


def test_an_outcome_finds_the_unit_of_who_is_bucketed_by_something_else(deployment: Deployment) -> None:
    shown = {"id": "1", "type": "exposure", "flag": "team", "context": {"targetingKey": ADA, "team": "red"}}
    deployment.post(shown, outcome(ADA, id="same-batch"))
    deployment.another()
    deployment.post(outcome(ADA, id="later"))
    deployment.post(outcome("somebody", id="else"))
    assert [row["sk"] for row in deployment.rows(f"{BY_TEAM}#") if row["sk"].startswith("met#")] == [
        f"met#errors#{unit('red', BY_TEAM)}"
    ]


def test_whose_unit_somebody_is_a_server_says_and_else_a_client(deployment: Deployment) -> None:
    """What a server tells of who was mapped by a client is of that client's network, until a server maps."""
    bucket = exposure.bucket("team", "v3", "blue")
    proof = exposure.Exposure(1, BY_TEAM, 0, exposure.arm(bucket, HALF), bucket, unit("blue", BY_TEAM))
    claimed = {"id": "1", "type": "exposure", "flag": "team", "exposure": exposure.sign(SECRET, "production", "team", proof)}
    deployment.post(claimed | {"targetingKey": ADA}, who=CLIENT)
    deployment.post(outcome(ADA, id="claimed"))
    [met] = deployment.rows("met#errors#")
    assert (met["sk"], met["trust"]) == (f"met#errors#{unit('blue', BY_TEAM)}", "client")
    assert met["source"]
    deployment.post({"id": "2", "type": "exposure", "flag": "team", "context": {"targetingKey": ADA, "team": "red"}})
    deployment.another()
    deployment.post(outcome(ADA, id="told"))
    [told] = [row for row in deployment.rows("met#errors#") if row != met]
    assert (told["sk"], told["trust"], told["source"]) == (f"met#errors#{unit('red', BY_TEAM)}", "server", "")


@pytest.mark.parametrize(
    ("exposes", "tells", "trust"),
    [(SERVER, SERVER, "server"), (SERVER, CLIENT, "client"), (CLIENT, SERVER, "client"), (CLIENT, CLIENT, "client")],
)
def test_an_outcome_is_as_good_as_the_weaker_of_it_and_its_exposure(
    deployment: Deployment, exposes: Principal, tells: Principal, trust: str
) -> None:
    deployment.post(exposed(ADA), who=exposes)
    deployment.another()
    deployment.post(outcome(ADA), who=tells)
    assert {(row["trust"], bool(row["source"])) for row in deployment.rows("met#")} == {(trust, trust == "client")}


def test_once_a_server_has_exposed_whom_a_client_did_outcomes_are_its_own(deployment: Deployment) -> None:
    deployment.post(exposed(ADA), who=CLIENT)
    deployment.post(exposed(ADA, id="too"), outcome(ADA))
    assert {row["trust"] for row in deployment.rows("met#")} == {"server"}
    assert [(row["arm"], row["stage"]) for row in deployment.rows("vouched#")] == [(arm(ADA), 0)]


def test_a_server_tells_of_what_a_client_has_told_of_before(deployment: Deployment) -> None:
    """Once, by the split at that moment, and not by a message from before a server had exposed it."""
    moved = next(key for key in people("c", 50) if arm(key, 3 * HALF // 2) == "t")
    deployment.post(exposed(moved), outcome(moved), who=CLIENT)
    deployment.post(outcome(moved, id="early"))
    deployment.publish(share=3 * HALF // 2, stage=1)
    deployment.now += 60
    deployment.post(exposed(moved, id="too"), outcome(moved, id="early"))
    assert deployment.rows("vouched#met#") == []
    for number in range(3):
        deployment.post(outcome(moved, id=f"late-{number}"))
        if number:
            deployment.another()
    assert [(row["stage"], row["arm"], row["trust"]) for row in deployment.rows("met#errors#")] == [(0, "c", "client")]
    [row] = deployment.rows("vouched#met#errors#")
    assert (row["stage"], row["arm"], row["first"]) == (1, "t", "0|c")
    assert row["source"] == deployment.rows("met#errors#")[0]["source"]
    deployment.post(outcome(moved, id="client"), who=CLIENT)
    assert len(deployment.rows("vouched#met#")) == 2, "of errors, and of anything"


def test_a_server_that_was_a_moment_later_than_a_client_is_heard(deployment: Deployment) -> None:
    """The client writes between the server's reading and its writing: each time, one row more."""
    client = Deployment()
    client.memory = client.store = deployment.memory
    client.another()

    class Raced(Counted):
        def put(self, table: Any, row: Any, condition: Any = None) -> None:
            if row["sk"].startswith(("unit#", "met#errors")) and row["pk"].startswith(ROLLOUT):
                client.post(exposed(ADA), outcome(ADA), who=CLIENT)
            self.store.put(table, row, condition)

    deployment.store = Raced(deployment.memory)
    deployment.another()
    assert deployment.post(exposed(ADA), outcome(ADA, id="s")).status == 202
    assert [row["trust"] for row in deployment.rows("unit#" + unit(ADA))] == ["client"]
    assert sorted(row["sk"] for row in deployment.rows("vouched#")) == sorted(
        f"vouched#{of}{unit(ADA)}" for of in ("", "met#errors#", "met#*#")
    )
    assert len(deployment.rows("msg#")) == 2


@pytest.mark.parametrize("event", ["exposure", "outcome"])
def test_a_person_who_was_two_units_in_both_arms_counts_no_more(deployment: Deployment, event: str) -> None:
    [before], [after], [same] = people("c", 1), people("t", 1), people("t", 2)[1:]
    deployment.post(exposed(before), exposed(after), exposed(same))
    again = exposed(after, id="again") if event == "exposure" else outcome(after, "other", id="again")
    deployment.post(again | {"previous_key": before}, outcome(after), outcome(before), outcome(same, previous_key=after))
    assert {row["sk"] for row in deployment.rows("out#")} == {f"out#{unit(before)}", f"out#{unit(after)}"}
    assert {row["stage"] for row in deployment.rows("out#")} == {0}
    counted = {row["sk"].split("#")[2] for row in deployment.rows("met#")}
    assert counted == {unit(same)}


def test_who_was_never_shown_the_flag_mixes_nothing(deployment: Deployment) -> None:
    [before], [after] = people("c", 1), people("t", 1)
    deployment.post(exposed(after, previous_key=before))
    assert deployment.rows("out#") == []


def test_one_network_brings_five_units_an_hour(deployment: Deployment) -> None:
    assert rows.SLOTS == PER_NETWORK_HOUR == 5, "what the policy of guards counts on"
    for number in range(8):
        key = f"user-{number}"
        deployment.post(exposed(key), outcome(key), who=CLIENT, address=f"192.0.2.{number}")
    assert len(deployment.rows("met#errors#")) == 5
    assert len({row["source"] for row in deployment.rows("met#")}) == 1
    deployment.post(outcome("user-7", id="other"), who=CLIENT, address="198.51.100.1")
    deployment.now += 3600
    deployment.post(outcome("user-6", id="next-hour"), who=CLIENT, address="192.0.2.200")
    deployment.post(*(exposed(f"more-{n}") for n in range(9)), *(outcome(f"more-{n}") for n in range(9)))
    assert len(deployment.rows("met#errors#")) == 5 + 1 + 1 + 9
    assert not any("192.0.2" in str(value) for row in deployment.rows() for value in row.values())


def test_clients_name_so_many_metrics_a_day_and_servers_and_rollouts_any(deployment: Deployment) -> None:
    def told(numbers: range, who: Principal) -> list[str]:
        reply = deployment.post(*(outcome(ADA, f"made-up-{number}") for number in numbers), who=who)
        return [one["code"] for one in reply.json["rejected"]]

    assert told(range(40), CLIENT) == []
    deployment.another()
    assert told(range(100), CLIENT) == ["too_many_names"] * 50
    assert len({row["pk"] for row in deployment.rows("metric#") if row["sk"].startswith("unit#")}) == 50
    assert told(range(40, 50), CLIENT) == [], "those that were taken stay so"
    assert deployment.post(outcome(ADA, "errors"), who=CLIENT).json["rejected"] == [], "a rollout watches it"
    assert told(range(60, 70), SERVER) == []
    assert told(range(60, 75), CLIENT) == ["too_many_names"] * 5
    deployment.now += 86_400
    assert told(range(90, 100), CLIENT) == []


# --- again, and what goes wrong -------------------------------------------------------------------------


def test_the_same_again_changes_nothing(deployment: Deployment) -> None:
    events = [exposed(f"user-{n}") for n in range(20)] + [outcome(f"user-{n}", value=n) for n in range(20)]
    first = deployment.post(*events, who=CLIENT)
    before = deployment.rows()
    deployment.now += 5
    again = deployment.post(*events, who=CLIENT)
    deployment.another()
    deployment.post(*reversed(events), who=CLIENT)
    assert (first.body, again.status) == (again.body, 202)
    assert [row for row in deployment.rows() if row not in before] == []


@pytest.mark.parametrize(("hour", "hours"), [(23.9997, 0.001), (22, 4), (1, 46)])
def test_a_message_that_comes_again_within_the_next_day_is_known(deployment: Deployment, hour: float, hours: float) -> None:
    deployment.now += (hour - 12) * 3600
    deployment.post(outcome(ADA, value=1))
    deployment.now += hours * 3600
    deployment.another()
    deployment.post(outcome(ADA, value=1))
    assert [row["pk"].split("#")[3] for row in deployment.rows("msg#")] == ["2026-11-23"]
    units = [row["pk"].split("#")[3] for row in deployment.rows("metric#") if row["sk"].startswith("unit#")]
    assert units == ["2026-11-23"], "nor was anybody there that day"


def test_a_message_from_before_the_exposure_counts_no_more_when_it_comes_again(deployment: Deployment) -> None:
    for hours in (0, 0.1, 20):
        deployment.now += hours * 3600
        deployment.post(outcome(ADA), exposed(ADA), outcome(ADA))
        deployment.another()
    assert deployment.rows("met#") == []
    deployment.post(outcome(ADA, id="new"))
    assert len(deployment.rows("met#")) == 2


def test_what_was_written_by_half_is_completed_when_it_comes_again() -> None:
    """Wherever it broke off: that a message stands says that what it came to stands."""
    whole = Deployment()
    events = [exposed(ADA), outcome(ADA, value=1), outcome(ADA, "latency", value=300)]
    whole.post(*events)

    class Breaking(Counted):
        def __init__(self, store: Any, whole: int) -> None:
            super().__init__(store)
            self.left = whole

        def put(self, table: Any, row: Any, condition: Any = None) -> None:
            if not self.left:
                raise StoreUnavailable("out")
            self.left -= 1
            self.store.put(table, row, condition)

    for count in range(len(whole.rows())):
        deployment = Deployment()
        deployment.store = Breaking(deployment.memory, count)
        deployment.another()
        assert deployment.post(*events).status == 503
        deployment.store = deployment.memory
        deployment.another()
        assert deployment.post(*events).status == 202
        assert {row["sk"] for row in deployment.rows("rol_")} == {row["sk"] for row in whole.rows("rol_")}
        assert len(deployment.rows()) == len(whole.rows())


def test_nobody_takes_the_id_of_a_message_from_another(deployment: Deployment) -> None:
    """Neither by a client's key from a server, nor one person from another."""
    deployment.post(outcome(ADA, "revenue", id="order-1", value=0), who=CLIENT)
    deployment.post(outcome("mallory", "revenue", id="order-1", value=0))
    for _ in range(2):
        deployment.post(outcome(ADA, "revenue", id="order-1", value=30))
    assert sorted(row["value"] for row in deployment.rows("msg#")) == [0, 0, 30_000_000]
    assert not any(ADA in row["sk"] or "mallory" in row["sk"] for row in deployment.rows())


def test_before_an_environment_has_a_secret_the_lake_does_not_say_whose_it_is(deployment: Deployment) -> None:
    deployment.flags = deployment.keys = MemoryBlobs()
    deployment.another()
    deployment.post(outcome(ADA, id="1"))
    [line] = deployment.told()
    assert "subject" not in line
    assert ADA not in json.dumps(line)


class Broken(MemoryBlobs):
    def get(self, key: str, *, etag: str | None = None) -> Blob | None:
        raise StoreUnavailable("down")


def test_while_the_lake_is_out_nothing_is_taken_but_everything_counts(deployment: Deployment) -> None:
    class Dry:
        def add(self, record: bytes) -> None:
            raise StoreUnavailable("dry")

    taken = Deployment(lake=Dry())
    refused = taken.post(exposed(ADA), outcome(ADA))
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    assert len(taken.rows("met#")) == 2, "a rollback waits for no lake"


def test_what_cannot_be_verified_now_is_not_rejected_for_good(deployment: Deployment) -> None:
    deployment.keys = Broken()
    deployment.another()
    assert deployment.post(exposed(ADA)).status == 503
    deployment.flags = Broken()
    deployment.another()
    assert deployment.post(exposed(ADA)).status == 503


def test_a_rollout_that_cannot_sign_yet_keeps_nobody_from_telling_outcomes(deployment: Deployment) -> None:
    """The secret of an environment's first rollout is published a moment after it: exposures wait for it, and nothing else."""
    secrets, deployment.keys = deployment.keys, MemoryBlobs()
    deployment.another()
    assert deployment.post(outcome(ADA)).status == 202
    assert deployment.post(exposed(ADA), outcome(ADA)).status == 503
    deployment.keys.objects.update(secrets.objects)
    deployment.now += FRESH
    assert deployment.post(exposed(ADA), outcome(ADA, id="2")).status == 202
    assert len(deployment.rows("met#")) == 2


def test_a_rollout_whose_secret_is_missing_holds_back_its_own_exposures_only(deployment: Deployment) -> None:
    """A new secret is known a moment later, and one that was taken away never: the rest of the environment goes on."""
    deployment.publish(generation=2)
    deployment.another()
    team = {"id": "1", "type": "exposure", "flag": "team", "context": {"targetingKey": ADA, "team": "red"}}
    plain = {"id": "2", "type": "exposure", "flag": "plain", "context": {"targetingKey": ADA}}
    held = deployment.post(exposed(ADA), outcome(ADA), team, plain)
    assert (held.status, held.json["accepted"]) == (202, 3)
    assert [(one["index"], one["code"]) for one in held.json["rejected"]] == [(0, "not_yet")]
    assert {row["pk"].partition("#")[0] for row in deployment.rows("rol_")} == {BY_TEAM}
    deployment.publish()
    deployment.another()
    assert deployment.post(exposed(ADA), outcome(ADA), team, plain).json["rejected"] == []
    assert len(deployment.rows(f"{ROLLOUT}")) > 0


def test_while_secrets_cannot_be_read_outcomes_of_rollouts_wait(deployment: Deployment) -> None:
    """Their evidence would be lost; where no rollout runs, nothing is waited for."""
    deployment.keys = Broken()
    deployment.another()
    assert deployment.post(outcome(ADA)).status == 503
    deployment.flags = MemoryBlobs()
    deployment.another()
    assert deployment.post(outcome(ADA)).status == 202


def test_an_environment_without_flags_takes_outcomes(deployment: Deployment) -> None:
    deployment.flags = MemoryBlobs()
    deployment.another()
    assert deployment.post(outcome(ADA)).status == 202
    assert len(deployment.rows("msg#")) == 1


# --- what it costs --------------------------------------------------------------------------------------


class Counted:
    """A store that counts what it is asked for."""

    def __init__(self, store: Any) -> None:
        self.store, self.asked = store, dict[str, int]()

    def __getattr__(self, name: str) -> Any:
        self.asked[name] = self.asked.get(name, 0) + 1
        return getattr(self.store, name)


def test_a_batch_costs_two_rounds_of_reads_and_a_write_for_what_is_new() -> None:
    deployment = Deployment()
    counted = Counted(deployment.memory)
    deployment.store = counted
    deployment.another()
    keys = [f"user-{number}" for number in range(20)]
    deployment.post(outcome("first"))
    counted.asked.clear()
    deployment.post(*(exposed(key) for key in keys), *(outcome(key) for key in keys))
    # Two rounds, of which one asks for more than a hundred rows. Put: that the flag was shown that day; unit, adoption, what
    # the person was shown; two metrics; unit of the day, message.
    assert counted.asked == {"get_many": 3, "put": 1 + 20 * (3 + 2 + 2)}
    counted.asked.clear()
    deployment.post(*(outcome(key, id=f"again-{key}") for key in keys))
    assert counted.asked == {"put": 20, "get_many": 1}, "the message alone is new, and who else is out was not remembered"


def test_very_many_rows_are_written_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where many rollouts watch a metric, a batch is thousands of rows; one by one they would not be there in time."""
    keys = [f"user-{number}" for number in range(45)]
    events = [*(exposed(key) for key in keys), *(outcome(key) for key in keys)]
    alone = Deployment()
    alone.post(outcome("first"))
    alone.post(*events)
    monkeypatch.setattr("slipway.signals.known.FEW", 100)
    faster = next(row for row in alone.rows("unit#" + unit(keys[40])) if row["pk"].startswith(ROLLOUT))

    class Raced(Counted):
        """Somebody else writes one of the rows between reading and writing."""

        def transact(self, writes: Any, token: str) -> None:
            self.asked["transact"] = self.asked.get("transact", 0) + 1
            if self.asked["transact"] == 1:
                self.store.put(SIGNALS, faster)
            self.store.transact(writes, token)

    for kind, asked in ((Counted, {"transact": 4}), (Raced, {"transact": 4, "put": 100})):
        deployment = Deployment()
        deployment.post(outcome("first"))
        deployment.store = counted = kind(deployment.memory)
        deployment.another()
        deployment.post(outcome("first"))
        counted.asked.clear()
        deployment.post(*events)
        assert {name: n for name, n in counted.asked.items() if name in ("put", "transact")} == asked
        assert {(row["pk"], row["sk"]) for row in deployment.rows()} == {(row["pk"], row["sk"]) for row in alone.rows()}


def test_what_is_remembered_is_not_forgotten_while_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slipway.signals.known.MOST_SEEN", 4)
    deployment, others = Deployment(), [f"user-{number}" for number in range(20, 30)]
    deployment.post(*(exposed(key) for key in others))
    deployment.post(exposed(ADA))
    deployment.post(*(outcome(key) for key in others), outcome(ADA))
    assert len(deployment.rows("met#errors#")) == 11


def test_what_many_rollouts_make_of_a_batch_is_more_than_one_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slipway.signals.collection.MOST_RECORD", 1000)
    deployment = Deployment()
    deployment.post(*(outcome(f"user-{number}") for number in range(30)))
    assert len(deployment.told()) == 30
    assert len(deployment.lake.records) > 3
    assert max(map(len, deployment.lake.records)) <= 1000


def test_memory_of_rows_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slipway.signals.known.MOST_SEEN", 10)
    deployment = Deployment()
    for number in range(30):
        deployment.post(exposed(f"user-{number}"), outcome(f"user-{number}"))
    assert len(deployment.rows("unit#")) == 60
