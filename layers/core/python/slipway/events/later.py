"""Changes of flags for later: requests that a second person approves, and plans for a minute to come."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from slipway.events.envelope import Changed, Event, Name, Time, by_name


class PlannedFacts(Changed):
    flag: Name
    environment: Name
    status: Name


class ProposalEvent(Event):
    source: Literal["slipway.flags"]
    version: Literal[1]
    data: PlannedFacts


class ProposalOpened(ProposalEvent):
    """Somebody asks for a change that takes a second person."""

    type: Literal["proposal.opened.v1"]


class ProposalApproved(ProposalEvent):
    """A second person agrees to a change."""

    type: Literal["proposal.approved.v1"]


class ProposalApplied(ProposalEvent):
    """A change that was agreed to is made."""

    type: Literal["proposal.applied.v1"]


class ProposalRejected(ProposalEvent):
    """A change that was asked for is not wanted."""

    type: Literal["proposal.rejected.v1"]


class ProposalExpired(ProposalEvent):
    """Nobody made a change in time that was asked for."""

    type: Literal["proposal.expired.v1"]


class ScheduleFacts(PlannedFacts):
    at: Time


class ScheduleEvent(Event):
    source: Literal["slipway.flags"]
    version: Literal[1]
    data: ScheduleFacts


class SchedulePlanned(ScheduleEvent):
    """A change is to be made at a minute to come."""

    type: Literal["schedule.planned.v1"]


class ScheduleCancelled(ScheduleEvent):
    """A change that was planned is not to be made."""

    type: Literal["schedule.cancelled.v1"]


class ScheduleFired(ScheduleEvent):
    """A change that was planned is made."""

    type: Literal["schedule.fired.v1"]


class ScheduleFailed(ScheduleEvent):
    """A change that was planned could not be made: nothing happened."""

    type: Literal["schedule.failed.v1"]


class ChangedFacts(Changed):
    """What belongs to no single environment, or to no flag."""

    kind: Annotated[Name, Field(description="of what is changed: flag, segment, environment")]
    key: Annotated[Name, Field(description="of what is changed; of an environment its name")]
    status: Name


class ProposalEventV2(Event):
    source: Literal["slipway.flags"]
    version: Literal[2]
    data: ChangedFacts


class ProposalOpenedV2(ProposalEventV2):
    """Somebody asks for a change that takes a second person, and is not of a configuration."""

    type: Literal["proposal.opened.v2"]


class ProposalApprovedV2(ProposalEventV2):
    """A second person agrees to a change that is not of a configuration."""

    type: Literal["proposal.approved.v2"]


class ProposalAppliedV2(ProposalEventV2):
    """A change that was agreed to is made, and is not of a configuration."""

    type: Literal["proposal.applied.v2"]


class ProposalRejectedV2(ProposalEventV2):
    """A change that was asked for is not wanted, and is not of a configuration."""

    type: Literal["proposal.rejected.v2"]


class ProposalExpiredV2(ProposalEventV2):
    """Nobody made a change in time that was asked for, and is not of a configuration."""

    type: Literal["proposal.expired.v2"]


class ScheduleChangedFacts(ChangedFacts):
    at: Time


class ScheduleEventV2(Event):
    source: Literal["slipway.flags"]
    version: Literal[2]
    data: ScheduleChangedFacts


class SchedulePlannedV2(ScheduleEventV2):
    """A change is to be made at a minute to come, and is not of a configuration."""

    type: Literal["schedule.planned.v2"]


class ScheduleCancelledV2(ScheduleEventV2):
    """A change that was planned is not to be made, and is not of a configuration."""

    type: Literal["schedule.cancelled.v2"]


class ScheduleFiredV2(ScheduleEventV2):
    """A change that was planned is made, and is not of a configuration."""

    type: Literal["schedule.fired.v2"]


class ScheduleFailedV2(ScheduleEventV2):
    """A change that was planned could not be made, and is not of a configuration: nothing happened."""

    type: Literal["schedule.failed.v2"]


ROOM = by_name(
    ProposalOpened,
    ProposalApproved,
    ProposalApplied,
    ProposalRejected,
    ProposalExpired,
    SchedulePlanned,
    ScheduleCancelled,
    ScheduleFired,
    ScheduleFailed,
    ProposalOpenedV2,
    ProposalApprovedV2,
    ProposalAppliedV2,
    ProposalRejectedV2,
    ProposalExpiredV2,
    SchedulePlannedV2,
    ScheduleCancelledV2,
    ScheduleFiredV2,
    ScheduleFailedV2,
)
