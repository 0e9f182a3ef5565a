"""Rollout templates: courses that are used again and again.

Kept per template (`template#<key>`): key, course (JSON text, as the API has it), description, status

A rollout takes over what its template says at that moment; a later change of the template is none of the rollout's. The first
two are put there by whoever first asks. The key of a deleted one never comes back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, Field, StrictBool

from slipway import history
from slipway.access import SYSTEM
from slipway.calls import Call
from slipway.changes import differences, told
from slipway.fields import Description
from slipway.flags import jsontext, ledger
from slipway.flags.beside import create, settled, update
from slipway.flags.fields import Key
from slipway.ports import Absent, ConditionFailed, Put, Store
from slipway.problems import Invalid, NotFound
from slipway.resources import Created, Event, Shelf, Stored
from slipway.rollouts.course import LADDER, Alpha, Course, Guards, GuardShape, Ladder, Share, Step, shown
from slipway.shape import Shape, absent
from slipway.tables import FLAGS
from slipway.upgrades import newest, upgrader

Data = dict[str, Any]

SET = ("catalogue", "templates")  # there once the first ones were made
FIELDS = ("key", "description", "ladder", "guards", "alpha", "holdback", "early", "status")
TOLD = ("key", "status")

_ERRORS: Data = {"metric": "errors", "kind": "bad_units"}
FIRST: tuple[Data, ...] = (
    {
        "key": "cautious",
        "description": "Five days, and a person before everybody gets it: for what is dear to undo",
        "ladder": [
            {"share": 1, "hold": {"minutes": 24 * 60, "units": 500}},
            {"share": 5, "hold": {"minutes": 24 * 60, "units": 1_000}},
            {"share": 25, "hold": {"minutes": 24 * 60}},
            {"share": 50, "hold": {"minutes": 48 * 60, "approval": True}},
            {"share": 100},
        ],
        "guards": [_ERRORS],
        "alpha": 0.05,
    },
    {
        "key": "standard",
        "description": "An afternoon, faster where no harm is proven: for the change of every day",
        "ladder": [
            {"share": 5, "hold": {"minutes": 30}},
            {"share": 25, "hold": {"minutes": 60}},
            {"share": 50, "hold": {"minutes": 60}},
            {"share": 100},
        ],
        "guards": [{**_ERRORS, "margin": 0.1}],
        "alpha": 0.05,
        "early": True,
    },
)


class NewTemplate(Course):
    model_config = ConfigDict(json_schema_extra={"examples": [{"key": "weekend", "ladder": LADDER, "guards": [_ERRORS]}]})

    key: Key = Field(examples=["weekend"])
    description: Description | None = None


class TemplatePatch(Shape):
    """A merge patch; the ladder and the guards are replaced as a whole, and null stands for what holds by default."""

    description: Description | None = Field(default_factory=absent)
    ladder: Ladder = Field(default_factory=absent)
    guards: Guards | None = Field(default_factory=absent)
    alpha: Alpha | None = Field(default_factory=absent)
    holdback: Share | None = Field(default_factory=absent)
    early: StrictBool | None = Field(default_factory=absent)


class TemplateView(Shape):
    key: str
    description: str | None
    ladder: list[Step]
    guards: list[GuardShape]
    alpha: float
    holdback: float = Field(description="percent")
    early: bool
    created_at: str
    updated_at: str
    version: int = Field(ge=1)


def view(stored: Stored) -> Data:
    """A TemplateView."""
    data = stored.data
    return {
        "key": data["key"],
        "description": data.get("description"),
        **jsontext.read(data["course"]),
        "created_at": stored.created_at,
        "updated_at": stored.updated_at,
        "version": stored.version,
    }


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    return differences(_plain(before) if before else {}, _plain(after), FIELDS)


class Templates:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.shelf = Shelf(store, FLAGS, kind="template", schema=newest("template"), upgrade=upgrader("template"), named=True)

    def begin(self, call: Call) -> None:
        """The first ones are made, all or none, where nobody asked before."""
        if self.store.get(FLAGS, *SET) is not None:
            return
        call = call.but(principal=SYSTEM, operation="templates.seed", idempotency_key=None)
        pk, sk = SET
        writes: list[Any] = [Put(FLAGS, {"pk": pk, "sk": sk, "schema": 1}, Absent())]
        for fields in FIRST:
            data = _data(NewTemplate.model_validate(fields))
            writes += self.shelf.creating(call, template_id(data["key"]), data, [_event("created", 1, {}, data)])
            writes += [one.write for one in ledger.moved([], [(ledger.TEMPLATES, data["key"])])]
        try:
            self.store.transact(writes, call.new_id("seed_"))
        except ConditionFailed:
            return

    def read(self, call: Call, key: str) -> Stored:
        """Raises NotFound."""
        self.begin(call)
        stored = self.shelf.find(template_id(key))
        if stored is None or stored.data["status"] == "deleted":
            raise NotFound(f"There is no rollout template {key!r}.")
        return stored

    def course(self, call: Call, key: str) -> Course:
        """Raises NotFound."""
        return Course.model_validate(jsontext.read(self.read(call, key).data["course"]))

    def versions(self, call: Call, key: str, *, below: int | None, limit: int) -> tuple[list[history.Version], int | None]:
        """Newest first. Raises NotFound."""
        self.begin(call)
        return history.versions(self.shelf, template_id(key), changes, below=below, limit=limit)

    def create(self, call: Call, new: NewTemplate, *, validate_only: bool = False) -> Created:
        """Raises Invalid, KeyTaken, IdempotencyMismatch."""
        self.begin(call)
        id = template_id(new.key)
        if standing := self.shelf.made(call, id):
            return Created(standing, call.idempotency_key is not None)
        data = _data(new)
        events = [_event("created", 1, {}, data)]
        beside = ledger.moved([], [(ledger.TEMPLATES, new.key)])
        return create(self.shelf, call, id, data, events, beside, "key", validate_only=validate_only)

    def update(self, call: Call, key: str, version: int | None, patch: TemplatePatch, *, validate_only: bool = False) -> Stored:
        """What changes nothing makes no version. Raises NotFound, PreconditionFailed, Invalid."""

        def attempt(call: Call) -> Stored:
            before = self._wanted(call, key, version)
            given = {name: getattr(patch, name) for name in patch.model_fields_set}
            standing = dict(Course.model_validate(jsontext.read(before.data["course"]))) | {"key": key}
            merged = standing | {"description": before.data.get("description")} | given
            data = _data(NewTemplate.model_construct(**{name: one for name, one in merged.items() if one is not None}))
            if data == before.data:
                return before
            events = [_event("updated", before.version + 1, before.data, data)]
            return update(self.shelf, call, before, data, events, [], validate_only=validate_only)

        return settled(call, version, attempt)

    def delete(self, call: Call, key: str, version: int | None, *, validate_only: bool = False) -> Stored:
        """For good; the rollouts that were begun with it go on. Raises NotFound, PreconditionFailed."""

        def attempt(call: Call) -> Stored:
            before = self._wanted(call, key, version)
            data = {**before.data, "status": "deleted"}
            events = [_event("deleted", before.version + 1, before.data, data)]
            beside = ledger.moved([(ledger.TEMPLATES, key)], [])
            return update(self.shelf, call, before, data, events, beside, validate_only=validate_only)

        return settled(call, version, attempt)

    def _wanted(self, call: Call, key: str, version: int | None) -> Stored:
        before = self.read(call, key)
        if version is not None and version != before.version:
            raise self.shelf.elsewhere(before)
        return before


def template_id(key: str) -> str:
    return f"template#{key}"


def _plain(data: Mapping[str, Any]) -> Data:
    return {**data, **jsontext.read(data["course"])}


def _data(template: NewTemplate) -> Data:
    """As it is kept. Raises Invalid."""
    if found := template.faults():
        raise Invalid("No rollout could take this course.", errors=found)
    described = {"description": template.description} if template.description else {}
    return {"key": template.key, "status": "active", "course": jsontext.written(shown(template)), **described}


def _event(move: str, version: int, before: Mapping[str, Any], after: Mapping[str, Any]) -> Event:
    facts = {name: after[name] for name in ("key", "status")}
    listed = [told(change, TOLD) for change in changes(before, after)]
    return f"template.{move}.v1", facts | {"version": version, "changes": listed}
