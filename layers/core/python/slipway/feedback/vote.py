"""A vote as the API takes and answers it. Who may vote for whom is in `slipway.feedback.votes`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, WithJsonSchema

from slipway.feedback.item import ID, TargetingKey
from slipway.feedback.people import PID
from slipway.fields import EnvironmentName, matching
from slipway.ports import Row
from slipway.shape import Shape

Id = Annotated[
    str,
    AfterValidator(matching(ID, "pattern", "An id is `fbk_` and 26 letters and digits.")),
    WithJsonSchema({"type": "string", "pattern": ID, "examples": ["fbk_01j9z6k3v5x8m2q4w7e9r0t2y6"]}),
]


class Voter(Shape):
    """Whose vote it is. A key names its user, by `targeting_key`; who is signed in names nobody, or whoever asked the team."""

    targeting_key: Annotated[TargetingKey | None, Field(description="whom flags are evaluated for")] = None
    environment: Annotated[
        EnvironmentName | None, Field(description="of the targeting key; a client or server key has its own")
    ] = None
    email: Annotated[
        str | None, Field(max_length=254, description="of somebody who asked the team", examples=["ada@example.com"])
    ] = None


class VotedView(Shape):
    id: Id
    counts_for: Annotated[Id, Field(description="the item itself, or what it is a duplicate of")]
    voted: bool


class VoteView(Shape):
    """One person's earliest vote for an item or for one of its duplicates."""

    person: str = Field(pattern=f"^{PID}$", examples=["psn_01j9z6k3v5x8m2q4w7e9r0t2y6"])
    item: Annotated[Id, Field(description="what was voted for: the item, or one of its duplicates")]
    by: Annotated[str | None, Field(description="`kind:id` of who voted on that person's behalf")]
    created_at: str


class Merging(Shape):
    into: Annotated[Id, Field(description="the item that stays; of a duplicate, what that was merged into")]


def view(row: Row) -> dict[str, Any]:
    """A VoteView."""
    return {"person": row["person"], "item": row["pk"], "by": row.get("by"), "created_at": row["created_at"]}
