"""What a rollout does about what was counted: each rule by itself."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.rollouts.arms import Arm, Brought, Exposed, Tally, capped, sources
from slipway.rollouts.guard import Stage, log_evidence
from slipway.rollouts.policy import ACTIVITY, Decision, Deed, Guard, Hold, Judgement, Kind, decide, guarded

ERRORS = Guard("errors", "bad_units")
NOBODY, HOLDING = Arm(), Hold()
FINE = [Exposed(0.5, 1_000, 1_000)]


def spread(units: int, networks: int) -> Arm:
    """Signals of client keys, evenly from so many networks."""
    return Arm(client=units, networks={f"n{n}": units // networks + (n < units % networks) for n in range(networks)})


def harm(treatment: Arm, control: Arm = NOBODY) -> list[Tally]:
    return [Tally(0.5, control, treatment)]


def judged(
    tallies: Mapping[str, Sequence[Tally]],
    *guards: Guard,
    exposed: Sequence[Exposed] = FINE,
    hold: Hold = HOLDING,
    alarms: Sequence[str] = (),
    notified: Sequence[str] = (),
    peaks: Mapping[str, float] | None = None,
    missing: Sequence[str] = (),
) -> Decision:
    return decide(Judgement(0.05, guards or (ERRORS,), tallies, exposed, hold, alarms, notified, peaks or {}, missing))


def action(*arguments: object, **named: object) -> tuple[str, str]:
    decision = judged(*arguments, **named)  # type: ignore[arg-type]
    return decision.action, decision.reason


# --- harm -----------------------------------------------------------------------------------------------


def test_nothing_counted_is_nothing_known() -> None:
    assert action({}) == ("continue", "holding")
    assert action({"errors": []}) == ("continue", "holding")


def test_signals_of_server_keys_roll_back() -> None:
    decision = judged({"errors": harm(Arm(server=40), Arm(server=10))})
    assert (decision.action, decision.reason, decision.guard) == ("roll_back", "harm", "errors")
    assert decision.detail.startswith("errors: 40 units in treatment, 10 in control; E = ")


def test_more_guards_need_more_evidence() -> None:
    """E of these is between 1 / alpha and 4 / alpha."""
    tallies = {"errors": harm(Arm(server=11), Arm(server=1))}
    log = log_evidence([Stage(0.5, 1, 11)])
    assert math.log(20) < log < math.log(80)
    others = [Guard(f"other-{number}", "bad_units") for number in range(3)]
    assert action(tallies)[0] == "roll_back"
    assert action(tallies, ERRORS, *others)[0] == "continue"
    assert (
        action(tallies, ERRORS, Guard("alarm", "alarm"), Guard("another", "alarm"), Guard("third", "alarm"))[0] == "roll_back"
    )


def test_the_margin_is_tolerated() -> None:
    tallies = {"errors": harm(Arm(server=40), Arm(server=18))}
    assert action(tallies)[0] == "roll_back"
    assert action(tallies, Guard("errors", "bad_units", 0.5))[0] == "continue"


@pytest.mark.parametrize("kind", ["conversion", "activity"])
def test_where_fewer_are_worse_the_arms_are_exchanged(kind: Kind) -> None:
    lost, won = harm(Arm(server=10), Arm(server=40)), harm(Arm(server=40), Arm(server=10))
    assert action({"sales": lost}, Guard("sales", kind))[0] == "roll_back"
    assert action({"sales": won}, Guard("sales", kind))[0] == "continue"
    assert action({"sales": [Tally(0.05, Arm(server=950), Arm(server=50))]}, Guard("sales", kind))[0] == "continue"
    assert action({"sales": [Tally(0.05, Arm(server=950), Arm(server=20))]}, Guard("sales", kind))[0] == "roll_back"


def test_what_a_guard_asks_for_is_done() -> None:
    tallies = {"errors": harm(Arm(server=40), Arm(server=10))}
    deeds: list[Deed] = ["roll_back", "pause", "notify"]
    assert [action(tallies, Guard("errors", "bad_units", 0, deed))[0] for deed in deeds] == deeds


def test_the_strongest_wins_and_of_equals_the_first() -> None:
    names = ("first", "second", "third")
    tallies = {name: harm(Arm(server=40), Arm(server=10)) for name in names}
    mild = [Guard("first", "bad_units", 0, "notify"), Guard("second", "bad_units", 0, "pause")]
    assert judged(tallies, *mild).guard == "second"
    assert judged(tallies, *mild, Guard("third", "slow_units")).guard == "third"
    assert judged(tallies, *[Guard(name, "bad_units") for name in names]).guard == "first"


def test_a_guard_that_only_tells_does_so_once_and_stands_in_no_way() -> None:
    tallies, teller = {"errors": harm(Arm(server=40), Arm(server=10))}, Guard("errors", "bad_units", 0, "notify")
    assert action(tallies, teller, hold=Hold(over=True)) == ("notify", "harm")
    assert action(tallies, teller, hold=Hold(over=True), notified=["errors"]) == ("advance", "hold_over")


def test_an_alarm_that_there_is_not() -> None:
    guard, over = Guard("5xx", "alarm"), Hold(over=True)
    assert action({}, guard, hold=over, missing=["other"]) == ("advance", "hold_over")
    assert action({}, guard, hold=over, missing=["5xx"]) == ("pause", "alarm")
    assert action({}, guard._replace(action="pause"), missing=["5xx"]) == ("pause", "alarm")
    teller = guard._replace(action="notify")
    assert action({}, teller, hold=over, missing=["5xx"]) == ("notify", "alarm")
    assert action({}, teller, hold=over, missing=["5xx"], notified=["5xx"]) == ("advance", "hold_over")
    assert "no alarm '5xx'" in judged({}, guard, missing=["5xx"]).detail
    harmed = {"errors": harm(Arm(server=40), Arm(server=10))}
    assert action(harmed, ERRORS, guard, missing=["5xx"]) == ("roll_back", "harm")


def test_an_alarm_that_rings() -> None:
    guard = Guard("5xx", "alarm")
    assert action({}, guard) == ("continue", "holding")
    assert action({}, guard, alarms=["other"]) == ("continue", "holding")
    assert action({}, guard, alarms=["5xx"]) == ("roll_back", "alarm")
    assert action({}, guard._replace(action="pause"), alarms=["5xx"]) == ("pause", "alarm")
    assert judged({}, guard, alarms=["5xx"]).findings == ()


# --- floors, sources, networks --------------------------------------------------------------------------


def test_three_complaints_at_one_percent_do_nothing() -> None:
    """Though their E is beyond 20."""
    for arm in (Arm(server=3), spread(3, 3)):
        decision = judged({"errors": [Tally(0.01, Arm(), arm)]}, Guard("errors", "bad_units", trust_client=True))
        assert decision.findings[0].log_evidence > decision.findings[0].threshold
        assert (decision.action, decision.findings[0].deed) == ("continue", None)
        assert "Held back" in decision.findings[0].because


def test_the_floor_is_five_units() -> None:
    for units, found in ((4, "continue"), (5, "roll_back")):
        for arm in (Arm(server=units), spread(units, units)):
            assert action({"e": [Tally(0.01, Arm(), arm)]}, Guard("e", "bad_units", trust_client=True))[0] == found


def test_the_floor_is_three_sources() -> None:
    """The networks of clients, and each unit of a server key; not those of control, nor a network twice."""
    assert sources([Tally(0.5, spread(9, 9), spread(6, 2))]) == 2
    assert sources([Tally(0.1, Arm(), spread(6, 2)), Tally(0.5, Arm(), spread(6, 2))]) == 2
    assert sources([Tally(0.5, Arm(), spread(6, 2)._replace(server=3))]) == 5
    assert sources([Tally(0.5, Arm(), Arm(client=3, networks={"n1": 3, "n2": 0}))]) == 1
    trusting = Guard("errors", "bad_units", trust_client=True)
    unnamed = Arm(client=40, networks={"n1": 1, "n2": 1})
    assert action({"errors": harm(unnamed)}, trusting)[0] == "continue"
    assert action({"errors": harm(unnamed._replace(networks={"n1": 1, "n2": 1, "n3": 1}))}, trusting)[0] == "roll_back"


def test_no_network_brings_more_than_a_fifth() -> None:
    trusting = Guard("errors", "bad_units", trust_client=True)
    for networks, found in ((1, "continue"), (4, "continue"), (5, "roll_back"), (50, "roll_back")):
        assert action({"errors": harm(spread(1_000, networks))}, trusting)[0] == found


def test_what_one_network_brings_above_a_fifth_is_left_out() -> None:
    loud = Arm(client=1_010, networks={"loud": 1_000, **{f"n{n}": 1 for n in range(10)}})
    assert capped(harm(loud)) == [Stage(0.5, 0, 12)]
    assert capped(harm(loud._replace(server=40))) == [Stage(0.5, 0, 62)]
    assert action({"errors": harm(loud, Arm(server=12))}, Guard("errors", "bad_units", trust_client=True))[0] == "continue"


def test_it_is_left_out_first_where_treatment_is_smallest() -> None:
    quiet = {f"n{n}": 1 for n in range(8)}
    early, late = Arm(client=9, networks={"loud": 9}), Arm(client=17, networks={"loud": 9, **quiet})
    expected = [Stage(0.5, 3, 10), Stage(0.01, 0, 0)]
    assert capped([Tally(0.5, Arm(server=3), late), Tally(0.01, Arm(), early)]) == expected
    assert capped([Tally(0.01, Arm(), early), Tally(0.5, Arm(server=3), late)]) == expected[::-1]


def test_the_largest_sources_are_enough() -> None:
    """With the others left out of `networks`, and too large figures in it, no more is counted than with all of them."""
    whole = {f"n{n}": 100 - n for n in range(60)}
    arm = Arm(client=sum(whole.values()), networks=whole)
    few = arm._replace(networks={name: units for name, units in whole.items() if int(name[1:]) < 10})
    assert capped(harm(few)) == capped(harm(arm)) == [Stage(0.5, 0, arm.client)]
    (much,) = capped(harm(arm._replace(networks={name: units * 3 for name, units in whole.items()})))
    assert 0 <= much.treatment <= arm.client
    assert capped(harm(Arm(client=2, networks={"n1": 50}))) == [Stage(0.5, 0, 0)]
    assert capped(harm(Arm(server=9, client=1, networks={"n1": 50}))) == [Stage(0.5, 0, 0)]


@given(
    st.lists(
        st.builds(Tally, st.floats(0.01, 0.99), *[st.builds(spread, st.integers(0, 60), st.integers(1, 9))] * 2), max_size=4
    )
)
def test_leaving_out_never_adds_evidence(tallies: list[Tally]) -> None:
    kept, whole = capped(tallies), [tally.by_all for tally in tallies]
    assert log_evidence(kept) <= log_evidence(whole) + 1e-9
    total = sum(stage.treatment for stage in kept)
    assert all(
        stage.control == before.control and 0 <= stage.treatment <= before.treatment
        for stage, before in zip(kept, whole, strict=True)
    )
    if total:
        brought = {name for tally in tallies for name in tally.treatment.networks}
        assert len(brought) >= 5


# --- client keys ----------------------------------------------------------------------------------------


MANY = spread(1_000, 200)


def test_signals_of_client_keys_pause() -> None:
    decision = judged({"errors": harm(MANY)})
    assert (decision.action, decision.reason) == ("pause", "harm")
    assert "trust_client" in decision.findings[0].because


def test_signals_of_client_keys_roll_back_where_they_are_trusted() -> None:
    assert action({"errors": harm(MANY)}, Guard("errors", "bad_units", trust_client=True))[0] == "roll_back"


def test_asking_for_a_rollback_is_not_trusting() -> None:
    assert action({"errors": harm(MANY)}, Guard("errors", "bad_units", 0, "roll_back"))[0] == "pause"
    assert action({"errors": harm(MANY)}, Guard("errors", "bad_units", 0, "notify"))[0] == "notify"


def test_forged_signals_do_not_spoil_those_of_servers() -> None:
    """A thousand of them in control hide nothing, a thousand in treatment add nothing to a rollback."""
    servers = Arm(server=40)
    assert action({"errors": harm(servers, MANY._replace(server=10))})[0] == "roll_back"
    assert action({"errors": harm(MANY._replace(server=10), Arm(server=10))})[0] == "pause"


def test_a_rollback_has_one_chance() -> None:
    """By server keys or by all, not by whichever says so: that would be twice alpha. A pause may come by both."""
    hidden = {"errors": harm(Arm(server=40), MANY._replace(server=10))}
    assert action(hidden, Guard("errors", "bad_units", trust_client=True))[0] == "continue"
    assert action(hidden, Guard("errors", "bad_units", 0, "pause", trust_client=True))[0] == "pause"


def test_feedback_pauses_whoever_brings_it() -> None:
    for arm in (Arm(server=40), MANY):
        for trusted in (False, True):
            guard = Guard("complaints", "feedback", trust_client=trusted)
            assert action({"complaints": harm(arm)}, guard) == ("pause", "harm")


def test_feedback_rolls_back_only_where_both_are_said() -> None:
    told = Guard("complaints", "feedback", 0, "roll_back")
    assert action({"complaints": harm(MANY)}, told)[0] == "pause"
    assert action({"complaints": harm(MANY)}, told._replace(trust_client=True))[0] == "roll_back"


def test_a_thousand_forged_outcomes_never_roll_back() -> None:
    """From few networks not even with trust; from many without."""
    for networks, trusted in ((1, True), (2, True), (4, True), (1, False), (200, False), (1_000, False)):
        for kind in ("bad_units", "slow_units", "feedback"):
            guard = Guard("errors", kind, 0, "roll_back", trusted)
            assert action({"errors": harm(spread(1_000, networks), spread(10, 10))}, guard)[0] != "roll_back"
        for lower in ("conversion", "activity"):
            guard = Guard("errors", lower, 0, "roll_back", trusted)
            assert action({"errors": harm(spread(10, 10), spread(1_000, networks))}, guard)[0] != "roll_back"


# --- the split, contamination, traffic ------------------------------------------------------------------


def test_a_sample_ratio_that_is_off_pauses_and_never_rolls_back() -> None:
    for control, treatment in ((1_000, 700), (700, 1_000), (10**6, 0), (0, 10**6)):
        decision = judged({}, exposed=[Exposed(0.5, control, treatment)])
        assert (decision.action, decision.reason) == ("pause", "sample_ratio")
        assert decision.log_sample_ratio > math.log(1_000)
    assert action({}, exposed=[Exposed(0.5, 1_000, 950)])[1] == "holding"


def test_the_sample_ratio_is_of_all_stages_together_and_not_of_a_stage_for_all() -> None:
    one = Exposed(0.5, 1_000, 850)
    assert action({}, exposed=[one])[1] == "holding"
    assert action({}, exposed=[one, one])[1] == "sample_ratio"
    assert action({}, exposed=[Exposed(0.5, 10, 10), Exposed(1.0, 0, 5_000)])[1] == "holding"


def test_harm_goes_before_a_sample_ratio_that_is_off() -> None:
    tallies = {"errors": harm(Arm(server=40), Arm(server=10))}
    assert action(tallies, exposed=[Exposed(0.5, 1_000, 700)]) == ("roll_back", "harm")
    assert action({"errors": harm(Arm(server=10), Arm(server=10))}, exposed=[Exposed(0.5, 1_000, 700)])[1] == "sample_ratio"


@pytest.mark.parametrize(
    ("stage", "reason"),
    [
        (Exposed(0.5, 90, 90, 20), "contamination"),
        (Exposed(0.5, 90, 90, 19), "holding"),
        (Exposed(0.5, 900, 900, 20), "holding"),
        (Exposed(0.5, 900, 900, 180), "contamination"),
        (Exposed(0.5, 900, 900, 179), "holding"),
        (Exposed(0.5, 90, 90, 20, seen=2_000), "holding"),
    ],
)
def test_too_many_in_both_arms_pause(stage: Exposed, reason: str) -> None:
    assert action({}, exposed=[stage]) == ("continue" if reason == "holding" else "pause", reason)
    assert action({}, exposed=[stage, Exposed(0.6, 100, 150)])[1] == reason


def test_nobody_came() -> None:
    over = Hold(over=True)
    assert action({}, exposed=[], hold=over) == ("pause", "no_traffic")
    assert action({}, exposed=[*FINE, Exposed(0.6)], hold=over) == ("pause", "no_traffic")
    assert action({}, exposed=[*FINE, Exposed(0.6)]) == ("continue", "holding")
    assert action({}, exposed=[*FINE, Exposed(0.6, seen=50)], hold=over) == ("advance", "hold_over")


def crowd(networks: int, each: Brought) -> dict[str, Brought]:
    return {str(number): each for number in range(networks)}


def test_one_network_alone_pauses_nothing() -> None:
    """What it brought is left out, wherever it was most; what is left has to be off by itself."""
    skewed = Brought(treatment=300, seen=300)
    assert action({}, exposed=[Exposed(0.5, 100, 400, clients={"7": skewed})])[1] == "holding"
    assert action({}, exposed=[Exposed(0.5, 100, 700, clients=crowd(2, skewed))])[1] == "sample_ratio"
    assert action({}, exposed=[Exposed(0.5, 1_000, 1_300, clients={"7": Brought(150, 150, seen=300)})])[1] == "sample_ratio"
    mixed = Brought(contaminated=20)
    assert action({}, exposed=[Exposed(0.5, 90, 90, 30, clients={"7": mixed})])[1] == "holding"
    assert action({}, exposed=[Exposed(0.5, 90, 90, 40, clients=crowd(2, mixed))])[1] == "contamination"


@pytest.mark.parametrize(
    ("servers", "networks", "each", "present"),
    [(0, 1, 100, 0), (0, 4, 100, 0), (0, 5, 100, 500), (100, 0, 0, 100), (80, 1, 100, 100), (0, 64, 3, 192), (8, 1, 1, 9)],
)
def test_a_fifth_of_the_traffic_is_of_one_network(servers: int, networks: int, each: int, present: int) -> None:
    clients = crowd(networks, Brought(treatment=each, seen=each))
    stage = Exposed(1.0, servers, networks * each, clients=clients)
    assert stage.present == present
    over = Hold(over=True, units=max(1, present))
    wanted = ("advance", "hold_over") if present else ("pause", "no_traffic")
    assert action({}, exposed=[stage], hold=over) == wanted
    waiting = ("continue", "holding") if present else wanted
    assert action({}, exposed=[stage], hold=over._replace(units=present + 1)) == waiting


# --- onward ---------------------------------------------------------------------------------------------


def test_it_advances_when_the_hold_is_over() -> None:
    assert action({}, hold=Hold(over=True)) == ("advance", "hold_over")
    assert action({}, hold=Hold(over=True, units=2_000)) == ("advance", "hold_over")
    waiting = judged({}, hold=Hold(over=True, units=2_500))
    assert (waiting.action, waiting.detail) == ("continue", "The stage waits for 500 more units.")


def test_a_person_has_to_approve() -> None:
    decision = judged({}, hold=Hold(over=True, approved=False))
    assert (decision.action, decision.detail) == ("continue", "A person has to approve the next step.")


GOOD = {"errors": harm(Arm(server=30), Arm(server=100))}


def test_it_advances_early_where_no_guard_can_be_worse() -> None:
    early = Hold(early=True)
    assert action(GOOD, hold=early) == ("advance", "no_worse")
    assert action(GOOD) == ("continue", "holding")
    assert action(GOOD, hold=Hold(early=True, approved=False)) == ("continue", "holding")
    assert action(GOOD, ERRORS, Guard("slow", "slow_units"), hold=early) == ("continue", "holding")
    assert action(GOOD, ERRORS, Guard("5xx", "alarm"), hold=early) == ("advance", "no_worse")
    assert action({}, Guard("5xx", "alarm"), hold=early) == ("continue", "holding")


def test_early_is_no_way_around_units() -> None:
    """What one stage has proven takes nobody through the next ones unseen, nor before so many came as its hold asks for."""
    come = [Exposed(0.5, 1_000, 1_000)]
    assert action(GOOD, exposed=[*come, Exposed(0.75)], hold=Hold(early=True)) == ("continue", "holding")
    assert action(GOOD, exposed=[*come, Exposed(0.75, seen=1)], hold=Hold(early=True)) == ("advance", "no_worse")
    assert action(GOOD, exposed=come, hold=Hold(early=True, units=2_001)) == ("continue", "holding")
    assert action(GOOD, exposed=come, hold=Hold(early=True, units=2_000)) == ("advance", "no_worse")
    assert action(GOOD, exposed=come, hold=Hold(over=True, early=True, units=2_001)) == ("continue", "holding")


def test_early_needs_five_units_that_speak_for_it() -> None:
    for units, found in ((4, "continue"), (5, "advance")):
        assert action({"errors": [Tally(0.99, Arm(server=units))]}, hold=Hold(early=True))[0] == found


def test_forged_signals_do_not_advance() -> None:
    """Bad units in control make a treatment look good: they count where clients are trusted."""
    forged = {"errors": harm(Arm(server=10), MANY._replace(server=10))}
    assert action(forged, hold=Hold(early=True)) == ("continue", "holding")
    assert action(forged, Guard("errors", "bad_units", trust_client=True), hold=Hold(early=True)) == ("advance", "no_worse")


def test_how_many_more_it_needs() -> None:
    tallies = {"errors": harm(Arm(server=10), Arm(server=14))}
    decision = judged(tallies, hold=Hold(early=True))
    needs = decision.findings[0].needs
    assert needs is not None
    assert decision.detail == f"The hold is not over. About {math.ceil(needs)} more units would settle it."


# --- activity, evidence -----------------------------------------------------------------------------------


def test_what_counts_errors_needs_a_guard_of_activity() -> None:
    slow, sales = Guard("slow", "slow_units", 0.1), Guard("sales", "conversion")
    assert guarded([ERRORS._replace(margin=0.2), slow]) == [ERRORS._replace(margin=0.2), slow, Guard(ACTIVITY, "activity", 0.1)]
    assert guarded([sales]) == [sales]
    own = Guard("sessions", "activity")
    assert guarded([ERRORS, own]) == [ERRORS, own]


def test_a_crash_before_the_beacon_is_noticed() -> None:
    """Errors look good, as nobody is left to report them."""
    tallies = {"errors": harm(Arm(server=2), Arm(server=40)), ACTIVITY: harm(Arm(server=500), Arm(server=700))}
    assert action(tallies, ERRORS)[0] == "continue"
    decision = judged(tallies, *guarded([ERRORS]))
    assert (decision.action, decision.guard) == ("roll_back", ACTIVITY)


def test_the_evidence_is_whole_and_can_be_written_down() -> None:
    tallies = {"errors": [Tally(0.05, Arm(server=30), spread(6, 6)), Tally(0.5, Arm(server=9), Arm(server=11))]}
    (found,) = judged(tallies).findings
    assert found.stages == (Stage(0.05, 30, 6), Stage(0.5, 9, 11))
    assert found.log_evidence == log_evidence(found.stages)
    assert found.log_servers == log_evidence([Stage(0.05, 30, 0), Stage(0.5, 9, 11)])
    assert found.threshold == pytest.approx(math.log(20))
    assert found.p == pytest.approx(math.exp(-found.peak))
    assert found.ratio is not None
    assert found.high is not None
    assert found.low < found.ratio < found.high
    assert (found.units, found.sources) == (17, 17)
    assert json.loads(json.dumps(judged({"errors": harm(Arm(server=10**9))})._asdict(), allow_nan=False))


def test_where_fewer_are_worse_the_ratio_is_still_treatment_to_control() -> None:
    (found,) = judged({"sales": harm(Arm(server=100), Arm(server=200))}, Guard("sales", "conversion")).findings
    assert found.ratio == pytest.approx(0.5)
    assert found.high is not None
    assert 0.3 < found.low < 0.5 < found.high < 0.8
    for arms in (harm(Arm(), Arm(server=50)), harm(Arm(server=50), Arm())):
        (found,) = judged({"sales": arms}, Guard("sales", "conversion")).findings
        assert json.dumps(found, allow_nan=False)


def test_p_is_of_the_largest_evidence_so_far() -> None:
    mild = {"errors": harm(Arm(server=10), Arm(server=10))}
    (first,) = judged(mild).findings
    (later,) = judged(mild, peaks={"errors": 2.0}).findings
    assert (first.peak, first.p) == (0.0, 1.0)
    assert later.peak == 2.0
    assert later.p == pytest.approx(math.exp(-2))
    assert later.log_evidence == first.log_evidence < 0


def test_wrong_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="share"):
        judged({"errors": [Tally(1.5)]})
    with pytest.raises(ValueError, match="counts"):
        judged({"errors": harm(Arm(server=-1))})
    with pytest.raises(ValueError, match="counts"):
        judged({}, exposed=[Exposed(0.5, -1, 1)])
    with pytest.raises(ValueError, match="alpha"):
        decide(Judgement(0.0, [ERRORS], {}, []))


def test_what_is_not_explained_is_decided_alike() -> None:
    """Whoever only decides leaves out what costs most; whoever keeps it asks again."""
    rng = Random("explained")
    for _ in range(200):
        tallies = [Tally(0.3, Arm(rng.randrange(30), rng.randrange(9)), Arm(rng.randrange(30), rng.randrange(9))) for _ in "ab"]
        exposed, hold = [Exposed(0.3, 700, 300)] * 2, Hold(over=rng.random() < 0.5, early=True)
        asked = Judgement(0.05, (ERRORS,), {"errors": tallies}, exposed, hold)
        plain, explained = (decide(asked, explained=more) for more in (False, True))
        assert (plain.action, plain.reason, plain.guard) == (explained.action, explained.reason, explained.guard)
        [one], [other] = plain.findings, explained.findings
        assert (one.log_evidence, one.peak, one.p, one.deed) == (other.log_evidence, other.peak, other.p, other.deed)
