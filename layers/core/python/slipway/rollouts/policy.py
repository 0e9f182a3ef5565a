"""What a rollout does about what was counted. The statistic holds without this; people who forge and err are why it is here.

    decide(Judgement(alpha, guards, tallies, exposed, ...)) -> Decision(action, reason, detail, guard, findings, ...)

An action is one of, the strongest first (reasons in brackets):

    roll_back   a guard's E has reached J / alpha (`harm`): of the signals of server keys, or of all where `trust_client` says
                so, never of whichever is larger; or an alarm rings (`alarm`)
    pause       the same, but it took clients' signals or people's complaints (`harm`); the arms are not as large as the split
                says (`sample_ratio`); too many units were seen in both (`contamination`); the hold is over and nobody came
                (`no_traffic`), where somebody counts or is waited for; there is no such alarm (`alarm`)
    notify      a guard that only tells has reached it (`harm`, `alarm`), and has not told yet
    advance     the hold is over (`hold_over`), or every guard is proven to be no worse than its margin (`no_worse`): not before
                the units came that the hold asks for, and one at least, as what is proven stays so in the next stages
    continue    nothing of this (`holding`)

A guard acts only with `FLOOR` bad units in treatment from `FLOOR_SOURCES` sources, at most a fifth of them from one network
(`arms.capped`): at a share of 1 % three complaints would cross E = 20. Where fewer are worse (conversion, activity) the arms
are exchanged, and the floor asks for units in control. All of this only ever holds a guard back: false rollbacks are alpha at
most in all. False pauses are at most twice that, as both kinds of signals may ask for one.

Evidence is a client's where the outcome or the exposure was told by a client key. What exposures alone decide, no network does:
the sample ratio and contamination are judged without whichever network brought most of it, and of the units of a hold, and of
traffic, a fifth at most is from one network.

A sample ratio that is off pauses and never rolls back. Harm goes first: a treatment that breaks before it reports is off in
both. Errors that a crash keeps from being reported look good, too: `guarded` adds the activity guard that notices.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple, get_args

from slipway.rollouts import guard as statistic
from slipway.rollouts.arms import Exposed, Tally, capped, sources
from slipway.rollouts.guard import Stage

FLOOR, FLOOR_SOURCES = 5, 3
MISMATCH = math.log(1000.0)  # of the log evidence against the split
CONTAMINATED, CONTAMINATED_UNITS = 0.1, 20  # of a stage's exposed units, and at least so many

Kind = Literal["bad_units", "slow_units", "conversion", "activity", "feedback", "alarm"]
Deed = Literal["roll_back", "pause", "notify"]
Action = Literal["roll_back", "pause", "notify", "advance", "continue"]
Reason = Literal["harm", "alarm", "sample_ratio", "contamination", "no_traffic", "hold_over", "no_worse", "holding"]

DEEDS: tuple[Deed, ...] = get_args(Deed)  # the strongest first
FEWER_IS_WORSE = ("conversion", "activity")
ACTIVITY = "*"  # any outcome


class Guard(NamedTuple):
    """`metric` names its tallies (or an alarm); `margin`: the relative harm that is tolerated; `action`: by default
    `roll_back`, for feedback `pause`; `trust_client`: signals of client keys may roll back."""

    metric: str
    kind: Kind
    margin: float = 0.0
    action: Deed | None = None
    trust_client: bool = False

    @property
    def deed(self) -> Deed:
        return self.action or ("pause" if self.kind == "feedback" else "roll_back")


class Hold(NamedTuple):
    """Of the running stage: whether its time is over, how many units must be seen in it, whether a person has approved what
    needs it, and whether its time may end early where `no_worse` is proven."""

    over: bool = False
    units: int = 0
    approved: bool = True
    early: bool = False


class Judgement(NamedTuple):
    """`alpha` bounds the false rollbacks of the whole rollout by what is counted; `tallies` by metric and `exposed` go by the
    order of the stages, the running one last; `alarms`: those that ring; `notified`: metrics of guards that have told already;
    `peaks`: by metric, the last decision's `peak`; `missing`: alarms that there are not.

    Once a person has resumed what a guard had stopped, `tallies`, `exposed` and `peaks` are of the stages since: what they know
    is not held against it again, and alpha holds anew."""

    alpha: float
    guards: Sequence[Guard]
    tallies: Mapping[str, Sequence[Tally]]
    exposed: Sequence[Exposed]
    hold: Hold = Hold()
    alarms: Collection[str] = ()
    notified: Collection[str] = ()
    peaks: Mapping[str, float] = {}
    missing: Collection[str] = ()


class Finding(NamedTuple):
    """What is stored and shown of one guard, in logarithms, as E outgrows what a table can hold.

    `stages` as counted; `log_evidence` of all signals and `log_servers` of those of server keys, against `threshold`, which is
    ln(J / alpha); `peak`: the former's largest so far, `p`: the always-valid p of it; `ratio`: the likeliest, treatment to
    control, and `low` to `high` its confidence sequence (None: unbounded or unknown); `needs`: about how many more units until
    it is settled; `units`, `sources`: for the floor; `deed`: what the guard asks for, if anything; `because`: a sentence."""

    metric: str
    kind: Kind
    margin: float
    stages: tuple[Stage, ...]
    log_evidence: float
    log_servers: float
    peak: float
    p: float
    threshold: float
    ratio: float | None
    low: float
    high: float | None
    needs: float | None
    units: int
    sources: int
    deed: Deed | None
    because: str


class Decision(NamedTuple):
    """`detail`: a sentence for people; `guard`: the metric that decided, "" for none; `findings` in the order of the guards."""

    action: Action
    reason: Reason
    detail: str
    guard: str
    findings: tuple[Finding, ...]
    log_sample_ratio: float


def guarded(guards: Sequence[Guard]) -> list[Guard]:
    """The guards, and the activity guard that they need: as strict as the strictest of those that count bad or slow units."""
    silent = [guard for guard in guards if guard.kind in ("bad_units", "slow_units")]
    if not silent or any(guard.kind == "activity" for guard in guards):
        return list(guards)
    return [*guards, Guard(ACTIVITY, "activity", min(guard.margin for guard in silent))]


def decide(given: Judgement, *, explained: bool = True) -> Decision:
    """Raises ValueError for what the statistic refuses: a share, a count, a margin, an alpha.

    `explained`: with what costs ten times as much and decides nothing: `ratio`, `low`, `high`, `needs`, and `units` and
    `sources` of guards that have not reached it."""
    findings = tuple(_find(guard, given, explained) for guard in given.guards if guard.kind != "alarm")
    mismatch = _mismatch(given.exposed)

    def decided(action: Action, reason: Reason, detail: str, guard: str = "") -> Decision:
        return Decision(action, reason, detail, guard, findings, mismatch)

    harm = _harm(given, findings)
    if harm is not None and harm[0] != "notify":
        return decided(*harm)
    if mismatch >= MISMATCH:
        return decided("pause", "sample_ratio", "The arms are not as large as the split says: their units cannot be compared.")
    for stage in given.exposed:
        mixed = min(stage.without(network).contaminated for network in ("", *stage.clients))
        if mixed >= max(CONTAMINATED_UNITS, CONTAMINATED * stage.present):
            detail = f"{mixed} of {stage.present} units were seen in both arms: bucket by what stays with a unit."
            return decided("pause", "contamination", detail)
    here = given.exposed[-1].present if given.exposed else 0
    if given.hold.over and not here and (_counting(given) or given.hold.units):
        few = " but by clients of few networks" if given.exposed and given.exposed[-1].clients else ""
        return decided("pause", "no_traffic", f"The hold is over and no unit was exposed{few}: nothing is known of this stage.")
    return decided(*(harm or _onward(given, findings, here)))


def _mismatch(exposed: Sequence[Exposed]) -> float:
    """The log evidence against the split; where that is enough, what is left without the network that brought most of it."""
    whole = _log_mismatch(exposed)
    if whole < MISMATCH:
        return whole
    networks = {network for stage in exposed for network in stage.clients}
    return min([whole, *(_log_mismatch([stage.without(network) for stage in exposed]) for network in networks)])


def _log_mismatch(exposed: Sequence[Exposed]) -> float:
    return math.fsum(
        statistic.log_sample_ratio((stage.control, stage.treatment), (1.0 - stage.share, stage.share))
        for stage in exposed
        if 0.0 < stage.share < 1.0
    )


def _harm(given: Judgement, findings: Sequence[Finding]) -> tuple[Action, Reason, str, str] | None:
    """The strongest of what the guards ask for; of equals the first."""
    alarms = [guard for guard in given.guards if guard.kind == "alarm"]
    rings, deaf = ([guard for guard in alarms if guard.metric in some] for some in (given.alarms, given.missing))
    asked: list[tuple[Deed, Reason, str, str]] = [
        *((guard.deed, "alarm", f"The alarm {guard.metric} rings.", guard.metric) for guard in rings),
        *(("notify" if guard.deed == "notify" else "pause", "alarm", _absent(guard.metric), guard.metric) for guard in deaf),
        *((finding.deed, "harm", _told(finding), finding.metric) for finding in findings if finding.deed is not None),
    ]
    asked = [each for each in asked if each[0] != "notify" or each[3] not in given.notified]
    return min(asked, key=lambda each: DEEDS.index(each[0]), default=None)


def _onward(given: Judgement, findings: Sequence[Finding], here: int) -> tuple[Action, Reason, str]:
    hold = given.hold
    if hold.over and here >= hold.units:
        way: tuple[Action, Reason, str] = ("advance", "hold_over", "The hold is over, and no guard has found harm.")
    elif hold.early and here >= max(hold.units, 1) and findings and all(_safe(guard, given) for guard in given.guards):
        way = ("advance", "no_worse", "Every guard is proven to be no worse than its margin.")
    elif hold.over:
        return "continue", "holding", f"The stage waits for {hold.units - here} more units."
    else:
        known = [finding.needs for finding in findings if finding.needs is not None]
        more = f" About {math.ceil(max(known))} more units would settle it." if known and len(known) == len(findings) else ""
        return "continue", "holding", f"The hold is not over.{more}"
    return way if hold.approved else ("continue", "holding", "A person has to approve the next step.")


def _find(guard: Guard, given: Judgement, explained: bool) -> Finding:
    level = statistic.threshold(given.alpha, _counting(given))
    tallies = given.tallies.get(guard.metric, ())
    turned = _turned(guard, tallies)
    whole, servers = [tally.by_all for tally in turned], [tally.by_servers for tally in turned]
    log_all, log_servers = (statistic.log_evidence(stages, guard.margin) for stages in (whole, servers))
    kept, origins = (capped(turned), sources(turned)) if explained or log_all >= level else ([], 0)
    units = sum(stage.treatment for stage in kept)
    deed: Deed | None = None
    because = "E has not reached J / alpha."
    alone = guard.deed != "roll_back" or not guard.trust_client  # else two chances to roll back by mistake were more than alpha
    if alone and log_servers >= level and sum(stage.treatment for stage in servers) >= FLOOR:
        deed, because = guard.deed, "Signals of server keys alone have reached it."
    elif log_all >= level:
        if units < FLOOR or origins < FLOOR_SOURCES:
            because = f"Held back: fewer than {FLOOR} units or {FLOOR_SOURCES} sources."
        elif statistic.log_evidence(kept, guard.margin) < level:
            because = "Held back: without what one network brought above a fifth, it has not reached it."
        elif guard.deed == "roll_back" and not guard.trust_client:
            deed, because = "pause", "Signals of client keys were needed: they roll back only with `trust_client`."
        else:
            deed, because = guard.deed, "All signals together have reached it."
    likeliest, low, high, needs = _explained(guard, given, whole) if explained else (None, 0.0, math.inf, math.inf)
    peak = max(given.peaks.get(guard.metric, 0.0), log_all)
    return Finding(
        guard.metric,
        guard.kind,
        guard.margin,
        tuple(tally.by_all for tally in tallies),
        log_all,
        log_servers,
        peak,
        statistic.p_value(peak),
        level,
        _bounded(likeliest),
        low,
        _bounded(high),
        _bounded(needs),
        units,
        origins,
        deed,
        because,
    )


def _explained(guard: Guard, given: Judgement, whole: Sequence[Stage]) -> tuple[float | None, float, float, float]:
    """`ratio`, `low`, `high` and `needs` of a finding."""
    low, high = statistic.confidence(whole, given.alpha)
    likeliest = statistic.ratio(whole)
    exposed = sum(stage.control + stage.treatment for stage in given.exposed)
    needs = statistic.more_units(whole, exposed, given.alpha, guard.margin, _counting(given))
    if guard.kind in FEWER_IS_WORSE:
        low, high = 1.0 / high, 1.0 / low if low else math.inf
        likeliest = None if likeliest is None else 1.0 / likeliest if likeliest else math.inf
    return likeliest, low, high, needs


def _counting(given: Judgement) -> int:
    """J: the guards that are judged by what is counted."""
    return sum(guard.kind != "alarm" for guard in given.guards)


def _turned(guard: Guard, tallies: Sequence[Tally]) -> list[Tally]:
    """So that more in treatment is worse."""
    return [tally.swapped for tally in tallies] if guard.kind in FEWER_IS_WORSE else list(tallies)


def _bounded(value: float | None) -> float | None:
    """What JSON can say of it."""
    return None if value is None or math.isinf(value) else value


def _safe(guard: Guard, given: Judgement) -> bool:
    """Whether it has no objection to an early end: proven by server keys alone unless its clients are trusted, as bad units
    that are forged in control make a treatment look good. An alarm proves nothing, and objects by ringing only."""
    if guard.kind == "alarm":
        return True
    turned = _turned(guard, given.tallies.get(guard.metric, ()))
    stages = [tally.by_all if guard.trust_client else tally.by_servers for tally in turned]
    return sum(stage.control for stage in stages) >= FLOOR and statistic.no_worse(stages, given.alpha, guard.margin)


def _absent(alarm: str) -> str:
    return f"There is no alarm {alarm!r} in CloudWatch, in this account and region: make it, or its guard hears nothing."


def _told(finding: Finding) -> str:
    control, treatment = (sum(stage[arm] for stage in finding.stages) for arm in (1, 2))
    e = math.exp(min(finding.log_evidence, 700.0))
    return f"{finding.metric}: {treatment} units in treatment, {control} in control; E = {e:.4g}. {finding.because}"
