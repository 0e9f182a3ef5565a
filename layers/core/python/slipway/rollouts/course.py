"""The course of a rollout as the API takes and answers it: ladder, guards, and what else a template may give.

Shares are percent, to the thousandth.
"""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, StrictBool, WithJsonSchema, model_validator

from slipway import text
from slipway.fields import cleaned, error, matching, published, whole
from slipway.problems import Fault
from slipway.rollouts import policy
from slipway.rollouts.exposure import SCALE
from slipway.shape import Shape
from slipway.signals import rows

LONGEST_HOLD = 30 * 24 * 60  # minutes
STEPS, GUARDS = 12, 10
LEAST_ALPHA = 1e-9
METRIC = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
ALARM = 255  # letters of a CloudWatch alarm's name, of which each may be anything
THRESHOLD = 10**12
LONGEST_PATH = 128
BUCKET_BY = r"^[A-Za-z_$][A-Za-z0-9_$-]*(\.[A-Za-z_$][A-Za-z0-9_$-]*){0,4}$"


def _parts(raw: Any) -> int:
    raw = Decimal(repr(raw)) if isinstance(raw, float) else raw
    parts = raw * (SCALE // 100) if isinstance(raw, int | Decimal) and not isinstance(raw, bool) else None
    if parts is None or parts != int(parts) or not 0 <= parts <= SCALE:
        raise error("invalid_share", "A share is percent, 0 to 100, with three digits after the point at most.")
    return int(parts)


def _double(raw: Any) -> Any:
    return float(raw) if isinstance(raw, Decimal) else raw


def _of_somebody(path: str) -> str:
    if path.partition(".")[0] == "$flagd":
        raise error("invalid_path", "`$flagd` says nothing of who asks: name a field of the context.")
    return path


def _reachable(alpha: float) -> float:
    if alpha < LEAST_ALPHA:
        raise error("too_small", "So small an alpha never acts: 0.000000001 is the least.")
    return alpha


def percent(parts: int) -> int | float:
    shown = parts * 100 / SCALE
    return int(shown) if shown == int(shown) else shown


Share = Annotated[
    int, PlainValidator(_parts), WithJsonSchema({"type": "number", "minimum": 0, "maximum": 100, "examples": [5]})
]
Metric = Annotated[str, AfterValidator(cleaned(text.line, ALARM)), published(text.LINE, ALARM, examples=["checkout_failed"])]
BucketBy = Annotated[
    str,
    Field(max_length=LONGEST_PATH),
    AfterValidator(matching(BUCKET_BY, "invalid_path", "Name a field of the context, in it by dots: `company.id`.")),
    AfterValidator(_of_somebody),
    published(BUCKET_BY, LONGEST_PATH, examples=["targetingKey"]),
]


class Hold(Shape):
    """What has to be over, or there, before the next step. All that is given."""

    minutes: Annotated[int, Field(ge=1, le=LONGEST_HOLD), BeforeValidator(whole)] = 1
    units: Annotated[int, Field(ge=1, le=10**9), BeforeValidator(whole)] | None = Field(
        default=None, description="exposed in this stage, of both arms together"
    )
    approval: StrictBool = Field(default=False, description="whether a person has to take the next step (`advance`)")


class Step(Shape):
    share: Share
    hold: Hold | None = Field(default=None, description="the last step may have none: what it says is final at once")


class GuardShape(Shape):
    metric: Metric = Field(
        default=policy.ACTIVITY,
        description="the name of an outcome: 1 to 64 letters, digits, `.`, `-` and `_`; of an alarm the CloudWatch alarm's; "
        "of activity it is left out, as any outcome counts",
    )
    kind: policy.Kind
    threshold: Annotated[float, Field(ge=0, le=THRESHOLD, strict=True), BeforeValidator(_double)] | None = Field(
        default=None, description="of `slow_units`: an outcome with a greater value makes its unit a slow one"
    )
    margin: Annotated[float, Field(ge=0, le=10, strict=True), BeforeValidator(_double)] = Field(
        default=0.0, description="the relative harm that is tolerated: 0.1 takes a rate that is a tenth higher"
    )
    action: policy.Deed | None = Field(default=None, description="by default roll_back; of feedback: pause")
    trust_client: StrictBool = Field(default=False, description="whether what client keys tell may roll back; else it pauses")

    @model_validator(mode="after")
    def _fits(self) -> GuardShape:
        if (self.kind == "slow_units") != (self.threshold is not None):
            raise error("threshold", "A guard of slow units has a `threshold`, and no other one has.")
        if self.kind == "activity" and self.metric != policy.ACTIVITY:
            raise error("invalid_metric", "A guard of activity counts any outcome: leave its `metric` out.")
        if self.kind not in ("activity", "alarm") and not re.fullmatch(METRIC, self.metric):
            raise error("invalid_metric", "A metric is 1 to 64 letters, digits, dots, dashes and underscores.")
        return self


Ladder = Annotated[list[Step], Field(min_length=1, max_length=STEPS)]
Guards = Annotated[list[GuardShape], Field(max_length=GUARDS)]
Alpha = Annotated[
    float, Field(gt=0, le=0.5, strict=True, examples=[0.05]), AfterValidator(_reachable), BeforeValidator(_double)
]


LADDER: list[Any] = [{"share": 5, "hold": {"minutes": 60}}, {"share": 50, "hold": {"minutes": 60}}, {"share": 100}]


class Course(Shape):
    """How a rollout goes: what it may be given by a template."""

    ladder: Ladder = Field(description="each step larger than the one before; the last has what stays: 100 less the holdback")
    guards: Guards = []
    alpha: Alpha = Field(default=0.05, description="how often a harmless rollout may be stopped by its guards")
    holdback: Share = Field(default=0, description="the share that keeps `from` when all is over, for comparison")
    early: StrictBool = Field(default=False, description="go on before a hold is over where no harm is proven")

    def faults(self) -> list[Fault]:
        """What no field shows alone."""
        found, shares = list[Fault](), [step.share for step in self.ladder]
        if self.holdback >= SCALE or shares[-1] != SCALE - self.holdback:
            detail = "The last step has the share that stays: 100 less the holdback."
            found.append(Fault(f"/ladder/{len(shares) - 1}/share", "last_share", detail))
        for place, (before, after) in enumerate(pairwise([0, *shares])):
            if after <= before:
                detail = "Each step of the ladder is larger than the one before it, and than 0."
                found.append(Fault(f"/ladder/{place}/share", "not_larger", detail))
        for place, step in enumerate(self.ladder[:-1] or self.ladder):  # one step alone would never be over
            if step.hold is None:
                found.append(Fault(f"/ladder/{place}/hold", "required", "Each step but the last has a `hold`, and the first."))
        metrics = [rows.metric(guard.model_dump()) for guard in self.guards]
        for place, metric in enumerate(metrics):
            if metric in metrics[:place]:
                found.append(Fault(f"/guards/{place}", "duplicate", "No two guards watch the same metric."))
        return found


def shown(course: Course) -> dict[str, Any]:
    """As the API has it, which `Course` reads again."""
    told = course.model_dump(include=set(Course.model_fields))
    steps = [{**step, "share": percent(step["share"])} for step in told["ladder"]]
    return {**told, "ladder": steps, "holdback": percent(told["holdback"])}
