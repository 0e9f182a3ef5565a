"""A change that is kept for later: what change requests and scheduled changes have in common.

Kept in both (`data` of their rows; a name that the kind has no use for is not there):

    kind (configuration where it is missing), flag, environment, segment, base (the version that it was planned on), change
    (the fields of a ConfigurationPatch, FlagChange, SegmentPatch or EnvironmentPatch, JSON text), reason, status

Of a configuration they are told in the first contracts, which name its flag and environment; of all else in the second.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar

from pydantic import ConfigDict, Field

from slipway.access import allow
from slipway.calls import Call
from slipway.fields import EnvironmentName
from slipway.flags import configurations, jsontext, protection
from slipway.flags.beside import Beside, check, settled
from slipway.flags.compilation import definition
from slipway.flags.configuration import ConfigurationPatch
from slipway.flags.configurations import Configurations, rules
from slipway.flags.environments import EnvironmentPatch
from slipway.flags.fields import Because, Key
from slipway.flags.flag import FlagChange
from slipway.flags.segments import SegmentPatch
from slipway.problems import Conflict, Fault, Forbidden, Invalid, NotFound
from slipway.resources import Event, Stored
from slipway.shape import Shape, absent

Data = dict[str, Any]
Kind = Literal["configuration", "flag", "segment", "environment"]
Plan = configurations.Plan | protection.Plan
Made = TypeVar("Made")

# By kind: the field that holds the change, and those that name what is changed.
FIELDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "configuration": ("change", ("flag", "environment")),
    "flag": ("flag_change", ("flag",)),
    "segment": ("segment_change", ("segment",)),
    "environment": ("environment_change", ("environment",)),
}
NAMES = ("flag", "environment", "segment")


class Named(Shape):
    """What is changed, and how: each change as PATCH takes it, its reason beside it."""

    flag: Key = Field(default_factory=absent)
    environment: EnvironmentName = Field(default_factory=absent)
    segment: Key = Field(default_factory=absent)
    change: ConfigurationPatch = Field(
        default_factory=absent, description="of the flag's configuration in the environment; name both"
    )
    flag_change: FlagChange = Field(default_factory=absent, description="of the flag, wherever it is answered")
    segment_change: SegmentPatch = Field(default_factory=absent, description="of the segment")
    environment_change: EnvironmentPatch = Field(default_factory=absent, description="of the environment; for admins")


EXAMPLE: dict[str, Any] = {
    "flag": "new-checkout",
    "environment": "production",
    "change": {"enabled": True, "default_variant": "on"},
    "reason": "A month without a complaint",
}


class NewChange(Named):
    """One of the four changes, with the names of what it changes."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    reason: Because


class PlannedView(Shape):
    id: str
    kind: Kind = Field(description="of what is changed")
    flag: str = Field(description="empty where no flag is changed")
    environment: str = Field(description="empty where what is changed belongs to no single one")
    segment: str = Field(description="empty where no segment is changed")
    base: int = Field(description="the version of what is changed that it was planned on, and is made on alone")
    change: dict[str, Any]
    reason: str
    created_by: str = Field(description="`kind:id`")
    created_at: str
    updated_at: str
    version: int = Field(ge=1)


def kind_of(data: Mapping[str, Any]) -> str:
    return str(data.get("kind", "configuration"))


def begun(call: Call, new: Named) -> Data:
    """What is to be kept, without base and reason. Raises Invalid, Forbidden where it takes an admin."""
    kinds = [kind for kind, (field, _) in FIELDS.items() if field in new.model_fields_set]
    if len(kinds) != 1:
        fields = ", ".join(field for field, _ in FIELDS.values())
        detail = f"Send one change, as one of {fields}."
        raise Invalid(detail, errors=[Fault("", "one_change", detail)])
    field, names = FIELDS[kinds[0]]
    given = [name for name in NAMES if name in new.model_fields_set]
    faults = [Fault(f"/{name}", "required", f"Name the {name} that is changed.") for name in names if name not in given]
    faults += [Fault(f"/{name}", "one_change", f"`{field}` is of no {name}.") for name in given if name not in names]
    if faults:
        raise Invalid("It is not clear what is changed.", errors=faults)
    fields = getattr(new, field).model_dump(exclude_unset=True, exclude={"reason"})
    data = {"kind": kinds[0], **{name: getattr(new, name) for name in names}, "change": jsontext.written(fields)}
    check_allowed(call, data)
    return data


def check_allowed(call: Call, data: Mapping[str, Any]) -> None:
    """Raises Forbidden where the change is not one that this principal might ask for at all."""
    if kind_of(data) == "environment" and not allow(call.principal, "environments.update"):
        raise Forbidden("A change of an environment is an admin's affair.")


