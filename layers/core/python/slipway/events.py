"""Every event contract: facts in the past tense, each with the number of its contract.

An event travels as one envelope (CloudEvents' names where it has one) in the `detail` of an EventBridge event, whose
`detail-type` is the envelope's `type` and whose `source` is its `source`. The bus delivers at least once and keeps no order:
`id` is the same on every delivery, and `sequence`, the version of the resource, tells the newer of two.

The models are the contracts. Their JSON Schemas are published in `docs/schemas/events` and never change: another shape is
another contract (`product.created.v2`), sent beside the first until nobody reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, JsonValue

Name = Annotated[str, Field(min_length=1, max_length=200)]
Time = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", description="RFC 3339, UTC, milliseconds")]


class Contract(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True, defer_build=True)


class Change(Contract):
    """One field that changed. Without `from` and `to` the value is free text or long, and stays in the resource."""

    field: Name
    from_: JsonValue = Field(default=None, alias="from")
    to: JsonValue = None


class Event(Contract):
    """The envelope that every event has."""

    id: Annotated[str, Field(pattern=r"^evt_[0-9a-z]{26}$", description="the same on every delivery")]
    source: Annotated[str, Field(pattern=r"^slipway\.[a-z]+$")]
    type: Annotated[str, Field(pattern=r"^[a-z]+\.[a-z_]+\.v[1-9]\d*$")]
    version: Annotated[int, Field(ge=1, description="of this contract")]
    sequence: Annotated[int, Field(ge=1, description="the version of the subject that this event made")]
    time: Time
    subject: Annotated[str, Field(min_length=1, max_length=300, description="the id of the resource")]
    actor: Annotated[str, Field(min_length=1, max_length=300, description="`kind:id` of who did it")]
    correlation_id: Annotated[str, Field(max_length=128)]
    traceparent: Annotated[str, Field(max_length=55, description="W3C trace context, or empty")]
    data: Any

    @classmethod
    def name(cls) -> str:
        """The one `type` of this contract."""
        return str(get_args(cls.model_fields["type"].annotation)[0])

    @classmethod
    def origin(cls) -> str:
        """The one `source` of this contract."""
        return str(get_args(cls.model_fields["source"].annotation)[0])

    def envelope(self) -> dict[str, Any]:
        """As it travels: what was not given is not there."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class AnyEvent(Event):
    """Any event of ours, also of a contract that this code does not know."""

    data: dict[str, JsonValue]


class Changed(Contract):
    """What every event of a versioned resource says."""

    version: Annotated[int, Field(ge=1)]
    changes: list[Change]


# --- products -------------------------------------------------------------------------------------------


class ProductFacts(Changed):
    key: Name | None = None
    name: Name
    stage: Name
    status: Name


class ProductEvent(Event):
    source: Literal["slipway.products"]
    version: Literal[1]
    data: ProductFacts


class ProductCreated(ProductEvent):
    """A product stands in the catalogue."""

    type: Literal["product.created.v1"]


class ProductUpdated(ProductEvent):
    """Fields of a product changed."""

    type: Literal["product.updated.v1"]


class ProductArchived(ProductEvent):
    """A product was put away; it can be restored."""

    type: Literal["product.archived.v1"]


class ProductRestored(ProductEvent):
    """An archived product is active again."""

    type: Literal["product.restored.v1"]


# --- access ---------------------------------------------------------------------------------------------


class KeyFacts(Changed):
    kind: Name
    environment: Name | None = None
    role: Name | None = None
    status: Name


class KeyEvent(Event):
    source: Literal["slipway.access"]
    version: Literal[1]
    data: KeyFacts


class KeyCreated(KeyEvent):
    """An API key was made."""

    type: Literal["key.created.v1"]


class KeyRotated(KeyEvent):
    """An API key has a new secret; the old one works until the overlap ends."""

    type: Literal["key.rotated.v1"]


class KeyRevoked(KeyEvent):
    """An API key stopped working."""

    type: Literal["key.revoked.v1"]


class MemberFacts(Changed):
    role: Name
    status: Name


class MemberEvent(Event):
    """The address of a member stays in its row: whoever needs it reads it there."""

    source: Literal["slipway.access"]
    version: Literal[1]
    data: MemberFacts


class MemberInvited(MemberEvent):
    """Somebody was invited and has to be told."""

    type: Literal["member.invited.v1"]


