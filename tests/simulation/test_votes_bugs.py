"""Mistakes of who counts votes: each, put into the product, is found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from unittest.mock import patch

import pytest

from slipway.feedback import ballots
from slipway.feedback.ballots import Ballot, Ballots
from slipway.feedback.groups import Group
from slipway.ports import Row, Span, Store, every
from slipway.tables import FEEDBACK
from tests.simulation.enumeration import Bug, played
from tests.simulation.scenarios import SCENARIOS
from tests.simulation.test_planted_bugs import caught

(VOTES,) = (scenario for scenario in SCENARIOS if scenario.name == "votes")


def added_to_counts() -> Bug:
    """Adds what comes again."""
    added = ballots._added

    def careless(fields: Row, lane: Iterable[Ballot]) -> Row | None:
        return added({**fields, "last": "0"}, lane)

    return Bug(patch.object(ballots, "_added", careless))


def counts_over_counts() -> Bug:
    """Writes whatever stands there."""

    def careless(self: Ballots, id: str, before: Row | None, fields: Row) -> None:
        version = 1 if before is None else before["version"] + 1
        self.store.put(FEEDBACK, {**fields, "pk": id, "sk": "count", "schema": 1, "version": version})

    return Bug(patch.object(Ballots, "_put", careless))


def counted_before_it_is_told() -> Bug:
    """The number in one write, and that it was counted in the next."""
    put = Ballots._put

    def careless(self: Ballots, id: str, before: Row | None, fields: Row) -> None:
        put(self, id, before, {**fields, "last": "0" if before is None else before["last"]})
        put(self, id, self.store.get(FEEDBACK, id, "count"), fields)

    return Bug(patch.object(Ballots, "_put", careless))


def summed() -> Bug:
    """Adds the votes of a group up."""

    def careless(store: Store, group: Group, after: str = "") -> Any:
        return (row for id in group.ids for row in every(store, FEEDBACK, id, Span(prefix="vote#")))

    return Bug(patch.object(ballots, "voters", careless))


def union_of_what_is_new() -> Bug:
    """Counts a group anew only for a record that was not counted: who dies before that never does."""
    count = Ballots.count

    def careless(self: Ballots, some: Sequence[Ballot]) -> set[int]:
        def new(one: Ballot) -> bool:
            row = self.store.get(FEEDBACK, one.item, "count")
            return row is None or one.sequence > int(row["last"])

        fresh = [index for index, one in enumerate(some) if new(one)]
        return {fresh[index] for index in count(self, [some[index] for index in fresh])}

    return Bug(patch.object(Ballots, "count", careless))


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (added_to_counts, "doubled"),
        (counts_over_counts, "lost"),
        (counted_before_it_is_told, "doubled"),
        (summed, "doubled"),
        (union_of_what_is_new, "lost"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_it_is_found(make: Callable[[], Bug], kind: str) -> None:
    findings = caught(make, VOTES, "ballots")
    assert getattr(findings, kind), f"not found as {kind}: {findings}"


def test_the_mistake_alone_is_what_is_found() -> None:
    assert not played(VOTES).findings
