"""What finding similar feedback costs, and what it finds, against SQLite's full text search: by any of the words, and by
trigrams.

FTS5 is written in C, ranks by BM25, and is given the questions without stop words. Recall is that of the labelled pairs of the
tests, on the half that nobody tuned on; costs are among 10,000 titles that are put together of theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from time import process_time

from bench.flags import micros
from bench.runtime import Failed
from slipway.feedback.similar import Index
from tests.domain.similar.pairs import HELD_OUT, TITLES, TRIGRAMS, TUNED, WORDS, Ranker, fts5, recall

MANY, RARE, ASKED = 10_000, 8_000, 10  # titles; invented words, one in most titles; questions of a round
SYLLABLES = [first + second for first in "bcdfglmnprstkv" for second in ("a", "e", "i", "o", "u", "ai", "er", "on")]


def similar() -> None:
    print(f"\nSimilar feedback: a question among {MANY:,} titles, and taking a title in, in microseconds of CPU")
    print(f"(recall: of the pairs that nobody tuned on, among {len(TITLES)})\n")
    columns = f"{'':<28}{'question':>10}{'x ours':>8}{'title':>8}{'x ours':>8}{'recall@1':>10}{'recall@5':>10}"
    print(f"{columns}\n{'-' * len(columns)}")
    many, own = _titles(), (0.0, 0.0)
    for name, make in _rankers().items():
        ranker, few = make(many), make(TITLES)
        if ranker(many[0], 1) != [many[0]]:
            raise Failed(f"{name}: a title is not most like itself")
        question = micros(lambda: [ranker(pair.query, 5) for pair in TUNED[:ASKED]], process_time) / ASKED  # noqa: B023 - used in this turn
        title = micros(lambda: make(TITLES), process_time) / len(TITLES)  # noqa: B023
        own = own if any(own) else (question, title)
        costs = f"{question:>10.0f}{question / own[0]:>8.2f}{title:>8.1f}{title / own[1]:>8.2f}"
        found = "".join(f"{recall(few, HELD_OUT, most):>10.3f}" for most in (1, 5))
        print(f"{name:<28}{costs}{found}", flush=True)
    print("\nTargets: a question well under 50,000; recall@5 above that of every peer.")


def _rankers() -> dict[str, Callable[[list[str]], Ranker]]:
    def ours(titles: list[str]) -> Ranker:
        index = Index((title, title) for title in titles)
        return lambda query, most: [hit.id for hit in index.ranked(query, most)]

    return {
        "slipway": ours,
        "FTS5, all words": lambda titles: fts5(titles, WORDS, "AND"),
        "FTS5, any words (BM25)": lambda titles: fts5(titles, WORDS, "OR"),
        "FTS5, trigrams (BM25)": lambda titles: fts5(titles, TRIGRAMS, "OR"),
    }


def _titles() -> list[str]:
    """The first half of one title and the second of another, most with a word of their own."""
    random = Random(1)
    rare = ["".join(random.choices(SYLLABLES, k=random.randint(2, 4))) for _ in range(RARE)]
    found: dict[str, None] = {}
    while len(found) < MANY:
        first, second = random.choice(TITLES).split(), random.choice(TITLES).split()
        words = first[: len(first) // 2] + second[len(second) // 2 :]
        if random.random() < 0.8:
            words.insert(random.randint(0, len(words)), random.choice(rare))
        found[" ".join(words)] = None
    return list(found)
