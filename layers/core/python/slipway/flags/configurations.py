"""What a flag answers in each environment: switch, default, rule, overrides, prerequisites.

Kept per configuration (`flag#<key>#<environment>`):

    flag, environment, enabled, default_variant, targeting (JSON text or null), overrides {variant: [targeting keys]},
    prerequisites [{flag, variants}], reason (of this version, where one was given),
    rollout (see `slipway.rollouts.rollout`, while one runs), ended (the rollout that this version has ended)

One that nobody has touched has no row. It reads as version 1: off, made when the flag or the environment was, the later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

from slipway import history
from slipway.access import SYSTEM
from slipway.calls import Call, timestamp
from slipway.flags import configuration, graph, jsontext, ledger, needs, protection
from slipway.flags.beside import Beside, settled, update
from slipway.flags.checks import faults, references, size, wrong
from slipway.flags.compilation import Rows, definition
from slipway.flags.configuration import UNTOUCHED, ConfigurationPatch, patched
from slipway.flags.environments import Environments
from slipway.flags.flags import Flags, flag_id
from slipway.flags.protection import reasoned
from slipway.flags.segments import Segments, segment_id
from slipway.flags.stored import Uncompilable
from slipway.ports import Absent, ConditionFailed, Store
from slipway.problems import Conflict, Fault, NotFound
from slipway.resources import Stored
from slipway.rollouts import rollout

Data = dict[str, Any]


class Plan(NamedTuple):
    """A change that may be made: what stands before and after it, what it is then answered from, and what changes beside."""

    flag: Stored
    place: Stored
    before: Stored
    after: Stored
    rows: Rows
    beside: list[Beside]

    @property
    def touched(self) -> list[Stored]:
        """The environments that have to agree (`slipway.flags.protection`)."""
        return [self.place]


class Configurations:
    def __init__(self, store: Store, flags: Flags, environments: Environments, segments: Segments) -> None:
        self.store, self.flags, self.environments, self.segments = store, flags, environments, segments
        self.shelf = flags.configured

    # --- reads ---

    def read(self, call: Call, key: str, environment: str) -> tuple[Stored, Stored]:
        """The flag and its configuration. Raises NotFound."""
        flag, place = self.flags.read(key), self.environments.read(call, environment)
        return flag, self._standing(flag, place)

    def id_of(self, key: str, environment: str) -> str:
        return f"{flag_id(key)}#{environment}"

    def each(self, call: Call, key: str) -> list[Stored]:
        """The flag's configurations, by environment. Raises NotFound."""
        flag, known = self.flags.read(key), self.environments.all(call).each
        found = {stored.id: stored for stored in self.shelf.read_all([_id(flag, place) for place in known])}
        return [found.get(_id(flag, place)) or self._untouched(flag, place) for place in known]

    def at(self, call: Call, key: str, environment: str, moment: datetime) -> tuple[Stored, Stored]:
        """Flag and configuration as they were in force. Raises NotFound before there were both, Invalid in the future."""
        flag = self.flags.at(call, key, moment)
        standing = self._standing(flag, self.environments.read(call, environment))
        if standing.created_at > timestamp(moment):
            raise NotFound(f"The environment {environment!r} did not exist at {timestamp(moment)}.")
        return flag, standing if standing.version == 1 else self.shelf.at(standing, moment)

    def versions(
        self, call: Call, key: str, environment: str, *, below: int | None, limit: int
    ) -> tuple[list[history.Version], int | None]:
        """Newest first. Raises NotFound."""
        _, standing = self.read(call, key, environment)
        if standing.version == 1:
            first = history.Version(standing, configuration.changes({}, standing.data))
            return [first][: below is None or below > 1], None
        return history.versions(self.shelf, standing.id, configuration.changes, below=below, limit=limit)

    # --- writes ---

    def update(
        self,
        call: Call,
        key: str,
        environment: str,
        version: int | None,
        patch: ConfigurationPatch,
        *,
        validate_only: bool = False,
    ) -> Stored:
        """Merge the patch into that version (None: whatever stands). What changes nothing makes no version.

        Raises NotFound, PreconditionFailed, Conflict (archived), Invalid."""
        return self._change(call, key, environment, version, _patching(patch), validate_only)

    def switch_off(self, call: Call, key: str, environment: str, reason: str | None) -> Stored:
        """At once, whatever version stands, however broken it is, without a second person and, if need be, a reason.

        Raises NotFound, Conflict (archived)."""
        off: Callable[[Stored], Data] = lambda before: reasoned({**before.data, "enabled": False}, reason)  # noqa: E731

        def attempt(call: Call) -> Stored:
            plan = self.planned(call, key, environment, None, off)
            return plan.before if plan.after is plan.before else self.write(call, plan, [])

        return settled(call, None, attempt)

    def patched(self, call: Call, key: str, environment: str, version: int | None, patch: ConfigurationPatch) -> Plan:
        """`planned`, of a merge patch."""
        return self.planned(call, key, environment, version, _patching(patch))

    def revert(
        self,
        call: Call,
        key: str,
        environment: str,
        version: int | None,
        to: int,
        reason: str | None,
        *,
        validate_only: bool = False,
    ) -> Stored:
        """A new version that says what an older one said. Raises NotFound, PreconditionFailed, Conflict (archived), Invalid."""

        def reverted(before: Stored) -> Data:
            if to == before.version:
                return before.data
            return reasoned(self.shelf.past(before.id, to).data, reason)

        return self._change(call, key, environment, version, reverted, validate_only)

    def copy(
        self,
        call: Call,
        key: str,
        environment: str,
        version: int | None,
        source: str,
        reason: str | None,
        *,
        validate_only: bool = False,
    ) -> Stored:
        """What another environment has. Raises NotFound, PreconditionFailed, Conflict (archived), Invalid."""

        def copied(before: Stored) -> Data:
            _, taken = self.read(call, key, source)
            return reasoned({**before.data, **{name: taken.data[name] for name in UNTOUCHED}}, reason)

        return self._change(call, key, environment, version, copied, validate_only)

    # --- inside ---

    def _standing(self, flag: Stored, place: Stored) -> Stored:
        return self.shelf.find(_id(flag, place)) or self._untouched(flag, place)

    def _untouched(self, flag: Stored, place: Stored) -> Stored:
        """Version 1, the same for everybody who makes it."""
        call = Call(SYSTEM, "configurations.begin", datetime.fromisoformat(max(flag.created_at, place.created_at)), "")
        data = {"flag": flag.data["key"], "environment": place.data["name"], **UNTOUCHED}
        (head,) = self.shelf.creating(call, _id(flag, place), data, [])
        return Stored(head.row)

    def _change(
        self,
        call: Call,
        key: str,
        environment: str,
        version: int | None,
        make: Callable[[Stored], Data],
        validate_only: bool,
    ) -> Stored:
        def attempt(call: Call) -> Stored:
            plan = self.planned(call, key, environment, version, make)
            if plan.after is plan.before:
                return plan.before
            protection.check(plan.touched, plan.after.data.get("reason"))
            return self.write(call, plan, [], validate_only=validate_only)

        return settled(call, version, attempt)

    def planned(self, call: Call, key: str, environment: str, version: int | None, make: Callable[[Stored], Data]) -> Plan:
        """What a change would be, looked at from all sides; nothing is written. Where it changes nothing, `after` is `before`.

        Raises NotFound, PreconditionFailed, Conflict (archived), Invalid."""
        flag, place = self.flags.read(key), self.environments.read(call, environment)
        before = self._standing(flag, place)
        if version is not None and version != before.version:
            raise self.shelf.elsewhere(before)
        if flag.data["status"] == "archived":
            raise Conflict("The flag is archived; restore it first.")
        data = make(before)
        if not protection.counts("configuration", before.data, data):
            return Plan(flag, place, before, before, self._answering(flag, before), [])
        version_of_graph = ledger.number(self.store, graph.place(environment), "version")
        data = configuration.alone(data, before.data.get("rollout"))
        after = self.shelf.would_be(call, before, data, [configuration.event(before, data)])
        beside = [
            ledger.revised(environment, size(data) - size(before.data)),
            *ledger.moved(_places(before.data), _places(data)),
            *rollout.ended(self.store, call, before, f"the configuration in {environment!r}"),
        ]
        if _only_off(before.data, data):  # nothing that is wrong with it, or with what it needs, is in the way
            return Plan(flag, place, before, after, self._answering(flag, after), beside)
        rows = self.gathered(flag, after)
        if found := faults(flag.data, data, rules(rows)):
            raise wrong(found)
        beside += [
            ledger.unchanged(flag),
            ledger.unchanged(place),
            *needs.flags(self.flags.shelf, before.data, data),
            *needs.segments(self.segments, before.data, data),
        ]
        if {one["flag"] for one in data["prerequisites"]} - {one["flag"] for one in before.data["prerequisites"]}:
            beside.append(ledger.advanced(graph.place(environment), version_of_graph))
        _check_compiles(key, rows)
        return Plan(flag, place, before, after, rows, beside)

    def write(self, call: Call, plan: Plan, finished: Sequence[Beside], *, validate_only: bool = False) -> Stored:
        """Make the change, together with what it finishes. Raises PreconditionFailed, Moved."""
        if plan.before.version == 1 and not validate_only:
            with suppress(ConditionFailed):
                self.store.put(self.shelf.table, self._untouched(plan.flag, plan.place).row, Absent())
        beside = [*plan.beside, *finished]
        events = [configuration.event(plan.before, plan.after.data)]
        return update(self.shelf, call, plan.before, plan.after.data, events, beside, validate_only=validate_only)

    def _answering(self, flag: Stored, stored: Stored) -> Rows:
        """`gathered`; one that is off answers from nothing else."""
        if stored.data["enabled"]:
            return self.gathered(flag, stored)
        return Rows(stored.data["environment"], 0, (flag.row,), (stored.row,))

    def gathered(self, flag: Stored, stored: Stored, at: datetime | None = None) -> Rows:
        """All that this configuration answers from: what it needs, and all their segments; as it stands, or stood then.

        Raises Invalid for a cycle."""
        environment, wanted = stored.data["environment"], [one["flag"] for one in stored.data["prerequisites"]]
        others = graph.reached(graph.reader(self.shelf, at), flag.data["key"], environment, wanted)
        standing = [stored, *(one for one in others.values() if one is not None)]
        heads = [flag, *graph.reader(self.flags.shelf, at)([flag_id(key) for key in others])]
        used = {key for one in standing for key in references(jsontext.read(one.data["targeting"] or "null"))}
        segments = graph.reader(self.segments.shelf, at)([segment_id(key) for key in sorted(used)])
        there = [one for one in segments if one.data["status"] != "deleted"]
        return Rows(environment, 0, *(tuple(one.row for one in each) for each in (heads, standing, there)))


def _patching(patch: ConfigurationPatch) -> Callable[[Stored], Data]:
    return lambda before: patched(before.data, patch.fields())


def _id(flag: Stored, place: Stored) -> str:
    return f"{flag.id}#{place.data['name']}"


def rules(rows: Rows) -> dict[str, Any]:
    """Its segments' rules, by key."""
    return {row["data"]["key"]: jsontext.read(row["data"]["targeting"]) for row in rows.segments}


def _only_off(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    others = [name for name in UNTOUCHED if name != "enabled"]
    return before["enabled"] and not after["enabled"] and all(before[name] == after[name] for name in others)


def _check_compiles(key: str, rows: Rows) -> None:
    try:
        definition(key, rows)
    except Uncompilable as error:
        raise wrong([Fault("", "not_evaluable", str(error))]) from None


def _places(data: Mapping[str, Any]) -> list[ledger.Place]:
    return [(ledger.switched_on(data["environment"]), data["flag"])] if data["enabled"] else []
