"""Titles that say the same in other words: an index of short texts, in memory, and the ranking of what is like another text.

Each word of what is asked for looks for the nearest thing in a title, and a title gets what its words are worth together:

    the word itself       its stem, worth its inverse document frequency as BM25 has it (Robertson and Zaragoza, "The
                          Probabilistic Relevance Framework", 2009), and the whole in proportion to what all words asked for are
                          worth; longer titles get less, as there, but none gets more for being short
    another word for it   of the same sense (`slipway.feedback.thesaurus`), worth at most SENSE of the word
    a word much like it   by the Dice coefficient of their trigrams (Angell, Freund and Willett, "Automatic spelling correction
                          using a trigram similarity measure", 1983): mistakes, compounds, endings; or with the same beginning;
                          or, of the word that is being typed, one that begins so

Which is soft TF-IDF (Cohen, Ravikumar and Fienberg, "A Comparison of String Distance Metrics", 2003) with a thesaurus. What is
in another language than the question, where both can be told, is worth less. The weights were tuned on one half of the labelled
pairs in `tests/domain/similar`.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import lru_cache

from slipway.feedback.thesaurus import Senses, phrases, senses
from slipway.feedback.words import folded, language, spelled, stem, weighty
from slipway.values import Value

SENSE, ALIKE, BEGINS, TYPED, FOREIGN = 0.85, 0.7, 0.6, 0.8, 0.6  # of what the word itself is worth
LENGTH = 0.15  # of a title's worth, how much goes by its length
DICE = 0.55  # the least that trigrams have in common
STEM, BEGINNING, PREFIX = 4, 5, 2  # letters: of a word that trigrams are compared of; in common; typed
MOST_ASKED, MOST_PREFIXED = 32, 50  # words of a question; words that begin like the one typed
FLOOR = 0.07  # of what is worth showing

Term = str | int  # a stem, or the number of a sense


class Hit(Value):
    """`score`: above 0 to 1, the text itself."""

    id: str
    score: float


class Text(Value):
    """What is known of one; `last`: the stem of its last word, unless that is a stop word."""

    folded: str
    terms: dict[str, Senses]  # each stem, with its senses
    language: str | None
    last: str | None


def read(raw: str) -> Text:
    spellings = spelled(raw)
    stems, kept = [stem(word) for word in spellings], {*weighty(spellings)}
    terms = {known: senses(known) for word, known in zip(spellings, stems, strict=True) if word in kept}
    for at, length, sense in phrases(stems):
        inside = [stems[place] for place in range(at, at + length) if spellings[place] in kept]
        bearer = max(inside, key=len) if inside else "_".join(stems[at : at + length])
        terms[bearer] = (*terms.get(bearer, ()), sense)
    last = stems[-1] if stems and spellings[-1] in kept else None
    return Text(folded(raw), terms, language(spellings), last)


class Index:
    """Texts by id. What it answers does not depend on the order in which they came."""

    def __init__(self, texts: Iterable[tuple[str, str]] = ()) -> None:
        self._texts: dict[str, Text] = {}
        self._places: dict[Term, set[str]] = {}  # the texts in which a term stands
        self._grams: dict[str, set[str]] = {}  # the stems in which a trigram stands
        self._sorted: list[str] | None = None  # all stems
        self._length = 0  # of all texts together, in stems
        for id, text in texts:
            self.add(id, text)

    def __len__(self) -> int:
        return len(self._texts)

    def __contains__(self, id: str) -> bool:
        return id in self._texts

    def add(self, id: str, raw: str) -> None:
        """In the place of what stood there."""
        if id in self._texts:
            if self._texts[id].folded == folded(raw):
                return
            self.remove(id)
        text = self._texts[id] = read(raw)
        self._length += len(text.terms)
        for term in _terms(text):
            if term not in self._places:
                self._places[term] = set()
                if isinstance(term, str):
                    self._sorted = None
                    for gram in _trigrams(term):
                        self._grams.setdefault(gram, set()).add(term)
            self._places[term].add(id)

    def remove(self, id: str) -> None:
        """Is it not there, nothing happens."""
        text = self._texts.pop(id, None)
        if text is None:
            return
        self._length -= len(text.terms)
        for term in {*_terms(text)}:
            self._places[term].discard(id)
            if not self._places[term]:
                del self._places[term]
                if isinstance(term, str):
                    self._sorted = None
                    for gram in _trigrams(term):
                        self._grams[gram].discard(term)

    def ranked(self, raw: str, limit: int, floor: float = FLOOR) -> list[Hit]:
        """The nearest first. The last word may not be whole yet."""
        asked = read(raw)
        words = list(asked.terms)[:MOST_ASKED]
        worth, found = 0.0, dict[str, float]()
        for word in words:
            own = self._weight(word)
            worth += own
            self._collect(found, self._nearest(word, asked.terms[word], own, typed=word == asked.last))
        near = ((id, score / worth) for id, score in found.items() if score >= floor * worth)
        scores = ((id, score * self._share(asked, self._texts[id])) for id, score in near)
        hits = [(-round(score, 6), self._texts[id].folded != asked.folded, id) for id, score in scores if score >= floor]
        return [Hit(id, -score) for score, _, id in sorted(hits)[:limit]]

    # --- inside ---

    def _weight(self, term: Term) -> float:
        count = len(self._places.get(term, ()))
        return math.log(1 + (len(self._texts) - count + 0.5) / (count + 0.5))

    def _share(self, asked: Text, text: Text) -> float:
        usual = max(self._length / len(self._texts), len(asked.terms))
        longer = max(0.0, len(text.terms) / usual - 1)
        spoken = 1.0 if asked.language == text.language or None in (asked.language, text.language) else FOREIGN
        return spoken / (1 + LENGTH * longer)

    def _nearest(self, word: str, meant: Senses, own: float, *, typed: bool) -> list[tuple[float, Term]]:
        """What stands for a word, and what each is worth; the most first."""
        near: dict[Term, float] = {word: own} if word in self._places else {}
        for sense in meant:
            near[sense] = SENSE * min(own, self._weight(sense))
        for other, alike in self._alike(word, typed=typed):
            near[other] = max(near.get(other, 0.0), alike * min(own, self._weight(other)))
        return sorted(((value, term) for term, value in near.items()), key=lambda one: (-one[0], str(one[1])))

    def _alike(self, word: str, *, typed: bool) -> Iterator[tuple[str, float]]:
        if typed and len(word) >= PREFIX:
            yield from ((other, TYPED) for other in self._beginning(word, MOST_PREFIXED))
        if len(word) < STEM:
            return
        grams, shared = _trigrams(word), dict[str, int]()
        for gram in grams:
            for other in self._grams.get(gram, ()):
                shared[other] = shared.get(other, 0) + 1
        for other, count in shared.items():
            dice = 2 * count / (len(grams) + len(_trigrams(other)))
            if other != word and dice >= DICE:
                yield other, ALIKE * dice
        if len(word) >= BEGINNING:
            yield from ((other, BEGINS) for other in self._beginning(word[:BEGINNING], len(self._places)))

    def _beginning(self, letters: str, most: int) -> Iterator[str]:
        if self._sorted is None:
            self._sorted = sorted(term for term in self._places if isinstance(term, str))
        at = bisect_left(self._sorted, letters)
        for word in self._sorted[at : at + most]:
            if not word.startswith(letters):
                return
            yield word

    def _collect(self, found: dict[str, float], near: list[tuple[float, Term]]) -> None:
        """Each text gets what the nearest of these is worth that stands in it."""
        met: set[str] = set()
        for value, term in near:
            for id in self._places.get(term, set()) - met:
                found[id] = found.get(id, 0.0) + value
            met |= self._places.get(term, set())


def _terms(text: Text) -> Iterator[Term]:
    for word, meant in text.terms.items():
        yield word
        yield from meant


@lru_cache(maxsize=20_000)
def _trigrams(word: str) -> frozenset[str]:
    padded = f" {word} "
    return frozenset(padded[at : at + 3] for at in range(len(padded) - 2))
