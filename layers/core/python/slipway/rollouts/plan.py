"""A rollout as the API takes and answers it. Shares are percent, to the thousandth."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, StrictBool, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from slipway.fields import error, matching, published, whole
from slipway.flags import jsontext
from slipway.flags.fields import Reason, Variant
from slipway.resources import Stored
from slipway.rollouts import policy, rollout, states
from slipway.rollouts.exposure import SCALE
from slipway.shape import Shape

LONGEST_HOLD = 30 * 24 * 60  # minutes
STEPS, GUARDS = 12, 10
METRIC = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
BUCKET_BY = r"^[A-Za-z_$][A-Za-z0-9_$-]*(\.[A-Za-z_$][A-Za-z0-9_$-]*){0,4}$"


def _parts(raw: Any) -> int:
    parts = raw * (SCALE // 100) if isinstance(raw, int | Decimal) and not isinstance(raw, bool) else None
    if parts is None or parts != int(parts) or not 0 <= parts <= SCALE:
        raise error("invalid_share", "A share is percent, 0 to 100, with three digits after the point at most.")
    return int(parts)


def _double(raw: Any) -> Any:
    return float(raw) if isinstance(raw, Decimal) else raw


def percent(parts: int) -> int | float:
    shown = parts * 100 / SCALE
    return int(shown) if shown == int(shown) else shown


Share = Annotated[
    int, PlainValidator(_parts), WithJsonSchema({"type": "number", "minimum": 0, "maximum": 100, "examples": [5]})
]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False), BeforeValidator(_double)]
Whole = Annotated[int, BeforeValidator(whole)]
Metric = Annotated[
    str,
    AfterValidator(matching(METRIC, "invalid_metric", "A metric is 1 to 64 letters, digits, dots, dashes and underscores.")),
    published(METRIC, 64, examples=["checkout_failed"]),
]
BucketBy = Annotated[
    str,
    AfterValidator(matching(BUCKET_BY, "invalid_path", "Name a field of the context, in it by dots: `company.id`.")),
    published(BUCKET_BY, 128, examples=["targetingKey"]),
]


class Hold(Shape):
    """What has to be over, or there, before the next step. All that is given."""

    minutes: Annotated[Whole, Field(ge=1, le=LONGEST_HOLD)] = 1
    units: Annotated[Whole, Field(ge=1, le=10**9)] | None = Field(
        default=None, description="exposed in this stage, of both arms together"
    )
    approval: StrictBool = Field(default=False, description="whether a person has to take the next step (`advance`)")


class Step(Shape):
    share: Share
    hold: Hold | None = Field(default=None, description="the last step may have none: what it says is final at once")


class GuardShape(Shape):
    """`metric`: the name of an outcome; of an alarm the CloudWatch alarm's."""

    metric: Metric
    kind: policy.Kind
    threshold: Annotated[Number, Field(ge=0)] | None = Field(
        default=None, description="of `slow_units`: an outcome with a greater value makes its unit a slow one"
    )
    margin: Annotated[Number, Field(ge=0, le=10)] = Field(
        default=0.0, description="the relative harm that is tolerated: 0.1 takes a rate that is a tenth higher"
    )
    action: policy.Deed | None = Field(default=None, description="by default roll_back; of feedback: pause")
    trust_client: StrictBool = Field(default=False, description="whether what client keys tell may roll back; else it pauses")

    @model_validator(mode="after")
    def _fits(self) -> GuardShape:
        if (self.kind == "slow_units") != (self.threshold is not None):
            raise PydanticCustomError("threshold", "A guard of slow units has a `threshold`, and no other one has.")
        return self


class Course(Shape):
    """How a rollout goes: what it may be given by a template."""

    ladder: Annotated[list[Step], Field(min_length=1, max_length=STEPS)]
    guards: Annotated[list[GuardShape], Field(max_length=GUARDS)] = []
    alpha: Annotated[Number, Field(gt=0, le=0.5)] = Field(
        default=0.05, description="how often a harmless rollout may be stopped by its guards"
    )
    holdback: Share = Field(default=0, description="the share that keeps `from` when all is over, for comparison")
    early: StrictBool = Field(default=False, description="go on before a hold is over where no harm is proven")

    @model_validator(mode="after")
    def _climbs(self) -> Course:
        shares = [step.share for step in self.ladder]
        if self.holdback >= SCALE or shares[-1] != SCALE - self.holdback:
            raise PydanticCustomError("last_share", "The last step has the share that stays: 100 less the holdback.")
        if shares[0] == 0 or any(after <= before for before, after in pairwise(shares)):
            raise PydanticCustomError("ladder", "Each step of the ladder is larger than the one before it, and than 0.")
        if any(step.hold is None for step in self.ladder[:-1]):
            raise PydanticCustomError("hold", "Each step but the last has a `hold`.")
        if len({rollout.metric(guard.model_dump()) for guard in self.guards}) < len(self.guards):
            raise PydanticCustomError("duplicate", "No two guards watch the same metric.")
        return self


