"""An import of flags: rehearsed as a whole first, so that nothing is written where one flag is wrong.

The same use cases that people call are called, on a store that keeps to itself what is written: whatever they refuse is told
with its place in the file. Only then the same steps are done for real, those that would still change something: flags,
segments (which may answer variants that a flag gets), configurations of one environment, and at last the variants that a
changed flag has no more. The same import again goes on where it was broken off, or where MOST_STEPS ended it, and makes nothing
twice.

An import has a name: its `Idempotency-Key`, or else the digest of the file. What was made under that name is its own: with the
mode `create` every other flag of the same key is in the way. A configuration that somebody has changed since is left alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

from pydantic import Field

from slipway.calls import Call
from slipway.flags import jsontext
from slipway.flags.bundle import MOST_FAULTS, Bundle, Note, Part, Validate
from slipway.flags.configuration import ConfigurationPatch
from slipway.flags.control import Control
from slipway.flags.flag import FlagPatch, NewFlag, metadata
from slipway.flags.flags import flag_id
from slipway.flags.segments import NewSegment, SegmentPatch, segment_id
from slipway.ports import Absent, ConditionFailed
from slipway.problems import Conflict, Fault, IdempotencyMismatch, Invalid, KeyTaken, PreconditionFailed, Problem, TooLarge
from slipway.resources import Stored
from slipway.shape import Shape
from slipway.tables import FLAGS
from slipway.values import Value

MOST_PARTS = 1_000  # flags and segments of a file
MOST_STEPS = 300  # that one request does for real
MOST_NOTES = 1_000  # that are told

Mode = Literal["create", "update"]
Done = Literal["created", "updated", "existing"]


class NoteView(Shape):
    flag: str | None
    pointer: str
    code: str
    detail: str


class ImportView(Shape):
    """`created`, `updated` and `existing` (as the file says) count flags and segments; `left`: steps that wait for the same
    import again; `conflicts`: what others changed meanwhile; `notes`: rollouts that it ends, and what did not map."""

    flags: int
    segments: int
    created: int
    updated: int
    existing: int
    left: int
    conflicts: list[NoteView]
    notes: list[NoteView]
    more_notes: int = Field(description="that are not told")


class Order(Value):
    """What is to be imported where. `reason`: for protected environments. `digest`: of the file."""

    bundle: Bundle
    environment: str
    mode: Mode
    reason: str | None
    digest: str


class Step(Value):
    part: Part
    run: Callable[[Control, Call], Done]


def take(
    control: Control, rehearsal: Control, call: Call, order: Order, validate: Validate, *, validate_only: bool = False
) -> dict[str, Any]:
    """`rehearsal`: a control plane that changes nothing. Returns an ImportView.

    Raises TooLarge, Invalid, KeyTaken, Conflict, IdempotencyMismatch, NotFound (no such environment): nothing is written."""
    bundle = order.bundle
    _check(rehearsal, call, order)
    steps = _Steps(order, call.idempotency_key, validate)
    pending, became = _rehearsed(rehearsal, call, steps.all())
    conflicts, left = list[Note](), 0
    if not validate_only:
        if call.idempotency_key is not None:
            _bind(control, call)
        left = max(0, len(pending) - MOST_STEPS)
        conflicts = _done(control, call, pending[:MOST_STEPS])
    counts, notes = Counter(became.values()), [*steps.told.values(), *bundle.notes]
    return {
        "flags": len(bundle.flags),
        "segments": len(bundle.segments),
        **{done: counts[done] for done in ("created", "updated", "existing")},
        "left": left,
        "conflicts": [note._asdict() for note in conflicts],
        "notes": [note._asdict() for note in notes[:MOST_NOTES]],
        "more_notes": max(0, len(notes) - MOST_NOTES),
    }


def _check(control: Control, call: Call, order: Order) -> None:
    """Of the file as a whole; and what is there already is read, a hundred at a time."""
    flags, segments = order.bundle.flags, order.bundle.segments
    if len(flags) + len(segments) > MOST_PARTS:
        raise TooLarge(f"A file may have {MOST_PARTS:,} flags and segments; import the rest of it as another one.")
    if not flags and not segments:
        raise Invalid("The file has no flags.", errors=[Fault("", "empty", "Send at least one flag.")])
    for parts in (flags, segments):
        keys = Counter(part.key for part in parts)
        if twice := [Fault(part.at, "duplicate", f"The file has {part.key!r} twice.") for part in parts if keys[part.key] > 1]:
            raise Invalid("Some keys stand in the file twice; nothing was imported.", errors=twice[:MOST_FAULTS])
    place = control.environments.read(call, order.environment).data
    if place["approval"]:
        raise Conflict(
            f"A change in {order.environment!r} takes a second person: import into another environment, and propose."
        )
    if place["protected"] and order.reason is None:
        detail = f"The environment {order.environment!r} is protected: give the reason of the change."
        raise Invalid(detail, errors=[Fault("/query/reason", "required", detail)])
    ids = [flag_id(part.key) for part in flags]
    for first in range(0, len(ids), 50):
        some = ids[first : first + 50]
        control.flags.shelf.read_all([*some, *(f"{id}#{order.environment}" for id in some)])


def _rehearsed(control: Control, call: Call, steps: Iterable[Step]) -> tuple[list[Step], dict[str, Done]]:
    """The steps that would change something, and what would become of each part of the file.

    Raises Invalid, KeyTaken, Conflict."""
    pending, became = list[Step](), dict[str, Done]()
    wrong: dict[type[Problem], list[Fault]] = {}
    refused: set[str] = set()
    for step in steps:
        part = step.part
        if part.at in refused:
            continue
        try:
            done = step.run(control, call)
        except Problem as problem:
            refused.add(part.at)
            told = [_told(part, fault) for fault in problem.errors] or [Fault(part.at, problem.code, problem.detail)]
            wrong.setdefault(_kind(problem), []).extend(told)
            continue
        if done != "existing":
            pending.append(step)
        if became.get(part.at, "existing") == "existing":
            became[part.at] = done
    for kind in (Invalid, Conflict, KeyTaken):
        if kind in wrong:
            faults = [fault for each in wrong.values() for fault in each]
            more = f" (the first {MOST_FAULTS} of {len(faults)} are told)" if len(faults) > MOST_FAULTS else ""
            raise kind(f"{_WHY[kind]} Nothing was imported{more}.", errors=faults[:MOST_FAULTS])
    return pending, became


def _told(part: Part, fault: Fault) -> Fault:
    """The reason is no field of the file."""
    return fault._replace(pointer="/query/reason") if fault.pointer == "/reason" else part.told(fault)


_WHY = {
    Invalid: "Some flags would not be valid.",
    Conflict: "What stands there does not allow some of it.",
    KeyTaken: "Some keys are taken; import with mode=update to change what stands there.",
}


def _kind(problem: Problem) -> type[Problem]:
    if isinstance(problem, IdempotencyMismatch):
        raise problem
    return KeyTaken if isinstance(problem, KeyTaken) else Conflict if isinstance(problem, Conflict) else Invalid


def _done(control: Control, call: Call, steps: Sequence[Step]) -> list[Note]:
    """Do them. What others changed since the rehearsal, and is refused now, is told."""
    conflicts = []
    for step in steps:
        try:
            step.run(control, call)
        except Problem as problem:
            conflicts.append(Note(step.part.key, step.part.at, problem.code, problem.detail))
    return conflicts


def _bind(control: Control, call: Call) -> None:
    """Keep which request this Idempotency-Key belongs to, before anything of it is written. Raises IdempotencyMismatch."""
    row = {"pk": call.new_id("imp_"), "sk": "import", "schema": 1, "digest": call.digest}
    try:
        control.store.put(FLAGS, row, Absent())
    except ConditionFailed as failed:
        if (failed.row or {}).get("digest") != call.digest:
            raise IdempotencyMismatch("This Idempotency-Key was used with another import; send a new key with it.") from None


class _Steps:
    """What an import does, one resource at a time; each step may be done again."""

    def __init__(self, order: Order, idempotency_key: str | None, validate: Validate) -> None:
        self.order, self.validate = order, validate
        self.name = idempotency_key or f"file {order.digest}"
        self.updates = order.mode == "update"
        self.told: dict[str, Note] = {}  # by rollouts that end, and flags that draw otherwise

    def all(self) -> list[Step]:
        bundle = self.order.bundle
        steps = [self._step(part, self._flag) for part in bundle.flags]
        steps += [self._step(part, self._segment) for part in bundle.segments]
        steps += [self._step(part, self._configuration) for part in bundle.flags]
        return steps + [self._step(part, self._trim) for part in bundle.flags if self.updates]

    def _step(self, part: Part, run: Callable[[Part, Control, Call], Done]) -> Step:
        return Step(part, lambda control, call: run(part, control, self._named(call, part)))

    def _named(self, call: Call, part: Part) -> Call:
        """The same for every try of this import: what it creates knows its maker."""
        kind = "segment" if part.configuration is None else "flag"
        return call.but(idempotency_key=f"{self.name} {kind} {part.key}", digest=self.order.digest)

    def _segment(self, part: Part, control: Control, call: Call) -> Done:
        new: NewSegment = self.validate(NewSegment, part.fields)
        standing = control.segments.shelf.find(segment_id(new.key))
        if standing is None:
            control.segments.create(call, new)
            return "created"
        same = standing.data["status"] != "deleted" and jsontext.written(new.targeting) == standing.data["targeting"]
        if same and not self.updates:
            return "existing"
        if self.updates:
            patch = self.validate(SegmentPatch, {name: value for name, value in part.fields.items() if name != "key"})
            return _changed(standing, control.segments.change(call, new.key, None, patch.fields(), self.order.reason))
        control.segments.create(call, new)  # it is in the way, unless this import made it
        return "existing"

    def _flag(self, part: Part, control: Control, call: Call) -> Done:
        new: NewFlag = self.validate(NewFlag, part.fields)
        standing = control.flags.shelf.find(flag_id(new.key))
        if standing is None:
            control.flags.create(call, new)
            return "created"
        if not self.updates:
            control.flags.create(call, new)  # it is in the way, unless this import made it
            return "existing"
        for name in ("type", "hash"):
            if standing.data[name] != getattr(new, name) and (name == "type" or part.pinned):
                detail = f"The {name} of {new.key!r} is {standing.data[name]}, and stays so."
                raise Conflict(detail, errors=[Fault(f"/{name}", "immutable", detail)])
        if part.fields.get("hash", hash := standing.data["hash"]) != hash and self.order.bundle.draws(part):
            self.told[part.at] = part.drawn_by(hash)
        given = {name: value for name, value in part.fields.items() if name not in ("key", "type", "hash")}
        if "metadata" in given:
            given["metadata"] = dict.fromkeys(metadata(standing.data)) | dict(given["metadata"])
        patch = self.validate(FlagPatch, given)
        return self._ending(part, standing, control.flags.change(call, new.key, None, patch.fields(), self.order.reason))

    def _configuration(self, part: Part, control: Control, call: Call) -> Done:
        _, standing = control.configurations.read(call, part.key, self.order.environment)
        if standing.version > 1 and not self.updates:
            return "existing"
        given = dict(part.configuration or {})
        gone = dict.fromkeys(standing.data["overrides"])
        patch = {"prerequisites": [], **given, "overrides": {**gone, **given.get("overrides", {})}}
        if self.order.reason is not None:
            patch["reason"] = self.order.reason
        version = None if self.updates else standing.version
        body: ConfigurationPatch = self.validate(ConfigurationPatch, patch)
        try:
            after = control.configurations.update(call, part.key, self.order.environment, version, body)
        except PreconditionFailed:
            return "existing"
        return self._ending(part, standing, after)

    def _trim(self, part: Part, control: Control, call: Call) -> Done:
        """Variants that the file has no more go when no configuration of it names them any longer."""
        standing = control.flags.read(part.key)
        gone = jsontext.read(standing.data["variants"]).keys() - part.fields.get("variants", {}).keys()
        if not gone or part.fields.get("variants") is None:
            return "existing"
        change = {"variants": dict.fromkeys(gone)}
        return self._ending(part, standing, control.flags.change(call, part.key, None, change, self.order.reason))

    def _ending(self, part: Part, before: Stored, after: Stored) -> Done:
        """What a flag or a configuration has become; and which rollouts that ends."""
        done, ended = _changed(before, after), after.data.get("ended", [])
        ids = [ended] if isinstance(ended, str) else [one["id"] for one in ended]
        for id in ids if done == "updated" else []:
            self.told[id] = Note(part.key, part.at, "rollout_ended", f"The rollout {id} ends: what is imported holds.")
        return done


def _changed(before: Stored, after: Stored) -> Done:
    return "existing" if after.version == before.version else "updated"
