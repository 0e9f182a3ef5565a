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

from slipway.flags.grammar import CHAR, END, JUMP, SPLIT, START, parsed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.flags.grammar import Program, Ranges

LONGEST_TEXT = 2_048
_MOST_KEPT = 2_000  # transitions
_AT_ONCE = 50  # states that go on in a step


class Pattern:
    """Raises BadPattern. A set of states is a number: state s is its bit s."""

    def __init__(self, pattern: str) -> None:
        program = parsed(pattern)
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
        self._after = _united([reached[state + 1] if program[state][0] == CHAR else 0 for state in range(len(program))])
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
            if kind == SPLIT:
                reached[state] |= reached[argument] | reached[other]
            elif kind == JUMP:
                reached[state] |= reached[argument]
            elif (kind == START and at_start) or (kind == END and at_end):
                reached[state] |= reached[state + 1]
    return reached


def _kinds(program: Program) -> dict[tuple[Ranges, bool], int]:
    """The states that take the same characters."""
    found: dict[tuple[Ranges, bool], int] = {}
    for state, (kind, argument, other) in enumerate(program):
        if kind == CHAR:
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
