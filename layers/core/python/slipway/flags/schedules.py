"""Scheduled changes: a change, or a change request that was agreed to, at a whole minute to come.

    planned ──cancel──> cancelled
       ├──fire──> fired       together with what it changes, and with the change request: all, or nothing
       └──fire──> failed      its base has changed, or the change is not valid any more: nothing happened

Kept beside what `slipway.flags.change` tells: at, planned_by, failure, proposal (the id of the change request that it is).
Where a change takes a second person, only a change request can be planned: nobody gets around the second person by waiting.

A one-shot outside (`slipway.ports.Schedules`), named after the schedule, wakes `fire` when the time has come; a consumer of
`schedule.planned.v1` makes it, and once a day whatever is missing. The row alone decides: one-shots may come twice, late, or a
minute early.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import ConfigDict, Field

from slipway.access import Principal
from slipway.calls import Call, timestamp
from slipway.fields import EnvironmentName
from slipway.flags import change, ledger
from slipway.flags.beside import Beside, create, settled, update
from slipway.flags.change import EXAMPLE, Named, Plan, PlannedView
from slipway.flags.configurations import Configurations
from slipway.flags.fields import Because, Key, ProposalId
from slipway.flags.proposals import Proposals
from slipway.flags.protection import check_approved
from slipway.moments import Moment
from slipway.paging import Paging
from slipway.ports import Schedules as OneShots
from slipway.problems import Fault, Invalid, MoveNotAllowed, NotFound, Problem
from slipway.resources import Created, Shelf, Stored
from slipway.shape import absent
from slipway.sweep import each
from slipway.tables import FLAGS
from slipway.upgrades import newest, upgrader

Data = dict[str, Any]
Status = Literal["planned", "cancelled", "fired", "failed"]

FURTHEST = timedelta(days=365)
EARLY = timedelta(minutes=1)  # that a one-shot may come: clocks disagree
WAITING = "list#schedules"


class NewSchedule(Named):
    """A change as a change request names it, with its reason; or in the place of all that the id of one that was agreed to."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**EXAMPLE, "at": "2026-11-23T12:00:00Z"}]})

    proposal: ProposalId = Field(default_factory=absent, description="a change request that is approved")
    reason: Because = Field(default_factory=absent)
    at: Moment = Field(description="RFC 3339; a whole minute, at most a year ahead")


class ScheduleView(PlannedView):
    at: str
    status: Status
    proposal: str | None = Field(description="the change request that it applies")
    failure: str | None = Field(description="why it could not be made")


class ScheduleListing(Paging):
    flag: Key | None = None
    environment: EnvironmentName | None = None
    segment: Key | None = None
    status: Status | None = None

    def takes(self, stored: Stored) -> bool:
        data = stored.data
        named = all(getattr(self, name) in (None, data.get(name)) for name in change.NAMES)
        return named and self.status in (None, data["status"])


def view(stored: Stored) -> dict[str, Any]:
    """A ScheduleView."""
    data = stored.data
    more = {"at": data["at"], "status": data["status"]}
    more |= {name: data.get(name) for name in ("proposal", "failure")}
    return change.view(data["planned_by"], stored) | more


