"""Surveys: one question of one kind, asked of a part of the people of one environment.

Kept per survey (`srv_...`): product, environment, kind, question, targeting (JSON text), sampling (parts of 100,000), cap,
quiet_days, starts_at, ends_at, enabled, status

    srv_... / count, answer#<person>   see `slipway.feedback.answers`
    list#surveys#<environment>         those that are enabled there

Product, environment and kind stay as they are: other answers would be counted together with those that are there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from slipway import history, roster
from slipway.calls import Call, timestamp
from slipway.changes import differences, told
from slipway.feedback.answers import COUNT, SCHEMA
from slipway.feedback.survey import CAP, QUIET, NewSurvey, SurveyListing, SurveyPatch, shown, view
from slipway.flags import jsontext
from slipway.flags.checks import CONFIGURATION_BYTES
from slipway.flags.environments import Environments
from slipway.flags.rules import targeting_faults
from slipway.paging import json_bytes
from slipway.ports import Delete, Put, Row, Store, Update, Write, every
from slipway.problems import Conflict, Fault, Invalid, NotFound
from slipway.resources import Claim, Created, Event, Shelf, Stored
from slipway.rollouts.exposure import SCALE
from slipway.tables import FEEDBACK, PRODUCTS
from slipway.upgrades import newest, upgrader

Data = dict[str, Any]

MOST_ENABLED = 50  # of one environment: a prompt looks at each of them
VERDICTS = ("true", "false")  # what a rule may answer

FIELDS = (
    *("product", "environment", "kind", "question", "targeting", "sampling", "cap", "quiet_days"),
    *("starts_at", "ends_at", "enabled", "status"),
)
TOLD = tuple(name for name in FIELDS if name not in ("question", "targeting", "sampling"))
_DEFAULTS: Data = {"sampling": SCALE, "cap": CAP, "quiet_days": QUIET}


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Data]:
    return differences(shown(dict(before)) if before else {}, shown(dict(after)), FIELDS)


class Surveys:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.shelf = Shelf(store, FEEDBACK, kind="survey", schema=newest("survey"), upgrade=upgrader("survey"), begins="srv_")

    # --- reads ---

    def read(self, id: str) -> Stored:
        """Raises NotFound."""
        stored = self.shelf.find(id)
        if stored is None or stored.data["status"] == "deleted":
            raise NotFound(f"There is no survey {id!r}.")
        return stored

    def page(self, query: SurveyListing) -> tuple[list[Stored], str | None]:
        """In the order in which they were made, and the cursor of what follows. Raises BadCursor."""
        parts = query.parts()
        found, more = roster.page(
            roster.indexed(self.shelf),
            query.takes,
            query.limit,
            roster.start(query.cursor, parts, self.shelf.kind, "srv_"),
            size=lambda stored: json_bytes(view(stored)),
        )
        return found, roster.cursor(parts, more)

    def versions(self, id: str, *, below: int | None, limit: int) -> tuple[list[history.Version], int | None]:
        """Newest first. Raises NotFound."""
        return history.versions(self.shelf, id, changes, below=below, limit=limit)

    def enabled(self, environment: str) -> list[tuple[Stored, int]]:
        """Each survey that is enabled there, and how many answers it still takes."""
        ids = [row["sk"] for row in every(self.store, FEEDBACK, _list(environment))][: 2 * MOST_ENABLED]
        counts = self.store.get_many(FEEDBACK, [(id, COUNT) for id in ids]) if ids else []
        left = {row["pk"]: -int(row["over"]) for row in counts}
        return [(stored, left[stored.id]) for stored in self.shelf.read_all(ids)]

    # --- writes ---

    def create(self, call: Call, new: NewSurvey) -> Created:
        """Raises Invalid, Conflict where too many are enabled, IdempotencyMismatch."""
        id = call.new_id("srv_")
        if standing := self.shelf.made(call, id):
            return Created(standing, True)
        faults = Environments(self.store).faults(new.environment, "/environment")
        if self.store.get(PRODUCTS, Claim(new.product).pk, "key") is None:
            faults.append(Fault("/product", "unknown_product", f"There is no product with the key {new.product!r}."))
        if faults:
            raise Invalid("What is named there is not there; see `errors`.", errors=faults)
        data = _kept({name: getattr(new, name) for name in NewSurvey.model_fields} | {"status": "active"})
        return self.shelf.create(call, id, data, [_event("created", 1, {}, data)], also=self._beside(id, {}, data))

    def update(self, call: Call, id: str, version: int | None, patch: SurveyPatch) -> Stored:
        """What changes nothing makes no version. Raises NotFound, PreconditionFailed, Invalid, Conflict."""
        given = {name: getattr(patch, name) for name in patch.model_fields_set}
        return self._change(call, id, version, given, "updated")

    def delete(self, call: Call, id: str, version: int | None) -> Stored:
        """For good: nobody is asked any more. Who was asked before may still answer. Raises NotFound, PreconditionFailed."""
        return self._change(call, id, version, {"status": "deleted", "enabled": False}, "deleted")

    # --- inside ---

    def _change(self, call: Call, id: str, version: int | None, given: Data, move: str) -> Stored:
        def attempt(before: Stored) -> Stored:
            data = _kept(before.data | given)
            if data == before.data:
                return before
            event = _event(move, before.version + 1, before.data, data)
            return self.shelf.update(call, before, data, [event], also=self._beside(id, before.data, data))

        return self.shelf.change(lambda: self.read(id), version, attempt)

    def _beside(self, id: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Sequence[Write]:
        """What changes with it: how many answers it takes, and whether it is among those that ask. Raises Conflict."""
        writes = list[Write]()
        if not before:
            writes.append(Put(FEEDBACK, _row(id, COUNT, over=-after["cap"])))
        elif before["cap"] != after["cap"]:
            writes.append(Update(FEEDBACK, id, COUNT, add={"over": int(before["cap"]) - int(after["cap"])}))
        if after["enabled"] != before.get("enabled", False):
            listed = _list(after["environment"])
            if after["enabled"] and len(list(every(self.store, FEEDBACK, listed))) >= MOST_ENABLED:
                raise Conflict(f"In this environment {MOST_ENABLED} surveys are enabled: disable one that is over.")
            writes.append(Put(FEEDBACK, _row(listed, id)) if after["enabled"] else Delete(FEEDBACK, listed, id))
        return writes


def flag_of(id: str, targeting: str | None) -> Data:
    """The rule as flagd's document has it: a flag that is `true` for whom the survey may ask."""
    whom: Data = {"defaultVariant": "true"}
    if targeting is not None:
        whom = {"defaultVariant": "false", "targeting": jsontext.read(targeting)}
    return {"flags": {id: {"state": "ENABLED", "variants": {"true": True, "false": False}, **whom}}}


