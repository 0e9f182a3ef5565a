"""Titles that say the same in other words: how often they are found, and what holds of every text."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.feedback.similar import FLOOR, Index
from tests.domain.similar.pairs import HELD_OUT, PAIRS, TITLES, TRIGRAMS, TUNED, WORDS, Pair, Ranker, fts5, recall
from tests.figures import Tell

INDEX = Index((title, title) for title in TITLES)


def ours(query: str, most: int) -> list[str]:
    return [hit.id for hit in INDEX.ranked(query, most)]


@pytest.fixture(scope="module")
def peers() -> dict[str, Ranker]:
    return {
        "all words (FTS5 AND)": fts5(TITLES, WORDS, "AND"),
        "any words (FTS5 OR, BM25)": fts5(TITLES, WORDS, "OR"),
        "trigrams (FTS5 OR, BM25)": fts5(TITLES, TRIGRAMS, "OR"),
    }


@pytest.mark.parametrize(
    ("name", "pairs", "first", "five"),
    [("tuned", TUNED, 0.73, 0.91), ("held out", HELD_OUT, 0.59, 0.77)],
    ids=["tuned", "held out"],
)
def test_a_paraphrase_is_among_the_first_five(
    name: str, pairs: list[Pair], first: float, five: float, peers: dict[str, Ranker], tell: Tell
) -> None:
    found = {who: (recall(ranker, pairs, 1), recall(ranker, pairs, 5)) for who, ranker in {**peers, "similar": ours}.items()}
    told = ", ".join(f"{who} {one:.3f} {more:.3f}" for who, (one, more) in found.items())
    tell(f"{name} ({len(pairs)} pairs), recall@1 and @5: {told}")
    own = found.pop("similar")
    assert own[0] >= first
    assert own[1] >= five
    assert own[1] > max(more for _, more in found.values())


def test_the_halves_are_halves() -> None:
    assert len(PAIRS) == len(TUNED) + len(HELD_OUT) == 260
    assert len(TITLES) == len({*TITLES}) == 560
    assert min(len(TUNED), len(HELD_OUT)) > 120


@pytest.mark.parametrize("title", TITLES[::7])
def test_a_title_is_most_like_itself(title: str) -> None:
    [first] = INDEX.ranked(title.upper(), 1)
    assert (first.id, first.score) == (title, 1.0)


def test_the_order_of_titles_does_not_matter() -> None:
    shuffled = TITLES.copy()
    Random(1).shuffle(shuffled)
    other = Index((title, title) for title in shuffled)
    for pair in TUNED:
        assert other.ranked(pair.query, 10) == INDEX.ranked(pair.query, 10)


def test_what_was_added_and_taken_away_leaves_nothing() -> None:
    index = Index((title, title) for title in TITLES)
    for number, pair in enumerate(TUNED):
        index.add(f"extra-{number}", pair.query)
        index.add(f"extra-{number}", f"{pair.query} again")
    for number in range(len(TUNED)):
        index.remove(f"extra-{number}")
        index.remove(f"extra-{number}")
    assert len(index) == len(TITLES)
    for pair in TUNED:
        assert index.ranked(pair.query, 10) == INDEX.ranked(pair.query, 10)


@pytest.mark.parametrize(
    ("asked", "title"),
    [
        ("expor", "Exports to the cloud"),  # still being typed
        ("exprot to cloud", "Exports to the cloud"),  # a slip
        ("SIGN IN is BROKEN", "Login does not work"),
        ("cafe", "Un café de más"),
        ("Ｄａｒｋ　ｍｏｄｅ", "Dark mode"),
        ("Strasse", "Straße fehlt"),
        ("夜間モード", "夜間モードが欲しい"),
        ("Datumsformate", "Das Datumsformat ist falsch"),
        ("die schriften sind klein", "Die Schrift ist zu klein"),
    ],
)
def test_ways_to_say_the_same(asked: str, title: str) -> None:
    index = Index([("this", title), ("other", "Maps need a satellite layer"), ("another", "Invoices carry no number")])
    assert [hit.id for hit in index.ranked(asked, 5)][:1] == ["this"]


def test_the_language_of_the_question_comes_first() -> None:
    titles = {"en": "The password of the account was forgotten", "de": "Das Kennwort für mein Konto ist vergessen"}
    index = Index(titles.items())
    assert [hit.id for hit in index.ranked("ich habe mein Passwort vergessen", 2)] == ["de", "en"]
    assert [hit.id for hit in index.ranked("I forgot my password", 2)] == ["en", "de"]


HOSTILE = {
    "100 KB of one word": "x" * 100_000,
    "100 KB of words": "export " * 15_000,
    "100 KB of marks": "\u0300" * 100_000,
    "letters that grow": "\ufdfa" * 50_000,
    "control letters": "".join(map(chr, range(32))) * 100,
    "emoji only": "\U0001f600\U0001f680\U0001f468\u200d\U0001f469" * 20,
    "halves of surrogates": "\ud800\udfff\ud83d" * 10,
    "direction overrides": "\u202e\u2066tropxe\u2069",
    "nothing": "",
    "spaces": " \t\n\u3000",
    "quotes and stars": "\"' OR 1=1 -- * NEAR( ) ^ : {",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_text_is_too_much(text: str) -> None:
    index = Index((title, title) for title in TITLES[:50])
    before = index.ranked("export", 5)
    assert all(FLOOR <= hit.score <= 1 for hit in index.ranked(text, 5))
    index.add("hostile", text)
    assert len(index) == 51
    index.remove("hostile")
    assert index.ranked("export", 5) == before


@given(st.lists(st.text(max_size=60), max_size=12, unique=True), st.text(max_size=60))
def test_whatever_is_asked(titles: list[str], asked: str) -> None:
    index = Index((str(number), title) for number, title in enumerate(titles))
    hits = index.ranked(asked, 5)
    assert len(hits) <= min(5, len(titles))
    assert all(0 < hit.score <= 1 for hit in hits)
    assert hits == sorted(hits, key=lambda hit: -hit.score)
    assert [hit.id for hit in Index().ranked(asked, 5)] == []
