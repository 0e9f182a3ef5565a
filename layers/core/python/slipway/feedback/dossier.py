"""Everything about one person, as that person may ask for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slipway.feedback.belongings import belongings

if TYPE_CHECKING:
    from slipway.feedback.items import Items
    from slipway.feedback.people import Who
    from slipway.ports import Row

# Attributes of rows that tell how they are kept, and nothing of the person.
_OURS = frozenset({"pk", "sk", "schema", "person", "kind", "expires", "sealed", "events", "cause"})


def dossier(items: Items, who: Who) -> dict[str, Any]:
    """A DossierView of all who are meant."""
    people = list(dict.fromkeys(items.people.found(who)))
    feedback, beside = list[dict[str, Any]](), list[dict[str, Any]]()
    for pid in people:
        for owned, rows in belongings(items, pid):
            feedback += items.views(owned)
            beside += map(_shown, rows)
    return {"people": people, "feedback": feedback, "beside": beside}


def _shown(row: Row) -> dict[str, Any]:
    """Such as a vote: of which item, what, when."""
    told = {name: value for name, value in row.items() if name not in _OURS and not isinstance(value, bytes)}
    return {"item": row["pk"], "what": row["sk"].partition("#")[0], **told}
