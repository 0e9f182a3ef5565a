"""Change requests: a change of a configuration, a flag, a segment or an environment that a second person has to approve.

    open ──approve──> approved ──apply──> applied
     └──────reject──────┴──> rejected
     └──────────────────┴──> expired      after seven days

Kept beside what `slipway.flags.change` tells: opened_by, person (who that was, or who made the key that it was), approved_by,
expires_at, answers (a digest of what it would be
answered from: a flag that is off may be changed by one person, but then not be switched on by what two agreed to before).

Whoever opened it cannot approve it, by a key of their own neither; a key cannot, for it is nobody. It is applied to the version
that it was planned on or not at all, together with what it changes: both, or neither. What has expired reads so from that
moment; once a day it is told.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, Literal

from slipway import people
from slipway.calls import Call, timestamp
from slipway.fields import EnvironmentName
from slipway.flags import change, ledger
from slipway.flags.beside import Beside, Moved, create, settled, update
from slipway.flags.change import NewChange, Plan, PlannedView
from slipway.flags.configurations import Configurations
from slipway.flags.fields import Key
from slipway.paging import Paging
from slipway.ports import every
from slipway.problems import Conflict, Fault, Forbidden, MoveNotAllowed, NotFound, PreconditionFailed
from slipway.resources import Created, Shelf, Stored
from slipway.sweep import each
from slipway.tables import FLAGS
from slipway.upgrades import newest, upgrader

Data = dict[str, Any]
Status = Literal["open", "approved", "applied", "rejected", "expired"]

MOVES: dict[str, tuple[str, ...]] = {
    "open": ("approved", "rejected", "expired"),
    "approved": ("applied", "rejected", "expired"),
    "applied": (),
    "rejected": (),
    "expired": (),
}
STANDS = timedelta(days=7)
UNFINISHED = "list#proposals"


class ProposalView(PlannedView):
    status: Status
    approved_by: str | None
    expires_at: str


class ProposalListing(Paging):
    flag: Key | None = None
    environment: EnvironmentName | None = None
    segment: Key | None = None
    status: Status | None = None

    def takes(self, stored: Stored, now: str) -> bool:
        data = stored.data
        named = all(getattr(self, name) in (None, data.get(name)) for name in change.NAMES)
        return named and self.status in (None, status(data, now))


def status(data: Data, now: str) -> Status:
    """As of that moment (RFC 3339)."""
    late = MOVES[data["status"]] and data["expires_at"] <= now
    found: Status = "expired" if late else data["status"]
    return found


def view(stored: Stored, now: str) -> dict[str, Any]:
    """A ProposalView."""
    data = stored.data
    more = {"status": status(data, now), "approved_by": data.get("approved_by"), "expires_at": data["expires_at"]}
    return change.view(data["opened_by"], stored) | more


class Proposals:
    def __init__(self, configurations: Configurations) -> None:
        self.configurations, self.store = configurations, configurations.store
        self.shelf = Shelf(self.store, FLAGS, kind="proposal", schema=newest("proposal"), upgrade=upgrader("proposal"))

    def read(self, id: str) -> Stored:
        """Raises NotFound."""
        return self.shelf.read(id)

    def open(self, call: Call, new: NewChange, *, validate_only: bool = False) -> Created:
        """Raises Conflict (archived, or nothing changes), Invalid, Forbidden, also for a key of whom nobody knows who made it,
        IdempotencyMismatch."""
        id = call.new_id("chg_")
        if standing := self.shelf.made(call, id):
            return Created(standing, True)
        person = people.person(call.principal)
        if person is None:
            raise Forbidden(
                "It is not known who made this key, so nobody can be another person: rotate it (POST /v1/keys/{id}/rotate)."
            )
        kept, planned = change.planned(self.configurations, call, change.begun(call, new), new.reason)
        who = call.cause["actor"]
        more = {"status": "open", "opened_by": who, "person": person, "expires_at": timestamp(call.now + STANDS)}
        more |= {"answers": answers} if (answers := change.answers(planned)) else {}
        data = {**kept, **more}
        events = [change.event("proposal.opened", 1, data)]
        beside = ledger.moved([], [(UNFINISHED, id)])
        return create(self.shelf, call, id, data, events, beside, "id", validate_only=validate_only)

    def approve(self, call: Call, id: str, version: int | None) -> Stored:
        """Raises NotFound, PreconditionFailed, MoveNotAllowed, Forbidden for whoever opened it and for keys."""

        def approved(before: Stored) -> Data:
            who = call.cause["actor"]
            change.check_allowed(call, before.data)
            if not people.is_second(call.principal, before.data.get("person", before.data["opened_by"])):
                raise Forbidden("Another person than the one who opened it, or made the key that did, has to approve it.")
            return {**before.data, "status": "approved", "approved_by": who}

        return self._move(call, id, version, approved, "approved")

    def reject(self, call: Call, id: str, version: int | None) -> Stored:
        """Raises NotFound, PreconditionFailed, MoveNotAllowed."""
        rejected: Callable[[Stored], Data] = lambda before: {**before.data, "status": "rejected"}  # noqa: E731
        return self._move(call, id, version, rejected, "rejected")

    def apply(self, call: Call, id: str, version: int | None) -> Stored:
        """Make the change. Raises NotFound, PreconditionFailed, MoveNotAllowed, Invalid, Conflict where its base changed."""

        def attempt(call: Call) -> Stored:
            before = self._wanted(call, id, version, "applied")
            change.check_allowed(call, before.data)
            planned, finished, after = self.applying(call, before)
            try:
                change.write(self.configurations, call, planned, finished)
            except PreconditionFailed:
                raise Moved from None  # of what is changed, not of what was asked to be applied
            return after

        return settled(call, version, attempt)

    def applying(self, call: Call, before: Stored) -> tuple[Plan, list[Beside], Stored]:
        """The change that it is to be made of, what it finishes, and how it stands then.

        Raises MoveNotAllowed, Invalid, Conflict where its base changed."""
        self._check_move(call, before, "applied")
        data = {**before.data, "status": "applied"}
        events = [change.event("proposal.applied", before.version + 1, data)]
        try:
            planned = change.plan(self.configurations, call, before.data)
        except (PreconditionFailed, NotFound) as moved:
            raise Conflict(f"{moved.detail} Open another change request for what it is now.") from None
        if before.data.get("answers", "") not in ("", change.answers(planned)):
            detail = "The flag, or what it needs, has changed since. Open another change request for what it is now."
            raise Conflict(detail, errors=[Fault("", "changed_since", detail)])
        writes, _token = self.shelf.updating(call, before, data, events)
        finished = [*map(Beside, writes), *ledger.moved([(UNFINISHED, before.id)], [])]
        return planned, finished, self.shelf.would_be(call, before, data, events)

    def expire(self, call: Call) -> int:
        """Tell of every change request whose time is over. Returns how many; raises the first error, after the others."""
        expired = list[str]()

        def expire(id: str) -> None:
            stored = self.shelf.read(id)
            if not MOVES[stored.data["status"]] or stored.data["expires_at"] > call.stamp:
                return
            data = {**stored.data, "status": "expired"}
            events = [change.event("proposal.expired", stored.version + 1, data)]
            with suppress(PreconditionFailed):  # somebody decided at this moment
                update(self.shelf, call.but(nonce=id), stored, data, events, ledger.moved([(UNFINISHED, id)], []))
                expired.append(id)

        each((row["sk"] for row in every(self.store, FLAGS, UNFINISHED)), expire)
        return len(expired)

    # --- inside ---

    def _wanted(self, call: Call, id: str, version: int | None, to: str) -> Stored:
        before = self.read(id)
        if version is not None and version != before.version:
            raise self.shelf.elsewhere(before)
        self._check_move(call, before, to)
        return before

    def _check_move(self, call: Call, before: Stored, to: str) -> None:
        state = status(before.data, call.stamp)
        if to not in MOVES[state]:
            raise MoveNotAllowed(f"The change request is {state}; it cannot be {to}.")

    def _move(self, call: Call, id: str, version: int | None, make: Callable[[Stored], Data], to: str) -> Stored:
        def attempt(call: Call) -> Stored:
            before = self._wanted(call, id, version, to)
            data = make(before)
            beside = [] if MOVES[data["status"]] else ledger.moved([(UNFINISHED, id)], [])
            return update(self.shelf, call, before, data, [change.event(f"proposal.{to}", before.version + 1, data)], beside)

        return settled(call, version, attempt)
