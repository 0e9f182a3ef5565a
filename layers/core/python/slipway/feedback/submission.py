"""Taking what somebody tells: checked, and written down with its person in one transaction.

What is slow, or takes reading other things, happens on the event. The same `submission_id` of the same caller makes nothing
twice: the item's id follows from it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from slipway.calls import Call
from slipway.environments import acting_in
from slipway.feedback import answers
from slipway.feedback.ahead import Ahead
from slipway.feedback.item import RATINGS, NewFeedback, waiting
from slipway.feedback.people import member, unit
from slipway.feedback.scrub import scrub, scrub_address
from slipway.feedback.tickets import Whom
from slipway.ports import ConditionFailed, Store, StoreUnavailable
from slipway.problems import Fault, IdempotencyMismatch, Invalid, Unavailable
from slipway.resources import Claim, Created
from slipway.tables import PRODUCTS

if TYPE_CHECKING:
    from slipway.feedback.gate import Gate, Visit
    from slipway.feedback.items import Data, Items, Sealed
    from slipway.feedback.people import People, Who
    from slipway.feedback.tickets import Tickets

MOST_PRODUCTS = 256  # remembered as being there
ORIGINS = {"client": "client", "server": "server", "member": "member", "admin": "server"}  # by kind of principal


class Submissions:
    """`address` of a caller is turned into the day's hash of its network, and forgotten."""

    def __init__(self, items: Items, gate: Gate, tickets: Tickets) -> None:
        self._items, self._gate, self._tickets, self._store = items, gate, tickets, items.shelf.store
        self._products: set[str] = set()

    def submit(self, call: Call, new: NewFeedback, address: str = "") -> Created:
        """Raises Invalid, IdempotencyMismatch, Forbidden, TooManyRequests, Conflict, also where a survey does not take it."""
        environment = acting_in(call.principal, new.environment)
        if faults := list(_faults(new, environment)):
            raise Invalid("This cannot be taken; see `errors`.", errors=faults)
        self._check_product(new.product)
        email, people = _email(new.email), self._items.people
        data, sealed = _made(call, new, environment), _sealed(new, email)
        who = _who(call, new, environment)
        data |= self._answering(call, new, who)
        visit = self._gate.visit(call, new.product, new.form, address, asked="survey" in data)
        if visit.scrub:
            sealed = _scrubbed(sealed)
        ahead = self._ahead(call, visit, who)
        if visit.network:
            self._gate.buckets.take(call, visit.network, ahead)
            data["network"] = visit.network
        try:
            return self._items.create(
                _repeatable(call, new, people),
                data,
                sealed,
                lambda: people.person(call, who, address=email, ahead=ahead),
                also=lambda item, person: answers.given(call, item, person, data) if "survey" in data else (),
            )
        except ConditionFailed as failed:
            raise answers.refused(failed.index) from None
        except IdempotencyMismatch:
            if new.submission_id is None:
                raise
            detail = "This submission_id was used with other words; send a new one with what is new."
            raise IdempotencyMismatch(detail, errors=[Fault("/submission_id", "idempotency_mismatch", detail)]) from None
        except StoreUnavailable as error:
            if new.submission_id is None:
                raise
            raise Unavailable("The store did not answer in time; send the same again: it is taken once.") from error

    def _ahead(self, call: Call, visit: Visit, who: Who | None) -> Ahead:
        bucket = self._gate.buckets.place(call, visit.network) if visit.network else None
        person = None if who is None else self._items.people.place(who)
        return Ahead(self._store, [place for place in (bucket, person) if place is not None])

    def _answering(self, call: Call, new: NewFeedback, who: Who | None) -> Data:
        """The survey that this answers; what a machine filled in answers none. Raises Invalid."""
        if new.survey is None or who is None or new.website:
            return {}
        whom = Whom(self._items.people.lookup(who), new.product, new.type)
        return {"survey": self._tickets.survey(new.survey, whom, call.now.timestamp())}

    def _check_product(self, key: str) -> None:
        """A product that was there once is not asked for again: a key is seldom given up. Raises Invalid."""
        if key in self._products:
            return
        if not _there(self._store, key):
            detail = f"There is no product with the key {key!r}."
            raise Invalid(detail, errors=[Fault("/product", "unknown_product", detail)])
        if len(self._products) >= MOST_PRODUCTS:
            self._products.clear()
        self._products.add(key)


