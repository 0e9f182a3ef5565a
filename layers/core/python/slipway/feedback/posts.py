"""Posts of other feedback tools, as an import takes them: Canny's and Fider's exports in CSV.

Fider names its columns always alike, but that older releases had `total_votes`. Canny's differ with the page that they come
from: they are known by their words, in any case and with whatever between them. What means nothing here is passed over.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from slipway import sheets
from slipway.feedback.imported import Source
from slipway.feedback.statuses import Status
from slipway.fields import TAG, TAGS
from slipway.problems import Fault, Invalid, Malformed
from slipway.sheets import Line

MOST_VOTES = 10**9
NAME, COLUMNS = 80, 5  # characters of a column's name, and so many of them, that are told
REMARK, REMARKS = 4_000, 4  # characters of one, and so many of what was commented
_COUNT = re.compile(r"[0-9]{1,10}")
_BETWEEN_TAGS = re.compile(r"[,;]")

FIDER: Mapping[str, str] = {
    "number": "reference",
    "title": "title",
    "description": "text",
    "created_at": "created",
    "votes_count": "votes",
    "total_votes": "votes",
    "status": "status",
    "response": "reply",
    "original_number": "original",
    "original_title": "original_title",
    "tags": "tags",
}
CANNY: Mapping[str, str] = {
    **dict.fromkeys(("id", "postid", "url", "posturl", "link"), "reference"),
    **dict.fromkeys(("title", "posttitle"), "title"),
    **dict.fromkeys(("details", "postdetails", "description", "body"), "text"),
    **dict.fromkeys(("created", "createdat", "date", "postcreated", "postdate", "datecreated"), "created"),
    **dict.fromkeys(("votes", "votecount", "score", "postscore", "voters", "upvotes"), "votes"),
    **dict.fromkeys(("status", "poststatus"), "status"),
    **dict.fromkeys(("tags", "tag", "posttags"), "tags"),
    **dict.fromkeys(("category", "postcategory"), "category"),
    **dict.fromkeys(("authoremail", "useremail", "email", "postauthoremail"), "email"),
    **dict.fromkeys(("comments", "comment", "internalcomments"), "comments"),
}
STATUSES: Mapping[Source, Mapping[str, Status]] = {
    "fider": {
        "open": "new",
        "planned": "planned",
        "started": "in_progress",
        "completed": "shipped",
        "declined": "declined",
        "duplicate": "declined",
    },
    "canny": {
        "open": "new",
        "under review": "under_review",
        "planned": "planned",
        "in progress": "in_progress",
        "complete": "shipped",
        "closed": "declined",
    },
}


@dataclass(frozen=True, slots=True)
class Post:
    """`remarks`: become internal notes; `told`: what of the post did not map."""

    title: str
    text: str = ""
    status: Status = "new"
    reference: str = ""
    created: str = ""
    votes: int = 0
    tags: tuple[str, ...] = ()
    email: str = ""
    reply: str = ""
    remarks: tuple[str, ...] = ()
    told: tuple[str, ...] = ()


def read(source: Source, body: bytes) -> Iterator[Line]:
    """Every post. Raises Malformed, and Invalid for columns that are not those of the source."""
    for line in sheets.records(body, _named(source)):
        yield line if line.value is None else _post(source, line)


def _named(source: Source) -> Callable[[Sequence[str]], Sequence[str]]:
    def named(columns: Sequence[str]) -> Sequence[str]:
        """What each column means; what means nothing, or what another one has said, keeps a name of its own."""
        known, meant = (FIDER if source == "fider" else CANNY), list[str]()
        if not columns:
            raise Malformed("The file is empty; its first line names the columns.")
        names = Counter(name for column in columns if (name := column.strip().lower()))
        if twice := [name[:NAME] for name, times in names.items() if times > 1]:
            raise _refused("duplicate", f"More than one column has the name {', '.join(twice[:COLUMNS])}; keep one of each.")
        for number, column in enumerate(columns):
            word = column.strip().lower() if source == "fider" else re.sub(r"[^a-z]", "", column.lower())
            meaning = known.get(word)
            meant.append(meaning if meaning is not None and meaning not in meant else f"#{number}")
        if "title" not in meant:
            detail = (
                f"The first line names the columns of an export of {source.capitalize()}: a title, and of {', '.join(known)}."
            )
            raise _refused("unknown_columns", f"{detail} Here is no title; is it the export of another tool?")
        return meant

    return named


def _refused(code: str, detail: str) -> Invalid:
    return Invalid("The columns cannot be taken; see `errors`.", errors=[Fault("/lines/1", code, detail)])


def _post(source: Source, line: Line) -> Line:
    cells: dict[str, str] = {name: cell.strip() for name, cell in line.value.items() if cell.strip()}
    faults = list[Fault]()
    told, remarks = list[str](), list[str]()
    given = cells.get("votes", "0")
    if not _COUNT.fullmatch(given) or int(given) > MOST_VOTES:
        faults.append(Fault("/votes", "type", "A number of votes is a whole number."))
    word = " ".join(cells.get("status", "open").replace("_", " ").replace("-", " ").lower().split())
    status = STATUSES[source].get(word)
    if status is None:
        told.append("its status is not one of ours: it comes in as new")
    if not _moment(cells.get("created")):
        del cells["created"]
        told.append("when it was created is no moment, such as 2026-01-31T12:00:00Z: it is not kept")
    if original := cells.get("original"):
        remarks.append(f"A duplicate in Fider, of #{original}: {cells.get('original_title', '')}".strip(": "))
    comments = cells.get("comments", "")
    if comments and not _COUNT.fullmatch(comments):
        pieces = [comments[start : start + REMARK] for start in range(0, len(comments), REMARK)]
        remarks += [piece for piece in pieces[:REMARKS] if piece.strip()]
        told += ["its comments are too long to be kept whole"] if len(pieces) > REMARKS else []
    tags = [tag for cell in (cells.get("tags", ""), cells.get("category", "")) for tag in _BETWEEN_TAGS.split(cell)]
    kept, lost = _tags(tag.strip() for tag in tags if tag.strip())
    if lost:
        told.append(f"{lost} of its tags cannot be kept")
    if faults:
        return Line(line.number, faults=tuple(faults))
    taken = {name: cells[name] for name in ("text", "reference", "created", "email", "reply") if name in cells}
    post = Post(
        title=" ".join(cells.get("title", "").split()),
        status=status or "new",
        votes=int(given),
        tags=kept,
        remarks=tuple(remarks),
        told=tuple(told),
        **taken,
    )
    return Line(line.number, post)


def _moment(cell: str | None) -> bool:
    """Whether it is one as ISO 8601 writes them, or nothing is told."""
    try:
        return cell is None or datetime.fromisoformat(cell) is not None
    except ValueError:
        return False


def _tags(given: Iterator[str]) -> tuple[tuple[str, ...], int]:
    """As tags of ours, and how many of them could not be made so."""
    kept, lost = dict[str, Any](), 0
    for tag in given:
        plain = unicodedata.normalize("NFKD", tag).encode("ascii", "ignore").decode().lower()
        name = re.sub(r"[^a-z0-9_.:-]+", "-", plain).strip("-_.:")[:40]
        if re.fullmatch(TAG, name) and (len(kept) < TAGS or name in kept):
            kept[name] = None
        else:
            lost += 1
    return tuple(sorted(kept)), lost