class NewRollout(Course):
    from_: Variant = Field(alias="from", description="what they get who would be given it without the rollout")
    to: Variant = Field(description="what a share of those gets instead")
    bucket_by: BucketBy = Field(default="targetingKey", description="the field of the context that makes a unit")
    start: StrictBool = Field(default=True, description="at once; else it is planned, and started by `/start`")
    reason: Reason | None = Field(default=None, description="a protected environment asks for it")

    def data(self, flag: str, environment: str) -> dict[str, Any]:
        """As it is kept, planned."""
        course = self.model_dump(exclude_none=True)
        named = {name: course[name] for name in ("to", "bucket_by", "holdback")}
        judged = {name: course[name] for name in ("alpha", "early", "guards")}
        return {
            "flag": flag,
            "environment": environment,
            "from": self.from_,
            **named,
            "reason": self.reason or "",
            "ladder": [_step(step) for step in course["ladder"]],
            "policy": jsontext.written(judged),
            "state": "planned",
            "step": -1,
            "stage": -1,
            "judged": 0,
            "stages": [],
            "configured": 0,
            "why": {"code": "planned", "detail": self.reason or ""},
        }


class Moving(Shape):
    reason: Reason | None = Field(default=None, description="a protected environment asks for it")


class StageView(Shape):
    stage: int
    step: int
    share: float = Field(description="percent")
    since: str


class WhyView(Shape):
    code: str
    detail: str


class RolloutView(Shape):
    id: str
    flag: str
    environment: str
    from_: str = Field(alias="from")
    to: str
    bucket_by: str
    ladder: list[Step]
    guards: list[GuardShape]
    alpha: float
    holdback: float
    early: bool
    state: states.State
    stage: int | None = Field(description="the period with one split that it is in, from 0")
    share: float = Field(description="percent that get `to`")
    due: str | None = Field(description="when the running stage's time is over")
    why: WhyView = Field(description="of its last move")
    stages: list[StageView]
    ended_by: str | None = Field(description="who ended it by an edit")
    reason: str | None
    created_by: str
    created_at: str
    updated_at: str
    version: int = Field(ge=1)


def view(stored: Stored, created_by: str) -> dict[str, Any]:
    """A RolloutView."""
    data = stored.data
    judged = jsontext.read(data["policy"])
    started = bool(data["stages"])
    over = rollout.due(data) if data["state"] == "running" else None
    return {
        "id": stored.id,
        **{name: data[name] for name in ("flag", "environment", "from", "to", "bucket_by", "state", "why")},
        "ladder": [_shown(step) for step in data["ladder"]],
        "guards": [{"threshold": None, "action": None} | guard for guard in judged["guards"]],
        "alpha": judged["alpha"],
        "early": judged["early"],
        "holdback": percent(int(data["holdback"])),
        "stage": int(data["stage"]) if started else None,
        "share": percent(rollout.share(data)),
        "due": None if over is None else over.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "stages": [
            {"stage": number, "step": int(one["step"]), "share": percent(int(one["share"])), "since": one["since"]}
            for number, one in enumerate(data["stages"])
        ],
        "ended_by": data.get("ended_by"),
        "reason": data["reason"] or None,
        "created_by": created_by,
        "created_at": stored.created_at,
        "updated_at": stored.updated_at,
        "version": stored.version,
    }


def _step(step: Mapping[str, Any]) -> dict[str, Any]:
    hold = {name: value for name, value in (step.get("hold") or {}).items() if value}
    return {"share": step["share"], **hold}


def _shown(step: Mapping[str, Any]) -> dict[str, Any]:
    units = int(step["units"]) if "units" in step else None
    hold = {"minutes": int(step["minutes"]), "units": units, "approval": "approval" in step} if "minutes" in step else None
    return {"share": percent(int(step["share"])), "hold": hold}
