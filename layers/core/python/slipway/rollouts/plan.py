"""A rollout as the API takes and answers it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ConfigDict, Field, StrictBool

from slipway import cursors, people
from slipway.calls import Call
from slipway.changes import differences
from slipway.flags import jsontext
from slipway.flags.fields import Key, Reason, Variant
from slipway.paging import Paging
from slipway.problems import Fault, Invalid
from slipway.resources import Stored
from slipway.rollouts import rollout, states
from slipway.rollouts.course import LADDER, Alpha, BucketBy, Course, Guards, GuardShape, Ladder, Share, Step, percent
from slipway.shape import Shape

PLACE = r"[0-9TZ:.-]{24}#rol_[0-9a-z]{26}"


class NewRollout(Shape):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"from": "off", "to": "on", "ladder": LADDER, "guards": [{"metric": "checkout_failed", "kind": "bad_units"}]}
            ]
        }
    )

    from_: Variant = Field(alias="from", description="what they get who would be given it without the rollout")
    to: Variant = Field(description="what a share of those gets instead")
    bucket_by: BucketBy = Field(default="targetingKey", description="the field of the context that makes a unit")
    template: Key | None = Field(default=None, description="a rollout template: gives each of the next five that is left out")
    ladder: Ladder | None = Field(default=None, description="needed without a template")
    guards: Guards | None = None
    alpha: Alpha | None = Field(default=None, description="how often a harmless rollout may be stopped by its guards: 0.05")
    holdback: Share | None = Field(default=None, description="the share that keeps `from` when all is over")
    early: StrictBool | None = Field(default=None, description="go on before a hold is over where no harm is proven")
    start: StrictBool = Field(default=True, description="at once; else it is planned, and started by `/start`")
    reason: Reason | None = Field(default=None, description="a protected environment asks for it")

    def course(self, template: Course | None) -> Course:
        """What is asked for, and else what the template says. Raises Invalid."""
        given = {name: getattr(self, name) for name in Course.model_fields if getattr(self, name) is not None}
        if template is None and "ladder" not in given:
            detail = "Give the ladder, or a template that has one."
            raise Invalid(detail, errors=[Fault("/ladder", "required", detail)])
        made = Course.model_construct(**({} if template is None else dict(template)) | given)
        if found := made.faults():
            raise Invalid("The rollout could not run.", errors=found)
        return made

    def data(self, flag: str, environment: str, call: Call, course: Course) -> dict[str, Any]:
        """As it is kept, planned."""
        told = course.model_dump(exclude_none=True)
        judged = {name: told[name] for name in ("alpha", "early", "guards")}
        return {
            "flag": flag,
            "environment": environment,
            "from": self.from_,
            "to": self.to,
            "bucket_by": self.bucket_by,
            "holdback": told["holdback"],
            "planned_by": call.cause["actor"],
            **({} if (person := people.person(call.principal)) is None else {"person": person}),
            **({} if self.template is None else {"template": self.template}),
            "reason": self.reason or "",
            "ladder": [_step(step) for step in told["ladder"]],
            "policy": jsontext.written(judged),
            "state": "planned",
            "share": 0,
            "step": -1,
            "stage": -1,
            "judged": 0,
            "stages": [],
            "configured": 0,
            "why": {"code": "planned", "detail": self.reason or ""},
        }


class Moving(Shape):
    reason: Reason | None = Field(
        default=None, description="a protected environment asks for it where more may be shown: start, advance, resume, stop"
    )


class RolloutListing(Paging):
    state: states.State | None = None

    def begins(self, parts: Sequence[str | None]) -> str | None:
        """The place to go on from; a made-up one may be any. Raises BadCursor."""
        if self.cursor is None:
            return None
        place = str(cursors.decode(self.cursor, parts, {"place": str})["place"])
        if not re.fullmatch(PLACE, place):
            raise cursors.unknown()
        return place


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
    template: str | None = Field(description="that it was begun with")
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


def view(stored: Stored) -> dict[str, Any]:
    """A RolloutView."""
    data = stored.data
    over = rollout.due(data) if data["state"] == "running" else None
    return {
        "id": stored.id,
        **{name: data.get(name) for name in ("flag", "environment", "template")},
        **_plain(data),
        "due": None if over is None else over.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "stages": [
            {"stage": number, "step": int(one["step"]), "share": percent(int(one["share"])), "since": one["since"]}
            for number, one in enumerate(data["stages"])
        ],
        "created_by": data["planned_by"],
        "created_at": stored.created_at,
        "updated_at": stored.updated_at,
        "version": stored.version,
    }


FIELDS = (
    *("from", "to", "bucket_by", "ladder", "guards", "alpha", "early", "holdback", "reason"),
    *("state", "stage", "share", "why", "ended_by"),
)


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    return differences(_plain(before) if before else {}, _plain(after), FIELDS)


def _plain(data: Mapping[str, Any]) -> dict[str, Any]:
    """As it is shown."""
    judged = jsontext.read(data["policy"])
    return {
        **{name: data[name] for name in ("from", "to", "bucket_by", "state", "why")},
        "ladder": [_shown(step) for step in data["ladder"]],
        "guards": [{"threshold": None, "action": None} | guard for guard in judged["guards"]],
        "alpha": judged["alpha"],
        "early": judged["early"],
        "holdback": percent(int(data["holdback"])),
        "reason": data["reason"] or None,
        "stage": int(data["stage"]) if data["stages"] else None,
        "share": percent(rollout.share(data)),
        "ended_by": data.get("ended_by"),
    }


def _step(step: Mapping[str, Any]) -> dict[str, Any]:
    hold = {name: value for name, value in (step.get("hold") or {}).items() if value}
    return {"share": step["share"], **hold}


def _shown(step: Mapping[str, Any]) -> dict[str, Any]:
    units = int(step["units"]) if "units" in step else None
    hold = {"minutes": int(step["minutes"]), "units": units, "approval": "approval" in step} if "minutes" in step else None
    return {"share": percent(int(step["share"])), "hold": hold}
