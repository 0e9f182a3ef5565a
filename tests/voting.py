"""People who vote and editors who merge, at the same moment; and a stream that comes in parts, again, and to several."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any, Literal

from slipway.access import Principal
from slipway.adapters.memory import MemoryStore
from slipway.calls import Call, derived_id
from slipway.feedback.ballots import Ballot, Ballots, ballot, votes
from slipway.feedback.buckets import Buckets
from slipway.feedback.forms import Forms
from slipway.feedback.gate import Gate
from slipway.feedback.groups import GROUP
from slipway.feedback.merging import Merging
from slipway.feedback.people import People
from slipway.feedback.secrets import Secrets
from slipway.feedback.switches import Switches
from slipway.feedback.vote import Voter
from slipway.feedback.votes import Votes
from slipway.ports import Condition, Page, Row, StoreUnavailable, Update, Write
from slipway.problems import Conflict
from slipway.resources import HEAD, Shelf
from slipway.signals.salts import Salts
from slipway.tables import FEEDBACK, Table
from slipway.upgrades import upgrader

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
SERVER = Principal("server", "key_shop", environment="production")
EDITOR = Principal("member", derived_id("mbr_", "ada"), "editor")
ADDRESS = "192.0.2.1"
SHARDS = 2
PEOPLE, ITEMS = 4, 5

Trouble = Literal[
    "before", "after", "refused", "lost"
]  # the process dies before or after a call; it is refused; its answer is lost


class Died(BaseException):
    """No `except Exception` sees it."""


@dataclass(frozen=True)
class Step:
    """`what`: ("vote" | "withdraw", person, item), ("merge", item, into), ("unmerge", item), ("deliver", shard, records, back);
    `meddling`: by number of the call of the store before which it comes."""

    what: tuple[Any, ...]
    meddling: Meddling = field(default_factory=dict)


Meddling = Mapping[int, Trouble | Sequence[Step]]  # trouble, or what others do meanwhile
NOTHING: Meddling = {}


class Meddled(MemoryStore):
    """Before each call there may be trouble, or others do something."""

    def __init__(self) -> None:
        super().__init__()
        self.plan: dict[int, Trouble | Sequence[Step]] = {}
        self.run: Callable[[Step], None] = lambda _: None
        self.writes = 0

    @contextmanager
    def meddling(self, plan: Meddling) -> Iterator[None]:
        before, self.plan, self._call = self.plan, dict(plan), 0
        try:
            yield
        finally:
            self.plan = before

    def _around(self, do: Callable[[], Any], writes: bool = False) -> Any:
        comes = self.plan.pop(self._call, None) if self.plan else None
        self._call += 1
        self.writes += writes
        if comes == "before":
            raise Died
        if comes == "refused" or (comes in ("after", "lost") and not writes):
            raise StoreUnavailable("refused")
        if comes is not None and not isinstance(comes, str):
            rest, call, self.plan = self.plan, self._call, {}
            for step in comes:
                self.run(step)
            self.plan, self._call = rest, call
        done = do()
        if comes == "after":
            raise Died
        if comes == "lost":
            raise StoreUnavailable("lost")
        return done

    _call = 0

    def get(self, table: Table, pk: str, sk: str) -> Row | None:
        found: Row | None = self._around(lambda: super(Meddled, self).get(table, pk, sk))
        return found

    def get_many(self, table: Table, keys: Sequence[tuple[str, str]]) -> list[Row]:
        found: list[Row] = self._around(lambda: super(Meddled, self).get_many(table, keys))
        return found

    def query(self, table: Table, partition: Sequence[str | int], *more: Any, **options: Any) -> Page:
        found: Page = self._around(lambda: super(Meddled, self).query(table, partition, *more, **options))
        return found

    def put(self, table: Table, row: Row, condition: Condition | None = None) -> None:
        self._around(lambda: super(Meddled, self).put(table, row, condition), writes=True)

    def update(self, write: Update) -> None:
        self._around(lambda: super(Meddled, self).update(write), writes=True)

    def transact(self, writes: Sequence[Write], token: str) -> None:
        self._around(lambda: super(Meddled, self).transact(writes, token), writes=True)


class Poll:
    """Items of one product, who votes for them, and who counts. `counts`, `merges`: how; may be plugged in broken."""

    def __init__(
        self,
        items: int = ITEMS,
        *,
        counts: Callable[[MemoryStore], Ballots] = Ballots,
        merges: Callable[[Shelf], Merging] = Merging,
    ) -> None:
        self.store = Meddled()
        self.store.listen(self._changed)
        self.store.run = self.step
        self.shards: list[list[Ballot | None]] = [[] for _ in range(SHARDS)]
        self.at = [0] * SHARDS
        self.clock, self.drawn, self.sequence = count(1), count(1), count(10**27)
        self.shelf = Shelf(self.store, FEEDBACK, kind="feedback", schema=1, upgrade=upgrader("feedback"))
        secrets = Secrets(self.store, self._entropy)
        self.people = People(self.store, secrets, self._entropy)
        self.gate = Gate(Switches(self.store), Forms(secrets), Buckets(self.store), Salts(self.store, self._entropy))
        self.votes = Votes(self.shelf, self.people, self.gate)
        self.merging = merges(self.shelf)
        self.ballots = counts(self.store)
        self.items = [self.item(f"{number}") for number in range(items)]

    def item(self, name: str, **more: Any) -> str:
        id, data = derived_id("fbk_", name), {"product": "shop", "type": "idea", "status": "new", "state": "visible", **more}
        self.shelf.create(self.call("feedback.submit"), id, data, [])
        return id

    def call(self, operation: str, principal: Principal = SERVER) -> Call:
        number = next(self.clock)
        return Call(principal, operation, START + timedelta(seconds=number), f"{operation} {number}")

    # --- what people do ---

    def vote(self, person: object, item: int = 0) -> None:
        self.votes.cast(self.call("feedback.vote"), self.items[item], Voter(targeting_key=f"{person}"), ADDRESS)

    def withdraw(self, person: object, item: int = 0) -> None:
        self.votes.withdraw(self.call("feedback.withdraw"), self.items[item], Voter(targeting_key=f"{person}"), ADDRESS)

    def merge(self, item: int, into: int) -> None:
        self.merging.merge(self.call("feedback.merge", EDITOR), self.items[item], None, self.items[into])

    def unmerge(self, item: int) -> None:
        self.merging.unmerge(self.call("feedback.unmerge", EDITOR), self.items[item], None)

    def step(self, step: Step) -> None:
        """What fails is asked again, without trouble; what is refused was not wanted."""
        name, *told = step.what
        if name == "deliver":
            self.deliver(*told, meddling=step.meddling)
            return
        if name == "merge" and told[0] == told[1]:
            return
        known: dict[str, Callable[..., None]] = {
            "vote": self.vote,
            "withdraw": self.withdraw,
            "merge": self.merge,
            "unmerge": self.unmerge,
        }
        for plan in (step.meddling, {}):
            try:
                with self.store.meddling(plan):
                    known[name](*told)
            except Conflict:
                return
            except (Died, StoreUnavailable):
                continue
            return
        raise AssertionError("nothing was to go wrong")

    # --- what the platform does ---

    def deliver(self, shard: int, records: int = 1000, back: int = 0, *, meddling: Meddling = NOTHING) -> None:
        """From the checkpoint of a shard; `back`: from so many before it, as another instance does that is late."""
        begin = max(0, self.at[shard] - back)
        some = self.shards[shard][begin : begin + records]
        counted = [(begin + place, one) for place, one in enumerate(some) if one is not None]
        try:
            with self.store.meddling(meddling):
                failed = self.ballots.count([one for _, one in counted])
        except (Died, StoreUnavailable):
            return
        end = min((counted[index][0] for index in failed), default=begin + len(some))
        self.at[shard] = max(self.at[shard], end)

    def drain(self) -> None:
        for _ in range(10_000):
            if all(at == len(shard) for at, shard in zip(self.at, self.shards, strict=True)):
                return
            for shard in range(SHARDS):
                self.deliver(shard, 7)
        raise AssertionError("it never comes to rest")

    # --- what is found ---

    def counted(self) -> dict[str, int]:
        chunks = [self.items[first : first + 100] for first in range(0, len(self.items), 100)]
        return {id: number for chunk in chunks for id, number in votes(self.store, chunk).items()}

    def rows(self, sk: str) -> dict[str, Row]:
        return {row["pk"]: row for row in self.store.tables["feedback"].values() if row["sk"] == sk}

    def tree(self) -> dict[str, str]:
        """Each duplicate -> what it was merged into, by the heads."""
        return {id: row["data"]["merged_into"] for id, row in self.rows(HEAD).items() if "merged_into" in row["data"]}

    def truth(self) -> dict[str, int]:
        """Vote rows and heads, looked at one by one."""
        tree, people = self.tree(), {id: set[str]() for id in self.items}
        for row in self.store.tables["feedback"].values():
            if row["sk"].startswith("vote#"):
                people[row["pk"]].add(row["person"])
        found = {id: set(people[id]) for id in self.items}
        for id in tree:
            found[_root(tree, id)] |= people[id]
        return {id: len(some) for id, some in found.items()}

    def findings(self) -> list[str]:
        """Once everything was delivered."""
        tree = self.tree()
        try:
            truth = self.truth()
        except RecursionError:
            return ["a duplicate of itself"]
        counted = self.counted()
        wrong = [f"{id}: {counted[id]} counted of {truth[id]}" for id in self.items if counted[id] != truth[id]]
        groups = self.rows(GROUP)
        told = {child: parent for row in groups.values() for child, parent in row.get("members", {}).items()}
        if told != tree or {id: row["into"] for id, row in groups.items() if "into" in row} != tree:
            wrong.append(f"the groups {told} are not what the items say: {tree}")
        misplaced = [id for id, row in groups.items() for child in row.get("members", {}) if _root(tree, child) != id]
        return wrong + [f"{id} has the members of another" for id in misplaced]

    # --- inside ---

    def _changed(self, table: str, old: Row | None, new: Row | None) -> None:
        row = new or old
        assert row is not None
        shard = self.shards[sum(row["pk"].encode()) % SHARDS]
        shard.append(ballot(old, new, next(self.sequence)))

    def _entropy(self, size: int) -> bytes:
        return next(self.drawn).to_bytes(size, "big")


def _root(tree: Mapping[str, str], id: str) -> str:
    return _root(tree, tree[id]) if id in tree else id


def played(steps: Sequence[Step], **parts: Any) -> list[str]:
    """What is wrong when everything has come to rest."""
    poll = Poll(**parts)
    for step in steps:
        poll.step(step)
    poll.drain()
    return poll.findings()


def drawn(random: Random, count: int, deep: int = 2) -> list[Step]:
    """Any steps, with anything that may come between."""

    def one(deep: int) -> Step:
        person, item, other = random.randrange(PEOPLE), random.randrange(ITEMS), random.randrange(ITEMS)
        name = random.choice(("vote", "vote", "withdraw", "merge", "unmerge", "deliver", "deliver", "deliver"))
        what: tuple[Any, ...] = {
            "vote": (name, person, item),
            "withdraw": (name, person, item),
            "merge": (name, item, other),
            "unmerge": (name, item),
            "deliver": (name, random.randrange(SHARDS), random.randint(1, 9), random.choice((0, 0, 0, 3))),
        }[name]
        plan: dict[int, Trouble | Sequence[Step]] = {}
        while deep and random.random() < 0.4:
            trouble: Trouble = random.choice(("before", "after", "refused", "lost"))
            others = [one(deep - 1) for _ in range(random.randint(1, 4))]
            plan[random.randrange(12)] = others if random.random() < 0.6 else trouble
        return Step(what, plan)

    return [one(deep) for _ in range(count)]
