"""Definitions that come with other people's stacks (`infra.flag_definition`) -> flags, where there were none."""

from __future__ import annotations

from collections.abc import Mapping

from slipway.adapters import connect
from slipway.calls import Call
from slipway.edge.resource import Resource
from slipway.flags import code
from slipway.flags.control import Control
from slipway.flags.seeding import seed
from slipway.settings import Flags


def wire() -> Control:
    return Control(connect.store(Flags.load()))


def make(control: Control, call: Call, properties: Mapping[str, str]) -> None:
    seed(control, call, code.read(properties["Key"], properties["Definition"]), "Came with the deployment of an application.")


handler = Resource("seed", wire, make)
