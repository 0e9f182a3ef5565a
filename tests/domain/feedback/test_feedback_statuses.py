"""The workflow as its table says."""

from __future__ import annotations

import pytest

from slipway.feedback.statuses import LABELS, MERGED, MOVES, OPEN, STATUSES, Status, label, move
from slipway.problems import MoveNotAllowed

WAYS = [(present, wanted) for present in STATUSES for wanted in STATUSES]


@pytest.mark.parametrize(("present", "wanted"), WAYS)
def test_a_status_follows_where_the_table_has_it_and_stays_where_it_is(present: Status, wanted: Status) -> None:
    if wanted == present or wanted in MOVES[present]:
        assert move(present, wanted) == wanted
        return
    with pytest.raises(MoveNotAllowed) as refused:
        move(present, wanted)
    assert refused.value.status == 409
    (fault,) = refused.value.errors
    assert (fault.pointer, fault.code, fault.detail) == ("/status", "move_not_allowed", refused.value.detail)
    if MERGED not in (present, wanted):
        assert all(status in fault.detail for status in MOVES[present])


def test_no_hand_makes_a_duplicate_nor_unmakes_one() -> None:
    assert MOVES[MERGED] == ()
    assert all(MERGED not in ways for ways in MOVES.values())
    with pytest.raises(MoveNotAllowed, match="merge"):
        move("new", "duplicate")
    with pytest.raises(MoveNotAllowed, match="unmerge"):
        move("duplicate", "new")


def test_whatever_was_decided_can_be_reconsidered_and_ends_somewhere() -> None:
    """From every status but a merged one each other one can be reached."""
    for start in STATUSES:
        reached, ways = set[Status](), [start]
        while ways:
            reached.update(more := set(MOVES[ways.pop()]) - reached)
            ways.extend(more)
        assert reached >= (set(STATUSES) - {MERGED, start} if start != MERGED else set())


def test_what_is_open_may_still_be_planned_shipped_and_declined() -> None:
    for status in OPEN:
        assert {"shipped", "declined"} <= set(MOVES[status])


def test_a_board_may_word_a_status_otherwise() -> None:
    assert [label(status, {}) for status in STATUSES] == list(LABELS.values())
    assert label("shipped", {"shipped": "Done!"}) == "Done!"
