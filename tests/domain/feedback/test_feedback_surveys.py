"""Surveys where many meet: the cap is exact, a unit gets one prompt, and answers once."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from slipway.calls import Call
from slipway.feedback.item import NewFeedback
from slipway.feedback.survey import NewSurvey, Prompting, SurveyPatch
from slipway.feedback.tickets import prompted as prompted_row
from slipway.ports import Below, Delete, StoreUnavailable, Update
from slipway.problems import Conflict
from slipway.tables import FEEDBACK
from tests.catalogue import a_call
from tests.domain.test_products_race import together
from tests.surveying import SERVER, SURVEY, Surveying

MANY, CAP, AT_ONCE = 1_000, 100, 32


@pytest.fixture
def room() -> Surveying:
    return Surveying()


def asking(principal: Any = SERVER, seconds: float = 20) -> Call:
    return a_call(seconds, operation="surveys.prompt").but(principal=principal)


def begun(room: Surveying, **fields: Any) -> str:
    return room.surveys.surveys.create(a_call(), NewSurvey.model_validate({**SURVEY, **fields})).stored.id


def prompted(room: Surveying, key: str, view: str = "v", call: Call | None = None) -> Any:
    asked = Prompting.model_validate({"product": "mug", "view": view, "context": {"targetingKey": key}})
    return room.surveys.prompts.prompt(call or asking(), "production", asked, "192.0.2.1")


def answer(room: Surveying, key: str, token: str, rating: int = 9) -> bool:
    new = {"type": "nps", "product": "mug", "rating": rating, "targeting_key": key, "survey": token}
    call = a_call(30, operation="feedback.submit").but(principal=SERVER)
    try:
        room.feedback.submissions.submit(call, NewFeedback.model_validate(new))
    except Conflict:
        return False
    return True


def test_of_a_thousand_answers_at_once_the_cap_is_taken_and_not_one_more(room: Surveying) -> None:
    survey = begun(room, cap=CAP)
    tokens = {f"user-{number}": prompted(room, f"user-{number}")["token"] for number in range(MANY)}
    keys = list(tokens)

    def some(thread: int) -> Counter[Any]:
        return Counter(answer(room, key, tokens[key]) for key in keys[thread::AT_ONCE])

    assert sum(together(AT_ONCE, some), Counter()) == {True: CAP, False: MANY - CAP}
    items = [row for row in room.rows("fbk_") if row["sk"] == "head"]
    assert {row["pk"] for row in items} == {row["feedback"] for row in room.rows("answer#")}
    assert len(items) == CAP
    assert room.store.get(FEEDBACK, survey, "count") == {"pk": survey, "sk": "count", "schema": 1, "over": 0}


def test_a_counter_without_its_condition_is_found_out(room: Surveying, monkeypatch: pytest.MonkeyPatch) -> None:
    begun(room, cap=5)
    transact = room.store.transact

    def bare(writes: Any, token: str) -> None:
        loose = [
            one.but(condition=None) if isinstance(one, Update) and one.condition == Below("over", 0) else one for one in writes
        ]
        transact(loose, token)

    monkeypatch.setattr(room.store, "transact", bare)
    taken = sum(answer(room, key, prompted(room, key)["token"]) for key in map(str, range(10)))
    assert taken == 10, "the condition is what holds the cap"


def test_a_change_of_the_cap_meets_answers_at_the_same_moment(room: Surveying) -> None:
    survey = begun(room, cap=10)
    tokens = {f"user-{number}": prompted(room, f"user-{number}")["token"] for number in range(64)}

    def act(number: int) -> Any:
        if number % 4 == 0:
            patch = SurveyPatch.model_validate({"cap": 10 + number})
            return room.surveys.surveys.update(a_call(25), survey, None, patch) and None
        return answer(room, f"user-{number}", tokens[f"user-{number}"])

    got = Counter(one for one in together(32, act) if isinstance(one, bool))
    cap = int(room.surveys.surveys.read(survey).data["cap"])
    row = room.store.get(FEEDBACK, survey, "count")
    assert row is not None
    assert int(row["over"]) == got[True] - cap
    assert len(room.rows("answer#")) == got[True]


def test_a_unit_gets_one_prompt_in_many_views_at_once(room: Surveying) -> None:
    for _ in range(3):
        begun(room)
    got = together(32, lambda number: prompted(room, "ada", f"view-{number}"))
    assert sum(prompt is not None for prompt in got) == 1


def test_of_one_view_at_once_all_are_answered_the_same(room: Surveying) -> None:
    for _ in range(3):
        begun(room)
    got = together(32, lambda _: prompted(room, "ada"))
    assert got == [got[0]] * 32
    assert got[0] is not None


def test_a_unit_answers_once_from_many_threads(room: Surveying) -> None:
    begun(room)
    token = prompted(room, "ada")["token"]
    assert Counter(together(16, lambda number: answer(room, "ada", token, number % 10))) == {True: 1, False: 15}
    assert len(room.rows("answer#")) == len([row for row in room.rows("fbk_") if row["sk"] == "head"]) == 1


def test_a_lost_acknowledgement_loses_no_prompt(room: Surveying, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's own client tries again with the same request, or its view asks again."""
    begun(room)
    put, lost = room.store.put, [True]

    def lossy(table: Any, row: Any, condition: Any = None) -> None:
        put(table, row, condition)
        if row["pk"].startswith("prompted#") and lost.pop():
            raise StoreUnavailable("no answer")

    monkeypatch.setattr(room.store, "put", lossy)
    with pytest.raises(StoreUnavailable):
        prompted(room, "ada")
    assert prompted(room, "ada") is not None
    assert prompted(room, "ada", "another") is None


def test_who_is_erased_while_it_is_asked_is_asked_as_somebody_new(room: Surveying, monkeypatch: pytest.MonkeyPatch) -> None:
    begun(room, quiet_days=1)
    begun(room, quiet_days=1)
    assert prompted(room, "ada") is not None
    lookup = room.feedback.people.lookup(("unit", "production", "ada"))
    get = room.store.get

    def then_erased(*place: Any) -> Any:
        row = get(*place)
        if place[1].startswith("prompted#"):
            room.store.transact([Delete(FEEDBACK, *prompted_row(lookup))], "erased")
        return row

    monkeypatch.setattr(room.store, "get", then_erased)
    assert prompted(room, "ada", "v2", asking(seconds=90_000)) is not None
    (row,) = room.rows("prompted#")
    assert len(row["asked"]) == 1


def test_a_survey_keeps_no_more_than_it_needs(room: Surveying) -> None:
    """Nothing in the rows of a unit names it."""
    begun(room)
    token = prompted(room, "ada@example.com")["token"]
    assert answer(room, "ada@example.com", token)
    kept = {(row["pk"], row["sk"]): row for kind in ("srv_", "prompted#", "list#") for row in room.rows(kind)}
    assert len(kept) == 5
    assert "@example" not in str(kept)
