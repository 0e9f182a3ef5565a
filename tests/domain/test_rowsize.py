"""What DynamoDB counts for a row."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.rowsize import row_bytes

scalars = st.none() | st.booleans() | st.integers() | st.text() | st.decimals(allow_nan=False, allow_infinity=False, places=3)
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ("mug", 3),
        ("Ä", 2),
        (True, 1),
        (None, 1),
        (b"mug", 3),
        ([], 3),
        (["a"], 5),
        ({}, 3),
        ({"a": "b"}, 6),
        (7, 3),
        (Decimal("19.99"), 5),
    ],
)
def test_a_value_has_the_bytes_that_the_rules_give_it(value: Any, size: int) -> None:
    assert row_bytes({"name": value}) == 4 + size


@given(st.dictionaries(st.text(min_size=1), values))
def test_a_row_has_at_most_twice_the_bytes_of_its_json(row: dict[str, Any]) -> None:
    assert row_bytes(row) <= 2 * len(json.dumps(row, default=str))
