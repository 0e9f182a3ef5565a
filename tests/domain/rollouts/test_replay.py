"""Recorded signals looked at again: what guards would have done, and when."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from slipway.adapters.memory import MemoryStore
from slipway.flags.control import Control
from slipway.ports import Row
from slipway.problems import Conflict, Invalid
from slipway.resources import Stored
from slipway.rollouts import dryrun, policy, replay, rollout
from slipway.rollouts.dryrun import DryRunning, DryRunView, dry_run
from slipway.rollouts.judging import Judged, judge
from slipway.rollouts.plan import NewRollout
from slipway.rollouts.policy import Decision, Judgement
from slipway.rollouts.replay import replayed, resumed
from slipway.rollouts.states import Event
from slipway.signals import counters, rows
from slipway.tables import COUNTERS, SIGNALS
from tests.catalogue import START, a_call
from tests.collecting import CLIENT, ROLLOUT, SERVER, Deployment, exposed, outcome, people
from tests.flagging import configured, made

WHERE = ("checkout", "development")
LADDER = [{"share": 50, "hold": {"minutes": 60}}, {"share": 75, "hold": {"minutes": 60}}, {"share": 100}]
ERRORS = {"metric": "errors", "kind": "bad_units"}
GUARDS: list[dict[str, Any]] = [ERRORS, {"metric": "ms", "kind": "slow_units", "threshold": 250, "margin": 0.1}]


def begun(control: Control, **fields: Any) -> Stored:
    made(control)
    configured(control, enabled=True, default_variant="off")
    new = NewRollout.model_validate({"from": "off", "to": "on", "ladder": LADDER, "guards": GUARDS, **fields})
    return control.rollouts.plan(a_call(0), *WHERE, new, b"e" * 32).stored


@pytest.fixture
def control() -> Control:
    return Control(MemoryStore())


def signal(id: str, kind: str, number: int, at: float, name: str = "", **fields: Any) -> Row:
    key = rows.of_rollout(id, kind, f"unit{number:06d}", name)
    return rows.row(key, (START + timedelta(seconds=at)).timestamp(), 180, **fields)


def history(id: str, units: int, base: float, ratio: float, seed: int, stage: int = 0, begins: float = 0) -> list[Row]:
    """One unit a second comes, half of them in treatment; who has an error has it two seconds later."""
    random, found = Random(seed), list[Row]()
    for number in range(units):
        arm, at = random.choice("ct"), begins + number
        said: dict[str, Any] = {"stage": stage, "arm": arm, "trust": "server", "source": ""}
        who = stage * 10**5 + number
        found.append(signal(id, "unit", who, at, bucket=1, **said))
        found.append(signal(id, "met", who, at + 1, "*", **said))
        if random.random() < base * (ratio if arm == "t" else 1):
            found.append(signal(id, "met", who, at + 2, "errors", **said))
    return found


def live(signals: list[Row]) -> list[Row]:
    """The counters after all of them."""
    found: dict[tuple[str, str], counters.Counts] = {}
    for row in signals:
        home = counters.home(row["pk"])
        assert home is not None
        counters.add(found.setdefault(home, {}), counters.counted(row))
    return [counters.row(home, None, counts, {}, 1, 0, 1) for home, counts in found.items()]


def of(stored: Stored, signals: list[Row]) -> replay.Replayed:
    return replayed(stored.data["stages"], rollout.guards(stored.data), 0.05, signals)


def without_peaks(decision: Any) -> Any:
    return decision._replace(findings=tuple(one._replace(peak=0, p=1) for one in decision.findings))


def test_harm_is_found_at_the_signal_at_which_a_live_guard_finds_it(control: Control) -> None:
    stored = begun(control)
    signals = history(stored.id, 400, 0.05, 6, seed=3)
    told = sorted(signals, key=lambda row: (row["at"], row["pk"], row["sk"]))
    now = START + timedelta(minutes=10)
    acts = (
        number for number in itertools.count(1) if judge(stored.data, live(told[:number]), now).decision.action != "continue"
    )
    first = next(acts)
    found = of(stored, signals)
    assert (found.looks, found.at) == (first, told[first - 1]["at"])
    assert (found.decision.action, found.decision.guard) == ("roll_back", "errors")
    assert first < len(told)


@pytest.mark.parametrize("seed", range(4))
def test_at_the_end_it_says_what_a_live_guard_says(control: Control, seed: int) -> None:
    stored = begun(control)
    signals = history(stored.id, 250, 0.05, 1, seed)
    found = of(stored, Random(seed).sample(signals, len(signals)))
    assert without_peaks(found.decision) == without_peaks(
        judge(stored.data, live(signals), START + timedelta(minutes=10)).decision
    )
    assert (found.acted, found.looks) == (False, len(signals))


def test_many_signals_are_looked_at_a_few_at_a_time(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = begun(control)
    signals = history(stored.id, 100, 0.05, 1, seed=1)
    monkeypatch.setattr(replay, "MOST_LOOKS", 20)
    found = of(stored, signals)
    assert found.looks <= 20
    assert without_peaks(found.decision) == without_peaks(
        judge(stored.data, live(signals), START + timedelta(minutes=10)).decision
    )


def test_only_the_last_look_is_explained(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    stored, asked, decide = begun(control), list[bool](), policy.decide

    def told(given: Judgement, *, explained: bool = True) -> Decision:
        asked.append(explained)
        return decide(given, explained=explained)

    monkeypatch.setattr(policy, "decide", told)
    found = of(stored, history(stored.id, 50, 0.05, 1, seed=1))
    assert asked == [False] * found.looks + [True]


def test_what_a_person_resumed_is_judged_from_there_on(control: Control) -> None:
    stored = begun(control)

    def move(event: Event, seconds: float) -> Stored:
        return control.rollouts.move(a_call(seconds), *WHERE, stored.id, None, event, None, b"e" * 32)

    move("pause", 300)
    after = move("resume", 310)
    assert resumed(after.data["stages"]) == int(after.data["judged"]) == 1
    later = move("advance", 4_000)
    assert resumed(later.data["stages"]) == int(later.data["judged"]) == 1
    harm = history(stored.id, 30, 0.05, 10, seed=3)
    harmless = history(stored.id, 100, 0.05, 1, seed=4, stage=1, begins=320)
    found = of(after, [*harm, *harmless])
    assert (found.acted, found.first, found.stages) == (False, 1, 2)
    assert sum(stage.treatment for stage in found.decision.findings[0].stages) < 10
    assert without_peaks(found.decision) == without_peaks(
        judge(after.data, live([*harm, *harmless]), START + timedelta(minutes=8)).decision
    )


# --- as the collector has it ------------------------------------------------------------------------------------

KEYS = [*people("t", 6), *people("c", 6)]
Told = tuple[Any, str, str, int]  # the sender, what of whom, and from which network
TOLD = st.lists(
    st.tuples(
        st.sampled_from([CLIENT, SERVER]),
        st.sampled_from(["shown", "errors", "latency", "mixed"]),
        st.sampled_from(KEYS),
        st.integers(1, 4),
    ),
    max_size=40,
)


def collected(told: Sequence[Told]) -> tuple[list[Row], list[Row]]:
    """What a dry run reads of them, and the counters that a live guard reads."""
    deployment = Deployment()
    for number, (who, what, key, network) in enumerate(told):
        deployment.now += 1
        events = {
            "shown": exposed(key, f"{number}"),
            "errors": outcome(key, "errors", f"{number}"),
            "latency": outcome(key, "latency", f"{number}", value=900),
            "mixed": exposed(key, f"{number}", previous_key=KEYS[0]),
        }
        deployment.post(events[what], who=who, address=f"198.51.{network}.1")
    return dryrun.recorded(deployment.memory, ROLLOUT), live(deployment.rows(ROLLOUT))


def both(told: Sequence[Told]) -> tuple[replay.Replayed, Judged]:
    watched = [ERRORS, {"metric": "latency", "kind": "slow_units", "threshold": 250}]
    stored, (recorded, counted) = begun(Control(MemoryStore()), guards=watched), collected(told)
    return of(stored, recorded), judge(stored.data, counted, START + timedelta(minutes=10))


@given(told=TOLD)
def test_the_same_signals_are_the_same_evidence(told: Sequence[Told]) -> None:
    found, now = both(told)
    assume(not found.acted)  # it looks no further
    assert found.counted == now.counted
    assert without_peaks(found.decision) == without_peaks(now.decision)


def test_what_servers_vouch_for_is_their_evidence() -> None:
    keys, senders = people("t", 12), (CLIENT, SERVER)
    told = [(who, what, key, n % 4) for who in senders for n, key in enumerate(keys) for what in ("shown", "errors")]
    found, now = both([*told, *((SERVER, "shown", key, 1) for key in people("c", 12))])
    assert now.decision.findings[0].log_servers > now.decision.findings[0].threshold
    assert (found.decision.action, now.decision.action) == ("pause", "roll_back")  # a live guard paused first, as well
    assert any(row["sk"].startswith("vouched#met#errors#") for row in collected(told)[0])


# --- as the API has it ------------------------------------------------------------------------------------------


def tried(control: Control, stored: Stored, **asked: Any) -> Any:
    found = dry_run(control.rollouts, *WHERE, stored.id, DryRunning.model_validate(asked))
    DryRunView.model_validate(found)
    return found


def record(control: Control, signals: list[Row]) -> None:
    for row in signals:
        control.store.put(SIGNALS, row)
    for row in live(signals):
        control.store.put(COUNTERS, row)


def test_a_dry_run_says_what_would_have_been_done_and_when(control: Control) -> None:
    stored = begun(control)
    record(control, history(stored.id, 400, 0.05, 6, seed=3))
    control.store.put(SIGNALS, rows.row((f"{stored.id}#00", "subject#x"), 1, 1, unit="u", bucket=1))
    told = tried(control, stored)
    assert (told["outcome"], told["guard"]) == ("roll_back", "errors")
    assert told["words"].startswith(f"It would have rolled back at {told['at']}. errors: ")
    assert told["e"] >= 60  # three guards at alpha 0.05: errors, ms, and the activity that they need
    assert told["decision"]["at"] == told["at"]
    assert told["decision"]["findings"][0]["window"] == {"from": "2026-11-01T00:00:00.000Z", "to": told["at"]}
    lenient = tried(control, stored, guards=[{**ERRORS, "margin": 10}])
    assert (lenient["outcome"], lenient["at"], lenient["words"]) == (
        "none",
        None,
        "It would not have rolled back, nor paused.",
    )
    assert lenient["signals"] == lenient["looks"] >= told["looks"]
    later = tried(control, stored, alpha=0.0001)
    assert later["at"] > told["at"]


def test_a_guard_that_only_tells_ends_nothing(control: Control) -> None:
    stored = begun(control)
    record(control, history(stored.id, 400, 0.05, 6, seed=3))
    told = tried(control, stored, guards=[{**ERRORS, "action": "notify"}])
    assert (told["outcome"], [one["guard"] for one in told["warned"]]) == ("none", ["errors"])


def test_guards_that_only_tell_do_so_together(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that have reached it by one look, as a live guard does: there may be no other look."""
    monkeypatch.setattr(replay, "MOST_LOOKS", 1)
    stored = begun(control, guards=[{**guard, "action": "notify"} for guard in GUARDS])
    met = [
        signal(stored.id, "met", n, 10, name, stage=0, arm="t", trust="server", source="")
        for n in range(30)
        for name in ("errors", "ms>250")
    ]
    record(control, met)
    told = tried(control, stored)
    assert [one["guard"] for one in told["warned"]] == ["errors", "ms>250"]
    assert len({one["at"] for one in told["warned"]}) == 1


