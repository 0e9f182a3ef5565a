"""Rollouts in whatever order people, the clock, guards and edits come: the rollout, the configuration and the answers agree."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from slipway.adapters.memory import MemoryAlarms, MemoryStore
from slipway.flags.compilation import compiled
from slipway.flags.configuration import alone
from slipway.flags.control import Control
from slipway.flags.publication import read
from slipway.flags.snapshot import Snapshot
from slipway.problems import Conflict, Invalid, MoveNotAllowed, PreconditionFailed
from slipway.resources import Stored
from slipway.rollouts import exposure, rollout
from slipway.rollouts.clock import begun, stepped
from slipway.rollouts.judging import judged
from slipway.rollouts.plan import NewRollout
from slipway.rollouts.states import BY_HAND, LIVE, MOVES, Event
from slipway.signals import counters
from slipway.tables import COUNTERS
from tests.catalogue import a_call
from tests.flagging import BETA, configured, disagreements, edited, made, revision

WHERE = ("checkout", "development")
CONTEXTS: list[dict[str, Any]] = [{"targetingKey": f"u{n}", **({"plan": "beta"} if n % 5 == 0 else {})} for n in range(60)]
LADDERS = (
    [{"share": 10, "hold": {"minutes": 5}}, {"share": 60, "hold": {"minutes": 5, "units": 50}}, {"share": 100}],
    [{"share": 50, "hold": {"minutes": 5, "approval": True}}, {"share": 90, "hold": {"minutes": 5}}],
)
GUARD, ALARM = {"metric": "errors", "kind": "bad_units"}, {"metric": "5xx", "kind": "alarm"}


class Rolling(RuleBasedStateMachine):
    @initialize()
    def start(self) -> None:
        self.store, self.seconds, self.variants = MemoryStore(), 10.0, 0
        self.control, self.alarms = Control(self.store), MemoryAlarms()
        made(self.control)
        configured(self.control, enabled=True, default_variant="off")
        self.rollouts: list[str] = []

    # --- what may happen ---

    @rule(start=st.booleans(), ladder=st.sampled_from(LADDERS), guarded=st.booleans())
    def plan(self, start: bool, ladder: Any, guarded: bool) -> None:
        fields = {"from": "off", "to": "on", "ladder": ladder, "holdback": 100 - ladder[-1]["share"], "start": start}
        new = NewRollout.model_validate({**fields, "guards": [GUARD, ALARM] if guarded else []})

        def planned() -> None:
            self.rollouts.append(self.control.rollouts.plan(self.call(), *WHERE, new, b"e" * 32).stored.id)

        if not self.happened(planned):
            data = self.configuration.data
            nobody = data["targeting"] is None and data["default_variant"] != "off"
            drawn = ":rollout:" in (data["targeting"] or "")  # an earlier one is gone on from above its share, or not at all
            assert not data["enabled"] or nobody or (start and self.live is not None) or drawn

    @rule(at=st.integers(0, 5), event=st.sampled_from(BY_HAND), late=st.booleans())
    @precondition(lambda self: self.rollouts)
    def move(self, at: int, event: Event, late: bool) -> None:
        before, answers, own = self.one(at), self.answers(), self.answers(alone=True)
        version = before.version - 1 if late else before.version
        moved = self.happened(
            lambda: self.control.rollouts.move(self.call(), *WHERE, before.id, version, event, None, b"e" * 32)
        )
        after = self.one(at)
        if not moved:
            assert after.version == before.version
            allowed = event in MOVES[before.data["state"]] and not late
            assert not allowed or (event in ("start", "resume") and before.data["state"] not in LIVE)
            return
        assert after.data["state"] in (MOVES[before.data["state"]][event], "completed")
        if event == "stop":
            assert self.answers() == answers
        if after.data["state"] == "completed":
            assert self.answers() == self.split(own, int(rollout.final(before.data)))

    @rule(minutes=st.sampled_from((0, 2, 6)))
    def tick(self, minutes: int) -> None:
        """A one-shot comes, when it is due or not."""
        self.seconds += 60 * minutes
        for id in self.rollouts:
            stage = int(self.control.rollouts.shelf.read(id).data["stage"])
            self.happened(partial(stepped, self.control.rollouts, self.alarms, self.call(), f"{id}-{stage}"))

    @rule(rings=st.booleans())
    def alarm(self, rings: bool) -> None:
        """It goes off, or is well again; and the bus tells once more that the stage has begun."""
        self.alarms.ring = {"5xx"} if rings else set()
        if (live := self.live) is not None:
            self.happened(lambda: begun(self.control.rollouts, self.alarms, self.call(), live.id))
            assert (self.live is None) == (rings and bool(rollout.guards(live.data)))

    @rule(units=st.sampled_from((20, 60)), harm=st.booleans())
    @precondition(lambda self: self.live is not None)
    def count(self, units: int, harm: bool) -> None:
        """Units come in the running stage, as the split has them, and the guard looks."""
        live = self.live
        assert live is not None
        stage, share = int(live.data["stage"]), int(live.data["share"]) / 100_000
        arms = {"t": round(1_000 * units * share), "c": round(1_000 * units * (1 - share))}
        counts = {f"exposed|{stage}|{arm}|server": number for arm, number in arms.items()}
        counts |= {f"met|*|{stage}|{arm}|server": number // 2 for arm, number in arms.items()}
        if harm:
            counts[f"met|errors|{stage}|t|server"] = 60
        self.store.put(COUNTERS, counters.row((live.id, f"{stage:02x}"), None, counts, {}, 1, 0, 1))
        self.happened(lambda: judged(self.control.rollouts, self.call(), live.id))
        after = self.control.rollouts.shelf.read(live.id).data
        if harm and 0 < share < 1 and any(guard.metric == "errors" for guard in rollout.guards(live.data)):
            assert (after["state"], after["why"]["code"]) == ("rolled_back", "harm")

    @rule(
        fields=st.sampled_from(
            (
                {"targeting": BETA},
                {"targeting": None},
                {"default_variant": "off", "enabled": True},
                {"default_variant": "on"},
                {"overrides": {"on": ["u1"]}},
                {"enabled": False},
                {"enabled": True},
                {"reason": "Words alone"},
            )
        )
    )
    def configure(self, fields: dict[str, Any]) -> None:
        before, live = self.configuration, self.live
        self.happened(lambda: configured(self.control, seconds=self.later(), **fields))
        after = self.configuration
        ended = after.version != before.version and live is not None
        assert after.data.get("ended") == (live.id if ended and live else before.data.get("ended") if after == before else None)

    @rule()
    def words(self) -> None:
        live = self.live
        self.happened(lambda: edited(self.control, seconds=self.later(), description=f"At {self.seconds}"))
        assert (live is None) == (self.live is None)

    @rule()
    def extend(self) -> None:
        self.variants += 1
        variants = {f"v{self.variants % 3}": self.variants % 2 == 0}
        self.happened(lambda: edited(self.control, seconds=self.later(), variants=variants), flag=True)

    # --- what holds whatever happened ---

    @invariant()
    def the_configuration_has_what_runs(self) -> None:
        live = [one for one in self.all() if one.data["state"] in LIVE]
        running = self.configuration.data.get("rollout")
        assert len(live) <= 1
        assert (running is not None) == bool(live)
        if running is not None:
            assert running == rollout.in_force(live[0].data, live[0].id)
            assert int(live[0].data["configured"]) <= self.configuration.version

    @invariant()
    def the_rows_beside_say_so(self) -> None:
        assert disagreements(self.store) == []

    @invariant()
    def everybody_gets_what_the_split_says(self) -> None:
        own, live = self.answers(alone=True), self.live
        assert self.answers() == (own if live is None else self.split(own, int(live.data["share"])))

    # --- inside ---

    def happened(self, act: Callable[[], Any], flag: bool = False) -> bool:
        """Whether it was done: in one write, which is one version of each and one more revision."""
        revised, configuration = revision(self.store, "development"), self.configuration
        variants = self.control.flags.read("checkout").data["variants"]
        versions = {one.id: one.version for one in self.all()}
        try:
            act()
        except (Conflict, Invalid, MoveNotAllowed, PreconditionFailed):
            assert revision(self.store, "development") == revised
            assert self.configuration == configuration
            return False
        changed = self.configuration.version - configuration.version
        shown = flag and variants != self.control.flags.read("checkout").data["variants"]
        assert revision(self.store, "development") - revised == (1 if shown else changed)
        assert changed in (0, 1)
        assert all(one.version - versions.get(one.id, one.version) in (0, 1) for one in self.all())
        return True

    def later(self) -> float:
        self.seconds += 1
        return self.seconds

    def call(self) -> Any:
        return a_call(self.later(), operation="rollouts.create")

    @property
    def configuration(self) -> Stored:
        return self.control.configurations.read(a_call(), *WHERE)[1]

    @property
    def live(self) -> Stored | None:
        return next((one for one in self.all() if one.data["state"] in LIVE), None)

    def all(self) -> list[Stored]:
        return [self.control.rollouts.shelf.read(id) for id in self.rollouts]

    def one(self, at: int) -> Stored:
        return self.control.rollouts.shelf.read(self.rollouts[at % len(self.rollouts)])

    def answers(self, alone: bool = False) -> list[str | None]:
        """To each context; `alone`: as if no rollout ran."""
        rows = read(self.store, "development")
        if alone:
            rows = rows.but(configurations=tuple({**row, "data": _alone(row["data"])} for row in rows.configurations))
        flags = Snapshot.read(compiled(rows).body).flags
        return [flags.evaluate("checkout", context, now=0).variant for context in CONTEXTS]

    def split(self, own: list[str | None], share: int) -> list[str | None]:
        held = [unit for units in self.configuration.data["overrides"].values() for unit in units]
        return [
            "on"
            if variant == "off"
            and context["targetingKey"] not in held
            and exposure.bucket("checkout", "v3", context["targetingKey"]) < share
            else variant
            for variant, context in zip(own, CONTEXTS, strict=True)
        ]


def _alone(data: dict[str, Any]) -> dict[str, Any]:
    return alone(data, None)


TestRolling = Rolling.TestCase
TestRolling.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
