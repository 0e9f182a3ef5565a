"""What happens to flags: they themselves, what they answer, where, and what they share."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from slipway.events.envelope import Changed, Event, Name, by_name


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


ROOM = by_name(
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
)