def _list(environment: str) -> str:
    return f"list#surveys#{environment}"


def _row(pk: str, sk: str, **fields: Any) -> Row:
    return {"pk": pk, "sk": sk, "schema": SCHEMA, **fields}


def _kept(data: Data) -> Data:
    """The data as they stand in the row. Raises Invalid."""
    data = {name: timestamp(value) if isinstance(value, datetime) else value for name, value in data.items()}
    data |= {name: default for name, default in _DEFAULTS.items() if data.get(name) is None}
    if isinstance(data.get("targeting"), dict):
        data["targeting"] = _checked(data["targeting"])
    kept = {name: value for name, value in data.items() if value is not None}
    if kept.get("starts_at", "") >= kept.get("ends_at", "~"):
        detail = "It ends before it starts: `ends_at` is later than `starts_at`."
        raise Invalid("Such a survey never asks.", errors=[Fault("/ends_at", "before_start", detail)])
    return kept


def _checked(rule: Data) -> str:
    text = jsontext.written(rule)
    found = targeting_faults(rule, VERDICTS, {})
    if (size := len(text.encode())) > CONFIGURATION_BYTES:
        found = [Fault("/targeting", "too_large", f"The rule takes {size:,} bytes of {CONFIGURATION_BYTES:,} at most.")]
    if found:
        raise Invalid("The survey could not tell whom to ask.", errors=found)
    return text


def _event(move: str, version: int, before: Mapping[str, Any], after: Mapping[str, Any]) -> Event:
    facts = {"product": after["product"], "environment": after["environment"], "survey_kind": after["kind"]}
    listed = [told(change, TOLD) for change in differences(before, after, FIELDS)]
    return f"survey.{move}.v1", {"version": version, "changes": listed, **facts}
