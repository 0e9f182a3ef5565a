"""What bounds a rule and its evaluation, and how a rule says that it cannot answer."""

from __future__ import annotations

MOST_INLINED = 65_536  # characters of a rule with those of its prerequisites inside
MOST_INLINED_TOGETHER = 2_000_000  # of all such rules in one document
MOST_DEPTH = 100  # of operators and lists inside each other in one flag's targeting, shared rules included
MOST_NODES = 100_000  # values in one flag's targeting, shared rules included
MOST_STEPS = 100_000  # of one flag: see `Meter`
MOST_STEPS_TOGETHER = 2_000_000  # of all flags of one answer, or all contexts of a preview: 0.2 s mostly, 2 s at worst
MOST_ITEMS = 10_000  # of a list that an operator walks through
MOST_NEST = 100  # lists of one item inside each other that are a number
MOST_TEXT = 65_536  # characters that an operator makes
LONG_KEY = 256  # characters of what a bucket is drawn by; a shorter one takes no steps
MOST_BITS = 1_024  # of a whole number that an operator computes with; every double is smaller


class Unanswerable(Exception):
    """The rule has no answer. `code` is an error code of OpenFeature: GENERAL or PARSE_ERROR."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


class Unmetered(Exception):
    """Something in the context is so long that a meter must see it."""


class Allowance:
    """What is left of the steps of one request. `refused`: whether somebody asked for more."""

    __slots__ = ("left", "refused")

    def __init__(self) -> None:
        self.left, self.refused = MOST_STEPS_TOGETHER, False

    def spend(self, steps: int) -> None:
        if steps > self.left:
            self.refused = True
            raise Unanswerable(
                "GENERAL", f"What is asked at once takes more than {MOST_STEPS_TOGETHER:,} steps; ask for fewer flags."
            )
        self.left -= steps


class Meter:
    """What is left of a flag's steps. A rule that takes none is answered without a meter, until it finds that it needs one:
    then it begins anew with one."""

    # One for
    #     each node that it visits inside of map, filter, reduce, all, some and none
    #     each item of a list or an object that it compares, or makes a text, a list or a bucket of
    #     each item of a long list that `in` seeks among, or each 8 where a text is sought; each 64 characters of a long text
    #     each character of a long text that it draws a bucket by
    # and see `steps` of `slipway.flags.regex` for `matches`.

    __slots__ = ("left", "shared")

    def __init__(self, shared: Allowance | None = None) -> None:
        self.left, self.shared = MOST_STEPS, shared

    def spend(self, steps: int) -> None:
        self.left -= steps
        if self.left < 0:
            raise Unanswerable("GENERAL", f"The rule takes more than {MOST_STEPS:,} steps with this context.")
        if self.shared is not None:
            self.shared.spend(steps)


def spend(meter: Meter | None, steps: int) -> None:
    """Raises Unmetered without a meter, and Unanswerable when nothing is left of it."""
    if meter is None:
        raise Unmetered
    meter.spend(steps)


def weigh(meter: Meter | None, value: object) -> None:
    """Spend a step for each item and name of an object or a list, however deep, and each character of a long text."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, (list, dict)):
            spend(meter, len(part))
            waiting += part.values() if isinstance(part, dict) else part
        elif isinstance(part, str) and len(part) > LONG_KEY:
            spend(meter, len(part))


def walked(items: list[object], most: int = MOST_ITEMS) -> list[object]:
    """The list, when it is short enough to be walked through. Raises Unanswerable."""
    if len(items) > most:
        raise Unanswerable("GENERAL", f"A list has {len(items):,} items; this operator walks through {most:,} at most.")
    return items


def made(text: str) -> str:
    """The text, when it is short enough to be kept. Raises Unanswerable."""
    if len(text) > MOST_TEXT:
        raise Unanswerable("GENERAL", f"An operator makes a text of more than {MOST_TEXT:,} characters.")
    return text
