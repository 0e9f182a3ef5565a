"""What happens to rollouts: what people do with them, and what they do by themselves; and to their templates."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from slipway.events.envelope import Changed, Event, Name, by_name


class RolloutFacts(Changed):
    flag: Name
    environment: Name
    state: Name
    stage: Annotated[int, Field(ge=-1, description="the period with one split, from 0; -1 before the first")]
    share: Annotated[int, Field(ge=0, le=100_000, description="of the units, in thousandths of a percent")]
    why: Annotated[Name, Field(description="a word for the reason")]


class RolloutEvent(Event):
    source: Literal["slipway.flags"]
    version: Literal[1]
    data: RolloutFacts


class RolloutPlanned(RolloutEvent):
    """A rollout is planned; nobody is shown anything yet."""

    type: Literal["rollout.planned.v1"]


class RolloutStarted(RolloutEvent):
    """A first share of the units is shown the new variant."""

    type: Literal["rollout.started.v1"]


class RolloutAdvanced(RolloutEvent):
    """The next step of the ladder holds."""

    type: Literal["rollout.advanced.v1"]


class RolloutWaiting(RolloutEvent):
    """The time of a step is over, and it waits for units or for a person."""

    type: Literal["rollout.waiting.v1"]


class RolloutWarned(RolloutEvent):
    """A guard that only tells has found harm; nothing moves."""

    type: Literal["rollout.warned.v1"]


class RolloutPaused(RolloutEvent):
    """The share stays as it is until a person goes on."""

    type: Literal["rollout.paused.v1"]


class RolloutResumed(RolloutEvent):
    """It goes on: the same units are shown the new variant."""

    type: Literal["rollout.resumed.v1"]


class RolloutCompleted(RolloutEvent):
    """It is over: the new variant stays."""

    type: Literal["rollout.completed.v1"]


class RolloutRolledBack(RolloutEvent):
    """It stepped back: everybody has what they had."""

    type: Literal["rollout.rolled_back.v1"]


class RolloutStopped(RolloutEvent):
    """A person ended it, by a word or by an edit."""

    type: Literal["rollout.stopped.v1"]


class TemplateFacts(Changed):
    key: Name
    status: Name


class TemplateEvent(Event):
    source: Literal["slipway.flags"]
    version: Literal[1]
    data: TemplateFacts


class TemplateCreated(TemplateEvent):
    """There is a new rollout template."""

    type: Literal["template.created.v1"]


class TemplateUpdated(TemplateEvent):
    """A rollout template changed; what was begun with it goes on as it is."""

    type: Literal["template.updated.v1"]


class TemplateDeleted(TemplateEvent):
    """A rollout template is gone, for good."""

    type: Literal["template.deleted.v1"]


ROOM = by_name(
    RolloutPlanned,
    RolloutStarted,
    RolloutAdvanced,
    RolloutWaiting,
    RolloutWarned,
    RolloutPaused,
    RolloutResumed,
    RolloutCompleted,
    RolloutRolledBack,
    RolloutStopped,
    TemplateCreated,
    TemplateUpdated,
    TemplateDeleted,
)
