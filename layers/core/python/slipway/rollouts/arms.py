"""What must have been counted for a guard to judge. The counters give exactly this, and nothing else is asked of them.

For each guard's metric, and each stage of the rollout so far (a stage begins whenever the split changes: its share is one):

    Tally(share, control, treatment)   `share`: treatment / (treatment + control) of the split in force, among the units that
                                       reach it

and for each arm of it

    Arm(server, client, networks)      `server`, `client`: distinct units, by who brought the first bad event: a client, where
                                       either it or the exposure before was told by a client key
                                       `networks`: of `client`, how many each source brought; at least the ten largest
                                       (`server` + `client` is never below 0; `client` may be: see below)

A unit stands in one arm of one stage once per metric and rollout: where its first bad event after an exposure fell, by the
split in force at that event; never again in a later stage. That is so of all signals, `server` + `client`, and by itself of
those of server keys, `server`, whatever clients told before: so where a server later tells of a unit that a client has told of,
it is one more in `server` and one less in `client` there, and its network has not brought it any more. Once a unit was seen in
both arms of one stage, it is counted no more. A source is the day's salted hash of the client's network. Of one source at most
`PER_NETWORK_HOUR` units an hour and metric are counted, over both arms together (it may not depend on the arm), and only with
a verified exposure. If only the largest sources are kept, the others are left out of `networks`, not of `client`; a figure of
`networks` that is too large is safe.

For the sample ratio, contamination and traffic, per stage: `Exposed(share, control, treatment, contaminated, seen, clients)`.
`control` and `treatment` count a unit once per rollout, in the stage and arm of its first exposure; `seen` are all distinct
units that were exposed in the stage, those that return included; `contaminated`: of these, those seen in both arms.
`clients`: how many of each only client keys brought, by network; once a server exposes such a unit, it is no client's any more.

Counts of both arms may be read at any moment, and lag alike: what one batch added is seen as a whole. They grow, except that
exposures move from clients to servers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from slipway.rollouts.guard import Stage

PER_NETWORK_HOUR = 5  # units that one source may bring in an hour, per metric
MOST_OF_ONE = 0.2  # of the evidence may come from one source


class Arm(NamedTuple):
    """Distinct units with a bad event (or a good one, where fewer are worse); see above."""

    server: int = 0
    client: int = 0
    networks: Mapping[str, int] = {}


class Tally(NamedTuple):
    """A metric in one stage."""

    share: float
    control: Arm = Arm()
    treatment: Arm = Arm()

    @property
    def swapped(self) -> Tally:
        return Tally(1.0 - self.share, self.treatment, self.control)

    @property
    def by_servers(self) -> Stage:
        return Stage(self.share, self.control.server, self.treatment.server)

    @property
    def by_all(self) -> Stage:
        control, treatment = self.control, self.treatment
        return Stage(self.share, control.server + control.client, treatment.server + treatment.client)


class Brought(NamedTuple):
    """Of the units of one stage, those that the clients of one network brought."""

    control: int = 0
    treatment: int = 0
    contaminated: int = 0
    seen: int = 0


class Exposed(NamedTuple):
    """Distinct units of one stage; see above."""

    share: float
    control: int = 0
    treatment: int = 0
    contaminated: int = 0
    seen: int = 0
    clients: Mapping[str, Brought] = {}

    @property
    def present(self) -> int:
        """Those exposed in it that count as traffic: no more than a fifth of them from one network."""
        brought = [one.seen for one in self.clients.values()]
        whole = max(self.seen, self.control + self.treatment)
        return _kept(max(0, whole - sum(brought)), brought, whole)[0]

    def without(self, network: str) -> Exposed:
        """As if that network had brought nothing."""
        less = self.clients.get(network, Brought())
        control, treatment, contaminated, seen = (
            max(0, all - one)
            for all, one in zip((self.control, self.treatment, self.contaminated, self.seen), less, strict=True)
        )
        return self._replace(control=control, treatment=treatment, contaminated=contaminated, seen=seen)


def sources(tallies: Iterable[Tally]) -> int:
    """Who brought the bad units of treatment: networks, and each unit that a server key vouches for."""
    told = list(tallies)
    networks = {name for tally in told for name, units in tally.treatment.networks.items() if units}
    return len(networks) + sum(tally.treatment.server for tally in told)


def capped(tallies: Iterable[Tally]) -> list[Stage]:
    """The counts with no more than a fifth of treatment's units from one network: those above it are left out, first where
    treatment is smallest, as they weigh most there. So E of it is at most E of all, and bounds nothing anew."""
    told = list(tallies)
    brought: Counter[str] = Counter()
    for tally in told:
        brought.update(tally.treatment.networks)
    whole = sum(tally.treatment.server + tally.treatment.client for tally in told)
    _, cap = _kept(max(0, whole - sum(brought.values())), brought.values(), whole)
    over = {name: units - cap for name, units in brought.items() if units > cap}
    stages = {}
    for place, tally in sorted(enumerate(told), key=lambda each: each[1].share):
        left_out = 0
        for name, units in tally.treatment.networks.items():
            less = min(units, over.get(name, 0))
            if less:
                over[name] -= less
                left_out += less
        stage = tally.by_all
        stages[place] = stage._replace(treatment=max(0, stage.treatment - left_out))
    return [stages[place] for place in range(len(told))]


def _kept(rest: int, brought: Collection[int], whole: int) -> tuple[int, int]:
    """The largest total of which no network holds more than its part, and that part. `rest`: of no network."""
    kept = whole
    while True:
        cap = int(MOST_OF_ONE * kept + 1e-9)
        now = rest + sum(min(units, cap) for units in brought)
        if now >= kept:
            return kept, cap
        kept = now
