"""From the text of a regular expression to the program of its automaton (`slipway.flags.regex`, which says what is taken)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Ranges = tuple[tuple[int, int], ...]
    Program = list[tuple[int, Any, Any]]  # of instructions: kind and what it needs

LONGEST_PATTERN, MOST_STATES, MOST_GROUPS = 256, 500, 30

CHAR, SPLIT, JUMP, START, END, MATCH = range(6)
_CLASSES: dict[str, Ranges] = {
    "d": ((48, 57),),
    "w": ((48, 57), (65, 90), (95, 95), (97, 122)),
    "s": ((9, 13), (32, 32)),
}
_CONTROLS = {"n": 10, "r": 13, "t": 9}
_LINE_BREAK: Ranges = ((10, 10),)


class BadPattern(ValueError):
    """The message tells what is wrong and where."""


def parsed(pattern: str) -> Program:
    """Raises BadPattern."""
    if len(pattern) > LONGEST_PATTERN:
        raise BadPattern(f"A pattern has at most {LONGEST_PATTERN} characters.")
    return _Parser(pattern).program()


class _Parser:
    """Recursive descent; fragments are lists of instructions with targets relative to the fragment's start."""

    def __init__(self, pattern: str) -> None:
        self.pattern, self.at, self.depth = pattern, 0, 0

    def program(self) -> Program:
        code = self._alternatives()
        if self.at < len(self.pattern):
            raise self._wrong("a `)` without a `(`")
        return [*code, (MATCH, None, None)]

    def _alternatives(self) -> Program:
        code = self._sequence()
        while self._take("|"):
            other = self._sequence()
            split = (SPLIT, 1, len(code) + 2)
            end = (JUMP, len(code) + len(other) + 2, None)
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
                loop = [(SPLIT, 1, len(code) + 2), *_moved(code, 1), (JUMP, 0, None)]
                written = self._bounded([*written, *_moved(loop, len(written))])
            else:
                for _ in range(most - least):
                    written = self._bounded([*written, *_moved([(SPLIT, 1, len(code) + 1), *_moved(code, 1)], len(written))])
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
            return [(CHAR, *self._class())]
        if character == "^":
            return [(START, None, None)]
        if character == "$":
            return [(END, None, None)]
        if character == ".":
            return [(CHAR, _LINE_BREAK, True)]
        if character == "\\":
            return [(CHAR, *self._escape())]
        if character in "*+?{":
            raise self._wrong("nothing to repeat")
        return [(CHAR, ((ord(character), ord(character)),), False)]

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
        if kind == SPLIT:
            moved.append((kind, argument + by, other + by))
        else:
            moved.append((kind, argument + by if kind == JUMP else argument, other))
    return moved


def _is_count(text: str) -> bool:
    return 0 < len(text) < 4 and text.isascii() and text.isdigit()


def _others(ranges: Ranges) -> list[tuple[int, int]]:
    found, start = [], 0
    for low, high in ranges:
        found.append((start, low - 1))
        start = high + 1
    return [*found, (start, 0x10FFFF)]
