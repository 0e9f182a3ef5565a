"""Flags that come with a deployment of an application: made where there are none, and never made anew."""

from __future__ import annotations

from contextlib import suppress

from slipway.calls import Call
from slipway.flags.code import Definition
from slipway.flags.configuration import ConfigurationPatch
from slipway.flags.control import Control
from slipway.flags.flag import NewFlag
from slipway.problems import Conflict, KeyTaken, NotFound, PreconditionFailed


def seed(control: Control, call: Call, definition: Definition, reason: str) -> None:
    """Make the flag where there is none, and its configurations where nobody has touched them. Safe to repeat.

    Raises NotFound for an environment that there is not, Conflict where a change takes a second person, both before anything
    is written, and Invalid."""
    places = {name: control.environments.read(call, name) for name in definition.environments}
    key = definition.key
    untouched = [name for name in places if _untouched(control, call, key, name)]
    for name in untouched:
        if places[name].data["approval"]:
            raise Conflict(f"A change in {name!r} takes a second person: leave it out, and open a change request.")
    with suppress(KeyTaken):  # it stands there, whatever it says
        control.flags.create(call, NewFlag.model_validate(definition.flag()))
    for name in untouched:
        patch = ConfigurationPatch.model_validate({**definition.environments[name].configuration(), "reason": reason})
        with suppress(PreconditionFailed):  # somebody touched it meanwhile
            control.configurations.update(call, key, name, 1, patch)


def _untouched(control: Control, call: Call, key: str, environment: str) -> bool:
    """An archived flag is as somebody wants it."""
    try:
        flag, configuration = control.configurations.read(call, key, environment)
    except NotFound:
        return True
    return configuration.version == 1 and flag.data["status"] == "active"
