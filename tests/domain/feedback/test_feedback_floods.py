"""How alike two texts are, by what is kept of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from slipway.feedback.floods import ALIKE, HASH_BYTES, MOST_SHINGLES, alike, plain, sketch
from tests.domain.similar.pairs import PAIRS, TITLES
from tests.figures import Tell

KEY = b"k" * 32
ADVERTS = [
    "Buy cheap watches at our shop, order number 17 today!",
    "BUY cheap  watches at our shop - order number 90211 today",
    "buy cheap wátches at our shop, order number 3 today...",
    "Buy cheap watches at our shops, order number 4 today",
]


def likeness(one: str, other: str) -> float:
    return alike(sketch(KEY, plain(one)), sketch(KEY, plain(other)))


def test_the_same_with_other_numbers_marks_and_letters_is_nearly_the_same() -> None:
    assert {likeness(one, other) >= ALIKE for one in ADVERTS for other in ADVERTS} == {True}


def test_the_same_wish_in_other_words_is_not() -> None:
    """Nor two wishes of one product: of all that is labelled, whatever is written by itself."""
    assert {pair for pair in PAIRS if likeness(*pair) >= ALIKE} == set()
    sketches = [sketch(KEY, plain(title)) for title in TITLES[::4]]
    near = sum(alike(one, other) >= ALIKE for number, one in enumerate(sketches) for other in sketches[:number])
    assert near == 0


@given(st.text(min_size=1, max_size=400), st.text(min_size=1, max_size=400))
def test_likeness_is_a_share_and_the_same_both_ways(one: str, other: str) -> None:
    if plain(one) and plain(other):
        assert 0 <= likeness(one, other) == likeness(other, one) <= 1
        assert likeness(one, one) == 1
        assert len(sketch(KEY, plain(one))) <= MOST_SHINGLES * HASH_BYTES


def test_another_key_makes_another_sketch() -> None:
    assert alike(sketch(KEY, plain(ADVERTS[0])), sketch(b"o" * 32, plain(ADVERTS[0]))) == 0


def test_it_is_told_how_far_apart_they_are(tell: Tell) -> None:
    adverts = min(likeness(one, other) for one in ADVERTS for other in ADVERTS)
    pairs = max(likeness(*pair) for pair in PAIRS)
    tell(f"likeness: adverts {adverts:.2f} and more, the same wish in other words {pairs:.2f} and less")
    assert pairs < ALIKE <= adverts