def _there(store: Store, key: str) -> bool:
    return store.get(PRODUCTS, Claim(key).pk, "key") is not None


def _faults(new: NewFeedback, environment: str | None) -> Iterator[Fault]:
    bounds = RATINGS.get(new.type)
    if bounds is None:
        if new.rating is not None:
            yield Fault("/rating", "forbidden", f"Feedback of type {new.type} has no rating; leave it out.")
        if new.title is None and not new.text:
            yield Fault("/text", "required", "Write a title or a text.")
    elif new.rating is None:
        yield Fault("/rating", "required", f"Send a rating from {bounds[0]} to {bounds[1]}.")
    elif not bounds[0] <= new.rating <= bounds[1]:
        yield Fault("/rating", "out_of_range", f"Of type {new.type} a rating is from {bounds[0]} to {bounds[1]}.")
    for place, id in enumerate(new.attachments):
        if id in new.attachments[:place]:
            yield Fault(f"/attachments/{place}", "duplicate", "Name each attachment once.")
    if new.email is not None and not new.consent:
        detail = "Send the address only with `consent: true`: when the person wants to hear of this by e-mail."
        yield Fault("/consent", "consent_missing", detail)
    if new.consent and new.email is None:
        yield Fault("/email", "required", "Where the person wants to hear of this, send its e-mail address.")
    if new.survey is not None and new.targeting_key is None:
        yield Fault("/targeting_key", "required", "Send the targeting key that the prompt asked.")
    if new.targeting_key is not None and environment is None:
        yield Fault("/environment", "required", "Say in which environment that targeting key is.")


def _who(call: Call, new: NewFeedback, environment: str | None) -> Who | None:
    if new.targeting_key is not None and environment is not None:
        return unit(environment, new.targeting_key)
    return member(call.principal.id) if call.principal.kind == "member" else None


def _email(raw: str | None) -> str | None:
    """Raises Invalid."""
    if raw is None:
        return None
    from slipway.members import normalised  # seldom needed, and dear to a cold start

    return normalised(raw)


def _made(call: Call, new: NewFeedback, environment: str | None) -> Data:
    made = {
        "product": new.product,
        "type": new.type,
        "rating": new.rating,
        "status": "new",
        "state": "spam" if new.website else "visible",
        "environment": environment,
        "locale": new.context.locale,
        "release": new.context.release,
        "consent": new.consent or None,
        "origin": ORIGINS[call.principal.kind],
        "attachments": waiting(new.attachments) or None,
    }
    return {name: value for name, value in made.items() if value is not None}


def _sealed(new: NewFeedback, email: str | None) -> Sealed:
    context = {name: getattr(new.context, name) for name in ("url", "device", "session")}
    context = {name: value for name, value in context.items() if value is not None}
    fields = {"title": new.title, "text": new.text, "email": email, "targeting_key": new.targeting_key, "context": context}
    return {name: value for name, value in fields.items() if value}


def _scrubbed(sealed: Sealed) -> Sealed:
    """The address and the targeting key are what they are meant to be; all else may hold what nobody meant to tell."""
    clean = {"url": scrub_address}
    context = (
        {name: clean.get(name, scrub)(value) for name, value in sealed["context"].items()} if "context" in sealed else None
    )
    written = {name: scrub(sealed[name]) for name in sealed.keys() & {"title", "text"}}
    return {**sealed, **written, **({} if context is None else {"context": context})}


def _repeatable(call: Call, new: NewFeedback, people: People) -> Call:
    """The call by the `submission_id`, which goes before an Idempotency-Key. The form's token may be another each time."""
    if new.submission_id is None and call.idempotency_key is None:
        return call
    told: dict[str, Any] = new.model_dump(exclude={"submission_id", "form"})
    key = call.idempotency_key if new.submission_id is None else f"submission {new.submission_id}"
    return call.but(idempotency_key=key, digest=people.keyed(json.dumps(told, sort_keys=True)))
