"""The envelope of every event, and what contracts are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, get_args

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


def by_name(*contracts: type[Event]) -> Mapping[str, type[Event]]:
    return {contract.name(): contract for contract in contracts}
