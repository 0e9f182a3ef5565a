"""Items of feedback as the API answers them: apart from what it takes, since a submission needs none of it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from slipway.feedback.fields import FlagLink
from slipway.feedback.item import ATTACHMENT, ID, Sentiment, State, Type
from slipway.feedback.statuses import Status
from slipway.fields import Tag
from slipway.shape import Shape


class ContextView(Shape):
    url: str | None
    device: str | None
    session: str | None
    release: str | None
    locale: str | None


class AttachmentView(Shape):
    id: str = Field(pattern=ATTACHMENT, examples=["att_01j9z6k3v5x8m2q4w7e9r0t2y6"])
    state: Literal["waiting", "ready", "refused", "missing"] = Field(description="only what is ready can be read")
    type: str | None
    bytes: int | None
    reason: str | None = Field(description="why it was refused")


class SentimentView(Shape):
    label: Sentiment
    by: str = Field(description="what says so: the `rating`, the `lexicon` or `comprehend`, or by `hand`")


class ServedView(Shape):
    variant: str
    version: int = Field(ge=0, description="of the flag's configuration; 0: of one before the present one")
    at: str = Field(description="when the sender was first shown it that day")


class ImportedView(Shape):
    source: str
    reference: str | None = Field(description="its number or address there")
    created_at: str | None = Field(description="as it stood there")


class FeedbackView(Shape):
    id: str = Field(pattern=ID, examples=["fbk_01j9z6k3v5x8m2q4w7e9r0t2y6"])
    product: str
    type: Type
    title: str | None
    text: str | None
    rating: int | None
    status: Status
    state: State
    votes: int = Field(ge=0, description="people who voted for it or for one of its duplicates, as of a few seconds ago")
    merged_into: str | None = Field(
        pattern=ID, examples=[None], description="what it is a duplicate of; it keeps its own votes"
    )
    sentiment: SentimentView | None
    language: str | None = Field(description="BCP 47; unknown: it cannot be told; null: nobody has looked yet")
    flags: dict[str, ServedView] = Field(description="what the sender was served in the day before, by flag, as was recorded")
    proof: Literal["recorded", "unknown"] | None = Field(description="whether there was a record; null: nobody has looked yet")
    email: str | None
    consent: bool
    targeting_key: str | None
    environment: str | None
    context: ContextView
    attachments: list[AttachmentView]
    origin: Literal["client", "server", "member", "import"]
    erased: bool = Field(description="the person was forgotten: what it wrote cannot be read any more")
    headline: str | None
    reply: str | None
    tags: list[Tag]
    links: list[FlagLink]
    assignee: str | None
    survey: str | None = Field(description="that this answers")
    imported: ImportedView | None = Field(description="from where an import took it")
    imported_votes: int | None = Field(description="that it had there; nobody here voted so")
    created_at: str
    updated_at: str
    version: int = Field(ge=1)
