"""Why a flag answers what it answers: the version in force, what decided, the bucket, and every operator on the way."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from slipway.calls import Call
from slipway.flags import jsontext
from slipway.flags.checks import escaped
from slipway.flags.coercion import truth
from slipway.flags.compilation import Rows, compiled
from slipway.flags.configuration import alone
from slipway.flags.configurations import Configurations
from slipway.flags.evaluation import Evaluation, FlagSet
from slipway.flags.fields import Context
from slipway.flags.fractional import Draw
from slipway.flags.snapshot import Snapshot
from slipway.flags.trace import Step
from slipway.flags.words import sentences
from slipway.moments import Moment
from slipway.problems import Conflict, Fault, Invalid
from slipway.resources import Stored
from slipway.rollouts import split
from slipway.shape import Shape


class Explaining(Shape):
    context: Context = {}
    at: Moment | None = Field(default=None, description="RFC 3339; by what was in force at this moment")


class EvaluationView(Shape):
    value: Any = Field(description="null where the caller's own default applies")
    variant: str | None
    reason: str
    error_code: str | None
    error_details: str | None


class DecidedView(Shape):
    pointer: str = Field(description="what decided: a place in the configuration (RFC 6901)")
    words: str


class BucketView(Shape):
    bucket: int
    of: int
    variant: Any


class NeededView(Shape):
    flag: str
    variant: str | None
    error_code: str | None = Field(description="why it gave no variant, where it erred: it is not met then")
    met: bool


class SplitView(Shape):
    """`bucket`, of 100,000, and `arm`: null for who does not come to the split, or has nothing to be bucketed by."""

    id: str
    share: float = Field(description="percent")
    bucket: int | None
    arm: Literal["treatment", "control"] | None


class StepView(Shape):
    pointer: str = Field(description="of the operator in the targeting; a segment stands in the place of its reference")
    operator: str
    result: Any


class ExplanationView(Shape):
    flag: str
    environment: str
    at: str
    flag_version: int
    version: int = Field(description="of the configuration that was in force")
    evaluation: EvaluationView
    decided: DecidedView
    bucket: BucketView | None = Field(description="where a `fractional` decided")
    rollout: SplitView | None = Field(description="that runs; where its split decided, `decided` names it")
    prerequisites: list[NeededView]
    trace: list[StepView] = Field(description="every operator of the rule, in the order in which they finished")


def explained(
    configurations: Configurations, call: Call, key: str, environment: str, context: Mapping[str, Any], at: datetime | None
) -> dict[str, Any]:
    """An ExplanationView. Raises NotFound, Conflict (archived), Invalid for a moment in the future."""
    if at is None:
        flag, stored = configurations.read(call, key, environment)
    else:
        flag, stored = _at(configurations, call, key, environment, at)
    if flag.data["status"] == "archived":
        raise Conflict("The flag is archived: it answers nowhere.")
    rows, now = configurations.gathered(flag, stored, at), (at or call.now).timestamp()
    evaluation = evaluated(key, rows, context, now)
    needed = [
        {
            "flag": one["flag"],
            "variant": answer.variant,
            "error_code": answer.error_code,
            "met": answer.variant in one["variants"],
        }
        for one in stored.data["prerequisites"]
        for answer in [evaluated(one["flag"], rows, context, now)]
    ]
    steps = _steps(key, rows, context, now)
    place = _decided(stored.data, needed, steps, context)
    asked = place == "/default_variant" or place.startswith("/targeting")
    draws = [step.draw for step in steps if step.draw is not None] if asked else []
    if drawn := _drawn(key, rows, stored.data, place, context, now):
        place, draws = "/rollout", [drawn]
    return {
        "flag": key,
        "environment": environment,
        "at": call.stamp if at is None else at,
        "flag_version": flag.version,
        "version": stored.version,
        "evaluation": {name: getattr(evaluation, name) for name in EvaluationView.model_fields},
        "decided": {"pointer": place, "words": dict(sentences(stored.data))[place]},
        "bucket": {"bucket": draws[-1].bucket, "of": draws[-1].buckets, "variant": draws[-1].variant} if draws else None,
        "rollout": _told(stored.data.get("rollout"), drawn),
        "prerequisites": needed,
        "trace": [{"pointer": step.pointer, "operator": step.operator, "result": step.result} for step in steps if asked],
    }


def _at(configurations: Configurations, call: Call, key: str, environment: str, at: datetime) -> tuple[Stored, Stored]:
    try:
        return configurations.at(call, key, environment, at)
    except Invalid as wrong:
        detail = "The moment lies in the future; leave `at` out to explain what stands now."
        faults = [Fault("/at", fault.code, detail) if fault.code == "in_the_future" else fault for fault in wrong.errors]
        raise Invalid(detail, errors=faults) from None


def evaluated(key: str, rows: Rows, context: Mapping[str, Any], now: float) -> Evaluation:
    """What the flag answers by these rows, as the published document would have it."""
    return flag_set(rows).evaluate(key, context, now=now)


def flag_set(rows: Rows) -> FlagSet:
    """Those that the rows tell of, read as an instance of `evaluate` reads them."""
    return Snapshot.read(compiled(rows).body).flags


def _steps(key: str, rows: Rows, context: Mapping[str, Any], now: float) -> tuple[Step, ...]:
    """Of its own rule alone: what stands around it is told by itself."""
    return _bare(key, rows).explain(key, context, now=now).trace


def _bare(key: str, rows: Rows, **fields: Any) -> FlagSet:
    """The flag with its own rule alone, or the one that `fields` have."""
    bare = {"prerequisites": [], "overrides": {}, "enabled": True, **fields}
    own = [row for row in rows.configurations if row["data"]["flag"] == key]
    return flag_set(rows.but(configurations=tuple({**row, "data": alone(row["data"], None) | bare} for row in own)))


def _drawn(key: str, rows: Rows, data: Mapping[str, Any], place: str, context: Mapping[str, Any], now: float) -> Draw | None:
    """Where the context falls in the split of the rollout that runs; None where it does not come to it."""
    running = data.get("rollout")
    if running is None or not place.startswith(("/targeting", "/default_variant")):
        return None
    rest, default, _ = split.continued(jsontext.read(data["targeting"] or "null"), data["default_variant"], running, key)
    own = {"targeting": None if rest is None else jsontext.written(rest), "default_variant": default}
    if _bare(key, rows, **own).evaluate(key, context, now=now).variant != running["from"]:
        return None
    rule = split.split(key, running["bucket_by"], running["from"], running["to"], int(running["share"]))
    trace = _bare(key, rows, targeting=jsontext.written(rule)).explain(key, context, now=now).trace
    return next((step.draw for step in trace if step.draw is not None), None)


def _told(running: Mapping[str, Any] | None, draw: Draw | None) -> dict[str, Any] | None:
    if running is None:
        return None
    arm = None if draw is None else "treatment" if draw.variant == running["to"] else "control"
    bucket = None if draw is None else draw.bucket
    return {"id": running["id"], "share": int(running["share"]) / 1000, "bucket": bucket, "arm": arm}


def _decided(data: Mapping[str, Any], needed: list[dict[str, Any]], steps: tuple[Step, ...], context: Mapping[str, Any]) -> str:
    """The place in the configuration whose sentence came true."""
    if not data["enabled"]:
        return "/enabled"
    for place, one in enumerate(needed):
        if not one["met"]:
            return f"/prerequisites/{place}"
    for variant, keys in sorted(data["overrides"].items()):
        if context.get("targetingKey") in keys:
            return f"/overrides/{escaped(variant)}"
    results = {step.pointer: step.result for step in steps}
    if data["targeting"] is None or results.get("") is None:
        return "/default_variant"
    rule = jsontext.read(data["targeting"])
    if not isinstance(rule.get("if"), list):
        return "/targeting"
    args = rule["if"]
    for at in range(0, len(args) - 1, 2):
        met = results.get(f"/if/{at}") if isinstance(args[at], dict) else args[at]
        if truth(met):
            return f"/targeting/if/{at}"
    return f"/targeting/if/{len(args) - 1}"
