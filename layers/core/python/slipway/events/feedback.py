"""What happens to feedback, and to what is known of the people who gave it: ids and names of fields, never what they wrote."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from slipway.events.envelope import Changed, Event, Name, by_name


class FeedbackFacts(Changed):
    product: Name


class SubmittedFacts(FeedbackFacts):
    feedback_type: Name
    environment: Name | None = None
    state: Name


class StatusFacts(FeedbackFacts):
    before: Name
    after: Name


class FeedbackEvent(Event):
    source: Literal["slipway.feedback"]
    version: Literal[1]
    data: FeedbackFacts


class FeedbackSubmitted(FeedbackEvent):
    """Somebody told something."""

    type: Literal["feedback.submitted.v1"]
    data: SubmittedFacts


class FeedbackTriaged(FeedbackEvent):
    """What its sender was served, how it sounds and the like were found out; or that it is one too many, and held."""

    type: Literal["feedback.triaged.v1"]


class FeedbackUpdated(FeedbackEvent):
    """Fields of an item changed."""

    type: Literal["feedback.updated.v1"]


class FeedbackStatusChanged(FeedbackEvent):
    """An item has another status."""

    type: Literal["feedback.status_changed.v1"]
    data: StatusFacts


class MergedFacts(FeedbackFacts):
    into: Annotated[Name, Field(description="the item that stays: a root, and no duplicate")]


class FeedbackMerged(FeedbackEvent):
    """An item became a duplicate of another, with all that was merged into it; its voters stand behind that one."""

    type: Literal["feedback.merged.v1"]
    data: MergedFacts


class UnmergedFacts(FeedbackFacts):
    from_: Annotated[Name, Field(alias="from", description="the item that it was merged into")]


class FeedbackUnmerged(FeedbackEvent):
    """An item is one of its own again, with all that was merged into it."""

    type: Literal["feedback.unmerged.v1"]
    data: UnmergedFacts


class BoardUpdated(Event):
    """A product does something else with feedback than before."""

    source: Literal["slipway.feedback"]
    version: Literal[1]
    type: Literal["board.updated.v1"]
    data: FeedbackFacts


class PersonErased(Event):
    """Nobody can read any more what a person told; nothing says who it was."""

    source: Literal["slipway.feedback"]
    version: Literal[1]
    type: Literal["person.erased.v1"]
    data: Changed


class SurveyFacts(FeedbackFacts):
    environment: Name
    survey_kind: Name


class SurveyEvent(Event):
    source: Literal["slipway.feedback"]
    version: Literal[1]
    data: SurveyFacts


class SurveyCreated(SurveyEvent):
    """There is a survey; whether it asks is in `enabled`."""

    type: Literal["survey.created.v1"]


class SurveyUpdated(SurveyEvent):
    """A survey asks something else, or other people."""

    type: Literal["survey.updated.v1"]


class SurveyDeleted(SurveyEvent):
    """A survey asks nobody any more."""

    type: Literal["survey.deleted.v1"]


ROOM = by_name(
    FeedbackSubmitted,
    FeedbackTriaged,
    FeedbackUpdated,
    FeedbackStatusChanged,
    FeedbackMerged,
    FeedbackUnmerged,
    BoardUpdated,
    PersonErased,
    SurveyCreated,
    SurveyUpdated,
    SurveyDeleted,
)
