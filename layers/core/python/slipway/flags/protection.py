"""What protected environments protect: whatever changes what they serve, and their own protection.

    of              what counts                                            whom it touches
    flag            type, hash, client_side (it shows a flag to browsers), environments in which it is switched on
                    variants, metadata, status
    configuration   the switch, default, rule, overrides, prerequisites    its own environment
    segment         its rule                                               environments in which a configuration uses it
    environment     `protected` or `approval` taken away, its deletion     itself

A change that touches a protected environment gives its reason; one that touches an environment with `approval` takes a second
person (`slipway.flags.proposals`). What people keep for each other (description, owner, tags, product) needs neither. Nor does
what cannot change an answer: a new flag is off everywhere, and a segment that is used cannot be deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from slipway import changes
from slipway.calls import Call
from slipway.flags.beside import Beside, settled, update
from slipway.problems import Conflict, Fault, Invalid
from slipway.resources import Event, Shelf, Stored

Data = Mapping[str, Any]

COUNTS: Mapping[str, tuple[str, ...]] = {
    "flag": ("type", "hash", "client_side", "variants", "metadata", "status"),
    "configuration": ("enabled", "default_variant", "targeting", "overrides", "prerequisites"),
    "segment": ("targeting",),
    "environment": ("protected", "approval", "status"),
}


class Plan(NamedTuple):
    """A change that may be made: what stands before and after it, what changes beside, and the environments that it touches.

    Where it changes nothing, `after` is `before`."""

    shelf: Shelf
    before: Stored
    after: Stored
    events: Sequence[Event]
    beside: Sequence[Beside]
    touched: Sequence[Stored]

    def write(self, call: Call, finished: Sequence[Beside] = (), *, validate_only: bool = False) -> Stored:
        """Make the change, together with what it finishes. Raises PreconditionFailed, and what the rows beside do."""
        beside = [*self.beside, *finished]
        return update(self.shelf, call, self.before, self.after.data, self.events, beside, validate_only=validate_only)


def made(
    call: Call,
    version: int | None,
    planned: Callable[[Call], Plan],
    reason: str | None,
    *,
    validate_only: bool = False,
    pointer: str = "/reason",
) -> Stored:
    """The change as it is planned, once those whom it touches may be satisfied; what changes nothing makes no version.

    `version`: the one that is wanted, None for whatever stands. Raises what `planned`, `check` and `Plan.write` do."""

    def attempt(call: Call) -> Stored:
        plan = planned(call)
        if plan.after is plan.before:
            return plan.before
        check(plan.touched, reason, pointer)
        return plan.write(call, validate_only=validate_only)

    return settled(call, version, attempt)


def counts(kind: str, before: Data, after: Data) -> bool:
    """Whether environments answer from something that this changes; of an environment, whether its protection changes."""
    return any(before.get(name) != after.get(name) for name in COUNTS[kind])


def check(touched: Sequence[Stored], reason: str | None, pointer: str = "/reason") -> None:
    """Raises Conflict where a change takes a second person, Invalid where it has to give its reason: at `pointer`."""
    check_approved(touched)
    for place in touched:
        if place.data["protected"] and not reason:
            detail = f"The environment {place.data['name']!r} is protected: give the reason of the change."
            raise Invalid(detail, errors=[Fault(pointer, "required", detail)])


def check_approved(touched: Sequence[Stored]) -> None:
    """Raises Conflict where a change takes a second person."""
    if names := [place.data["name"] for place in touched if place.data["approval"]]:
        where = ", ".join(map(repr, names))
        detail = f"A change in {where} takes a second person: open a change request (POST /v1/proposals)."
        raise Conflict(detail, errors=[Fault("", "approval_needed", detail)])


def reasoned(data: Data, reason: str | None) -> dict[str, Any]:
    """The data with the reason of this version alone, and without the rollouts that another one has ended."""
    without = {name: value for name, value in data.items() if name not in ("reason", "ended")}
    return {**without, "reason": reason} if reason else without


def told(listed: Sequence[dict[str, Any]], after: Data, fields: Collection[str]) -> list[dict[str, Any]]:
    """Changes as an event may carry them; of the reason that it was given, where one was."""
    shown = [changes.told(change, fields) for change in listed if change["field"] != "reason"]
    return [*shown, {"field": "reason"}] if "reason" in after else shown
