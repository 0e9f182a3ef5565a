"""Cursors come back as they were given, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway import cursors
from slipway.problems import BadCursor

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
QUERY = st.lists(st.none() | TEXT, max_size=4)
KINDS: dict[str, type[str] | type[int]] = {"at": str, "version": int}


@given(QUERY, TEXT, st.integers(1, 10**15 - 1))
def test_a_cursor_names_its_position(query: list[str | None], at: str, version: int) -> None:
    cursor = cursors.encode(query, {"at": at, "version": version})
    assert cursors.decode(cursor, query, KINDS) == {"at": at, "version": version}


@given(QUERY, QUERY)
def test_a_cursor_of_another_query_is_refused(query: list[str | None], other: list[str | None]) -> None:
    cursor = cursors.encode(query, {"at": "x", "version": 1})
    if other != query:
        with pytest.raises(BadCursor):
            cursors.decode(cursor, other, KINDS)


@given(st.text(max_size=200) | st.binary(max_size=60).map(lambda raw: raw.hex()))
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        cursors.decode(text, [], KINDS)


@given(st.integers(0), st.characters(codec="ascii"))
def test_a_changed_cursor_is_refused(place: int, letter: str) -> None:
    cursor = cursors.encode(["q"], {"at": "2026-11-23", "version": 7})
    place %= len(cursor)
    changed = cursor[:place] + letter + cursor[place + 1 :]
    if changed != cursor and place < len(cursor) - 1:  # the last letter may have bits that base64 leaves unused
        with pytest.raises(BadCursor):
            cursors.decode(changed, ["q"], KINDS)


@pytest.mark.parametrize(
    "position", [{}, {"at": "x"}, {"at": 1, "version": 1}, {"at": "x", "version": "1"}, {"at": "x", "version": 0},
                 {"at": "x", "version": True}, {"at": "\x00", "version": 1}, {"at": "\ud800", "version": 1},
                 {"at": "x", "version": 10**15}, {"at": "x", "version": 1, "more": 1}]
)  # fmt: skip
def test_a_made_up_position_of_another_shape_is_refused(position: dict[str, str | int]) -> None:
    with pytest.raises(BadCursor):
        cursors.decode(cursors.encode([], position), [], KINDS)
