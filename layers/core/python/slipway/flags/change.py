"""A change of a configuration that is kept for later: what change requests and scheduled changes have in common.

Kept in both (`data` of their rows): flag, environment, base (the version of the configuration that it was planned on), change
(a merge patch, JSON text), reason, status
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import Field

from slipway.calls import Call
from slipway.fields import EnvironmentName
from slipway.flags import jsontext
from slipway.flags.configuration import ConfigurationPatch
from slipway.flags.configurations import Configurations, Plan
from slipway.flags.fields import Because, Key
from slipway.problems import Conflict, Fault, Invalid, NotFound
from slipway.resources import Stored
from slipway.shape import Shape

Data = dict[str, Any]


class NewChange(Shape):
    """`change` as `PATCH /v1/flags/{key}/environments/{environment}` takes it, its reason beside it."""

    flag: Key
    environment: EnvironmentName
    change: ConfigurationPatch
    reason: Because


class PlannedView(Shape):
    id: str
    flag: str
    environment: str
    base: int = Field(description="the version of the configuration that it was planned on, and is made on alone")
    change: dict[str, Any]
    reason: str
    created_by: str = Field(description="`kind:id`")
    created_at: str
    updated_at: str
    version: int = Field(ge=1)


def pointed(patching: Callable[[], Plan]) -> Plan:
    """The plan of a change that stands at `/change` in the body. Raises what it does."""
    try:
        return patching()
    except Invalid as wrong:
        errors = [Fault(f"/change{fault.pointer}", fault.code, fault.detail) for fault in wrong.errors]
        raise Invalid(wrong.detail, errors=errors) from None


def planned(configurations: Configurations, call: Call, new: NewChange) -> Plan:
    """What the change would be. Raises Conflict (archived), Invalid."""
    named: dict[str, Callable[[], Stored]] = {
        "flag": lambda: configurations.flags.read(new.flag),
        "environment": lambda: configurations.environments.read(call, new.environment),
    }
    faults = []
    for name, read in named.items():
        try:
            read()
        except NotFound as missing:
            faults.append(Fault(f"/{name}", f"unknown_{name}", missing.detail))
    if faults:
        raise Invalid("There is nothing to change.", errors=faults)
    return pointed(lambda: configurations.patched(call, new.flag, new.environment, None, new.change))


def kept(new: NewChange, plan: Plan) -> Data:
    """Raises Conflict for a change that changes nothing."""
    if plan.after is plan.before:
        detail = "The configuration says this already; there is nothing to change."
        raise Conflict(detail, errors=[Fault("/change", "no_change", detail)])
    fields = {name: value for name, value in new.change.fields().items() if name != "reason"}
    given = {"flag": new.flag, "environment": new.environment, "base": plan.before.version}
    return {**given, "change": jsontext.written(fields), "reason": new.reason}


def plan(configurations: Configurations, call: Call, data: Mapping[str, Any]) -> Plan:
    """What the change would be now. Raises PreconditionFailed where its base has changed, and what `planned` does."""
    fields = {**jsontext.read(data["change"]), "reason": data["reason"]}
    patch = ConfigurationPatch.model_validate(fields)
    return configurations.patched(call, data["flag"], data["environment"], data["base"], patch)


def view(first: str, stored: Stored) -> dict[str, Any]:
    """A PlannedView; `first`: who made version 1."""
    data = stored.data
    shown = {name: data[name] for name in ("flag", "environment", "base", "reason")}
    return {
        "id": stored.id,
        **shown,
        "change": jsontext.read(data["change"]),
        "created_by": first,
        "created_at": stored.created_at,
        "updated_at": stored.updated_at,
        "version": stored.version,
    }
