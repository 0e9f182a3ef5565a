"""Our own regular expressions: as `re` on what both know, and never slow."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from random import Random

import pytest

from slipway.flags.grammar import MOST_STATES, BadPattern
from slipway.flags.regex import LONGEST_TEXT, Pattern

PATTERNS = 20_000 if os.environ.get("SLIPWAY_PROVE") == "1" else 1_500
ATOMS = ["a", "b", "c", ".", "[ab]", "[^a]", r"\d", r"\w", r"\s", r"\D", "[a-c]", r"\.", "-", r"[\d-]", r"[^\W]", "[-a]"]
ATOMS += ["[]a]", "é", r"[\s\S]"]
REPEATS = ("*", "+", "?", "{2}", "{1,2}", "{0,1}", "{2,}", "*?", "+?", "??")


def pattern(random: Random, depth: int) -> str:
    chosen = random.random()
    if depth == 0 or chosen < 0.35:
        return random.choice(ATOMS)
    if chosen < 0.55:
        return pattern(random, depth - 1) + pattern(random, depth - 1)
    if chosen < 0.7:
        return f"(?:{pattern(random, depth - 1)}|{pattern(random, depth - 1)}|)"
    if chosen < 0.9:
        return f"({pattern(random, depth - 1)}){random.choice(REPEATS)}"
    return random.choice(("^", "")) + pattern(random, depth - 1) + random.choice(("$", ""))


def test_random_patterns_match_where_re_matches() -> None:
    random, refused = Random(7), set()
    for _ in range(PATTERNS):
        written = pattern(random, 4)
        try:
            ours = Pattern(written)
        except BadPattern as wrong:
            refused.add(str(wrong))
            continue
        theirs = re.compile(written.replace("$", "\\Z"), re.ASCII)
        for _ in range(6):
            text = "".join(random.choice("aabbcx1. -é") for _ in range(random.randrange(9)))
            assert ours.search(text) == bool(theirs.search(text)), (written, text)
    assert all("500 states" in why or "256 characters" in why for why in refused)


@pytest.mark.parametrize(
    ("written", "text", "found"),
    [
        ("", "", True),
        ("^$", "", True),
        ("^$", "\n", False),
        ("^a.c$", "abc", True),
        ("^a.c$", "a\nc", False),
        ("a\\nc", "a\nc", True),
        ("\\$\\{\\}", "${}", True),
        ("[^]]", "]", False),
        ("[a\\]]+$", "a]", True),
        ("[\\x-z]", "y", None),
        ("x{3}", "xxx", True),
        ("^(a|b)*c$", "ababc", True),
        ("(^a|b)c", "xbc", True),
        ("(^a|b)c", "xac", False),
        ("😀+", "😀😀", True),
    ],
)
def test_patterns(written: str, text: str, found: bool | None) -> None:
    if found is None:
        with pytest.raises(BadPattern):
            Pattern(written)
    else:
        assert Pattern(written).search(text) is found


REFUSED = ["(", ")", "a)", "(a", "[", "[a", "a**b{", "*", "+a", "|*", "a{2", "a{,2}", "a{3,2}", "a{x}", "\\", r"\1", r"\b"]
REFUSED += ["(?=a)", "(?<n>a)"]
REFUSED += ["(?i)a", "[b-a]", "x" * 257, "((((a{9}){9}){9}){9})", "(" * 40 + ")" * 40, "a{1000}"]


@pytest.mark.parametrize("written", REFUSED)
def test_what_is_refused_says_why(written: str) -> None:
    with pytest.raises(BadPattern, match=r"\.$"):
        Pattern(written)


DIFFERENT = "".join(chr(0x4E00 + number) for number in range(LONGEST_TEXT))
EVIL = ["(a*)*b", "(a|aa)+$", "(x+x+)+y", "(.*)*(.*)*z", "^(([a-z])+.)+[A-Z]([a-z])+$", "(a?){40}a{40}", "(a|b|ab)*c(a|b|ab)*d"]


@pytest.mark.parametrize("written", EVIL)
def test_no_text_makes_a_pattern_slow(written: str) -> None:
    """What a character costs at most: a look at every four states of the automaton, which the pattern bounds."""
    for text in ("a" * LONGEST_TEXT, "ab" * (LONGEST_TEXT // 2), "x" * LONGEST_TEXT, DIFFERENT):
        ours, looks = Pattern(written), 0
        assert ours.states <= MOST_STATES + 1

        class Counted(list[list[int]]):
            def __iter__(self) -> Iterator[list[int]]:
                nonlocal looks
                for united in super().__iter__():
                    looks += 1
                    yield united

        ours._after = Counted(ours._after)
        ours.search(text)
        assert looks <= LONGEST_TEXT * (1 + ours.states // 4)
        assert looks <= 15 * ours.steps(text), "a step is a few looks"
        assert len(ours._kept) <= 2_000


def test_characters_that_a_pattern_does_not_tell_apart_are_one_to_it() -> None:
    ours = Pattern(r".{0,200}@example\.com")
    assert ours.search(DIFFERENT) is False
    assert len(ours._kept) <= 202, "it is told by how many stood before, not by which"
    assert ours.search("é" * 200 + "@example.com") is True


def test_a_search_costs_the_same_whatever_was_searched_before() -> None:
    ours = Pattern("(a|b){2,9}c")
    before = ours.steps("abc" * 100)
    ours.search("abc" * 100)
    assert ours.steps("abc" * 100) == before > 300
    assert ours.steps("a" * (LONGEST_TEXT + 1)) == 1


def test_a_text_that_is_too_long_is_not_looked_at() -> None:
    assert Pattern("a").search("a" * (LONGEST_TEXT + 1)) is None
