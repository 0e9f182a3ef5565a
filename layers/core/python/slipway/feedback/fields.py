"""The fields of feedback that name something else: items, members, flags."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from slipway.feedback.item import ID
from slipway.fields import EnvironmentName, matching, published
from slipway.flags.fields import Key as FlagKey
from slipway.shape import Shape

MEMBER = r"^mbr_[0-9a-z]{26}$"
LINKS = 10  # of an item

ItemId = Annotated[
    str,
    AfterValidator(matching(ID, "invalid_id", "An id is `fbk_` and 26 letters and digits.")),
    published(ID, 30, examples=["fbk_01j9z6k3v5x8m2q4w7e9r0t2y6"]),
]
MemberId = Annotated[
    str,
    AfterValidator(matching(MEMBER, "invalid_id", "The id of a member is `mbr_` and 26 letters and digits.")),
    published(MEMBER, 30, examples=["mbr_01j9z6k3v5x8m2q4w7e9r0t2y6"]),
]


class FlagLink(Shape):
    """A flag, there, that what is asked for comes with."""

    flag: FlagKey
    environment: EnvironmentName


def _distinct(links: list[FlagLink]) -> list[FlagLink]:
    return [*dict.fromkeys(links)]


FlagLinks = Annotated[list[FlagLink], Field(max_length=LINKS), AfterValidator(_distinct)]
