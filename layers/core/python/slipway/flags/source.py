"""A file of another product, read so that nothing in it is lost silently: what nobody took is told at the end.

Null, and what is empty, says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from slipway.flags.bundle import Note
from slipway.flags.checks import escaped

Needless = Literal["derived", "reference"]  # it follows from what is mapped; it is good for the file alone


class Unmapped(Exception):
    """This has no equal in Slipway. `at`: where it stands."""

    def __init__(self, at: str, detail: str) -> None:
        super().__init__(detail)
        self.at, self.detail = at, detail


class Source:
    """A value of the file, its place (RFC 6901), and the flag that it belongs to.

    Where a file has another type than is wanted, it is as if nothing were there: then nobody takes it, and it is told.
    """

    def __init__(self, value: Any, at: str = "", report: Report | None = None, flag: str | None = None) -> None:
        self.value, self.at, self.flag = value, at, flag
        self.report = report or Report()

    def of(self, flag: str) -> Source:
        """The same, where the flag begins (or goes on: a file may tell of one in several places)."""
        self.report.owners[self.at] = flag
        return Source(self.value, self.at, self.report, flag)

    def get(self, name: str) -> Source:
        value = self.value.get(name) if isinstance(self.value, dict) else None
        return Source(value, f"{self.at}/{escaped(name)}", self.report, self.flag)

    def items(self) -> list[Source]:
        values = self.value if isinstance(self.value, list) else []
        return [Source(value, f"{self.at}/{number}", self.report, self.flag) for number, value in enumerate(values)]

    def members(self) -> dict[str, Source]:
        return {name: self.get(name) for name in self.value} if isinstance(self.value, dict) else {}

    def take(self) -> Any:
        """The whole value: it is mapped."""
        self.report.done[self.at] = "mapped"
        return self.value

    def skip(self, code: str, detail: str) -> None:
        """None of it is mapped, and that is told."""
        self.report.done[self.at] = "told"
        self.note(code, detail)

    def pass_over(self, why: Needless) -> None:
        """None of it is mapped, and nothing is lost."""
        self.report.done[self.at] = why

    def text(self) -> str | None:
        return str(self.take()) if isinstance(self.value, str) and self.value else None

    def truth(self) -> bool:
        """False where there is none."""
        return bool(self.take()) if isinstance(self.value, bool) else False

    def number(self) -> int | float | None:
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            return None
        self.take()
        return self.value

    def values(self) -> list[Any]:
        return list(self.take()) if isinstance(self.value, list) else []

    def texts(self) -> list[str]:
        """A list of texts; of another list nothing."""
        if not isinstance(self.value, list) or not all(isinstance(value, str) for value in self.value):
            return []
        return list(self.take())

    def note(self, code: str, detail: str) -> None:
        """Tell something of it."""
        self.report.notes.append(Note(self.flag, self.at, code, detail))

    def leave(self, names: str, detail: str = "Slipway has no place for it.") -> None:
        """Tell that these members, separated by spaces, are left out."""
        for name in names.split():
            member = self.get(name)
            if member.value not in (None, "", [], {}):
                member.skip("left_out", detail)

    def drop(self, unmapped: Unmapped) -> None:
        """Leave all of it out, because of what stands inside of it."""
        self.skip("left_out", unmapped.detail)
        Source(None, unmapped.at, self.report, self.flag).note("unmapped", unmapped.detail)


class Report:
    def __init__(self) -> None:
        self.done: dict[str, Literal["mapped", "told"] | Needless] = {}  # what became of it, by its place
        self.notes: list[Note] = []
        self.owners: dict[str, str] = {}  # the flag by the place where it begins

    def owner(self, at: str) -> str | None:
        while at and at not in self.owners:
            at = at.rpartition("/")[0]
        return self.owners.get(at)

    def rest(self, root: Source) -> Iterator[Note]:
        """What nobody took or skipped."""
        waiting = [root]
        while waiting:
            at = waiting.pop()
            if at.at in self.done:
                continue
            if isinstance(at.value, dict | list) and at.value:
                waiting += reversed([*at.members().values(), *at.items()])
            elif at.value not in (None, "", [], {}):
                yield Note(self.owner(at.at), at.at, "unknown", "Nothing here knows it.")
