"""Votes: one a person and item, a row that is put where there is none, and deleted when it is withdrawn.

    <item> / vote#<pid>    `person`, `created_at`, `origin`: the kind of who gave it (client, server, member, admin), and `by`,
                           where it was given on that person's behalf

What it costs at the store: one write, and of a person who was never met one transaction with what makes the person. Nothing is
counted here (see `slipway.feedback.ballots`). A vote for a duplicate stays at the duplicate and counts for its root; a
withdrawal takes the person's votes from the whole group; with a client key, which anybody can read in a page, those alone that
such a key gave: targeting keys can be guessed. An e-mail address is a person of its own here, whoever gave it: nobody checks
whose it is.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from slipway import cursors
from slipway.access import ROLES
from slipway.calls import Call, derived_id
from slipway.environments import acting_in
from slipway.feedback import people
from slipway.feedback.ballots import VOTE, voters
from slipway.feedback.groups import Groups
from slipway.ports import Absent, ConditionFailed, Delete, Equals, Put, Row
from slipway.problems import Conflict, Fault, Forbidden, Invalid, NotFound
from slipway.resources import TRIES, Shelf, Stored
from slipway.tables import FEEDBACK
from slipway.upgrades import newest, upgrade
from slipway.values import Value

if TYPE_CHECKING:
    from slipway.feedback.gate import Gate
    from slipway.feedback.people import People, Who
    from slipway.feedback.vote import Voter
    from slipway.paging import Paging

SCHEMA = newest("vote")


class Voted(Value):
    """`root`: what the vote counts for."""

    id: str
    root: str


class Votes:
    """`shelf`: of the items."""

    def __init__(self, shelf: Shelf, people: People, gate: Gate) -> None:
        self.shelf, self.store, self.people, self.groups = shelf, shelf.store, people, Groups(shelf.store)
        self._gate = gate

    def cast(self, call: Call, id: str, voter: Voter, address: str) -> Voted:
        """One vote; if it is there, nothing happens. `address`: of the network that it comes from.

        Raises NotFound, Invalid, Forbidden, Conflict, TooManyRequests."""
        who, by = _who(call, voter)
        item = self._item(call, id)
        if not self._gate.voted(call, item.data["product"], address):
            raise Conflict("There is no voting on feedback about this product; an editor can turn it on in its board.")
        for number in range(TRIES):
            pid = self.people.known(who)
            try:
                if pid is not None:
                    self.store.put(FEEDBACK, _vote(call, id, pid, by), Absent())
                else:
                    person = self.people.person(call, who)
                    writes = [Put(FEEDBACK, _vote(call, id, person.pid, by), Absent()), *person.writes]
                    self.store.transact(writes, derived_id("", call.nonce, id, str(number)))
            except ConditionFailed:
                if pid is None:
                    continue  # the person was met at this moment
            return Voted(id, self._root(item))
        raise Conflict("Others keep doing something in the same name; try again.")

    def withdraw(self, call: Call, id: str, voter: Voter, address: str) -> Voted:
        """Take it back, from the item, its duplicates and what it is a duplicate of; if there is none, nothing happens.

        Raises NotFound, Invalid, Forbidden, Conflict, TooManyRequests."""
        who, _ = _who(call, voter)
        self._gate.voted(call, self._item(call, id).data["product"], address)
        pid = self.people.known(who)
        for number in range(TRIES):
            group = self.groups.root(id)
            found = [] if pid is None else self.store.get_many(FEEDBACK, [(one, VOTE + pid) for one in group.ids])
            rows = [row for row in found if _may_take(call, row)]
            try:
                if rows:
                    deletes = [Delete(FEEDBACK, row["pk"], row["sk"], Equals("created_at", row["created_at"])) for row in rows]
                    self.store.transact(deletes, derived_id("", call.nonce, id, str(number)))
            except ConditionFailed:
                continue  # another vote or withdrawal of the same person came between
            return Voted(id, group.id)
        raise Conflict("Others keep doing something in the same name; try again.")

    def page(self, id: str, query: Paging) -> tuple[list[Row], str | None]:
        """The earliest vote of each person who stands behind the item, in no order that means something; and the cursor.

        Raises NotFound, BadCursor."""
        self.shelf.read(id)
        parts = ["feedback.votes", id]
        after = ""
        if query.cursor is not None:
            after = str(cursors.decode(query.cursor, parts, {"person": str})["person"])
            if not re.fullmatch(people.PID, after):
                raise cursors.unknown()
        found = list(islice(voters(self.store, self.groups.read(id), after), query.limit + 1))
        page = found[: query.limit]
        return page, cursors.encode(parts, {"person": page[-1]["person"]}) if len(found) > len(page) else None

    # --- inside ---

    def _item(self, call: Call, id: str) -> Stored:
        """To who is not of the team, what is held back is not there."""
        item = self.shelf.read(id)
        if call.principal.kind in ("client", "server") and item.data["state"] != "visible":
            raise NotFound(f"There is no feedback {id!r}.")
        return item

    def _root(self, item: Stored) -> str:
        return self.groups.root(item.id).id if "merged_into" in item.data else item.id


def _who(call: Call, voter: Voter) -> tuple[Who, str | None]:
    """Whose vote it is, and who gives it on that person's behalf. Raises Invalid, Forbidden."""
    principal, environment = call.principal, acting_in(call.principal, voter.environment)
    staff = principal.kind in ("member", "admin")
    if voter.email is not None and not staff:
        raise _wrong("/email", "forbidden", "A key names its user by `targeting_key`; leave the address out.")
    if voter.email is not None and voter.targeting_key is not None:
        raise _wrong("/email", "forbidden", "Name the person once: by `targeting_key`, or by `email`.")
    if voter.targeting_key is not None and environment is None:
        raise _wrong("/environment", "required", "Say in which environment that targeting key is.")
    if voter.email is None and voter.targeting_key is None:
        if principal.kind != "member":
            raise _wrong("/targeting_key", "required", "Say whose vote it is.")
        return people.member(principal.id), None
    if staff and (principal.role is None or ROLES.index(principal.role) < ROLES.index("editor")):
        raise Forbidden("To vote on somebody's behalf takes an editor; your own vote names nobody.")
    by = f"{principal.kind}:{principal.id}" if staff else None
    if voter.targeting_key is not None and environment is not None:
        return people.unit(environment, voter.targeting_key), by
    from slipway.members import normalised  # seldom needed, and dear to a cold start

    return people.email(normalised(voter.email or "")), by


def _vote(call: Call, id: str, pid: str, by: str | None) -> Row:
    given = {"person": pid, "created_at": call.stamp, "origin": call.principal.kind}
    row: Row = {"pk": id, "sk": VOTE + pid, "schema": SCHEMA, **given}
    return row if by is None else {**row, "by": by}


def _may_take(call: Call, row: Row) -> bool:
    return call.principal.kind != "client" or bool(upgrade("vote", row)["origin"] == "client")


def _wrong(pointer: str, code: str, detail: str) -> Invalid:
    return Invalid(detail, errors=[Fault(pointer, code, detail)])
