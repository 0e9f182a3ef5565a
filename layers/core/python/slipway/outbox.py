"""From what a table's stream shows to the envelopes that belong on the bus. Standard library only.

A head row carries the events of its newest version, written with it in one write. They are due when the head's version
changes, and only then: a backfill rewrites a head without changing its version, and a version row (`v#...`) repeats the
events of a head that was there before. The id of an event follows from where it stands, so that every reader of the same
row, the relay or a replay a month later, makes the same envelope.
"""

from __future__ import annotations

from typing import Any

from slipway.calls import derived_id
from slipway.ports import Row
from slipway.resources import HEAD
from slipway.tables import ACCESS, FEEDBACK, FLAGS, PRODUCTS, Table

Envelope = dict[str, Any]

# The kind of resource is the first word of its events' types.
HOMES: dict[str, Table] = {
    "product": PRODUCTS,
    "key": ACCESS,
    "member": ACCESS,
    "flag": FLAGS,
    "configuration": FLAGS,
    "environment": FLAGS,
    "segment": FLAGS,
    "proposal": FLAGS,
    "schedule": FLAGS,
    "rollout": FLAGS,
    "template": FLAGS,
    "feedback": FEEDBACK,
    "person": FEEDBACK,
    "survey": FEEDBACK,
    "webhook": FEEDBACK,
    "changelog": FEEDBACK,
    "board": FEEDBACK,
}


def due(old: Row | None, new: Row | None) -> list[Envelope]:
    """The envelopes that one change of one row puts on the bus.

    Raises KeyError, TypeError or ValueError for a head that is not one of ours.
    """
    if new is None or new["sk"] != HEAD:
        return []
    if old is not None and old["version"] == new["version"]:
        return []
    return envelopes(new)


def envelopes(row: Row) -> list[Envelope]:
    """The envelopes of the events that a head or a version row carries, in order."""
    made = []
    for index, event in enumerate(row["events"]):
        kind, _, contract = event["type"].partition(".")
        home = HOMES[kind].name
        made.append(
            {
                "id": derived_id("evt_", home, row["pk"], str(row["version"]), str(index)),
                "source": f"slipway.{home}",
                "type": event["type"],
                "version": int(contract.rpartition(".v")[2]),
                "sequence": row["version"],
                "time": row["updated_at"],
                "subject": row["pk"],
                **row["cause"],
                "data": event["data"],
            }
        )
    return made
