"""A regular expression that no text can make slow: a Thompson automaton, walked with sets of states.

    pattern     up to 256 characters, 500 states when its repetitions are written out
    text        up to 2,048 characters; time grows with length x states at worst, never faster, fifty states at once

    a . [a-z] [^x]              a character, any but a line break, one of a class, any other
    \\d \\w \\s \\D \\W \\S           ASCII digits, word characters, white space, and what they are not
    \\n \\r \\t \\. and the like     a line break, a tab, a character that else means something
    ( ) (?: ) |                 groups, without memory, and alternatives
    * + ? {2} {2,} {2,5}        repetitions; a `?` behind one changes nothing, since only whether it matches is asked
    ^ $                         where the text begins and ends

Back references, looking around and word boundaries are refused. A match may be anywhere in the text, as with `re.search`.

Source: K. Thompson, "Regular Expression Search Algorithm" (1968); R. Cox, "Regular Expression Matching Can Be Simple And
Fast" (2007), with transitions kept as they are found, by classes of characters that the pattern does not tell apart.
"""

from __future__ import annotations

from bisect import bisect_right

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Ranges = tuple[tuple[int, int], ...]
    Program = list[tuple[int, Any, Any]]  # of instructions: kind and what it needs

LONGEST_PATTERN, MOST_STATES, MOST_GROUPS = 256, 500, 30
LONGEST_TEXT = 2_048
_MOST_KEPT = 2_000  # transitions
_AT_ONCE = 50  # states that go on in a step

_CHAR, _SPLIT, _JUMP, _START, _END, _MATCH = range(6)
_CLASSES: dict[str, Ranges] = {
    "d": ((48, 57),),
    "w": ((48, 57), (65, 90), (95, 95), (97, 122)),
    "s": ((9, 13), (32, 32)),
}
_CONTROLS = {"n": 10, "r": 13, "t": 9}
_LINE_BREAK: Ranges = ((10, 10),)


class BadPattern(ValueError):
    """The message tells what is wrong and where."""


