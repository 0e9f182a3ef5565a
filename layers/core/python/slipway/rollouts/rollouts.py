"""Rollouts: planned and moved by people, by the clock and by guards.

Each move is one transaction: the rollout, the configuration that evaluation reads it from, and one more revision of the
environment, each on condition of the version that the move was decided on. A step back asks for nothing else, so that nothing
else can hold it up; of two who move at the same moment one reads again.

What is shown to more, or again, needs its reason in a protected environment, and with `approval` another person than the one
who planned it. Less needs neither.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from slipway import cursors, digests, history, people, roster
from slipway.calls import Call
from slipway.flags import configuration, jsontext, ledger
from slipway.flags.beside import Beside, Moved, create, settled, update
from slipway.flags.checks import faults, size, wrong
from slipway.flags.configurations import Configurations
from slipway.flags.protection import reasoned
from slipway.paging import json_bytes
from slipway.ports import Update, every
from slipway.problems import Conflict, Fault, Forbidden, Invalid, NotFound
from slipway.resources import Created, Stored
from slipway.rollouts import fit, rollout, signing, states
from slipway.rollouts.course import Course
from slipway.rollouts.plan import NewRollout, RolloutListing, changes
from slipway.rollouts.states import Event
from slipway.rollouts.templates import Templates
from slipway.tables import FLAGS

Data = dict[str, Any]

MOST_UNDER_WAY = 100  # of an environment: outcomes are counted by the variants of each, in rows that have an end
MORE: tuple[Event, ...] = ("start", "advance", "resume", "stop")  # of what people ask for: not shown to fewer, at least


class Rollouts:
    def __init__(self, configurations: Configurations) -> None:
        self.configurations, self.store = configurations, configurations.store
        self.shelf, self.templates = rollout.shelf(self.store), Templates(self.store)

    # --- reads ---

    def read(self, key: str, environment: str, id: str) -> Stored:
        """Raises NotFound, also where it is another flag's or environment's."""
        stored = self.shelf.read(id)
        if (stored.data["flag"], stored.data["environment"]) != (key, environment):
            raise NotFound(f"There is no rollout {id!r} of {key!r} in {environment!r}.")
        return stored

    def page(self, call: Call, key: str, environment: str, listing: RolloutListing) -> tuple[list[Stored], str | None]:
        """Newest first, and the cursor of the next page (None at the end). Raises NotFound, BadCursor."""
        self.configurations.read(call, key, environment)
        partition, parts = rollout.all_of(key, environment), ["rollouts.list", key, environment, listing.state]

        def read(limit: int, start: roster.Position | None) -> tuple[list[roster.Entry], roster.Position | None]:
            page = self.store.query(FLAGS, (partition,), limit=limit, start=start, forward=False)
            ids = [rollout.listed(row["sk"]) for row in page.rows]
            heads = {stored.id: stored for stored in self.shelf.read_all(ids)}
            return [(row, heads.get(id)) for row, id in zip(page.rows, ids, strict=True)], page.next

        start = None if (at := listing.begins(parts)) is None else {"pk": partition, "sk": at}
        takes: Callable[[Stored], bool] = lambda stored: listing.state in (None, stored.data["state"])  # noqa: E731
        found, more = roster.page(read, takes, listing.limit, start, size=lambda stored: json_bytes(stored.data))
        return found, None if more is None else cursors.encode(parts, {"place": more["sk"]})

    def versions(
        self, key: str, environment: str, id: str, *, below: int | None, limit: int
    ) -> tuple[list[history.Version], int | None]:
        """Newest first. Raises NotFound."""
        return history.versions(self.shelf, self.read(key, environment, id).id, changes, below=below, limit=limit)

    def under_way(self) -> list[str]:
        """The id of every rollout that is."""
        return [row["sk"] for row in every(self.store, FLAGS, rollout.RUNNING)]

    # --- by people ---

    def plan(
        self,
        call: Call,
        key: str,
        environment: str,
        new: NewRollout,
        entropy: bytes,
        *,
        validate_only: bool = False,
    ) -> Created:
        """Planned, or started at once; `entropy`: 32 random bytes, with which an environment's first rollout begins.

        Raises NotFound, Conflict (archived, off, another one runs, or too many do), Forbidden (a second person is asked for),
        Invalid, IdempotencyMismatch."""
        id = call.new_id("rol_")
        if made := self.shelf.made(call, id):
            return Created(made, True)

        def attempt(call: Call) -> Created:
            course = new.course(self._template(call, new.template))
            planned = new.data(key, environment, call, course)
            unchanged, drawn = self._checked(call, planned)
            place = self._reasoned(call, environment, new.reason)
            data, beside = planned, ledger.moved([], [(rollout.all_of(key, environment), rollout.place(call.stamp, id))])
            if new.start:
                _check_person(call, place, planned, ' Plan it with `"start": false`.')
                self._check_room(environment)
                data = rollout.moved(planned, "start", call.now, "start", _asked(call, new.reason))
                data["drawn"] = drawn
                data["generation"] = 1 if validate_only else signing.begin(self.store, environment, entropy)
                beside += [unchanged, ledger.unchanged(place), *self._beside(call, id, planned, data, "start")]
            events = [rollout.told(data, 1)]
            return create(self.shelf, call, id, data, events, beside, "id", validate_only=validate_only)

        return settled(call, None, attempt)

    def move(
        self,
        call: Call,
        key: str,
        environment: str,
        id: str,
        version: int | None,
        event: Event,
        reason: str | None,
        entropy: bytes,
    ) -> Stored:
        """What a person asks for. Raises NotFound, PreconditionFailed, MoveNotAllowed, and what `plan` does."""

        def attempt(call: Call) -> Stored:
            before = self.read(key, environment, id)
            if version is not None and version != before.version:
                raise self.shelf.elsewhere(before)
            states.move(before.data["state"], event)
            unchanged, also = list[Beside](), Data()
            live = before.data["state"] in states.LIVE
            if event in MORE and (live or event != "stop"):
                place = self._reasoned(call, environment, reason)
                _check_person(call, place, before.data)
                unchanged = [ledger.unchanged(place)]
            if event in ("start", "resume") and not live:
                self._check_room(environment)
                same, drawn = self._checked(call, before.data)
                unchanged.append(same)
                also["drawn"] = drawn
                if event == "resume" and before.data.get("drawn", drawn) != drawn:
                    raise Conflict(
                        "The flag's hash or variants have changed since the rollout was rolled back: begin another one."
                    )
            if event == "start":
                also["generation"] = signing.begin(self.store, environment, entropy)
            return self.moved(call, before, event, event, _asked(call, reason), also, unchanged)

        return settled(call, version, attempt)

    # --- by whoever ---

    def moved(
        self,
        call: Call,
        before: Stored,
        event: Event,
        code: str,
        detail: str,
        also: Mapping[str, Any] = {},
        unchanged: Sequence[Beside] = (),
    ) -> Stored:
        """The move, on that version of the rollout; an `advance` from the last step completes it. `also`: is kept with it.

        Raises MoveNotAllowed; PreconditionFailed where the rollout has changed, Moved where the configuration has; Conflict."""
        if event == "advance" and _completes(before.data):
            event = "complete"
        data = rollout.moved(before.data, event, call.now, code, detail) | dict(also)
        beside = [*unchanged, *self._beside(call, before.id, before.data, data, event)]
        return update(self.shelf, call, before, data, [rollout.told(data, before.version + 1)], beside)

    def warned(self, call: Call, before: Stored, guard: str, detail: str, also: Mapping[str, Any]) -> Stored:
        """A guard has told, once, and nothing moves. Raises PreconditionFailed."""
        warned = sorted({*before.data.get("warned", ()), guard})
        data = {**before.data, "why": {"code": "warned", "detail": detail}, "warned": warned, **also}
        return self.shelf.update(call, before, data, [rollout.told(data, before.version + 1, "warned")])

    # --- inside ---

    def _check_room(self, environment: str) -> None:
        """Raises Conflict where as many are under way as should be; two who begin at the same moment may both be let in."""
        ids = self.under_way()
        if len(ids) < MOST_UNDER_WAY:
            return
        some = [self.shelf.read_all(ids[first : first + 100]) for first in range(0, len(ids), 100)]
        if sum(one.data.get("environment") == environment for heads in some for one in heads) >= MOST_UNDER_WAY:
            detail = f"{MOST_UNDER_WAY} rollouts are under way in {environment!r}, and no more can be: end one of them first."
            raise Conflict(detail, errors=[Fault("", "too_many_rollouts", detail)])

    def _template(self, call: Call, key: str | None) -> Course | None:
        try:
            return None if key is None else self.templates.course(call, key)
        except NotFound as missing:
            raise Invalid(missing.detail, errors=[Fault("/template", "unknown_template", missing.detail)]) from None

    def _beside(self, call: Call, id: str, before: Data, data: Data, event: Event) -> list[Beside]:
        """What changes with the rollout; `data["configured"]` is set to the version that the configuration has then.

        Raises Moved, Conflict."""
        shelf, live = self.configurations.shelf, before["state"] in states.LIVE
        if not live and data["state"] not in states.LIVE:
            return []
        standing = shelf.find(self.configurations.id_of(data["flag"], data["environment"]))
        running = None if standing is None else _running(standing)
        if standing is None or running != (id if live else None):
            raise (
                Moved()
                if live or running is None
                else Conflict(f"The rollout {running!r} runs there: stop it or roll it back first.")
            )
        if event == "resume" and not live and standing.version != int(before["configured"]):
            raise Conflict("The configuration has changed since the rollout was rolled back: begin another one.")
        beside = rollout.lists(before, data, id)
        after = _configured(standing.data, before, data, id, event)
        if after is None:
            return beside
        data["configured"] = standing.version + 1
        writes, _token = shelf.updating(call, standing, after, [configuration.event(standing, after)])
        # Without a bound: a rollout that ends must not fail because the environment is full.
        add = {"revision": 1, **({"bytes": more} if (more := size(after) - size(standing.data)) else {})}
        revised = Update(FLAGS, *ledger.revision(data["environment"]), set={"schema": 1}, add=add)
        return [*beside, *map(Beside, writes), Beside(revised)]

    def _checked(self, call: Call, data: Data) -> tuple[Beside, str]:
        """What has to stay as it was read, and `drawn`.

        Raises Conflict, Invalid for a rollout that could not run, or not come to an end."""
        flag, standing = self.configurations.read(call, data["flag"], data["environment"])
        if flag.data["status"] == "archived":
            raise Conflict("The flag is archived; restore it first.")
        if not standing.data["enabled"]:
            raise Conflict(f"The flag is off in {data['environment']!r}: switch it on first.")
        segments = self.configurations.segments.rules(standing.data["targeting"])
        if found := fit.unfit(data, jsontext.read(flag.data["variants"]), standing.data, segments):
            raise Invalid("The rollout could not run.", errors=found)
        least = {**standing.data, **fit.left(standing.data, data, 1)}
        if unfit := faults(flag.data, least, segments):
            told = [Fault("", fault.code, f"When it ends: {fault.detail}") for fault in unfit]
            raise wrong(told)
        return ledger.unchanged(flag), digests.hexdigest(f"{flag.data['hash']} {flag.data['variants']}".encode())[:32]

    def _reasoned(self, call: Call, environment: str, reason: str | None) -> Stored:
        """The environment. Raises Invalid where it asks for the reason, and none is given."""
        place = self.configurations.environments.read(call, environment)
        if place.data["protected"] and not reason:
            detail = f"The environment {environment!r} is protected: give the reason."
            raise Invalid(detail, errors=[Fault("/reason", "required", detail)])
        return place


def _check_person(call: Call, place: Stored, planned: Data, hint: str = "") -> None:
    """Raises Forbidden where the environment asks for a second person, and this is none."""
    if place.data["approval"] and not people.is_second(call.principal, str(planned.get("person", planned["planned_by"]))):
        detail = f"In {place.data['name']!r} another person than the one who planned the rollout, or made the key that did, "
        detail += f"has to do that.{hint}"
        raise Forbidden(detail, errors=[Fault("", "approval_needed", detail)])


def _configured(standing: Data, before: Data, data: Data, id: str, event: Event) -> Data | None:
    """The configuration after the move; None where it stays as it is."""
    plain = configuration.alone(reasoned(standing, None), None)
    live = before["state"] in states.LIVE
    if event == "complete" or (event == "stop" and live):
        return plain | fit.left(standing, data, rollout.final(data) if event == "complete" else rollout.share(before))
    if data["state"] not in states.LIVE:
        return plain if live else None
    told = rollout.in_force(data, id)
    return None if told == standing.get("rollout") else plain | {"rollout": told}


def _asked(call: Call, reason: str | None) -> str:
    return f"{call.cause['actor']} asked for it. {reason or ''}".rstrip()


def _running(standing: Stored) -> str | None:
    told = standing.data.get("rollout")
    return None if told is None else str(told["id"])


def _completes(data: Mapping[str, Any]) -> bool:
    """Whether the next step is the end: there is none, or only what stays."""
    rest = data["ladder"][int(data["step"]) + 1 :]
    return not rest or (len(rest) == 1 and "minutes" not in rest[0])
