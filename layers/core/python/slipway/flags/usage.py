"""How a flag is used, as the API answers it. It is no part of the flag's version: counting changes no ETag."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Literal

from pydantic import Field

from slipway.calls import Call
from slipway.flags import counting
from slipway.flags.counting import EVERY, EVERY_CLIENT
from slipway.flags.environments import Environments
from slipway.flags.ledger import stale
from slipway.resources import Stored
from slipway.shape import Shape
from slipway.tables import FLAGS, USAGE

WEEK = timedelta(days=7)
_WORDS = {
    "not_evaluated": "Nobody has asked for it or changed it here since {since}.",
    "one_variant": "Everybody has been given the same variant here since {since}.",
}


class StaleView(Shape):
    reason: Literal["not_evaluated", "one_variant"]
    since: date
    detail: str


class EnvironmentUsage(Shape):
    environment: str
    last_evaluated_at: date | None = Field(
        description="the day (UTC), by itself or with all flags; null: never, as far as known"
    )
    evaluations: int = Field(ge=0, description="of this flag by itself, in the last seven days")
    bulk_evaluations: int = Field(ge=0, description="of all flags at once, this one among them, in the last seven days")
    stale: StaleView | None = Field(description="why nobody seems to need it here any more; null: somebody may")


class UsageView(Shape):
    items: list[EnvironmentUsage]


def usage(known: Environments, call: Call, flag: Stored) -> list[dict[str, Any]]:
    """By environment, as EnvironmentUsage."""
    store, key, today = known.store, flag.data["key"], call.now.date()
    first, active = today - WEEK + timedelta(days=1), flag.data["status"] == "active"
    bulks = [EVERY, EVERY_CLIENT] if flag.data["client_side"] else [EVERY]
    found = []
    for name in known.all(call).names:
        days = store.get_many(USAGE, [(f"seen#{name}", one) for one in (key, *bulks)])
        listed = store.get(FLAGS, stale(name), key) if active else None
        found.append(
            {
                "environment": name,
                "last_evaluated_at": max((row["day"] for row in days), default=None),
                "evaluations": counting.evaluations(store, name, key, first),
                "bulk_evaluations": sum(counting.evaluations(store, name, one, first) for one in bulks),
                "stale": listed and _stale(listed["reason"], listed["since"]),
            }
        )
    return found


def _stale(reason: str, since: str) -> dict[str, str]:
    return {"reason": reason, "since": since, "detail": _WORDS[reason].format(since=since)}
