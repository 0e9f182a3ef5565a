"""The strict reader: everything that is JSON and fit to keep comes through unchanged, and nothing else comes through."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.edge import json as strict
from slipway.problems import Malformed, Problem

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
NUMBERS = st.integers(-(10**37), 10**37) | st.decimals(-(10**12), 10**12, places=6)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


def written(value: Any) -> str:
    """JSON text, with every Decimal as it stands."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    if isinstance(value, dict):
        members = ", ".join(f"{json.dumps(name)}: {written(item)}" for name, item in value.items())
        return f"{{{members}}}"
    return json.dumps(value, ensure_ascii=False)


@given(VALUES)
def test_what_is_written_is_read(value: Any) -> None:
    assert strict.read(written(value).encode()) == value


@given(
    st.binary(max_size=200)
    | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | st.text(alphabet='[]{}",:\\ \n1ae-.u0', max_size=300).map(str.encode)
)
def test_any_bytes_are_read_as_the_plain_reader_does_or_refused(raw: bytes) -> None:
    try:
        value = strict.read(raw)
    except Problem as problem:
        refused = problem
    else:
        assert json.loads(raw.decode(), parse_float=Decimal) == value
        return
    assert refused.status in (400, 422)


@pytest.mark.parametrize(("opened", "closed"), [("[", "]"), ('{"a":', "}")])
def test_64_levels_are_taken_and_65_are_not(opened: str, closed: str) -> None:
    assert strict.read((opened * 64 + "1" + closed * 64).encode())
    with pytest.raises(Malformed, match="64"):
        strict.read((opened * 65 + "1" + closed * 65).encode())


def test_brackets_in_text_are_no_levels() -> None:
    text = "[{" * 1_000
    assert strict.read(json.dumps([text, '\\"' + text]).encode()) == [text, '\\"' + text]


@pytest.mark.parametrize(
    ("number", "value"),
    [
        ("19.990", Decimal("19.990")),
        ("1e2", Decimal("1e2")),
        ("75174.0", Decimal("75174.0")),
        ("-0.0", Decimal("-0.0")),
        ("9" * 38, int("9" * 38)),
        ("0." + "1" * 38, Decimal("0." + "1" * 38)),
        ("5e-324", Decimal("5e-324")),
        ("-1.7976931348623157e308", Decimal("-1.7976931348623157e308")),
    ],
)
def test_a_number_is_exactly_its_text(number: str, value: int | Decimal) -> None:
    found = strict.read(number.encode())
    assert (found, str(found)) == (value, str(value))


@pytest.mark.parametrize("number", ["9" * 39, "1e309", "1e-325", "1.8e308", "0." + "1" * 39, "1." + "0" * 5_000, "1E+400"])
def test_a_number_that_nothing_keeps_is_named_by_its_place(number: str) -> None:
    with pytest.raises(Problem) as refused:
        strict.read(f'{{"a": [0, {number}]}}'.encode())
    assert [(fault.pointer, fault.code) for fault in refused.value.errors] == [("/a/1", "out_of_range")]
    assert len(refused.value.detail) < 200


def test_a_pointer_is_escaped_and_never_long() -> None:
    with pytest.raises(Problem) as refused:
        strict.read(json.dumps({"a/b~c": {"x" * 10_000: "\x00"}}).encode())
    (fault,) = refused.value.errors
    assert fault.pointer.startswith("/a~1b~0c/xxx")
    assert len(fault.pointer) < 100


@pytest.mark.parametrize("number", ["1e9999999999999999999", "-1E+99999999999999999999", "0e-99999999999999999999", "1e400"])
def test_an_exponent_beyond_all_bounds_is_out_of_range(number: str) -> None:
    with pytest.raises(Problem) as refused:
        strict.read(f'{{"price": {number}}}'.encode())
    assert [(fault.pointer, fault.code) for fault in refused.value.errors] == [("/price", "out_of_range")]


def test_an_object_of_very_many_names_is_refused_before_anybody_looks_at_them() -> None:
    names = ",".join(f'"n{number}":1' for number in range(strict.MOST_NAMES + 1))
    with pytest.raises(Problem) as refused:
        strict.read(f'{{"metadata": {{{names}}}}}'.encode())
    assert [(fault.pointer, fault.code) for fault in refused.value.errors] == [("/metadata", "too_long")]
