"""What people answered to a survey, each once.

    srv_... / answer#<person>   `score`; `feedback`: the item; `release`; `flags`: {flag: {variant, version}} of who answered
    srv_... / count             `over`: answers less the cap, so that it never comes to be more than 0

An answer is written with its item, in one transaction, which also takes one of those that the survey still wants: so none is
counted twice, nobody answers twice, and there is none beyond the cap.
"""

from __future__ import annotations

from slipway.ports import Absent, Below, Equals, Put, Update
from slipway.problems import Conflict
from slipway.tables import FEEDBACK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from slipway.calls import Call
    from slipway.ports import Row, Write

SCHEMA = 1
ANSWER, COUNT = "answer#", "count"  # how a sort key begins, and one


def given(call: Call, item: str, person: str, data: Mapping[str, Any]) -> Sequence[Write]:
    """What goes into the transaction of an item that answers a survey; `data`: the item's."""
    survey, release = data["survey"], {"release": data["release"]} if "release" in data else {}
    row: Row = {"pk": survey, "sk": ANSWER + person, "schema": SCHEMA, "person": person, "created_at": call.stamp}
    row |= {"feedback": item, "score": data["rating"], **release}
    return [Put(FEEDBACK, row, Absent()), Update(FEEDBACK, survey, COUNT, add={"over": 1}, condition=Below("over", 0))]


def refused(index: int) -> Conflict:
    """What to tell where the condition of that one of `given` did not hold."""
    if index:
        return Conflict("The survey has all the answers that it takes; this one was not kept.")
    return Conflict("This person has answered the survey before; this answer was not kept.")


def served(survey: str, person: str, item: str, flags: Mapping[str, Any]) -> Update:
    """What adds to an answer the flags that its sender was served, once they are known of the item."""
    return Update(FEEDBACK, survey, ANSWER + person, set={"flags": dict(flags)}, condition=Equals("feedback", item))
