"""Text: what is kept, what is refused, and that the published pattern says the same."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.text import LINE, PROSE, BadText, folded, line, prose


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


SPACES = "".join(chr(code) for code in range(0x110000) if chr(code).isspace())
texts = st.text(st.characters(codec="utf-8") | st.sampled_from(SPACES + "\u200b\u202e\ufeff\x00\x7f"), max_size=40)


@given(texts)
def test_the_published_pattern_takes_exactly_what_is_taken(raw: str) -> None:
    for clean, pattern in ((line, LINE), (prose, PROSE)):
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
    if unicodedata.is_normalized("NFC", start):
        assert folded(name).startswith(folded(start))
        assert folded(name.upper()).startswith(folded(start.upper()))


def test_a_folded_name_fits_an_index_key() -> None:
    assert len(folded("ΐ" * 200).encode()) <= 1024
