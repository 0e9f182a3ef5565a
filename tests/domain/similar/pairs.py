"""Questions, each with the one title that says the same, and titles that are only near; and rankers that others made.

`pairs.jsonl` (260) and `distractors.jsonl` (300) were written by hand, in four languages, by somebody who never saw a ranker:
of each pair the title as a team's list has it, and the question as another visitor would type it. Weights and thesaurus of
`slipway.feedback.similar` were made with the first half in sight; the second is for measuring alone.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from slipway.feedback.words import spelled, weighty

Ranker = Callable[[str, int], Sequence[str]]  # up to so many titles, the nearest first


class Pair(NamedTuple):
    query: str
    item: str


def _lines(name: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (Path(__file__).parent / name).read_text(encoding="utf-8").splitlines()]


PAIRS = [Pair(line["query"], line["item"]) for line in _lines("pairs.jsonl")]
TITLES = [pair.item for pair in PAIRS] + [line["item"] for line in _lines("distractors.jsonl")]
TUNED = [pair for pair in PAIRS if hashlib.sha256(pair.query.encode()).digest()[0] % 2 == 0]
HELD_OUT = [pair for pair in PAIRS if pair not in TUNED]


def recall(ranker: Ranker, pairs: Sequence[Pair], most: int) -> float:
    """The share of the questions whose title is among the first so many."""
    return sum(pair.item in ranker(pair.query, most) for pair in pairs) / len(pairs)


def fts5(titles: Sequence[str], tokenizer: str, operator: str) -> Ranker:
    """SQLite's full text search, by BM25. It has no stop words: the question comes without ours."""
    database = sqlite3.connect(":memory:", check_same_thread=False)
    database.execute(f"CREATE VIRTUAL TABLE titles USING fts5(title, tokenize='{tokenizer}')")
    database.executemany("INSERT INTO titles VALUES (?)", [(title,) for title in titles])

    def ranked(query: str, most: int) -> list[str]:
        words = weighty(spelled(query))
        if tokenizer == "trigram":
            text = " ".join(words)
            words = [text[at : at + 3] for at in range(len(text) - 2)]
        match = f" {operator} ".join(f'"{word}"' for word in words)
        found = database.execute("SELECT title FROM titles WHERE titles MATCH ? ORDER BY rank LIMIT ?", (match, most))
        return [title for (title,) in found]

    return ranked


WORDS, TRIGRAMS = "porter unicode61 remove_diacritics 2", "trigram"
