"""Text: what is kept, what is refused, and that the published pattern says the same."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from slipway.text import LINE, PASSAGE, PROSE, BadText, folded, line, passage, prose, sorting


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        (" Mug ", "Mug"),
        ("\tMug\n", "Mug"),
        ("Cafe\u0301", "Café"),
        ("כוס \u200fקפה", "כוס \u200fקפה"),
        ("👩\u200d👩\u200d👧 set", "👩\u200d👩\u200d👧 set"),
    ],
)
def test_a_line_is_trimmed_and_normalised(raw: str, kept: str) -> None:
    assert line(raw, 40) == kept


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("", "empty"),
        (" \t ", "empty"),
        ("\u200b\ufeff", "empty"),
        ("a\nb", "forbidden_character"),
        ("a\x00b", "forbidden_character"),
        ("a\x1bb", "forbidden_character"),
        ("a\x85b", "forbidden_character"),
        ("a\u202eb", "forbidden_character"),
        ("a\u2066b", "forbidden_character"),
        ("a\u2028b", "forbidden_character"),
        ("a\ud800b", "forbidden_character"),
        ("x" * 41, "too_long"),
        ("\u0958" * 21, "too_long"),
    ],
)
def test_a_line_that_hides_something_is_refused(raw: str, code: str) -> None:
    with pytest.raises(BadText) as caught:
        line(raw, 40)
    assert caught.value.code == code


def test_prose_keeps_line_breaks_as_one_character() -> None:
    assert prose("one\r\ntwo\rthree\n\tfour ", 40) == "one\ntwo\nthree\n\tfour"
    assert prose(" ", 40) == ""
    with pytest.raises(BadText):
        prose("a\u202eb", 40)


@pytest.mark.parametrize("raw", ["", " \n ", "\u200b", "\r\n\ufeff"])
def test_a_passage_says_something(raw: str) -> None:
    assert passage(" one\r\ntwo ", 40) == "one\ntwo"
    with pytest.raises(BadText, match="visible"):
        passage(raw, 40)


SPACES = "".join(chr(code) for code in range(0x110000) if chr(code).isspace())
texts = st.text(st.characters(codec="utf-8") | st.sampled_from(SPACES + "\u200b\u202e\ufeff\x00\x7f"), max_size=40)


@given(texts)
def test_the_published_pattern_takes_exactly_what_is_taken(raw: str) -> None:
    for clean, pattern in ((line, LINE), (prose, PROSE), (passage, PASSAGE)):
        try:
            kept = clean(raw, 100)
        except BadText:
            assert not re.search(pattern, raw)
            continue
        assert re.search(pattern, raw)
        assert re.search(pattern, kept)
        assert clean(kept, 100) == kept
        assert unicodedata.is_normalized("NFC", kept)


@given(st.text(min_size=1, max_size=60), st.integers(0, 60))
def test_a_name_begins_with_each_of_its_beginnings_whatever_the_case(name: str, length: int) -> None:
    start = unicodedata.normalize("NFC", name)[:length]
    if unicodedata.is_normalized("NFC", start) and not unicodedata.combining(name_after(name, length)):
        assert folded(name).startswith(folded(start))
        assert folded(name.upper()).startswith(folded(start.upper()))


def name_after(name: str, length: int) -> str:
    """The character that follows a beginning: a mark belongs to the letter before it, which is then another letter."""
    return unicodedata.normalize("NFC", name)[length : length + 1] or "."


LETTERS = [letter for code in range(0x110000) if folded(letter := chr(code)) != letter and not "\ud800" <= letter <= "\udfff"]
MARKS = [chr(code) for code in range(0x10000) if unicodedata.combining(chr(code))]
awkward = st.text(st.sampled_from(LETTERS) | st.sampled_from(MARKS) | st.characters(codec="utf-8"), max_size=120)


@given(awkward)
@example("ß\u0301")
@example("ΐ")
@example("a" * 98 + "ΐ")
@example("\u1fb3\u0301\u0345")
def test_folding_what_is_folded_changes_nothing_also_where_it_is_cut(name: str) -> None:
    assert folded(folded(name)) == folded(name)
    assert sorting(sorting(name)) == sorting(name)
    assert folded(unicodedata.normalize("NFC", name)) == folded(unicodedata.normalize("NFD", name)) == folded(name)
    assert all(folded(folded(name)[:cut]) == folded(name)[:cut] for cut in range(len(name)))


def test_every_single_letter_folds_to_one_form_with_every_mark_of_latin_and_greek() -> None:
    for letter in LETTERS:
        assert folded(folded(letter)) == folded(letter) == folded(folded(letter).upper()), hex(ord(letter))
        for mark in ("\u0301", "\u0308", "\u0345"):
            assert folded(folded(letter + mark)) == folded(letter + mark), hex(ord(letter))


@given(awkward)
@example("\U00010400" * 200)
def test_what_a_name_is_sorted_by_fits_an_index_key(name: str) -> None:
    assert len(sorting(name)) <= 100
    assert len(sorting(name).encode()) <= 1024 - len("prd_") - 26
