"""CSV, as spreadsheets write and read it.

A spreadsheet takes a cell that begins with `=`, `+`, `-`, `@` or the like for a formula: such a cell is written with an
apostrophe before it, and read without where the file is one of ours.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from slipway.problems import Fault, Malformed

_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_ESCAPED = re.compile(r"''*[=+\-@\t\r\n＝＋－＠]")


@dataclass(frozen=True, slots=True)
class Line:
    """One record of a file: the number of its (first) line, and what it says or why it cannot be read."""

    number: int
    value: Any = None
    faults: tuple[Fault, ...] = ()


def written(cells: Iterable[Any]) -> str:
    """One line, whose texts are no formulas; None is an empty cell."""
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL).writerow([_guarded("" if cell is None else str(cell)) for cell in cells])
    return line.getvalue()


def _guarded(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unguarded(cell: str) -> str:
    """The cell as it was before it was written."""
    return cell[1:] if _ESCAPED.match(cell) else cell


def records(body: bytes, named: Callable[[Sequence[str]], Sequence[str]]) -> Iterator[Line]:
    """Every record, as its cells by column. `named`: the columns that the first line means; what it raises is raised.

    Raises Malformed for what is not UTF-8."""
    try:
        rows = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
    except UnicodeDecodeError as error:
        raise Malformed(f"The file is not UTF-8: byte {error.start} cannot be decoded.") from None
    number = 1
    try:
        columns = named(next(rows, []))
        number = rows.line_num + 1
        for cells in rows:
            if len(cells) == len(columns):
                yield Line(number, dict(zip(columns, cells, strict=True)))
            elif cells:
                detail = f"The line has {len(cells)} cells, the first line has {len(columns)}."
                yield Line(number, faults=(Fault("", "wrong_cells", detail),))
            number = rows.line_num + 1
    except csv.Error as error:
        yield Line(number, faults=(Fault("", "malformed", f"The line is not CSV: {error}."),))
