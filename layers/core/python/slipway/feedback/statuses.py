"""The life of a piece of feedback, as one table.

    new <──> under_review ──> planned <──> in_progress ──> shipped
     any of these ──> declined        shipped, declined ──> open again

`duplicate` is no move of its own: merging makes it, from any status, and unmerging brings back what was before. A status is
what the code speaks of; what people read is its label, which a board may word otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from slipway.problems import Fault, MoveNotAllowed

Status = Literal["new", "under_review", "planned", "in_progress", "shipped", "declined", "duplicate"]

# From each status, where to by hand.
MOVES: dict[Status, tuple[Status, ...]] = {
    "new": ("under_review", "planned", "in_progress", "shipped", "declined"),
    "under_review": ("new", "planned", "in_progress", "shipped", "declined"),
    "planned": ("under_review", "in_progress", "shipped", "declined"),
    "in_progress": ("under_review", "planned", "shipped", "declined"),
    "shipped": ("under_review", "planned", "in_progress"),
    "declined": ("under_review", "planned"),
    "duplicate": (),
}
STATUSES: tuple[Status, ...] = get_args(Status)

MERGED: Status = "duplicate"
OPEN: tuple[Status, ...] = ("new", "under_review", "planned", "in_progress")  # something may still come of it
LABELS: dict[Status, str] = {
    "new": "New",
    "under_review": "Under review",
    "planned": "Planned",
    "in_progress": "In progress",
    "shipped": "Shipped",
    "declined": "Declined",
    "duplicate": "Duplicate",
}


def move(present: Status, wanted: Status) -> Status:
    """The wanted status. Raises MoveNotAllowed, which names those that may follow."""
    if wanted == present or wanted in MOVES[present]:
        return wanted
    if wanted == MERGED:
        detail = "Feedback becomes a duplicate by being merged into another one: POST /v1/feedback/{id}/merge."
    elif present == MERGED:
        detail = "The feedback is merged into another one, whose status counts: unmerge it first."
    else:
        detail = f"The feedback is {present}: {_listed(MOVES[present])} may follow."
    raise MoveNotAllowed(detail, errors=[Fault("/status", "move_not_allowed", detail)])


def label(status: Status, labels: Mapping[str, str]) -> str:
    """What people read; `labels`: a board's own words."""
    return labels.get(status, LABELS[status])


def _listed(statuses: tuple[Status, ...]) -> str:
    return f"{', '.join(statuses[:-1])} or {statuses[-1]}"