def test_who_was_told_is_told_again_after_a_person_went_on(control: Control) -> None:
    """As live: resuming takes back what was told."""
    stored = begun(control, guards=[{**ERRORS, "action": "notify"}])
    moves: list[tuple[float, Event]] = [(300, "pause"), (310, "resume")]
    for seconds, event in moves:
        control.rollouts.move(a_call(seconds), *WHERE, stored.id, None, event, None, b"e" * 32)
    record(
        control, [*history(stored.id, 200, 0.05, 10, seed=3), *history(stored.id, 200, 0.05, 10, seed=3, stage=1, begins=320)]
    )
    assert [one["guard"] for one in tried(control, stored)["warned"]] == ["errors", "errors"]


def test_nothing_recorded_is_no_harm(control: Control) -> None:
    told = tried(control, begun(control))
    assert (told["outcome"], told["signals"], told["looks"]) == ("none", 0, 1)


def test_what_cannot_be_tried_is_refused(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = begun(control)
    record(control, history(stored.id, 20, 0.05, 1, seed=3))
    for guard in (
        {"metric": "other", "kind": "bad_units"},
        {"metric": "errors", "kind": "alarm"},
        {**GUARDS[1], "threshold": 9},
    ):
        with pytest.raises(Invalid) as refused:
            tried(control, stored, guards=[ERRORS, guard])
        assert [(fault.pointer, fault.code) for fault in refused.value.errors] == [("/guards/1", "not_recorded")]
    with pytest.raises(Invalid) as refused:
        tried(control, stored, guards=[ERRORS, ERRORS])
    assert [fault.code for fault in refused.value.errors] == ["duplicate"]
    monkeypatch.setattr(dryrun, "MOST_SIGNALS", 30)
    with pytest.raises(Invalid, match=r"4\d signals and more are recorded; a dry run takes 30 at most"):
        tried(control, stored)
    for row in live(history(stored.id, 20, 0.05, 1, seed=3)):
        control.store.put(COUNTERS, {**row, "counts": {}})
    monkeypatch.setattr(MemoryStore, "query", paged(MemoryStore.query))
    with pytest.raises(Invalid, match="31 signals and more"):
        tried(control, stored)


def paged(query: Any) -> Any:
    return lambda self, *args, limit=100, **options: query(self, *args, limit=1, **options)


def test_what_has_not_begun_has_nothing_recorded(control: Control) -> None:
    with pytest.raises(Conflict, match="not begun"):
        tried(control, begun(control, start=False))
