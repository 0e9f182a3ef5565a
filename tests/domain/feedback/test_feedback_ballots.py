"""Votes are the people who stand behind an item: whoever votes, withdraws and merges, and however the stream brings it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.feedback import ballots
from slipway.feedback.ballots import Ballot, Ballots, ballot, votes
from slipway.feedback.groups import Group, Groups
from slipway.feedback.merging import Merging
from slipway.feedback.recount import Recount
from slipway.ports import ConditionFailed, Delete, Put, Row, Span, StoreUnavailable, every
from slipway.resources import Shelf
from slipway.tables import FEEDBACK
from tests.voting import ITEMS, PEOPLE, SHARDS, Poll, Step, drawn, played

RUNS = 5_000 if os.environ.get("SLIPWAY_PROVE") else 500
STEPS = 30

people, items = st.integers(0, PEOPLE - 1), st.integers(0, ITEMS - 1)
deliveries = st.tuples(st.just("deliver"), st.integers(0, SHARDS - 1), st.integers(1, 9), st.integers(0, 4))
whats = st.one_of(
    st.tuples(st.sampled_from(("vote", "withdraw")), people, items),
    st.tuples(st.just("merge"), items, items),
    st.tuples(st.just("unmerge"), items),
    deliveries,
)
troubles = st.sampled_from(("before", "after", "refused", "lost"))


def meddled(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    return st.builds(Step, whats, st.dictionaries(st.integers(0, 11), inner, max_size=3))


steps = st.lists(meddled(troubles | st.lists(meddled(troubles), max_size=3)), max_size=STEPS)


@settings(max_examples=RUNS // 5, deadline=None)
@given(steps)
def test_votes_are_the_distinct_voters_of_the_group(steps: list[Step]) -> None:
    """Any sequence, other requests and deliveries in the middle of each, processes that die, answers that are lost."""
    assert played(steps) == []


@settings(max_examples=RUNS // 5, deadline=None)
@given(st.lists(whats, max_size=STEPS))
def test_votes_are_what_people_said(whats: list[tuple[Any, ...]]) -> None:
    """One after another, against sets: nothing that was acknowledged is lost, nothing stands twice."""
    poll = Poll()
    said: list[set[int]] = [set() for _ in range(ITEMS)]
    into: dict[int, int] = {}

    def root(item: int) -> int:
        return root(into[item]) if item in into else item

    for name, *told in whats:
        poll.step(Step((name, *told)))
        match name, told:
            case "vote", [person, item]:
                said[item].add(person)
            case "withdraw", [person, item]:
                for other in range(ITEMS):
                    if root(other) == root(item):
                        said[other].discard(person)
            case "merge", [item, other] if item not in into and root(other) != item:
                into[item] = root(other)
            case "unmerge", [item]:
                into.pop(item, None)
    poll.drain()
    groups: list[set[int]] = [set(some) for some in said]
    for item in into:
        groups[root(item)] |= said[item]
    assert list(poll.counted().values()) == [len(some) for some in groups]
    assert poll.tree() == {poll.items[item]: poll.items[other] for item, other in into.items()}


def test_any_runs_lose_none_and_double_none(record_property: Any) -> None:
    """The same by seed, as the planted bugs below are met."""
    wrong = [found for seed in range(RUNS) for found in played(drawn(Random(seed), STEPS))]
    assert wrong == []
    record_property("figures", f"votes and merges, {RUNS} runs of {STEPS} steps with what may come between: lost 0, doubled 0")


# Item 1 is a duplicate of item 0: what somebody does, and what others do at the same moment.
BEFORE = [("vote", 0, 0), ("vote", 1, 1), ("merge", 1, 0), ("deliver", 0, 99, 0), ("deliver", 1, 99, 0)]
BOTH = [("deliver", 0, 99, 0), ("deliver", 1, 99, 0)]
RACES: list[tuple[list[tuple[Any, ...]], tuple[Any, ...], list[tuple[Any, ...]]]] = [
    ([*BEFORE, change], one, [other, *BOTH])
    for change in (("vote", 2, 1), ("vote", 2, 0), ("withdraw", 1, 1), ("unmerge", 1), ("merge", 0, 2))
    for one in BOTH
    for other in (
        ("withdraw", 2, 1),
        ("vote", 2, 0),
        ("vote", 3, 1),
        ("unmerge", 1),
        ("merge", 0, 2),
        ("unmerge", 0),
        ("merge", 2, 1),
    )
] + [
    ([*BEFORE, ("merge", 3, 2)], one, [other])
    for one in (("merge", 0, 2), ("merge", 2, 0), ("unmerge", 1), ("merge", 4, 1))
    for other in (("merge", 2, 1), ("merge", 0, 3), ("merge", 4, 0), ("unmerge", 3), ("unmerge", 1), ("merge", 0, 4))
]
CALLS = 16  # of the store, that one of these makes at most


def raced(**parts: Any) -> Iterator[str]:
    """What is found where others come before each call in turn."""
    for before, one, others in RACES:
        for call in range(CALLS):
            steps = [*(Step(what) for what in before), Step(one, {call: [Step(what) for what in others]})]
            yield from (f"{steps}: {found}" for found in played(steps, **parts))


def test_whoever_comes_in_the_middle_of_what_does_no_harm() -> None:
    assert list(raced()) == []


def test_a_thousand_at_once_count_exactly(record_property: Any) -> None:
    """From 16 threads, for one item, while the stream is read; a third of them twice, a tenth withdraws."""
    poll = Poll(1)
    crowd = list(range(1000))
    meddling = threading.Lock()  # `Poll` counts its clock by itself; the store takes everybody

    def some(first: int) -> None:
        for person in crowd[first::16]:
            poll.vote(person)
            if person % 3 == 0:
                poll.vote(person)
            if person % 10 == 0:
                poll.withdraw(person)

    def reader() -> None:
        while not done.is_set():
            for shard in range(SHARDS):
                with meddling:
                    poll.deliver(shard, 50)

    done = threading.Event()
    reading, threads = threading.Thread(target=reader), [threading.Thread(target=some, args=(n,)) for n in range(16)]
    for thread in (reading, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    reading.join()
    poll.drain()
    assert list(poll.counted().values()) == [900]
    assert poll.findings() == []
    record_property("figures", "1,000 people at once on one item, 100 of them withdraw: 900 counted")


def test_a_vote_is_one_write(record_property: Any) -> None:
    """And of somebody who was never met one transaction; nothing is counted in the request."""
    poll = Poll(1)
    poll.vote("ada")
    before = poll.store.writes
    poll.vote("eve")
    assert poll.store.writes - before == 1
    poll.store.transact([Delete(FEEDBACK, row["pk"], row["sk"]) for row in _votes(poll)], "gone")
    before = poll.store.writes
    poll.vote("eve")
    assert poll.store.writes - before == 1
    assert poll.rows("count") == {}
    poll.drain()
    assert list(poll.counted().values()) == [1]


def test_a_delivery_is_one_write_for_an_item() -> None:
    poll = Poll(1)
    for person in range(40):
        poll.vote(person)
    before = poll.store.writes
    for shard in range(SHARDS):
        poll.deliver(shard)
    assert poll.store.writes - before == 1
    assert list(poll.counted().values()) == [40]


def test_the_stream_does_not_feed_itself() -> None:
    """What counting writes asks for no counting."""
    poll = Poll(2)
    poll.vote("ada")
    poll.merge(1, 0)
    ends = [len(shard) for shard in poll.shards]
    poll.drain()
    more = [one for shard, end in zip(poll.shards, ends, strict=True) for one in shard[end:]]
    assert len(more) >= 2
    assert not any(more)


@pytest.mark.parametrize(
    ("pk", "sk", "old"),
    [
        *(("fbk_1", "head", False), ("fbk_1", "v#0000000001", False), ("fbk_1", "count", False), ("fbk_1", "mark", True)),
        *(("board#shop", "head", False), ("psn_1", "key", False), ("fbk_1", "note#1", False), ("rows", "vote#1", False)),
    ],
)
def test_what_counts_nothing(pk: str, sk: str, old: bool) -> None:
    row: Row = {"pk": pk, "sk": sk, "mark": "m"}
    assert ballot(row if old else None, None if old else row, 1) is None


def test_a_vote_that_changes_counts_nothing() -> None:
    row: Row = {"pk": "fbk_1", "sk": "vote#psn_1"}
    assert ballot(row, {**row, "by": "member:ada"}, 1) is None


def test_what_fails_holds_back_its_item_and_nothing_else() -> None:
    poll = Poll(3)
    for item in range(3):
        poll.vote("ada", item)
    ballots = [one for shard in poll.shards for one in shard if one is not None]

    class Stuck(Ballots):
        def _put(self, id: str, before: Row | None, fields: Row) -> None:
            if id == poll.items[1]:
                raise StoreUnavailable("throttled")
            super()._put(id, before, fields)

    failed = Stuck(poll.store).count(ballots)
    assert {ballots[index].item for index in failed} == {poll.items[1]}
    assert list(poll.counted().values()) == [1, 0, 1]
    poll.drain()
    assert list(poll.counted().values()) == [1, 1, 1]


def test_a_table_that_is_out_is_tried_twice() -> None:
    poll = Poll(5)
    for item in range(5):
        poll.vote("ada", item)
    tried = []

    class Out(Ballots):
        def _put(self, id: str, before: Row | None, fields: Row) -> None:
            tried.append(id)
            raise StoreUnavailable("throttled")

    ballots = [one for shard in poll.shards for one in shard if one is not None]
    assert Out(poll.store).count(ballots) == set(range(5))
    assert len(tried) == 2


# --- the recount ----------------------------------------------------------------------------------------


def recount(poll: Poll) -> Recount:
    return Recount(poll.store, lambda: f"mark {poll.call('recount').nonce}")


def spoilt(poll: Poll, id: str, **fields: Any) -> None:
    row = poll.store.tables["feedback"][id, "count"]
    poll.store.transact([Put(FEEDBACK, {**row, **fields})], f"spoil {len(poll.shards[0])}{len(poll.shards[1])}")


def test_a_recount_repairs() -> None:
    """A vote whose record was put aside, one that was counted twice, a union that is not true."""
    poll = Poll(4)
    for person in range(3):
        poll.vote(person, 0)
        poll.vote(person, 1)
        poll.vote(person, 2)
    poll.merge(2, 1)
    poll.drain()
    spoilt(poll, poll.items[0], own=7)
    spoilt(poll, poll.items[1], own=2, union=9)
    wrong, errors = recount(poll).sweep()
    assert (set(wrong), errors) == ({poll.items[0], poll.items[1]}, [])
    poll.drain()
    assert poll.findings() == []
    assert poll.rows("count")[poll.items[1]]["own"] == 3
    assert recount(poll).sweep() == ([], [])


def test_a_recount_finds_an_item_that_was_never_counted() -> None:
    poll = Poll(1)
    poll.vote("ada")
    poll.at = [len(shard) for shard in poll.shards]  # its records are lost
    assert recount(poll).sweep()[0] == poll.items
    poll.drain()
    assert poll.findings() == []


def test_a_recount_goes_on_where_it_stopped() -> None:
    poll = Poll(250)
    for item in range(250):
        poll.vote("ada", item)
    poll.at = [len(shard) for shard in poll.shards]
    assert [len(recount(poll).sweep(100)[0]) for _ in range(3)] == [100, 100, 50]
    poll.drain()
    assert poll.findings() == []
    assert recount(poll).sweep(100) == ([], []), "and begins anew"


def test_a_recount_says_what_it_cannot_look_at() -> None:
    poll = Poll(2)
    poll.vote("ada")
    poll.at = [len(shard) for shard in poll.shards]

    class Out(Recount):
        def mark(self, id: str) -> None:
            raise StoreUnavailable("throttled")

    wrong, errors = Out(poll.store, str).sweep()
    assert (wrong, len(errors)) == ([], 1)


@settings(max_examples=RUNS // 5, deadline=None)
@given(st.lists(whats, max_size=STEPS), st.dictionaries(st.integers(0, 8), whats, max_size=3), st.integers(-2, 2), items)
def test_a_recount_never_does_harm(
    whats: list[tuple[Any, ...]], between: dict[int, tuple[Any, ...]], off: int, item: int
) -> None:
    """Whatever people do while it looks; and once they rest, the next one repairs."""
    poll = Poll()
    for what in whats:
        poll.step(Step(what))
    for shard in range(SHARDS):
        poll.deliver(shard, 3)
    with poll.store.meddling({number: [Step(what)] for number, what in between.items()}):
        recount(poll).mark(poll.items[item])
    poll.drain()
    assert poll.findings() == []
    if off and (poll.items[item], "count") in poll.store.tables["feedback"]:
        spoilt(poll, poll.items[item], own=max(0, poll.rows("count")[poll.items[item]]["own"] + off))
        recount(poll).sweep()
        poll.drain()
        assert poll.findings() == []


# --- done wrong -----------------------------------------------------------------------------------------


class BareAdd(Ballots):
    """What comes again is added again."""

    def _add(self, id: str, lane: Sequence[Ballot], before: Row | None) -> None:
        super()._add(id, [one.but(sequence=10**30 + one.sequence + self.again()) for one in lane], before)

    def again(self) -> int:
        self.tried = getattr(self, "tried", 0) + 10**31
        return self.tried


class NoCondition(Ballots):
    """Whoever writes last is right."""

    def _put(self, id: str, before: Row | None, fields: Row) -> None:
        version = 1 if before is None else before["version"] + 1
        self.store.put(FEEDBACK, {**fields, "pk": id, "sk": "count", "schema": 1, "version": version})


class DedupeAfter(Ballots):
    """First the number, then that it was counted."""

    def _put(self, id: str, before: Row | None, fields: Row) -> None:
        last = "0" if before is None else before["last"]
        if fields["last"] == last:
            super()._put(id, before, fields)
            return
        super()._put(id, before, {**fields, "last": last})
        standing = self.store.get(FEEDBACK, id, "count")
        assert standing is not None
        super()._put(id, standing, {**standing, "last": fields["last"]})


class OnlyWhatChanged(Ballots):
    """A number that is what it was is not written."""

    def _put(self, id: str, before: Row | None, fields: Row) -> None:
        if before is None or fields != {name: before[name] for name in before}:
            super()._put(id, before, fields)


class RootsAreForgotten(Ballots):
    """A vote for a duplicate counts at the duplicate only."""

    def _unions(self, lanes: Any, ids: Sequence[str]) -> dict[str, set[str]]:
        return {id: {id} for id in ids if any(one.group for one in lanes[id])}


class MembersFirst(Ballots):
    """The version is read after what is counted."""

    def recount(self, id: str) -> bool:
        group = self.groups.read(id)
        union = sum(1 for _ in ballots.voters(self.store, group)) if group.members else None
        before = self.store.get(FEEDBACK, id, "count")
        fields = {name: value for name, value in (before or {"own": 0, "last": "0"}).items() if name != "union"}
        with suppress(ConditionFailed):
            self._put(id, before, fields if union is None else {**fields, "union": union})
        return True


def one_by_one(store: Any, group: Group, after: str = "") -> Iterator[Row]:
    """The votes of all, instead of the people."""
    return (row for id in group.ids for row in every(store, FEEDBACK, id, Span(prefix="vote#")))


class Unguarded(Merging):
    """The rows of the groups are written whatever stands there."""

    def __init__(self, shelf: Shelf) -> None:
        super().__init__(shelf)
        self.groups = LooseGroups(shelf.store)


class LooseGroups(Groups):
    def read(self, id: str) -> Group:
        return Loose.of(super().read(id))

    def roots(self, ids: Iterable[str]) -> dict[str, Group]:
        return {id: Loose.of(one) for id, one in super().roots(ids).items()}


class Loose(Group):
    @classmethod
    def of(cls, group: Group) -> Loose:
        return cls(group.id, group.members, group.into, group.change)

    def put(self, change: str, **fields: Any) -> Put:
        return super().put(change, **fields).but(condition=None)


BUGS: dict[str, dict[str, Any]] = {
    "bare add": {"counts": BareAdd},
    "missing condition": {"counts": NoCondition},
    "dedupe after effect": {"counts": DedupeAfter},
    "only what changed is written": {"counts": OnlyWhatChanged},
    "votes for duplicates forgotten": {"counts": RootsAreForgotten},
    "version read last": {"counts": MembersFirst},
    "unguarded merge": {"merges": Unguarded},
}


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(bug: str) -> None:
    assert next(raced(**BUGS[bug]), None) or any(played(drawn(Random(seed), STEPS), **BUGS[bug]) for seed in range(RUNS))


def test_a_sum_instead_of_a_union_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ballots, "voters", one_by_one)
    assert any(played(drawn(Random(seed), STEPS)) for seed in range(RUNS))


def test_a_recount_without_marks_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found is taken wherever the stream brings it."""

    def harm(seed: int) -> list[str]:
        poll, random = Poll(1), Random(seed)
        with poll.store.meddling({random.randrange(3): [Step(("vote", random.randrange(9), 0))]}):
            recount(poll).mark(poll.items[0])
        poll.drain()
        return poll.findings()

    assert not any(harm(seed) for seed in range(50))
    added = ballots._added

    def careless(fields: Row, lane: Iterable[Ballot]) -> Row | None:
        for one in lane:
            fields = added({**fields, "quiet": one.mark}, [one]) or fields
        return fields

    monkeypatch.setattr(ballots, "_added", careless)
    assert any(harm(seed) for seed in range(50))


def _votes(poll: Poll) -> list[Row]:
    return [row for row in poll.store.tables["feedback"].values() if row["sk"].startswith("vote#")]


def test_an_item_nobody_voted_for_has_no_votes() -> None:
    poll = Poll(2)
    assert votes(poll.store, poll.items) == dict.fromkeys(poll.items, 0)
    assert votes(poll.store, []) == {}
