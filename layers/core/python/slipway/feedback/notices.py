"""Telling everybody who stands behind an item that its status changed: one round for each change that is told.

    ntc_... / round           item, product, status, time, event, phase, after (the person up to whom notices are written),
                              batches, told (how many of them are with the webhooks), version
    ntc_... / to#<pid>        one notice: `id`, which follows from the event and the person; put where there is none
    ntc_... / mail#<mark>     an address that has its letter: `mark` is a keyed hash of the round and the address
    ntc_... / batch#<n>       `people`: up to 90 whose notices were written together
    list#rounds / ntc_...     rounds that are not over

    submitters ──> voters ──> mail ──> done

A round goes on in steps, and each is one transaction that holds the round's version: whoever comes second reads again. So a
person has one notice, however often the event comes, wherever a step broke off, and whatever is merged meanwhile. Whom it is
for is opened when it is sent, and kept nowhere: who was erased by then is not told, and of no row can anybody be told again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from slipway.calls import derived_id, timestamp
from slipway.feedback import deliveries
from slipway.feedback.ballots import voters
from slipway.feedback.groups import Group, Groups
from slipway.feedback.items import Items
from slipway.feedback.letters import Letters
from slipway.feedback.webhooks import NOTICE
from slipway.ports import Absent, ConditionFailed, Delete, Equals, Put, Row, Store, Write, every
from slipway.resources import Stored
from slipway.tables import FEEDBACK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.events.feedback import FeedbackStatusChanged

Data = dict[str, Any]
Board = Callable[[str], Mapping[str, Any]]

SCHEMA = 1
STATUSES = ("planned", "in_progress", "shipped", "declined")  # that people are told of, unless the board says others
MOST = 90  # notices of one step: a transaction holds 100 writes
LETTERS = 20  # of one step
KEPT = timedelta(days=90)
ROUND, LIST = "round", "list#rounds"


class Notices:
    """`board(product)`: its switches. `deliver(rows)`: takes deliveries to webhooks, and is safe to repeat."""

    def __init__(
        self,
        items: Items,
        letters: Letters,
        board: Board,
        taking: Callable[[str], list[str]],
        deliver: Callable[[list[Row]], None],
    ) -> None:
        self.items, self.letters, self.board = items, letters, board
        self.store: Store = items.shelf.store
        self._groups = Groups(self.store)
        self._taking, self._deliver = taking, deliver

    def begin(self, event: FeedbackStatusChanged) -> str | None:
        """The round of that change; None where nobody is to be told. Safe to repeat."""
        notify = self.board(event.data.product).get("notify", {})
        if event.data.after not in notify.get("statuses", STATUSES):
            return None
        stored = self.items.shelf.find(event.subject)
        if stored is None or stored.data["state"] != "visible":
            return None
        id = derived_id("ntc_", event.id)
        row: Row = {"pk": id, "sk": ROUND, "schema": SCHEMA, "version": 1, "phase": "submitters", "after": ""}
        row |= {"item": event.subject, "product": event.data.product, "status": event.data.after, "event": event.id}
        row |= {"time": event.time, "batches": 0, "told": 0, "expires": _expires(event.time)}
        standing = self.store.get(FEEDBACK, id, ROUND)
        if standing is None or standing["phase"] != "done":  # else the event came again: nothing is under way any more
            self.store.put(FEEDBACK, {"pk": LIST, "sk": id, "schema": SCHEMA})
        with suppress(ConditionFailed):
            self.store.put(FEEDBACK, row, Absent())
        return id

    def step(self, id: str, now: datetime) -> bool:
        """Go on; whether there is more to do. Raises StoreUnavailable."""
        before = self.store.get(FEEDBACK, id, ROUND)
        if before is None or before["phase"] == "done":
            self._over(id, now)
            return False
        if before["told"] < before["batches"]:
            self._hand_over(before)
        try:
            match before["phase"]:
                case "submitters" | "voters":
                    self._gather(before)
                case _:
                    self._write_letters(before, now)
        except ConditionFailed:
            pass  # somebody else is at it: look again
        return True

    def under_way(self) -> list[str]:
        return [row["sk"] for row in every(self.store, FEEDBACK, LIST)]

    def written(self, delivery: Row) -> str | None:
        """The body of a delivery: for whom it is, and nothing that they wrote. None where nobody is left."""
        round = self.store.get(FEEDBACK, delivery["event"], ROUND)
        batch = self.store.get(FEEDBACK, delivery["event"], _batch(int(delivery["batch"])))
        item = None if round is None else self.items.shelf.find(round["item"])
        if round is None or batch is None or item is None:
            return None
        units = self.items.people.units(batch["people"])
        told = [{"id": _notice(round, pid), **units[pid]} for pid in batch["people"] if pid in units]
        if not told:
            return None
        said: Data = {"feedback": item.id, "product": round["product"], "status": round["status"]}
        said |= {name: item.data.get(name) for name in ("headline", "reply")}
        return json.dumps(
            {"type": NOTICE, "timestamp": round["time"], "data": {**said, "recipients": told}}, separators=(",", ":")
        )

    # --- inside ---

    def _gather(self, before: Row) -> None:
        """The next people, by their ids: each gets a notice where there is none."""
        group = self._groups.read(before["item"])
        people = list(islice(self._next(before, group), MOST))
        after = {**before, "told": before["batches"]}
        if people:
            after["after"] = people[-1]
        else:
            after |= {"phase": "voters" if before["phase"] == "submitters" else "mail", "after": ""}
        rows = self.store.get_many(FEEDBACK, [(before["pk"], _to(pid)) for pid in people]) if people else []
        have = {row["sk"] for row in rows}
        new = [pid for pid in people if _to(pid) not in have]
        writes: list[Write] = [Put(FEEDBACK, self._noted(before, pid), Absent()) for pid in new]
        if new:
            after["batches"] = before["batches"] + 1
            kept = {"pk": before["pk"], "sk": _batch(after["batches"]), "schema": SCHEMA, "expires": before["expires"]}
            writes.append(Put(FEEDBACK, {**kept, "people": new}, Absent()))
        self._put(before, after, writes)

    def _next(self, before: Row, group: Group) -> Iterator[str]:
        if before["phase"] == "submitters":
            yield from (pid for pid in sorted(self._submitted(group)) if pid > before["after"])
        else:
            yield from (row["person"] for row in voters(self.store, group, before["after"]))

    def _submitted(self, group: Group) -> dict[str, Stored]:
        """Who wrote the items of the group that are visible, each with the newest of theirs."""
        ids, found = group.ids, list[Stored]()
        for start in range(0, len(ids), 100):
            found += self.items.shelf.read_all(ids[start : start + 100])
        seen = [item for item in found if item.data["state"] == "visible"]
        return {item.data["person"]: item for item in sorted(seen, key=lambda item: item.created_at)}

    def _hand_over(self, round: Row) -> None:
        """The newest batch to the webhooks that take notices."""
        id, batch, time = round["pk"], int(round["batches"]), round["time"]
        self._deliver([deliveries.noticed(webhook, id, batch, time) for webhook in self._taking(NOTICE)])

    def _write_letters(self, before: Row, now: datetime) -> None:
        """To those who wrote and consented: one to each address, however many people gave it."""
        board = self.board(before["product"])
        people: list[str] = []
        if board.get("notify", {}).get("email") and self.letters.sent:
            wrote = self._submitted(self._groups.read(before["item"]))
            consented = [pid for pid in sorted(wrote) if wrote[pid].data.get("consent") and pid > before["after"]]
            people = consented[:LETTERS]
            root = self.items.read(before["item"])
            for pid in people:
                notice = self.store.get(FEEDBACK, before["pk"], _to(pid))
                if notice is not None and "mailed" not in notice:
                    self._write_letter(before, notice["id"], wrote[pid], root, board)
                    self.store.put(FEEDBACK, {**notice, "mailed": timestamp(now)}, Equals("id", notice["id"]))
        after = {**before, "told": before["batches"]}
        self._put(before, after | ({"after": people[-1]} if people else {"phase": "done"}), [])

    def _noted(self, round: Row, pid: str) -> Row:
        row = {"pk": round["pk"], "sk": _to(pid), "schema": SCHEMA, "id": _notice(round, pid)}
        return {**row, "expires": round["expires"]}

    def _write_letter(self, round: Row, id: str, wrote: Stored, root: Stored, board: Mapping[str, Any]) -> None:
        to = self.letters.addressee(wrote)
        if to is None:
            return
        mark = "mail#" + self.items.people.keyed(f"{round['pk']} {to.lookup}")
        if self.store.get(FEEDBACK, round["pk"], mark) is None:
            self.letters.write(id, to, root, round["status"], board)
            self.store.put(FEEDBACK, {"pk": round["pk"], "sk": mark, "schema": SCHEMA, "expires": round["expires"]})

    def _put(self, before: Row, after: Row, writes: list[Write]) -> None:
        after = {**after, "version": before["version"] + 1}
        every: list[Write] = [Put(FEEDBACK, after, Equals("version", before["version"])), *writes]
        self.store.transact(every, derived_id("", repr(every)))

    def _over(self, id: str, now: datetime) -> None:
        self.store.transact([Delete(FEEDBACK, LIST, id)], derived_id("", LIST, id, timestamp(now)))


def _notice(round: Row, pid: str) -> str:
    return derived_id("ntc_", round["event"], pid)


def _to(pid: str) -> str:
    return f"to#{pid}"


def _batch(number: int) -> str:
    return f"batch#{number:06d}"


def _expires(time: str) -> int:
    return int((datetime.fromisoformat(time) + KEPT).timestamp())