def planned(configurations: Configurations, call: Call, begun: Data, reason: str) -> tuple[Data, Plan]:
    """What is to be kept of a new change, and what it would do.

    Raises Conflict (archived, or nothing changes), Invalid."""
    kind = kind_of(begun)
    field, names = FIELDS[kind]
    reads: dict[str, Callable[[], Stored]] = {
        "flag": lambda: configurations.flags.read(begun["flag"]),
        "environment": lambda: configurations.environments.read(call, begun["environment"]),
        "segment": lambda: configurations.segments.read(begun["segment"]),
    }
    faults = []
    for name in names:
        try:
            reads[name]()
        except NotFound as missing:
            faults.append(Fault(f"/{name}", f"unknown_{name}", missing.detail))
    if faults:
        raise Invalid("There is nothing to change.", errors=faults)
    try:
        made = pointed(lambda: _fitting(configurations, call, {**begun, "base": None, "reason": reason}), f"/{field}")
    except NotFound as missing:  # a version to go back to
        raise Invalid(missing.detail, errors=[Fault(f"/{field}", "unknown_version", missing.detail)]) from None
    if made.after is made.before:
        detail = f"The {kind} says this already; there is nothing to change."
        raise Conflict(detail, errors=[Fault(f"/{field}", "no_change", detail)])
    return {**begun, "base": made.before.version, "reason": reason}, made


def _fitting(configurations: Configurations, call: Call, data: Mapping[str, Any]) -> Plan:
    """`plan`, for which there is room, too."""

    def attempt(call: Call) -> Plan:
        made = plan(configurations, call, data)
        check(configurations.store, made.beside)
        return made

    return settled(call, None, attempt)


def pointed(planning: Callable[[], Made], place: str = "/change") -> Made:
    """The plan of a change that stands at this place of the body. Raises what it does."""
    try:
        return planning()
    except Invalid as wrong:
        errors = [Fault(f"{place}{fault.pointer}", fault.code, fault.detail) for fault in wrong.errors]
        raise Invalid(wrong.detail, errors=errors) from None


def plan(configurations: Configurations, call: Call, data: Mapping[str, Any]) -> Plan:
    """What the change would be now. Raises PreconditionFailed where its base has changed, NotFound, Conflict, Invalid."""
    fields, base, reason = jsontext.read(data["change"]), data["base"], data["reason"]
    match kind_of(data):
        case "configuration":
            patch = ConfigurationPatch.model_validate({**fields, "reason": reason})
            return configurations.patched(call, data["flag"], data["environment"], base, patch)
        case "flag":
            return configurations.flags.planned(call, data["flag"], base, fields, reason)
        case "segment":
            return configurations.segments.planned(call, data["segment"], base, fields, reason)
        case _:
            return configurations.environments.planned(call, data["environment"], base, fields, reason)


def answers(plan: Plan) -> str:
    """A digest of all that would be answered from: whoever agrees to a change agrees to this. Empty where the base says it."""
    if isinstance(plan, protection.Plan):
        return ""
    key = plan.flag.data["key"]
    whole = {"flag": definition(key, plan.rows), "segments": rules(plan.rows), "client_side": plan.flag.data["client_side"]}
    return hashlib.sha256(jsontext.written(whole).encode()).hexdigest()


def write(configurations: Configurations, call: Call, plan: Plan, finished: Sequence[Beside]) -> None:
    """Make the change, together with what it finishes. Raises PreconditionFailed, Moved."""
    if isinstance(plan, protection.Plan):
        plan.write(call, finished)
    else:
        configurations.write(call, plan, finished)


def view(first: str, stored: Stored) -> dict[str, Any]:
    """A PlannedView; `first`: who made version 1."""
    data = stored.data
    return {
        "id": stored.id,
        "kind": kind_of(data),
        **{name: data.get(name, "") for name in NAMES},
        **{name: data[name] for name in ("base", "reason")},
        "change": jsontext.read(data["change"]),
        "created_by": first,
        "created_at": stored.created_at,
        "updated_at": stored.updated_at,
        "version": stored.version,
    }


def event(move: str, version: int, data: Mapping[str, Any], *more: str) -> Event:
    """`move`: as in `proposal.opened`; `more`: further facts."""
    kind = kind_of(data)
    facts = {name: data[name] for name in ("status", *more)}
    facts |= {"version": version, "changes": [{"field": "status", "to": data["status"]}]}
    if kind == "configuration":
        return f"{move}.v1", facts | {name: data[name] for name in ("flag", "environment")}
    return f"{move}.v2", facts | {"kind": kind, "key": data[kind]}
