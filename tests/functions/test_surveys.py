"""`functions/surveys`: whom a survey asks, and what becomes of the answers, through both handlers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from functions.feedback.handler import handler as feedback
from functions.surveys.handler import handler
from slipway.access import Principal
from slipway.feedback.answers import served
from slipway.feedback.buckets import MOST
from slipway.feedback.survey import MOST_ANSWERS
from slipway.feedback.surveys import MOST_ENABLED
from slipway.flags.environments import Environments, NewEnvironment
from slipway.tables import FEEDBACK
from tests.catalogue import a_call
from tests.functions.events import ADMIN, EDITOR, VIEWER, Reply, call
from tests.surveying import CLIENT, SERVER, STAGING, SURVEY, Surveying, surveying

TEAM = {"==": [{"var": "plan"}, "team"]}


@pytest.fixture
def room() -> Iterator[Surveying]:
    with surveying() as made:
        yield made


def faults(answer: Reply) -> list[tuple[str, str]]:
    assert answer.status == 422, answer.body
    return [(one["pointer"], one["code"]) for one in answer.json["errors"]]


# --- the survey itself ----------------------------------------------------------------------------------


def test_a_survey_is_made_read_changed_and_deleted(room: Surveying) -> None:
    made = room.survey(targeting=TEAM, sampling=12.5, starts_at="2026-11-01T02:00:00+02:00")
    assert made == {
        **SURVEY,
        "id": made["id"],
        "targeting": TEAM,
        "sampling": 12.5,
        "cap": 1_000,
        "quiet_days": 30,
        "starts_at": "2026-11-01T00:00:00.000Z",
        "ends_at": None,
        "created_at": "2026-11-01T00:00:00.000Z",
        "updated_at": "2026-11-01T00:00:00.000Z",
        "version": 1,
    }
    one = f"/{made['id']}"
    assert room.ask("GET", one, principal=VIEWER).json == made
    assert room.ask("PATCH", one, {"cap": 5}).status == 428
    assert room.ask("PATCH", one, {"cap": 5}, if_match='"2"').status == 412
    changed = room.ask("PATCH", one, {"cap": None, "targeting": None, "sampling": 50, "question": "Why?"}, if_match='"1"')
    assert changed.headers["etag"] == '"2"'
    assert (changed.json["targeting"], changed.json["sampling"], changed.json["cap"]) == (None, 50, 1_000)
    assert room.change(made["id"], sampling=50)["version"] == 2, "what changes nothing makes no version"
    versions = room.ask("GET", f"{one}/versions").json["items"]
    assert {change["field"] for change in versions[0]["changes"]} == {"question", "targeting", "sampling"}
    assert [one["version"] for one in versions] == [2, 1]
    assert room.ask("DELETE", one, if_match='"2"').status == 204
    assert room.ask("GET", one).status == room.ask("GET", f"{one}/results").status == 404
    assert room.ask("GET", "").json["items"] == []


def test_the_same_request_again_makes_no_other(room: Surveying) -> None:
    first, second = (room.ask("POST", "", SURVEY, idempotency_key="k") for _ in range(2))
    assert (first.json, first.headers["location"]) == (second.json, f"/v1/surveys/{first.json['id']}")
    assert second.headers["idempotency-replayed"] == "true"
    assert room.ask("POST", "", {**SURVEY, "cap": 5}, idempotency_key="k").status == 422


def test_they_are_listed_by_what_they_are_of(room: Surveying) -> None:
    ids = [room.survey(**fields)["id"] for fields in ({}, {"product": "cup"}, {"environment": "staging"}, {"enabled": False})]

    def asked(query: str) -> Reply:
        return call(handler, "GET", "/v1/surveys", query=query, principal=VIEWER)

    def listed(query: str) -> list[Any]:
        return [one["id"] for one in asked(query).json["items"]]

    assert listed("") == ids
    assert listed("product=cup") == ids[1:2]
    assert listed("environment=staging") == ids[2:3]
    assert listed("enabled=false") == ids[3:]
    first = asked("limit=3").json
    assert [one["id"] for one in first["items"]] == ids[:3]
    assert listed(f"limit=3&cursor={first['next_cursor']}") == ids[3:]
    assert asked(f"limit=3&product=mug&cursor={first['next_cursor']}").status == 400


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"product": "jug"}, ("/product", "unknown_product")),
        ({"kind": "rating"}, ("/kind", "not_one_of")),
        ({"question": " "}, ("/question", "empty")),
        ({"sampling": 101}, ("/sampling", "invalid_share")),
        ({"cap": 0}, ("/cap", "too_small")),
        ({"cap": MOST_ANSWERS + 1}, ("/cap", "too_large")),
        ({"quiet_days": 0}, ("/quiet_days", "too_small")),
        ({"starts_at": "2026-11-02T00:00:00Z", "ends_at": "2026-11-02T00:00:00Z"}, ("/ends_at", "before_start")),
        ({"targeting": {"is": [1, 1]}}, ("/targeting/is", "unknown_operator")),
        ({"targeting": {"if": [TEAM, "yes"]}}, ("/targeting/if/1", "unknown_variant")),
        ({"targeting": {"$ref": "staff"}}, ("/targeting/$ref", "unknown_reference")),
        ({"targeting": {"in": [{"var": "plan"}, ["x" * 1000] * 40]}}, ("/targeting", "too_large")),
        ({"targeting": "team"}, ("/targeting", "invalid_targeting")),
    ],
)
def test_what_would_be_no_survey_is_refused_with_a_word_on_why(room: Surveying, fields: Any, wrong: Any) -> None:
    answer = room.ask("POST", "", {**SURVEY, **fields})
    assert wrong in faults(answer), answer.body
    assert room.rows("srv_") == []


def test_what_cannot_change_is_no_field_of_the_patch(room: Surveying) -> None:
    id = room.survey()["id"]
    assert faults(room.ask("PATCH", f"/{id}", {"kind": "csat"}, if_match="*")) == [("/kind", "unknown")]


def test_a_survey_asks_in_an_environment_that_there_is(room: Surveying) -> None:
    reply = room.ask("POST", "", {**SURVEY, "environment": "prodution"})
    assert (reply.status, faults(reply)) == (422, [("/environment", "unknown_environment")])
    Environments(room.store).create(a_call(operation="environments.create"), NewEnvironment(name="preview"))
    assert room.survey(environment="preview")["environment"] == "preview"


def test_an_environment_has_so_many_that_ask(room: Surveying) -> None:
    for number in range(MOST_ENABLED):
        room.ask("POST", "", {**SURVEY, "question": str(number)})
    assert room.ask("POST", "", SURVEY).status == 409
    resting = room.survey(enabled=False)["id"]
    assert room.ask("PATCH", f"/{resting}", {"enabled": True}, if_match="*").status == 409
    assert room.ask("POST", "", {**SURVEY, "environment": "staging"}).status == 201


def test_who_may_do_what(room: Surveying) -> None:
    id = room.survey()["id"]
    assert room.ask("POST", "", SURVEY, VIEWER).status == 403
    assert room.ask("GET", f"/{id}/results", principal=CLIENT).status == 403
    assert room.prompting(principal=EDITOR).status == 403
    assert room.prompting(principal=SERVER).status == 200


# --- whom it asks ---------------------------------------------------------------------------------------


def test_a_prompt_says_what_to_ask_and_how_to_answer(room: Surveying) -> None:
    survey = room.survey()
    prompt = room.prompt()
    assert {name: prompt[name] for name in ("survey", "kind", "question", "scale")} == {
        "survey": survey["id"],
        "kind": "nps",
        "question": SURVEY["question"],
        "scale": {"least": 0, "most": 10},
    }
    assert prompt["expires_at"] == "2026-11-02T00:00:11.000Z"


@pytest.mark.parametrize(
    "fields",
    [
        {"enabled": False},
        {"product": "cup"},
        {"environment": "staging"},
        {"sampling": 0},
        {"starts_at": "2026-11-03T00:00:00Z"},
        {"ends_at": "2026-11-01T00:00:05Z"},
        {"targeting": TEAM},
        {"targeting": {"var": "nobody"}},
        {"targeting": {"var": "plan"}},  # what it gives is no verdict
    ],
)
def test_it_asks_nobody_else(room: Surveying, fields: Any) -> None:
    room.survey(**fields)
    assert room.prompt(plan="free") is None
    assert room.rows("prompted#") == [], "nothing of who was not asked"


def test_it_asks_whom_its_rule_is_true_for(room: Surveying) -> None:
    room.survey(targeting=TEAM)
    assert room.prompt(plan="free") is None
    assert room.prompt(plan="team") is not None


def test_a_rule_that_takes_too_many_steps_asks_nobody(room: Surveying) -> None:
    room.survey(targeting={"some": [{"var": "many"}, {"some": [{"var": ""}, {"==": [{"var": ""}, 1]}]}]})
    assert room.prompt(many=[[2], [1]]) is not None
    assert room.prompt("bob", many=[*[[2] * 200] * 300, [1]]) is None


def test_a_sample_is_of_that_size_and_a_larger_one_holds_it(room: Surveying) -> None:
    keys = [f"user-{number}" for number in range(500)]
    id = room.survey(sampling=20)["id"]
    first = {key for key in keys if room.prompt(key)}
    assert 70 < len(first) < 130
    for row in room.rows("prompted#"):
        room.store.tables[FEEDBACK.name].pop((row["pk"], row["sk"]))
    room.change(id, sampling=50)
    second = {key for key in keys if room.prompt(key)}
    assert first < second
    assert 205 < len(second) < 295


def test_a_unit_is_asked_once_by_each_and_then_left_alone(room: Surveying) -> None:
    first = room.survey(quiet_days=10)["id"]
    assert room.prompt(view="v1")["survey"] == first
    second = room.survey(quiet_days=10, kind="csat")["id"]
    room.survey(product="cup", quiet_days=10)
    assert room.prompt(view="v2") is None
    assert room.prompt(view="v2", product="cup") is None, "the budget is of the environment"
    room.later(days=9, hours=23)
    assert room.prompt(view="v3") is None
    room.later(hours=1)
    assert room.prompt(view="v4")["survey"] == second, "the first one has asked before"
    room.later(days=100)
    assert room.prompt(view="v5") is None
    assert room.prompt("bob") is not None, "another unit has its own"


def test_the_same_view_is_answered_the_same_for_a_while(room: Surveying) -> None:
    room.survey()
    room.survey(kind="ces")
    prompt = room.prompt(view="v1")
    room.later(minutes=29)
    assert room.prompt(view="v1") == prompt
    assert room.prompt(view="v2") is None
    room.later(minutes=2)
    assert room.prompt(view="v1") is None


def test_of_several_the_rare_one_goes_first(room: Surveying) -> None:
    room.survey()
    rare = room.survey(sampling=5)["id"]
    told = [prompt["survey"] for number in range(400) if (prompt := room.prompt(f"user-{number}"))]
    assert len(told) == 400
    assert 8 <= told.count(rare) <= 40


def test_a_prompt_costs_two_reads_at_most_and_nobody_costs_none(room: Surveying) -> None:
    room.survey(targeting=TEAM)
    room.prompt(plan="team")
    room.store.requests.clear()
    assert room.prompt("bob", plan="free") is None
    assert room.store.requests == []
    assert room.prompt("eve", plan="team") is not None
    assert room.store.requests == ["get", "put"]
    room.store.requests.clear()
    assert room.prompt("eve", "v2", plan="team") is None
    assert room.store.requests == ["get"]


def test_made_up_people_are_not_asked_without_bound(room: Surveying) -> None:
    room.survey(targeting=TEAM)
    found = [room.prompting(f"made-up-{number}", plan="team").status for number in range(3 * MOST)]
    assert found == [200] * MOST + [429] * 2 * MOST
    assert len(room.rows("prompted#")) == MOST
    refused = room.prompting("one-more", plan="team")
    assert refused.json["code"] == "too_many_requests"
    assert room.prompting("made-up-0", plan="team").status == 200, "the same view costs nothing"
    assert room.prompting("bob", plan="free").status == 204
    assert room.prompting("bob", principal=SERVER, plan="team").status == 200
    room.later(seconds=float(refused.headers["retry-after"]))
    assert room.prompting("one-more", plan="team").status == 200
    assert "192.0.2" not in str(room.rows("bucket#")), "no network is kept as it is"


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"context": {}}, ("/context", "targeting_key_missing")),
        ({"context": {"targetingKey": ""}}, ("/context", "invalid_targeting_key")),
        ({"context": {"targetingKey": 7}}, ("/context", "invalid_context")),
        ({"context": []}, ("/context", "invalid_context")),
        ({"view": "a b"}, ("/view", "invalid_view")),
    ],
)
def test_a_prompt_is_of_somebody_somewhere(room: Surveying, body: Any, wrong: Any) -> None:
    sent = {"product": "mug", "view": "v", "context": {"targetingKey": "ada"}, **body}
    assert faults(room.ask("POST", "/prompt", sent, CLIENT)) == [wrong]


# --- what becomes of the answers ------------------------------------------------------------------------


def test_an_answer_is_feedback_and_counts_once(room: Surveying) -> None:
    survey = room.survey()["id"]
    prompt = room.prompt()
    item = room.answer(prompt, 9, text="Good", context={"release": "1.2"}, submission_id="s").json["id"]
    read = call(feedback, "GET", f"/v1/feedback/{item}", principal=VIEWER).json
    assert (read["survey"], read["type"], read["rating"], read["text"]) == (survey, "nps", 9, "Good")
    again = room.answer(prompt, 9, text="Good", context={"release": "1.2"}, submission_id="s")
    assert (again.status, again.json["id"]) == (201, item)
    twice = room.answer(prompt, 3)
    assert twice.status == 409
    assert "before" in twice.json["detail"]
    results = room.results(survey)
    assert (results["answers"], results["distribution"]["9"], results["distribution"]["3"]) == (1, 1, 0)
    assert len(room.rows("fbk_")) == 1


def test_an_answer_costs_no_more_requests_than_other_feedback(room: Surveying) -> None:
    room.survey()
    prompts = {key: room.prompt(key) for key in ("ada", "bob")}
    room.answer(prompts["ada"])  # what an instance asks once
    room.store.requests.clear()
    assert room.answer(prompts["bob"], key="bob").status == 201
    with_survey = list(room.store.requests)
    room.store.requests.clear()
    plain = {"type": "nps", "product": "mug", "rating": 9, "targeting_key": "eve"}
    assert call(feedback, "POST", "/v1/feedback", plain, principal=SERVER).status == 201
    assert with_survey == room.store.requests
    assert with_survey.count("transact") == 1


def test_the_one_beyond_the_cap_is_told_and_not_kept(room: Surveying) -> None:
    survey = room.survey(cap=2)["id"]
    prompts = {key: room.prompt(key) for key in ("ada", "bob", "eve", "joe")}
    assert [room.answer(prompts[key], 9, key).status for key in ("ada", "bob", "eve")] == [201, 201, 409]
    assert len(room.rows("fbk_")) == 2
    assert not [row for row in room.rows("person#") if row["pid"] not in {one["person"] for one in room.rows("answer#")}]
    room.later(seconds=11)
    assert room.prompt("kim") is None, "nobody else is asked"
    assert room.change(survey, cap=3)["cap"] == 3
    assert room.answer(prompts["joe"], 9, "joe").status == 201
    assert room.answer(prompts["eve"], 9, "eve").status == 409
    room.change(survey, cap=1)
    assert room.results(survey)["answers"] == 3
    room.change(survey, cap=4)
    assert room.answer(prompts["eve"], 9, "eve").status == 201


def test_who_was_asked_may_answer_whatever_became_of_the_survey(room: Surveying) -> None:
    survey = room.survey()["id"]
    prompts = {key: room.prompt(key) for key in ("ada", "bob")}
    room.change(survey, enabled=False)
    assert room.answer(prompts["ada"]).status == 201
    assert room.ask("DELETE", f"/{survey}", if_match="*").status == 204
    assert room.answer(prompts["bob"], key="bob").status == 201


def test_a_token_is_of_one_unit_survey_and_day(room: Surveying) -> None:
    room.survey()
    prompt = room.prompt()
    token = prompt["token"]

    def refused(**fields: Any) -> tuple[str, str]:
        principal = fields.pop("principal", SERVER)
        (fault,) = faults(room.answer(prompt, **fields, principal=principal))
        return fault

    assert refused(key="bob") == ("/survey", "unknown_prompt")
    assert refused(product="cup") == ("/survey", "unknown_prompt")
    assert refused(type="ces", rating=5) == ("/survey", "unknown_prompt")
    assert refused(principal=STAGING) == ("/survey", "unknown_prompt")
    assert refused(targeting_key=None) == ("/targeting_key", "required")
    assert refused(survey=token[:-1] + ("A" if token[-1] != "A" else "B")) == ("/survey", "unknown_prompt")
    other = token[4:5]
    assert refused(survey=token.replace(f"srv_{other}", "srv_" + ("0" if other != "0" else "1"), 1))[1] == "unknown_prompt"
    assert refused(survey="srv_1")[0] == "/survey"
    assert refused(survey=token.replace("2026-11-01", "2026-10-01"))[1] == "unknown_prompt"
    room.later(hours=23)
    kept = room.now
    room.later(hours=2)
    assert refused() == ("/survey", "prompt_expired")
    room.later(days=10)
    assert refused() == ("/survey", "unknown_prompt")
    room.now = kept
    assert room.rows("fbk_") == []
    assert room.answer(prompt).status == 201


def test_who_holds_a_token_needs_no_form_and_a_machine_answers_nothing(room: Surveying) -> None:
    survey = room.survey()["id"]
    board = {"pk": "board#mug", "sk": "head", "schema": 1, "kind": "board", "data": {"form": {"token": True}}}
    room.store.put(FEEDBACK, board)
    assert room.answer(room.prompt(), principal=CLIENT, website="https://spam.example").status == 422, "it asks for a form"
    room.store.put(FEEDBACK, {**board, "data": {}})
    room.later(seconds=20)
    assert room.answer(room.prompt("bob"), key="bob", principal=CLIENT, website="https://spam.example").status == 201
    assert room.results(survey)["answers"] == 0
    room.store.put(FEEDBACK, board)
    room.later(seconds=20)
    assert room.answer(room.prompt("eve"), key="eve", principal=CLIENT).status == 201
    assert room.results(survey)["answers"] == 1


# --- what it came to ------------------------------------------------------------------------------------


def test_results_of_an_nps(room: Surveying) -> None:
    survey = room.survey()["id"]
    empty = room.results(survey)
    assert (empty["answers"], empty["score"], empty["standard_error"]) == (0, None, None)
    assert (empty["low"], empty["high"], empty["at_least"], empty["releases"]) == (-100, 100, -100, [])
    for number, score in enumerate([10, 9, 8, 7, 6, 0, 10, 10, 9, 8]):
        room.answered(score, f"user-{number}", context={"release": "1.1" if number < 4 else "1.2"})
    told = room.results(survey)
    assert (told["answers"], told["score"]) == (10, 30)
    assert told["distribution"] == {"0": 1, "6": 1, "7": 1, "8": 2, "9": 2, "10": 3} | dict.fromkeys("12345", 0)
    assert told["standard_error"] == pytest.approx(26.034166)  # of five promoters, two detractors: by hand
    assert told["low"] < told["at_least"] < 30 < told["high"]
    assert [(one["release"], one["answers"], one["score"]) for one in told["releases"]] == [
        ("1.2", 6, pytest.approx(100 / 6)),
        ("1.1", 4, 50),
    ]


@pytest.mark.parametrize(("kind", "most"), [("csat", 5), ("ces", 7)])
def test_results_of_a_mean(room: Surveying, kind: str, most: int) -> None:
    survey = room.survey(kind=kind)["id"]
    for number, score in enumerate([1, most, most, 4]):
        room.answered(score, f"user-{number}")
    told = room.results(survey)
    assert told["score"] == (2 * most + 5) / 4
    assert list(told["distribution"]) == [str(score) for score in range(1, most + 1)]
    assert (told["low"], told["high"]) == (1, most), "four answers say nothing yet"
    assert [one["release"] for one in told["releases"]] == [None]


def test_results_by_variant(room: Surveying) -> None:
    survey = room.survey()["id"]
    for key, score, variant in (("ada", 10, "on"), ("bob", 0, "off"), ("eve", 9, "on")):
        item = room.answered(score, key)
        person = next(row["person"] for row in room.rows("answer#") if row["feedback"] == item)
        room.store.update(served(survey, person, item, {"checkout": {"variant": variant, "version": 3}}))
    told = [(one["flag"], one["variant"], one["answers"], one["score"]) for one in room.results(survey)["variants"]]
    assert told == [("checkout", "on", 2, 100), ("checkout", "off", 1, -100)]


# --- people ---------------------------------------------------------------------------------------------


def test_a_person_sees_its_answers_and_is_forgotten(room: Surveying) -> None:
    survey = room.survey()["id"]
    item = room.answered(9, email="ada@example.com", consent=True)
    who = {"targeting_key": "ada", "environment": "production"}
    (beside,) = call(feedback, "POST", "/v1/people/export", who).json["beside"]
    told = {"item": survey, "what": "answer", "feedback": item, "score": 9, "created_at": "2026-11-01T00:00:11.000Z"}
    assert beside == told
    assert len(room.rows("prompted#")) == 1
    assert call(feedback, "POST", "/v1/people/erase", who, principal=ADMIN).status == 200
    assert room.rows("prompted#") == []
    assert room.results(survey)["answers"] == 1, "it counts, of nobody"
    assert call(feedback, "POST", "/v1/people/export", who).json == {"people": [], "feedback": [], "notes": [], "beside": []}
    assert room.answered(2), "for us it is somebody new"


def test_who_was_only_asked_is_forgotten_as_well(room: Surveying) -> None:
    room.survey()
    assert room.prompt() is not None
    erased = call(feedback, "POST", "/v1/people/erase", {"targeting_key": "ada", "environment": "production"})
    assert (erased.status, erased.json) == (200, {"certificates": []})
    assert room.rows("prompted#") == []


def test_events_tell_no_words(room: Surveying) -> None:
    room.survey(question="Secret words?", targeting=TEAM)
    (head,) = [row for row in room.rows("srv_") if row["sk"] == "head"]
    assert [event["type"] for event in head["events"]] == ["survey.created.v1"]
    assert "Secret" not in str(head["events"])
    assert "plan" not in str(head["events"])


def test_a_member_has_no_environment_to_be_asked_in(room: Surveying) -> None:
    assert room.prompting(principal=Principal("member", "mbr_x", "viewer")).status == 403
