"""From pydantic's errors to ours."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from slipway.edge import validation
from slipway.problems import Fault, Invalid, Malformed


class Money(BaseModel):
    model_config = ConfigDict(extra="forbid")
    amount: Annotated[int, Field(ge=0)]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")
    price: Money | int
    kind: Literal["a", "b"] = "a"


class Whole(BaseModel):
    model_config = ConfigDict(extra="forbid")
    parts: list[Part] = []
    by_name: dict[str, Part] = {}
    few: Annotated[list[int], Field(max_length=2)] = []
    note: Annotated[str, Field(min_length=1, max_length=3, pattern="^[a-z]+$")] = "x"


class Asking(BaseModel):
    model_config = ConfigDict(extra="forbid")
    limit: Annotated[int, Field(ge=1, le=100)] = 50
    deep: bool | None = None
    tag: list[str] = []
    q: str | None = None


def wrong(value: Any) -> set[tuple[str, str]]:
    with pytest.raises(Invalid) as refused:
        validation.body(Whole, value)
    return {(fault.pointer, fault.code) for fault in refused.value.errors}


@pytest.mark.parametrize(
    ("value", "faults"),
    [
        ([], {("", "type")}),
        ({"parts": {}}, {("/parts", "type")}),
        ({"parts": [{}]}, {("/parts/0/price", "required")}),
        ({"parts": [{"price": 1}, {"price": 1, "kind": "c"}]}, {("/parts/1/kind", "not_one_of")}),
        ({"parts": [{"price": {"amount": -1}}]}, {("/parts/0/price/amount", "too_small"), ("/parts/0/price", "type")}),
        ({"parts": [{"price": 1, "x": 1}]}, {("/parts/0/x", "unknown")}),
        ({"by_name": {"a/b~c": {"price": 1, "~": 2}}}, {("/by_name/a~1b~0c/~0", "unknown")}),
        ({"note": ""}, {("/note", "too_short")}),
        ({"note": "abcd"}, {("/note", "too_long")}),
        ({"note": "AB"}, {("/note", "pattern")}),
        ({"note": None}, {("/note", "type")}),
    ],
)
def test_each_wrong_value_has_its_pointer_and_a_stable_code(value: Any, faults: set[tuple[str, str]]) -> None:
    assert wrong(value) == faults


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        ([], "Send a JSON object."),
        ("x", "Send a JSON object."),
        (None, "Send a JSON object."),
        ({"parts": {}}, "Send a JSON array."),
        ({"parts": [1]}, "Send a JSON object."),
        ({"by_name": []}, "Send a JSON object."),
        ({"parts": [{}]}, "This field is required."),
        ({"parts": [{"price": 1, "kind": "c"}]}, "It must be 'a' or 'b'."),
        ({"parts": [{"price": 1, "kidn": "a"}]}, "There is no such field here; did you mean `kind`?"),
        ({"by_name": {"kind": {"price": 1, "Kind": "a"}}}, "There is no such field here; did you mean `kind`?"),
        ({"parts": [{"price": {"amount": 1, "amuont": 2}}]}, "There is no such field here; did you mean `amount`?"),
        ({"parts": [{"price": 1, "note": "a"}]}, "There is no such field here."),
        ({"Note": "x"}, "There is no such field here; did you mean `note`?"),
        ({"not-at-all": "x"}, "There is no such field here."),
        ({"note" * 100: "x"}, "There is no such field here."),
        ({"note": 1}, "Send a text."),
        ({"note": ""}, "It must have at least 1 character."),
        ({"few": [1, 2, 3]}, "It must have at most 2 items, not 3."),
        ({"note": "AB"}, "It must match pattern '^[a-z]+$'."),
    ],
)
def test_no_detail_speaks_of_python(value: Any, detail: str) -> None:
    with pytest.raises(Invalid) as refused:
        validation.body(Whole, value)
    assert detail in [fault.detail for fault in refused.value.errors]


@pytest.mark.parametrize(
    ("count", "detail"),
    [
        (1, "One value is not valid; see `errors`."),
        (4, "4 values are not valid; see `errors`."),
        (21, "21 values are not valid; `errors` names the first 20."),
    ],
)
def test_the_problem_says_how_many_values_are_wrong(count: int, detail: str) -> None:
    with pytest.raises(Invalid) as body:
        validation.body(Whole, {f"x{n}": 1 for n in range(count)})
    with pytest.raises(Invalid) as query:
        validation.query(Asking, "&".join(f"x{n}=1" for n in range(count)))
    assert (body.value.detail, query.value.detail) == (detail, detail)


def test_a_parameter_that_is_meant_is_named() -> None:
    with pytest.raises(Invalid) as refused:
        validation.query(Asking, "limt=1&whatever=2")
    assert [fault.detail for fault in refused.value.errors] == [
        "There is no such parameter here; did you mean `limit`?",
        "There is no such parameter here.",
    ]


def test_there_are_twenty_faults_at_most_and_none_repeats_what_was_sent() -> None:
    with pytest.raises(Invalid) as refused:
        validation.body(Whole, {f"secret{n}": "secret" * 1_000 for n in range(500)})
    assert len(refused.value.errors) == 20
    assert not any("secret" in fault.detail for fault in refused.value.errors)


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        ("", Asking()),
        ("limit=7&deep=true&tag=a&tag=b&q=x+y%20z", Asking(limit=7, deep=True, tag=["a", "b"], q="x y z")),
        ("q=", Asking(q="")),
        ("tag=1", Asking(tag=["1"])),
    ],
)
def test_a_query_string_is_read_by_what_its_model_wants(raw: str, found: Asking) -> None:
    assert validation.query(Asking, raw) == found


@pytest.mark.parametrize("raw", ["limit=%2B5", "limit=5_0", "limit=05", "limit=5.0", "limit=", "deep=1", "deep=True", "deep="])
def test_numbers_and_truths_have_one_spelling(raw: str) -> None:
    with pytest.raises(Invalid) as refused:
        validation.query(Asking, raw)
    assert [fault.code for fault in refused.value.errors] == ["type"]


def test_an_operation_without_parameters_takes_none() -> None:
    assert validation.query(None, "") is None
    with pytest.raises(Invalid) as refused:
        validation.query(None, "a=1")
    assert [(fault.pointer, fault.code) for fault in refused.value.errors] == [("/query/a", "unknown")]


@given(st.text(st.characters(codec="ascii"), max_size=300))
def test_any_query_string_is_read_or_refused(raw: str) -> None:
    faults: tuple[Fault, ...] = ()
    try:
        validation.query(Asking, raw)
    except (Invalid, Malformed) as refused:
        faults = refused.errors
    assert all(len(fault.pointer) < 200 for fault in faults)
