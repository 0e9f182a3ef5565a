"""Feedback in and out as files: posts of Canny and Fider in, JSON Lines and CSV out.

An import makes new items (see `slipway.importing`). What the file knows of votes is kept as a number, `imported_votes`: whose
they were is not in it. Who wrote a post stays unknown, unless the addresses are asked for; by its address a person then finds
its items, but has not agreed to be written to.

An export tells what people wrote, and neither who they are nor how to reach them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from slipway import importing, roster, sheets, text
from slipway.calls import Call
from slipway.feedback import notes, posts
from slipway.feedback.imported import Importing
from slipway.feedback.item import Prose, Reply, Title
from slipway.feedback.items import Data, Items
from slipway.feedback.posts import Post
from slipway.feedback.scrub import scrub, scrub_address
from slipway.fields import cleaned, error
from slipway.members import normalised
from slipway.paging import PAGE_BYTES, compact
from slipway.ports import ConditionFailed, Write
from slipway.problems import Invalid
from slipway.shape import Shape
from slipway.sheets import Line
from slipway.tables import FEEDBACK

Format = Literal["csv", "jsonl"]

GROUP = 12  # items that are written together: 8 rows each, in a transaction of at most 100
ROUNDS = 10  # of 100 items, in a piece of an export
COLUMNS = (
    *("id", "product", "type", "title", "text", "rating", "status", "state", "sentiment", "tags", "links", "assignee"),
    *("headline", "reply", "environment", "release", "locale", "origin", "imported", "imported_votes"),
    *("votes", "merged_into", "erased"),
    *("created_at", "updated_at", "version"),
)
_PAGE = re.compile(r"https?://\S+\Z")
ADDRESS = 254


def _address(raw: str) -> str:
    try:
        return normalised(raw)
    except Invalid as invalid:
        raise error("pattern", invalid.errors[0].detail) from None


Address = Annotated[str, Field(max_length=ADDRESS), AfterValidator(_address)]
Reference = Annotated[str, AfterValidator(cleaned(text.prose, 500))]
Stamp = Annotated[str, AfterValidator(cleaned(text.prose, 64))]
Remark = Annotated[str, AfterValidator(cleaned(text.passage, notes.TEXT))]


class ImportedPost(Shape):
    """What of a post has to be as if it were written here."""

    title: Title
    text: Prose = ""
    reply: Reply = ""
    email: Address | None = None
    reference: Reference = ""
    created: Stamp = ""
    remarks: list[Remark] = []


@dataclass
class Outcome:
    lines: int
    created: int = 0
    existing: int = 0
    notes: list[Data] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Ready:
    line: int
    id: str
    post: Post
    said: ImportedPost


Validate = Callable[[Any], ImportedPost]  # raises Invalid


# --- in ---------------------------------------------------------------------------------------------------


def take(items: Items, call: Call, body: bytes, query: Importing, validate: Validate, *, scrubs: bool) -> Outcome:
    """Check all lines, then write them. Raises Malformed, TooLarge, Invalid, IdempotencyMismatch; nothing is written then."""
    clean, named = (scrub, _named) if scrubs else (str, str)
    bound = call.idempotency_key is not None
    call = importing.named(call, body, query.source, query.product, query.type, str(query.emails))

    def ready(line: Line) -> Ready:
        post: Post = line.value
        given = {name: getattr(post, name) for name in ImportedPost.model_fields if name != "email"}
        given |= {"email": post.email} if query.emails and post.email else {}
        said = validate(given)
        told = {"title": clean(said.title), "text": clean(said.text), "remarks": [clean(remark) for remark in said.remarks]}
        told["reference"] = named(said.reference)
        return Ready(line.number, call.new_id("fbk_", str(line.number)), post, said.model_copy(update=told))

    found = importing.checked(posts.read(query.source, body), ready, "posts")
    first = {one.post.reference: one.line for one in reversed(found)}
    told = [{"line": one.line, "detail": detail} for one in found for detail in _told(one, first)]
    outcome = Outcome(len(found), notes=told[: importing.FAULTS])
    if bound:
        importing.bind(items.shelf.store, FEEDBACK, call, query.validate_only)
    if query.validate_only:
        outcome.existing = sum(len(_standing(items, some)) for some in importing.parts(found, 100))
        outcome.created = outcome.lines - outcome.existing
        return outcome
    for group in importing.parts(found, GROUP):
        _write(items, call, query, group, outcome)
    return outcome


def _named(reference: str) -> str:
    return scrub_address(reference) if _PAGE.match(reference) else scrub(reference)


def _told(one: Ready, first: Mapping[str, int]) -> Sequence[str]:
    """What of a post did not map; `first`: the line where each reference stands first."""
    reference, line = one.post.reference, first[one.post.reference]
    return one.post.told if not reference or line == one.line else (*one.post.told, f"line {line} has its reference too")


def _write(items: Items, call: Call, query: Importing, group: Sequence[Ready], outcome: Outcome) -> None:
    try:
        writes = [write for one in group for write in _writes(items, call, query, one)]
        items.shelf.store.transact(writes, call.new_id("", str(group[0].line), str(len(group)), call.nonce))
        outcome.created += len(group)
    except ConditionFailed:
        standing = _standing(items, group)
        outcome.existing += len(standing)
        missing = [one for one in group if one.id not in standing]
        for one in missing if len(group) > 1 else ():
            _write(items, call, query, [one], outcome)


def _standing(items: Items, group: Sequence[Ready]) -> set[str]:
    """Ids of the items that an earlier try of this import made."""
    return {stored.id for stored in items.shelf.read_all([one.id for one in group])}


def _writes(items: Items, call: Call, query: Importing, one: Ready) -> list[Write]:
    post, said = one.post, one.said
    data: Data = {
        "product": query.product,
        "type": query.type,
        "status": post.status,
        "state": "visible",
        "origin": "import",
        "imported_votes": post.votes,
        **({"tags": [*post.tags]} if post.tags else {}),
        **({"reply": said.reply} if said.reply else {}),
    }
    source = {"source": query.source, "reference": said.reference or None, "created_at": said.created or None}
    sealed = {"title": said.title, "text": said.text, "email": said.email, "imported": source}
    person = items.people.person(call, None, address=said.email)
    remarks = [
        notes.written(call, one.id, items.seal(one.id, person.secret, {"text": remark}), str(number))
        for number, remark in enumerate(said.remarks)
    ]
    return [*items.creating(call, one.id, data, {name: value for name, value in sealed.items() if value}, person), *remarks]


# --- out --------------------------------------------------------------------------------------------------


def written(items: Items, format: Format, product: str | None, cursor: str | None) -> tuple[str, str | None]:
    """A piece of the file, and the cursor of the next one. All pieces one after the other are the whole file."""
    parts = ["feedback.export", format, product]
    read, start = roster.indexed(items.shelf), roster.start(cursor, parts, items.shelf.kind, "fbk_")
    lines, size = [sheets.written(COLUMNS)] if format == "csv" and cursor is None else [], 0
    for _ in range(ROUNDS):
        entries, start = read(100, start)
        found = [(stored, after) for _, stored, after in roster.followed(entries, start) if stored is not None]
        found = [(stored, after) for stored, after in found if product in (None, stored.data["product"])]
        views = items.views([stored for stored, _ in found])
        for (_stored, after), view in zip(found, views, strict=True):
            fields = _fields(view)
            line = sheets.written(_cells(fields)) if format == "csv" else compact(fields) + "\n"
            lines.append(line)
            size += len(line.encode())
            if size > PAGE_BYTES:
                return "".join(lines), roster.cursor(parts, after)
        if start is None:
            break
    return "".join(lines), roster.cursor(parts, start)


def _fields(view: Data) -> Data:
    whole = view | {name: view["context"][name] for name in ("release", "locale")}
    return {name: whole[name] for name in COLUMNS}


def _cells(fields: Data) -> list[Any]:
    cells = {
        **fields,
        "sentiment": fields["sentiment"] and fields["sentiment"]["label"],
        "tags": ";".join(fields["tags"]),
        "links": ";".join(f"{link['flag']}@{link['environment']}" for link in fields["links"]),
        "imported": compact(fields["imported"]) if fields["imported"] else None,
        "erased": "true" if fields["erased"] else "false",
    }
    return [cells[name] for name in COLUMNS]
