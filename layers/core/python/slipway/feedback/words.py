"""The words of a short text: folded, split, without stop words, stemmed.

Folding is Unicode's: NFKC and case folding, then without the marks over Latin, Greek and Cyrillic letters. English endings go
by rules of their own in the spirit of Harman's S stemmer ("How effective is suffixing?", JASIS 42, 1991) with -ing, -ed and -ly
besides; other languages have no rules, and rely on what words begin with (McNamee, Nicholas and Mayfield, "Addressing
morphological variation in alphabetic languages", SIGIR 2009) and on trigrams: see `slipway.feedback.similar`. Where no spaces
part the words, pairs of letters do for them, as in Lucene's CJK analysis.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

MOST_LETTERS, MOST_WORDS, LONGEST = 1_000, 64, 40  # of a text, of its words, of one word; what is more is not looked at

_STOP_WORDS = {
    "en": """
        a an the this that these those there here it its i im ive id me my mine we our us you your youre he she his
        her him they them their and or but if so then than as at by for from in into of off on onto out over to up
        with within about after before when where who what which why how is are was were be been being am do does did
        doing dont doesnt didnt done have has had having can cant cannot could couldnt should shouldnt would wouldnt
        will wont may might must need needs want wants wanted like please pls plz thanks get gets getting got let lets
        just too very really some any all each every only also still even ever now not no isnt arent one ones thing
        things something anything way able make makes made while because etc
    """,
    "de": """
        der die das den dem des ein eine einen einem einer eines und oder aber wenn dann als wie ist sind war wird
        werden wurde kann konnen konnte soll sollte muss mochte will ich mich mir mein meine wir uns unser unsere du
        dein sie ihr ihre er es man nicht kein keine auch nur noch schon mit von vom zu zum zur fur auf aus bei beim
        im in am an nach uber unter durch bitte mehr sehr hat haben hatte dass so was wo sich steht gibt jede jeder
        jedes
    """,
    "es": """
        el la los las un una unos unas y o pero si que como es son era ser esta estan estar hay yo mi mis me nos
        nuestro nuestra tu su sus se lo le les no ni ya muy mas de del al a en con por para sin sobre desde cuando
        donde puedo puede poder quiero quisiera necesito favor cada otro otra todo toda todos todas
    """,
    "fr": """
        le la les un une des du de et ou mais si que qui quoi comme est sont etait etre je j me moi mon ma mes nous
        notre nos vous votre tu ton il elle ils elles on se sa son ses ce cet cette ces ne pas plus tres aussi avec
        sans pour par sur sous dans en au aux quand peux peut pouvoir veux voudrais faut avoir ai a c d l n s t y svp
    """,
}
_STOP = {name: frozenset(words.split()) for name, words in _STOP_WORDS.items()}
_ANY = frozenset().union(*_STOP.values())
_WORD = re.compile(r"[^\W_]+")
_APOSTROPHE = re.compile("(?<=[^\\W_])['\u2019\u02bc`](?=[^\\W_])")
_MARKS = re.compile("[\u0300-\u036f]+")
_VOWEL = re.compile("[aeiouy]")
_UNSPACED = re.compile(  # Thai and Lao, Burmese, Khmer, kana, Han
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]{2,}"
)


def folded(raw: str) -> str:
    """Without case, width and accents: what two spellings of one word have in common. The first thousand letters."""
    raw = raw[:MOST_LETTERS]
    if raw.isascii():
        return raw.lower()
    parted = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", raw).casefold())
    return unicodedata.normalize("NFC", _MARKS.sub("", parted))[:MOST_LETTERS]


def spelled(raw: str) -> list[str]:
    """All words as they are spelled, folded, in order."""
    found = _WORD.findall(_APOSTROPHE.sub("", folded(raw)))
    if not raw.isascii():
        found = [piece for word in found for piece in _pieces(word)]
    return [word[:LONGEST] for word in found[:MOST_WORDS]]


def language(spellings: list[str]) -> str | None:
    """Of the four whose stop words are known, the one that most of these are of; None where no one is ahead of the others."""
    counts = sorted((sum(word in stop for word in spellings), name) for name, stop in _STOP.items())
    return counts[-1][1] if counts[-1][0] > counts[-2][0] else None


def weighty(spellings: list[str]) -> list[str]:
    """Without the stop words of its language; all of them where there is nothing else."""
    spoken = language(spellings)
    stop = _ANY if spoken is None else _STOP[spoken]
    return [word for word in spellings if word not in stop] or spellings


def _pieces(word: str) -> Iterator[str]:
    run = _UNSPACED.search(word)
    if run is None:
        yield word
        return
    yield from filter(None, [word[: run.start()]])
    yield from (word[at : at + 2] for at in range(run.start(), run.end() - 1))
    yield from _pieces(word[run.end() :]) if word[run.end() :] else ()


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """An English word without its ending; a word that has none of these is its own stem."""
    if len(word) < 4 or not word.isalpha():
        return word
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith(("sses", "shes", "ches", "xes", "zes")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ingly", "edly", "ing", "ed", "ly"):
        bare = word.removesuffix(ending)
        if bare != word and len(bare) > 2 and _VOWEL.search(bare):
            word = bare[:-1] if len(bare) > 3 and bare[-1] == bare[-2] and bare[-1] not in "lsz" else bare
            break
    if len(word) > 3 and word.endswith("e"):
        word = word[:-1]
    return word[:-1] + "i" if len(word) > 3 and word.endswith("y") else word