class Pattern:
    """Raises BadPattern. A set of states is a number: state s is its bit s."""

    def __init__(self, pattern: str) -> None:
        if len(pattern) > LONGEST_PATTERN:
            raise BadPattern(f"A pattern has at most {LONGEST_PATTERN} characters.")
        program = _Parser(pattern).program()
        self.states = len(program)
        self._final = 1 << len(program) - 1
        reached, at_end = _closures(program), _closures(program, at_end=True)
        self._first = _closures(program, at_start=True)[0]
        self._again = reached[0]  # a match may begin at every character
        self._ending = sum(1 << state for state, found in enumerate(at_end) if found & self._final)
        self._empty = bool(_closures(program, at_start=True, at_end=True)[0] & self._final)
        self._kinds = _kinds(program)
        self._bounds = sorted({edge for ranges, _ in self._kinds for low, high in ranges for edge in (low, high + 1)})
        self._taking: dict[int, int] = {}  # by class of characters: the states that take one
        self._after = _united([reached[state + 1] if program[state][0] == _CHAR else 0 for state in range(len(program))])
        self._kept: dict[tuple[int, int], int] = {}

    def steps(self, text: str) -> int:
        """What a search of this text costs at most, whatever was searched before."""
        return 1 if len(text) > LONGEST_TEXT else 1 + len(text) * (1 + self.states // _AT_ONCE)

    def search(self, text: str) -> bool | None:
        """Whether the pattern matches somewhere; None for a text that is too long."""
        if len(text) > LONGEST_TEXT:
            return None
        if not text:
            return self._empty
        states, final, bounds, kept = self._first, self._final, self._bounds, self._kept
        for character in text:
            if states & final:
                return True
            kind = bisect_right(bounds, ord(character))
            found = kept.get((states, kind))
            states = self._step(states, kind) if found is None else found
        return states & self._ending != 0

    def _step(self, states: int, kind: int) -> int:
        taking = self._taking.get(kind)
        if taking is None:
            taking = self._taking[kind] = self._takers(kind)
        found, left = self._again, states & taking
        for united in self._after:
            if not left:
                break
            found |= united[left & 15]
            left >>= 4
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        self._kept[states, kind] = found
        return found

    def _takers(self, kind: int) -> int:
        code = self._bounds[kind - 1] if kind else -1  # below every bound there is no character of any range
        taking = (s for (r, others), s in self._kinds.items() if any(low <= code <= high for low, high in r) != others)
        return sum(taking)


def _closures(program: Program, *, at_start: bool = False, at_end: bool = False) -> list[int]:
    """What is reached from each state without a character."""
    reached, before = [1 << state for state in range(len(program))], None
    while reached != before:  # once, and once more for each loop inside of a loop
        before = list(reached)
        for state in reversed(range(len(program))):
            kind, argument, other = program[state]
            if kind == _SPLIT:
                reached[state] |= reached[argument] | reached[other]
            elif kind == _JUMP:
                reached[state] |= reached[argument]
            elif (kind == _START and at_start) or (kind == _END and at_end):
                reached[state] |= reached[state + 1]
    return reached


def _kinds(program: Program) -> dict[tuple[Ranges, bool], int]:
    """The states that take the same characters."""
    found: dict[tuple[Ranges, bool], int] = {}
    for state, (kind, argument, other) in enumerate(program):
        if kind == _CHAR:
            found[argument, other] = found.get((argument, other), 0) | 1 << state
    return found


def _united(sets: list[int]) -> list[list[int]]:
    """For each four sets the unions of all choices of them."""
    found = []
    for first in range(0, len(sets), 4):
        unions = [0]
        for one in sets[first : first + 4]:
            unions += [union | one for union in unions]
        found.append(unions)
    return found


class _Parser:
    """Recursive descent; fragments are lists of instructions with targets relative to the fragment's start."""

    def __init__(self, pattern: str) -> None:
        self.pattern, self.at, self.depth = pattern, 0, 0

    def program(self) -> Program:
        code = self._alternatives()
        if self.at < len(self.pattern):
            raise self._wrong("a `)` without a `(`")
        return [*code, (_MATCH, None, None)]

    def _alternatives(self) -> Program:
        code = self._sequence()
        while self._take("|"):
            other = self._sequence()
            split = (_SPLIT, 1, len(code) + 2)
            end = (_JUMP, len(code) + len(other) + 2, None)
            code = self._bounded([split, *_moved(code, 1), end, *_moved(other, len(code) + 2)])
        return code

    def _sequence(self) -> Program:
        code: Program = []
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            code = self._bounded([*code, *_moved(self._repeated(self._atom()), len(code))])
        return code

    def _repeated(self, code: Program) -> Program:
        while self.at < len(self.pattern) and self.pattern[self.at] in "*+?{":
            least, most = self._count()
            self._take("?")
            written: Program = []
            for _ in range(least):
                written = self._bounded([*written, *_moved(code, len(written))])
            if most is None:
                loop = [(_SPLIT, 1, len(code) + 2), *_moved(code, 1), (_JUMP, 0, None)]
                written = self._bounded([*written, *_moved(loop, len(written))])
            else:
                for _ in range(most - least):
                    written = self._bounded([*written, *_moved([(_SPLIT, 1, len(code) + 1), *_moved(code, 1)], len(written))])
            code = written
        return code

    def _count(self) -> tuple[int, int | None]:
        sign = self._next()
        if sign != "{":
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
        inside, closed, rest = self.pattern[self.at :].partition("}")
        low, comma, high = inside.partition(",")
        if not closed or not _is_count(low) or (high and not _is_count(high)):
            raise self._wrong("a repetition is written {2}, {2,} or {2,5}; a brace itself is \\{")
        self.at = len(self.pattern) - len(rest)
        least = int(low)
        most = least if not comma else int(high) if high else None
        if most is not None and most < least:
            raise self._wrong("a repetition counts up")
        return least, most

    def _atom(self) -> Program:
        character = self._next()
        if character == "(":
            return self._group()
        if character == "[":
            return [(_CHAR, *self._class())]
        if character == "^":
            return [(_START, None, None)]
        if character == "$":
            return [(_END, None, None)]
        if character == ".":
            return [(_CHAR, _LINE_BREAK, True)]
        if character == "\\":
            return [(_CHAR, *self._escape())]
        if character in "*+?{":
            raise self._wrong("nothing to repeat")
        return [(_CHAR, ((ord(character), ord(character)),), False)]

    def _group(self) -> Program:
        if self._take("?") and not self._take(":"):
            raise self._wrong("of groups that begin with `?`, only (?: ) is taken")
        self.depth += 1
        if self.depth > MOST_GROUPS:
            raise self._wrong(f"at most {MOST_GROUPS} groups inside each other")
        code = self._alternatives()
        self.depth -= 1
        if not self._take(")"):
            raise self._wrong("a `(` without a `)`")
        return code

    def _escape(self) -> tuple[Ranges, bool]:
        """Ranges, and whether what is not in them is meant."""
        character = self._next()
        if character.lower() in _CLASSES:
            return _CLASSES[character.lower()], character.isupper()
        if character in _CONTROLS:
            return ((_CONTROLS[character], _CONTROLS[character]),), False
        if character.isascii() and character.isalnum():
            raise self._wrong(f"\\{character} is not taken")
        return ((ord(character), ord(character)),), False

    def _class(self) -> tuple[Ranges, bool]:
        negated, first = self._take("^"), True
        ranges: list[tuple[int, int]] = []
        while first or not self._take("]"):
            first = False
            low = self._next()
            if low == "\\":
                inner, inverted = self._escape()
                ranges += _others(inner) if inverted else inner
                if len(inner) > 1 or inner[0][0] != inner[0][1]:
                    continue
                start = inner[0][0]
            else:
                start = ord(low)
                ranges.append((start, start))
            if self.pattern[self.at : self.at + 1] == "-" and self.pattern[self.at + 1 : self.at + 2] not in ("]", ""):
                self.at += 1
                high = self._next()
                if high == "\\":
                    high = self._next()
                if ord(high) < start:
                    raise self._wrong("a range in a class counts up")
                ranges.append((start, ord(high)))
        return tuple(ranges), negated

    def _next(self) -> str:
        if self.at >= len(self.pattern):
            raise self._wrong("it ends too early")
        self.at += 1
        return self.pattern[self.at - 1]

    def _take(self, character: str) -> bool:
        taken = self.pattern[self.at : self.at + 1] == character
        self.at += taken
        return taken

    def _bounded(self, code: Program) -> Program:
        if len(code) > MOST_STATES:
            raise BadPattern(f"The pattern has over {MOST_STATES} states when its repetitions are written out.")
        return code

    def _wrong(self, what: str) -> BadPattern:
        return BadPattern(f"The pattern is wrong before character {self.at + 1}: {what}.")


def _moved(code: Program, by: int) -> Program:
    moved = []
    for kind, argument, other in code:
        if kind == _SPLIT:
            moved.append((kind, argument + by, other + by))
        else:
            moved.append((kind, argument + by if kind == _JUMP else argument, other))
    return moved


def _is_count(text: str) -> bool:
    return 0 < len(text) < 4 and text.isascii() and text.isdigit()


def _others(ranges: Ranges) -> list[tuple[int, int]]:
    found, start = [], 0
    for low, high in ranges:
        found.append((start, low - 1))
        start = high + 1
    return [*found, (start, 0x10FFFF)]
