"""E-mail to people who asked to hear of what they wrote: with consent only, and with one click to have no more of it.

    mail#<lookup> / ended    `ended`: since when nobody is written to at that address

Who gives no targeting key is another person each time, so what ends is the address and not the person; it stays ended when the
person is erased. The link in a letter holds the address as it is looked up, an HMAC, and an HMAC of that, each with a secret of
this deployment: it works for ever, for no other address, and says nothing of whose that is. Following it shows a page; what
ends the letters is the POST that its button, or the mail program by itself (RFC 8058), makes.
"""

from __future__ import annotations

import re
from hmac import compare_digest

from slipway.digests import hmac
from slipway.feedback import statuses
from slipway.feedback.posting import Letter
from slipway.problems import NotFound
from slipway.tables import FEEDBACK
from slipway.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from slipway.feedback.items import Items
    from slipway.feedback.posting import Mailer
    from slipway.feedback.secrets import Secrets
    from slipway.feedback.statuses import Status
    from slipway.ports import Store
    from slipway.resources import Stored

SCHEMA = 1
SECRET = "unsubscribe"  # noqa: S105 - its name
GENERATION = "1"  # a link works for ever
ENDED = "ended"  # sort key

_TOKEN = re.compile(r"([0-9a-f]{64})\.([0-9a-f]{32})")


class Subscriptions:
    """Who wants no letters any more, by the lookup of an address. `site`: the root of the API."""

    def __init__(self, store: Store, secrets: Secrets, site: str) -> None:
        self._store, self._secrets, self._site = store, secrets, site

    def link(self, lookup: str) -> str:
        id = lookup.partition("#")[2]
        return f"{self._site}/unsubscribe/{id}.{_mark(self._secrets.of(SECRET, GENERATION), id)}"

    def whose(self, token: str) -> str:
        """The lookup of the address that the link was sent to. Raises NotFound."""
        found, secret = _TOKEN.fullmatch(token), self._secrets.find(SECRET, GENERATION)
        if found is None or secret is None or not compare_digest(found[2], _mark(secret, found[1])):
            raise NotFound("This link is not whole: copy it from the e-mail again.")
        return f"person#{found[1]}"

    def end(self, lookup: str, stamp: str) -> None:
        """Safe to repeat."""
        self._store.put(FEEDBACK, {"pk": _place(lookup), "sk": ENDED, "schema": SCHEMA, "ended": stamp})

    def ended(self, lookup: str) -> bool:
        return self._store.get(FEEDBACK, _place(lookup), ENDED) is not None


class Addressee(Value):
    """`title`: of what that person told, where it may go into a letter."""

    address: str
    lookup: str
    title: str | None


class Letters:
    """`mailer` None: nothing is sent. `refused`: what it raises for a letter that can never be sent."""

    def __init__(
        self,
        items: Items,
        subscriptions: Subscriptions,
        mailer: Mailer | None,
        refused: tuple[type[Exception], ...] = (),
        note: Callable[[Exception], None] = lambda _: None,
    ) -> None:
        self._items, self._subscriptions, self._mailer = items, subscriptions, mailer
        self._refused, self._note = refused, note

    @property
    def sent(self) -> bool:
        """Whether any are."""
        return self._mailer is not None

    def addressee(self, wrote: Stored) -> Addressee | None:
        """Who wrote that item; None of who was erased since, gave no address, or is tired of letters.

        What comes with a page's key anybody may have written, in anybody's name: no word of it goes out."""
        from slipway.feedback.people import email  # who ends the letters needs none of it

        sealed = self._items.open(wrote)
        if sealed is None or "email" not in sealed:
            return None
        lookup = self._items.people.lookup(email(sealed["email"]))
        if self._subscriptions.ended(lookup):
            return None
        title = None if wrote.data["origin"] == "client" else sealed.get("title")
        return Addressee(sealed["email"], lookup, title)

    def write(self, id: str, to: Addressee, root: Stored, status: Status, board: Mapping[str, Any]) -> None:
        """That the status of `root` changed, to who wrote an item of its group."""
        if self._mailer is None:
            return
        label = statuses.label(status, board.get("labels", {}))
        title = root.data.get("headline") or to.title or "your feedback"
        link = self._subscriptions.link(to.lookup)
        said = [f"You told us about {root.data['product']}, and asked to hear what becomes of it.", f"{title}\n{label}"]
        said += [root.data["reply"]] if root.data.get("reply") else []
        said += [f"No more of these e-mails: {link}"]
        try:
            self._mailer.send(Letter(id, to.address, f"{label}: {title}", "\n\n".join(said) + "\n", link))
        except self._refused as error:  # no such address: the others get theirs
            self._note(error)


def _place(lookup: str) -> str:
    return f"mail#{lookup.partition('#')[2]}"


def _mark(secret: bytes, id: str) -> str:
    return hmac(secret, id.encode()).hex()[:32]
