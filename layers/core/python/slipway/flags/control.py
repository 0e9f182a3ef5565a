"""The control plane of flags in one piece: what a function is wired with."""

from __future__ import annotations

from slipway.flags.configurations import Configurations
from slipway.flags.environments import Environments
from slipway.flags.flags import Flags
from slipway.flags.proposals import Proposals
from slipway.flags.schedules import Schedules
from slipway.flags.segments import Segments
from slipway.ports import Store
from slipway.rollouts.rollouts import Rollouts


class Control:
    """`products`: whether the store has those too, so that a flag can be held to one that there is."""

    def __init__(self, store: Store, *, products: bool = False) -> None:
        self.store, self.products = store, products
        self.environments = Environments(store)
        self.segments = Segments(store, self.environments)
        self.flags = Flags(store, self.environments, self.segments, products=products)
        self.configurations = Configurations(store, self.flags, self.environments, self.segments)
        self.proposals = Proposals(self.configurations)
        self.rollouts = Rollouts(self.configurations)
        self.schedules = Schedules(self.configurations, self.proposals)