class MemberUpdated(MemberEvent):
    """A member's role changed."""

    type: Literal["member.updated.v1"]


class MemberRemoved(MemberEvent):
    """A member may no longer sign in."""

    type: Literal["member.removed.v1"]


# --- flags ----------------------------------------------------------------------------------------------


class FlagFacts(Changed):
    key: Name
    type: Name
    status: Name


class FlagEvent(Event):
    source: Literal["slipway.flags"]
    version: Literal[1]
    data: FlagFacts


class FlagCreated(FlagEvent):
    """A feature flag was made. It is off everywhere."""

    type: Literal["flag.created.v1"]


class FlagUpdated(FlagEvent):
    """What a flag is, or what it can answer, changed."""

    type: Literal["flag.updated.v1"]


class FlagArchived(FlagEvent):
    """A flag was put away: it answers nowhere any more. It can be restored."""

    type: Literal["flag.archived.v1"]


class FlagRestored(FlagEvent):
    """An archived flag is active again."""

    type: Literal["flag.restored.v1"]


class ConfigurationFacts(Changed):
    flag: Name
    environment: Name
    enabled: bool
    reason: Annotated[bool, Field(description="whether one was given; it stays in the resource")]


class ConfigurationUpdated(Event):
    """What a flag answers in one environment changed."""

    source: Literal["slipway.flags"]
    version: Literal[1]
    type: Literal["configuration.updated.v1"]
    data: ConfigurationFacts


class EnvironmentFacts(Changed):
    name: Name
    protected: bool
    approval: bool
    status: Name


class EnvironmentEvent(Event):
    source: Literal["slipway.flags"]
    version: Literal[1]
    data: EnvironmentFacts


class EnvironmentCreated(EnvironmentEvent):
    """There is a new environment; every flag is off in it."""

    type: Literal["environment.created.v1"]


class EnvironmentUpdated(EnvironmentEvent):
    """An environment asks for something else of those who change flags in it."""

    type: Literal["environment.updated.v1"]


class EnvironmentDeleted(EnvironmentEvent):
    """An environment is gone, for good."""

    type: Literal["environment.deleted.v1"]


class SegmentFacts(Changed):
    key: Name
    status: Name


class SegmentEvent(Event):
    source: Literal["slipway.flags"]
    version: Literal[1]
    data: SegmentFacts


class SegmentCreated(SegmentEvent):
    """There is a new shared rule."""

    type: Literal["segment.created.v1"]


class SegmentUpdated(SegmentEvent):
    """A shared rule changed, and with it every flag that uses it."""

    type: Literal["segment.updated.v1"]


class SegmentDeleted(SegmentEvent):
    """A shared rule is gone, for good."""

    type: Literal["segment.deleted.v1"]


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


# --- all of them ----------------------------------------------------------------------------------------

CONTRACTS: dict[str, type[Event]] = {
    contract.name(): contract
    for contract in (
        ProductCreated,
        ProductUpdated,
        ProductArchived,
        ProductRestored,
        KeyCreated,
        KeyRotated,
        KeyRevoked,
        MemberInvited,
        MemberUpdated,
        MemberRemoved,
        FlagCreated,
        FlagUpdated,
        FlagArchived,
        FlagRestored,
        ConfigurationUpdated,
        EnvironmentCreated,
        EnvironmentUpdated,
        EnvironmentDeleted,
        SegmentCreated,
        SegmentUpdated,
        SegmentDeleted,
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
}


def parse(envelope: Mapping[str, Any]) -> Event:
    """The event in an envelope. Raises KeyError for an unknown contract, pydantic's ValidationError for a broken one."""
    return CONTRACTS[envelope["type"]].model_validate(envelope)


def schema(contract: type[Event]) -> dict[str, Any]:
    """The contract as a JSON Schema (2020-12)."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **contract.model_json_schema(by_alias=True)}


def pattern(*contracts: type[Event]) -> dict[str, list[Any]]:
    """The EventBridge pattern of a rule: exactly these contracts; none named: everything that Slipway ever sends."""
    if not contracts:
        return {"source": [{"prefix": "slipway."}]}
    return {
        "source": sorted({contract.origin() for contract in contracts}),
        "detail-type": sorted(contract.name() for contract in contracts),
    }
