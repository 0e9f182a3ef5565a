"""Products in and out as files: JSON Lines and CSV, one product a line.

An import makes new products. What only the server gives (`id`, `created_at`, `updated_at`, `version`) is exported to be read,
and an import takes no notice of it; earlier versions and prices are not in the file. So a file imported into an empty catalogue
gives every product as it stood, at version 1 and with one price; where a product has its key already, archived ones too, the
file is refused.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

from slipway import money, sheets
from slipway.listing import walk
from slipway.paging import PAGE_BYTES, compact
from slipway.problems import Fault, Malformed, Problem
from slipway.product import NewProduct, Status, view
from slipway.products import Products
from slipway.resources import Stored
from slipway.sheets import Line

Format = Literal["csv", "jsonl"]

GIVEN = ("id", "created_at", "updated_at", "version")  # by the server
COLUMNS = (
    *("id", "key", "name", "description", "stage", "status", "price", "currency", "owner", "tags", "metadata", "links"),
    *("created_at", "updated_at", "version"),
)
PAGE_LINES = 1_000


class ImportedProduct(NewProduct):
    status: Status = "active"


# --- out --------------------------------------------------------------------------------------------------


def written(products: Products, format: Format, cursor: str | None) -> tuple[str, str | None]:
    """A piece of the file, and the cursor of the next one. All pieces one after the other are the whole file."""
    size, lines, follows = 0, [], None
    if format == "csv" and cursor is None:
        lines.append(sheets.written(COLUMNS))
    for stored, follows in walk(products, ["products.export", format], cursor, PAGE_LINES):
        line = sheets.written(_cells(stored)) if format == "csv" else compact(_fields(stored)) + "\n"
        lines.append(line)
        size += len(line.encode())
        if size > PAGE_BYTES:
            return "".join(lines), follows
    return "".join(lines), follows


def _fields(stored: Stored) -> dict[str, Any]:
    return {name: value for name, value in view(stored).items() if name != "price_history"}


def _cells(stored: Stored) -> list[Any]:
    fields = _fields(stored)
    price = money.Money(**fields["price"])
    cells = {
        **fields,
        "price": price.major(),
        "currency": price.currency,
        "tags": ";".join(fields["tags"]),
        "metadata": compact(fields["metadata"]) if fields["metadata"] else "",
        "links": compact(fields["links"]) if fields["links"] else "",
    }
    return [cells[name] for name in COLUMNS]


# --- in ---------------------------------------------------------------------------------------------------

Loads = Callable[[bytes], Any]  # a strict reader of JSON that raises Problems


def read_jsonl(body: bytes, loads: Loads) -> Iterator[Line]:
    """Every line that is not blank. A byte order mark is taken, as in CSV."""
    for number, raw in enumerate(body.removeprefix(BOM_UTF8).split(b"\n"), 1):
        if raw.strip():
            try:
                value = loads(raw)
            except Problem as problem:
                yield Line(
                    number, faults=(Fault("", problem.code, problem.detail.replace(" at line 1, column", " at column")),)
                )
            else:
                if isinstance(value, dict):
                    yield Line(number, {name: field for name, field in value.items() if name not in GIVEN})
                else:
                    yield Line(number, faults=(Fault("", "type", "The line is not a JSON object."),))


def read_csv(body: bytes, loads: Loads) -> Iterator[Line]:
    """Every record; the first line names the columns (at least `name` and `price`). Raises Malformed."""
    for line in sheets.records(body, _columns):
        yield line if line.value is None else _record(line, loads)


def _columns(named: Sequence[str]) -> Sequence[str]:
    if not {"name", "price"} <= set(named) <= set(COLUMNS) or len(set(named)) < len(named):
        raise Malformed(f"The first line names the columns: name, price, and each at most once {', '.join(COLUMNS)}.")
    return named


def _record(line: Line, loads: Loads) -> Line:
    cells = {name: sheets.unguarded(cell) for name, cell in line.value.items()}
    value: dict[str, Any] = {name: cell.strip() for name, cell in cells.items() if cell.strip() and name not in GIVEN}
    faults: list[Fault] = []
    currency = value.pop("currency", None)
    if currency is not None and "price" in value:
        try:
            value["price"] = money.major(value["price"], currency)._asdict()
        except money.BadMoney as bad:
            field = "currency" if bad.code == "unknown_currency" else "price"
            faults.append(Fault(f"/{field}", bad.code, str(bad)))
    if "tags" in value:
        value["tags"] = [tag.strip() for tag in value["tags"].split(";")]
    for name in {"metadata", "links"} & value.keys():
        try:
            value[name] = loads(value[name].encode())
        except Problem as problem:
            faults.append(Fault(f"/{name}", problem.code, problem.detail))
    return Line(line.number, value, tuple(faults))
