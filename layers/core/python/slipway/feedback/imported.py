"""What an import is asked for, and what it answers; the rest is in `slipway.feedback.transfer`, and seldom needed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from slipway.fields import Key
from slipway.shape import Shape, Writing

Source = Literal["canny", "fider"]


class Importing(Writing):
    source: Source = Field(description="whose export the file is")
    product: Key
    type: Literal["bug", "idea", "praise", "question"] = "idea"
    emails: bool = Field(default=False, description="keep the addresses of those who wrote, where the file has them")


class ToldView(Shape):
    line: int
    detail: str


class PostsView(Shape):
    """`created` now, `existing` since an earlier try of the same import; `notes`: what of which line did not map.

    With `validate_only` nothing is written: what would be `created`, what is `existing` already."""

    lines: int
    created: int
    existing: int
    notes: list[ToldView]
