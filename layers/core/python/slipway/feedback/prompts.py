"""Whom a survey asks, and when: each unit once, and not soon after another survey asked it.

    prompted#<unit> / last   `survey`: which asked last; `asked`: all that did, the last MOST_ASKED; `at`: milliseconds;
                             `view`: where; `by`: the request that did

The budget is of the environment: a survey asks nobody whom any survey there, of whatever product, has asked within its
`quiet_days`. The row is written before the prompt is answered, on condition of what was read: of two views at the same moment
one gets a prompt. The same view is answered the same for a while, so that a lost answer loses no prompt.

With a client key, which anybody can read in a page, a prompt takes a token of the network's: targeting keys can be made up, and
each that is asked costs a row and somebody's quiet days. Where nothing is to be asked, none is taken.

Where several surveys could ask, the one does that draws the unit first: a rare one goes before one that asks everybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from slipway.calls import Call, timestamp
from slipway.feedback.answers import SCHEMA
from slipway.feedback.people import unit
from slipway.feedback.survey import Prompting, scale
from slipway.feedback.surveys import Surveys, flag_of
from slipway.feedback.tickets import LONGEST, Tickets, Whom, prompted
from slipway.flags.evaluation import FlagSet
from slipway.flags.limits import Allowance
from slipway.ports import Absent, ConditionFailed, Equals
from slipway.resources import Stored
from slipway.rollouts.exposure import bucket
from slipway.signals.network import network
from slipway.signals.rows import DAY
from slipway.tables import FEEDBACK
from slipway.values import Value

if TYPE_CHECKING:
    from slipway.feedback.buckets import Buckets
    from slipway.feedback.people import People
    from slipway.ports import Row

FRESH = 10  # seconds for which the surveys are believed without asking
SAME_VIEW = 30 * 60_000  # milliseconds for which a view is answered the same
MOST_ASKED = 50  # surveys of which a unit's row remembers that they asked
KEPT = 400  # days after which nobody remembers; more than any `quiet_days`
TRIES = 3
MOST_ENVIRONMENTS = 16  # in memory


class Running(Value):
    """A survey that is enabled, its rule, and the answers that it still takes, as of a few seconds ago."""

    survey: Stored
    rule: FlagSet
    left: int

    def draws(self, key: str) -> int:
        """Where the unit stands among all: below `sampling` it may be asked. Always the same of the same two."""
        return bucket(self.survey.id, "v3", key)

    def asks(self, product: str, context: Mapping[str, Any], call: Call, shared: Allowance) -> bool:
        data = self.survey.data
        return (
            data["product"] == product
            and self.left > 0
            and data.get("starts_at", "") <= call.stamp < data.get("ends_at", "~")
            and self.draws(context["targetingKey"]) < data["sampling"]
            and self.rule.evaluate(self.survey.id, context, now=call.now.timestamp(), shared=shared).value is True
        )


class Prompts:
    def __init__(self, surveys: Surveys, people: People, tickets: Tickets, buckets: Buckets) -> None:
        self._surveys, self._people, self._tickets, self._buckets = surveys, people, tickets, buckets
        self._found: dict[str, tuple[float, list[Running]]] = {}

    def prompt(self, call: Call, environment: str, asked: Prompting, address: str) -> dict[str, Any] | None:
        """A PromptView; None where nothing is to be asked. `address`: of the network that it comes from.

        Raises TooManyRequests."""
        shared, key = Allowance(), asked.context["targetingKey"]
        running = self._running(environment, call.now.timestamp())
        fit = [one for one in running if one.asks(asked.product, asked.context, call, shared)]
        if not fit:
            return None
        lookup = self._people.lookup(unit(environment, key))
        row = self._surveys.store.get(FEEDBACK, *prompted(lookup))
        for _ in range(TRIES):
            if row is not None and row["view"] == asked.view and _now(call) - int(row["at"]) < SAME_VIEW:
                again = [one for one in fit if one.survey.id == row["survey"]]
                return self._told(again[0].survey, lookup, int(row["at"])) if again else None
            rested = [one for one in fit if _rested(one.survey, row, _now(call))]
            if not rested:
                return None
            chosen = min(rested, key=lambda one: (one.draws(key), one.survey.id)).survey
            self._let(call, address)
            mine = _row(call, lookup, chosen.id, asked.view, row)
            try:
                self._surveys.store.put(FEEDBACK, mine, Absent() if row is None else Equals("by", row["by"]))
            except ConditionFailed as stands:
                row = stands.row
            else:
                return self._told(chosen, lookup, int(mine["at"]))
        return None

    # --- inside ---

    def _let(self, call: Call, address: str) -> None:
        if call.principal.kind == "client":
            self._buckets.take(call, self._people.keyed(f"network\x1f{network(address)}")[:24])

    def _running(self, environment: str, now: float) -> Sequence[Running]:
        until, running = self._found.get(environment, (0.0, []))
        if now >= until:
            before = {(one.survey.id, one.survey.version): one.rule for one in running}
            running = [
                Running(stored, before.get((stored.id, stored.version)) or _rule(stored), left)
                for stored, left in self._surveys.enabled(environment)
            ]
            if len(self._found) >= MOST_ENVIRONMENTS:
                self._found.clear()
            self._found[environment] = now + FRESH, running
        return running

    def _told(self, survey: Stored, lookup: str, at: int) -> dict[str, Any]:
        data = survey.data
        return {
            "survey": survey.id,
            "kind": data["kind"],
            "question": data["question"],
            "scale": scale(data["kind"]),
            "token": self._tickets.ticket(survey.id, at, Whom(lookup, data["product"], data["kind"])),
            "expires_at": _ends(at),
        }


def _rule(survey: Stored) -> FlagSet:
    return FlagSet.parse(flag_of(survey.id, survey.data.get("targeting")))


def _rested(survey: Stored, row: Row | None, now: int) -> bool:
    if row is None:
        return True
    return survey.id not in row["asked"] and now - int(row["at"]) >= int(survey.data["quiet_days"]) * DAY * 1000


def _row(call: Call, lookup: str, survey: str, view: str, before: Row | None) -> Row:
    pk, sk = prompted(lookup)
    asked = [*([] if before is None else before["asked"]), survey][-MOST_ASKED:]
    kept = {"survey": survey, "asked": asked, "at": _now(call), "view": view, "by": call.nonce}
    return {"pk": pk, "sk": sk, "schema": SCHEMA, **kept, "expires": _now(call) // 1000 + KEPT * DAY}


def _now(call: Call) -> int:
    return int(call.now.timestamp() * 1000)


def _ends(at: int) -> str:
    return timestamp(datetime.fromtimestamp(at / 1000, UTC) + timedelta(seconds=LONGEST))