class Schedules:
    def __init__(self, configurations: Configurations, proposals: Proposals) -> None:
        self.configurations, self.proposals, self.store = configurations, proposals, configurations.store
        self.shelf = Shelf(self.store, FLAGS, kind="schedule", schema=newest("schedule"), upgrade=upgrader("schedule"))

    def read(self, id: str) -> Stored:
        """Raises NotFound."""
        return self.shelf.read(id)

    def plan(self, call: Call, new: NewSchedule, *, validate_only: bool = False) -> Created:
        """Raises Conflict (archived, nothing changes, a second person is asked for), MoveNotAllowed, Invalid, Forbidden,
        IdempotencyMismatch."""
        id = call.new_id("sch_")
        if standing := self.shelf.made(call, id):
            return Created(standing, True)
        _check_moment(new.at, call.now)
        kept = self._agreed(call, new) if "proposal" in new.model_fields_set else self._asked(call, new)
        data = {**kept, "status": "planned", "planned_by": call.cause["actor"], "at": timestamp(new.at)}
        events = [change.event("schedule.planned", 1, data, "at")]
        beside = ledger.moved([], [(WAITING, id)])
        return create(self.shelf, call, id, data, events, beside, "id", validate_only=validate_only)

    def cancel(self, call: Call, id: str, version: int | None) -> Stored:
        """Raises NotFound, PreconditionFailed, MoveNotAllowed."""

        def attempt(call: Call) -> Stored:
            before = self.read(id)
            if version is not None and version != before.version:
                raise self.shelf.elsewhere(before)
            if before.data["status"] != "planned":
                raise MoveNotAllowed(f"The scheduled change is {before.data['status']}; it cannot be cancelled.")
            return self._finish(call, before, "cancelled")

        return settled(call, version, attempt)

    def fire(self, call: Call, id: str) -> Stored:
        """Make the change, if it is time and it is still planned: safe to repeat. Raises NotFound."""
        call = call.but(principal=Principal("system", id), idempotency_key=None)

        def attempt(call: Call) -> Stored:
            before = self.read(id)
            if before.data["status"] != "planned" or before.data["at"] > timestamp(call.now + EARLY):
                return before
            try:
                planned, also = self._planned(call, before.data)
            except Problem as problem:
                return self._finish(call, before, "failed", failure=problem.detail)
            data = {**before.data, "status": "fired"}
            events = [change.event("schedule.fired", before.version + 1, data, "at")]
            writes, _token = self.shelf.updating(call, before, data, events)
            finished = [*also, *map(Beside, writes), *ledger.moved([(WAITING, id)], [])]
            change.write(self.configurations, call, planned, finished)
            return self.shelf.would_be(call, before, data, events)

        return settled(call, None, attempt)

    def waiting(self) -> list[Stored]:
        """Every scheduled change that is still planned."""
        found, start = list[Stored](), None
        while True:
            page = self.store.query(FLAGS, (WAITING,), start=start)
            found += self.shelf.read_all([row["sk"] for row in page.rows])
            if (start := page.next) is None:
                return [stored for stored in found if stored.data["status"] == "planned"]

    # --- inside ---

    def _asked(self, call: Call, new: NewSchedule) -> Data:
        begun = change.begun(call, new)
        if "reason" not in new.model_fields_set:
            detail = "Give the reason of the change."
            raise Invalid(detail, errors=[Fault("/reason", "required", detail)])
        kept, planned = change.planned(self.configurations, call, begun, new.reason)
        check_approved(planned.touched)
        return kept

    def _agreed(self, call: Call, new: NewSchedule) -> Data:
        """Of a change request that was agreed to, and still is when the minute comes."""
        if more := sorted(new.model_fields_set - {"proposal", "at"}):
            raise Invalid(
                "The change request says all else.",
                errors=[Fault(f"/{name}", "one_change", "Leave it out: the change request says it.") for name in more],
            )
        try:
            proposal = self.proposals.read(new.proposal)
        except NotFound as missing:
            raise Invalid(missing.detail, errors=[Fault("/proposal", "unknown_proposal", missing.detail)]) from None
        change.check_allowed(call, proposal.data)
        self.proposals.applying(call, proposal)
        if timestamp(new.at) >= proposal.data["expires_at"]:
            detail = f"The change request expires at {proposal.data['expires_at']}; name an earlier minute."
            raise Invalid(detail, errors=[Fault("/at", "out_of_reach", detail)])
        kept = ("kind", *change.NAMES, "base", "change", "reason")
        return {name: value for name, value in proposal.data.items() if name in kept} | {"proposal": proposal.id}

    def _planned(self, call: Call, data: Data) -> tuple[Plan, list[Beside]]:
        """What is to be made now, and what changes beside. Raises Problem."""
        if "proposal" in data:
            planned, finished, _ = self.proposals.applying(call, self.proposals.read(data["proposal"]))
            return planned, finished
        planned = change.plan(self.configurations, call, data)
        check_approved(planned.touched)
        return planned, []

    def _finish(self, call: Call, before: Stored, state: Status, **more: str) -> Stored:
        data = {**before.data, "status": state, **more}
        event = change.event(f"schedule.{state}", before.version + 1, data, "at")
        return update(self.shelf, call, before, data, [event], ledger.moved([(WAITING, before.id)], []))


def awaited(schedules: Schedules, shots: OneShots, id: str, now: datetime) -> None:
    """Bring the one-shot of one scheduled change up to its row: safe to repeat and in any order. Raises StoreUnavailable."""
    stored = schedules.shelf.find(id)
    if stored is not None and stored.data["status"] == "planned":
        _await(shots, stored, now)
    else:
        shots.remove(id)


def reconciled(schedules: Schedules, shots: OneShots, now: datetime) -> None:
    """Make what is missing; what should have come already comes as soon as it can. Raises the first error, after the others."""
    each(schedules.waiting(), lambda stored: _await(shots, stored, now))


def _await(shots: OneShots, stored: Stored, now: datetime) -> None:
    at = datetime.fromisoformat(stored.data["at"])
    shots.add(stored.id, at if at > now else now.replace(second=0, microsecond=0) + timedelta(minutes=2))


def _check_moment(at: datetime, now: datetime) -> None:
    faults = []
    if at.astimezone(UTC).replace(second=0, microsecond=0) != at:
        faults.append(Fault("/at", "not_a_minute", "Name a whole minute: no seconds."))
    if not now < at <= now + FURTHEST:
        faults.append(Fault("/at", "out_of_reach", "Name a moment to come, at most a year ahead."))
    if faults:
        raise Invalid("The moment is not valid.", errors=faults)
