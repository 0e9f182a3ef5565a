"""Whether somebody tells the same over and over: who has told nearly the same MOST times within an hour is held from then on.

    flood#<sender> / <created_at>#<item>    `print`: a sketch of the text; gone within hours

A sender is a network (its day's hash), and a person with a targeting key. Nobody else is in either, so that nobody's item is
held for another's, and what many tell from many places stands, however alike it is. An item counts those before it alone: they
are found again whenever it is looked at.

The sketch is the MOST_SHINGLES smallest of the keyed hashes of all runs of RUN letters (Broder, "On the resemblance and
containment of documents", 1997): of two texts it estimates what share of all runs they have in common. Short texts are held
whole. Without the day's key a sketch says nothing of the text, and the key goes two days after.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from slipway.calls import timestamp
from slipway.digests import hmac
from slipway.feedback.words import folded
from slipway.ports import Absent, ConditionFailed, Span
from slipway.signals.rows import DAY, day
from slipway.tables import FEEDBACK

if TYPE_CHECKING:
    from slipway.feedback.secrets import Secrets
    from slipway.ports import Row, Store
    from slipway.resources import Stored

MOST = 5  # items that say nearly the same
WITHIN = timedelta(hours=1)
LOOKED = 200  # of the newest of a sender
ALIKE = 0.7  # of all runs, in common
RUN, MOST_SHINGLES, HASH_BYTES = 4, 48, 4
NAME = "shingles"  # of the secret
_KEPT = 3  # hours
_REST = re.compile(r"[^\w]+")
_NUMBER = re.compile(r"\d+")


class Floods:
    def __init__(self, store: Store, secrets: Secrets) -> None:
        self._store, self._secrets = store, secrets

    def swells(self, item: Stored, text: str, *, named: bool) -> bool:
        """Whether the item is one too many. `named`: its person has a targeting key. Safe to repeat."""
        told = plain(text)
        if not told:
            return False
        came = datetime.fromisoformat(item.created_at)
        now = came.timestamp()
        key = self._secrets.of(NAME, day(now), expires=(int(now) // DAY + 3) * DAY)
        print = sketch(key, told)
        senders = [f"net#{item.data['network']}"] if "network" in item.data else []
        senders += [item.data["person"]] if named else []
        crowds = [self._before(f"flood#{sender}", item, print, came) for sender in senders]
        return max(crowds, default=0) >= MOST

    def _before(self, pk: str, item: Stored, print: bytes, came: datetime) -> int:
        """How many of that sender say nearly the same; and the item is among them from now on."""
        sk = f"{item.created_at}#{item.id}"
        row: Row = {"pk": pk, "sk": sk, "schema": 1, "print": print, "expires": int(came.timestamp()) + _KEPT * 3600}
        with suppress(ConditionFailed):  # it was looked at before
            self._store.put(FEEDBACK, row, Absent())
        span = Span(low=timestamp(came - WITHIN), high=sk)
        before = self._store.query(FEEDBACK, (pk,), span, limit=LOOKED, forward=False).rows
        return sum(alike(print, bytes(one["print"])) >= ALIKE for one in before if one["sk"] != sk)


def sketch(key: bytes, plain: str) -> bytes:
    runs = {plain[at : at + RUN] for at in range(max(1, len(plain) - RUN + 1))}
    hashes = sorted(hmac(key, run.encode("utf-8", "surrogatepass"))[:HASH_BYTES] for run in runs)
    return b"".join(hashes[:MOST_SHINGLES])


def alike(one: bytes, other: bytes) -> float:
    """0 to 1."""
    first, second = ({print[at : at + HASH_BYTES] for at in range(0, len(print), HASH_BYTES)} for print in (one, other))
    both = sorted(first | second)[:MOST_SHINGLES]
    return sum(hash in first and hash in second for hash in both) / len(both)


def plain(text: str) -> str:
    """What stays the same when only case, marks, spaces and numbers change."""
    return _REST.sub(" ", _NUMBER.sub("0", folded(text))).strip()
