"""A flag's configuration in one environment, as the API takes and answers it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, Field, StrictBool

from slipway.changes import differences, told
from slipway.fields import EnvironmentName
from slipway.flags import jsontext
from slipway.flags.fields import (
    Because,
    OverridesPatch,
    Prerequisite,
    Prerequisites,
    Reason,
    Targeting,
    Variant,
    Version,
)
from slipway.flags.protection import reasoned
from slipway.flags.words import sentences
from slipway.resources import Event, Stored
from slipway.shape import Shape, absent

FIELDS = ("enabled", "default_variant", "targeting", "overrides", "prerequisites", "rollout", "reason")
TOLD = ("enabled", "default_variant", "prerequisites")  # with their values in events
# What a configuration is before anybody touches it.
UNTOUCHED: Mapping[str, Any] = {
    "enabled": False,
    "default_variant": None,
    "targeting": None,
    "overrides": {},
    "prerequisites": [],
}


_EXAMPLE: dict[str, Any] = {
    "enabled": True,
    "default_variant": "off",
    "targeting": {"if": [{"ends_with": [{"var": "email"}, "@example.com"]}, "on", {"fractional": [["on", 20], ["off", 80]]}]},
    "overrides": {"on": ["ada"]},
    "reason": "A first fifth of the users",
}


class ConfigurationPatch(Shape):
    """A merge patch. `overrides` is merged by variant (null takes one away); a rule and lists are replaced as a whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    enabled: StrictBool = Field(default_factory=absent, description="the switch")
    default_variant: Variant | None = Field(default_factory=absent, description="where no rule decides; null: the caller's own")
    targeting: Targeting = Field(default_factory=absent, description="JsonLogic with flagd's operators; null for none")
    overrides: OverridesPatch = Field(
        default_factory=absent, description="targeting keys by the variant that they get, before any rule"
    )
    prerequisites: Prerequisites | None = Field(
        default_factory=absent, description="other flags that have to answer one of these variants first"
    )
    reason: Reason | None = Field(default_factory=absent, description="of this change; a protected environment asks for it")

    def fields(self) -> dict[str, Any]:
        """The fields that it names, as plain values."""
        return self.model_dump(exclude_unset=True)


class Copying(Shape):
    from_: EnvironmentName = Field(alias="from", description="the environment whose configuration is taken over")
    reason: Reason | None = None


class SwitchingOff(Shape):
    reason: Because | None = None


class RevertingConfiguration(Shape):
    version: Version = Field(description="the one to go back to, as a new version")
    reason: Reason | None = None


class RunningView(Shape):
    """A rollout that runs: who would get `from` gets `to` with that share."""

    id: str
    from_: str = Field(alias="from")
    to: str
    share: float = Field(description="percent")
    stage: int


class ConfigurationView(Shape):
    flag: str
    environment: str
    enabled: bool
    default_variant: str | None
    targeting: dict[str, Any] | None
    overrides: dict[str, list[str]]
    prerequisites: list[Prerequisite]
    rollout: RunningView | None
    rules: list[str] = Field(description="what the configuration says, in words, in the order in which it is asked")
    reason: str | None = Field(description="that was given for this version")
    ended_rollout: str | None = Field(description="the rollout that ran, and that the change to this version has ended")
    created_at: str
    updated_at: str
    version: int = Field(ge=1)


class ConfigurationsView(Shape):
    items: list[ConfigurationView]


def patched(data: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """The data with these fields changed; the reason is that of the change alone."""
    result = {**data, **{name: value for name, value in fields.items() if name in UNTOUCHED}}
    if "overrides" in fields:
        merged = {**data["overrides"], **fields["overrides"]}
        result["overrides"] = {variant: keys for variant, keys in merged.items() if keys}
    if "targeting" in fields:
        result["targeting"] = None if fields["targeting"] is None else jsontext.written(fields["targeting"])
    result["prerequisites"] = result["prerequisites"] or []
    return reasoned(result, fields.get("reason"))


def view(stored: Stored) -> dict[str, Any]:
    """One version of a configuration as it is answered: a ConfigurationView."""
    data = stored.data
    return {
        "flag": data["flag"],
        "environment": data["environment"],
        "enabled": data["enabled"],
        "default_variant": data["default_variant"],
        "targeting": None if data["targeting"] is None else jsontext.read(data["targeting"]),
        "overrides": data["overrides"],
        "prerequisites": data["prerequisites"],
        "rollout": running(data),
        "rules": [sentence.text for sentence in sentences(data)],
        "reason": data.get("reason"),
        "ended_rollout": data.get("ended"),
        "created_at": stored.created_at,
        "updated_at": stored.updated_at,
        "version": stored.version,
    }


def alone(data: Mapping[str, Any], running: Mapping[str, Any] | None) -> dict[str, Any]:
    """The data without a rollout, as what people write is all that holds; `running`: the one that this ends."""
    without = {name: value for name, value in data.items() if name != "rollout"}
    return without if running is None else {**without, "ended": running["id"]}


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    return differences(_plain(before), _plain(after), FIELDS)


def event(before: Stored, after: Mapping[str, Any]) -> Event:
    """Of the change from that version."""
    facts = {name: after[name] for name in ("flag", "environment", "enabled")} | {"reason": "reason" in after}
    listed = [change for change in changes(before.data, after) if change["field"] != "reason"]
    return "configuration.updated.v1", facts | {
        "version": before.version + 1,
        "changes": [told(change, TOLD) for change in listed],
    }


def running(data: Mapping[str, Any]) -> dict[str, Any] | None:
    """Of the rollout that runs: `id`, `from`, `to`, `share` in percent, `stage`."""
    if "rollout" not in data:
        return None
    found = data["rollout"]
    numbers = {"share": int(found["share"]) / 1000, "stage": int(found["stage"])}
    return {name: found[name] for name in ("id", "from", "to")} | numbers


def _plain(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """As it is shown."""
    return (
        {**data, "targeting": data["targeting"] and jsontext.read(data["targeting"]), "rollout": running(data)}
        if data
        else data
    )
