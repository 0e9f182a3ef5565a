"""Taking what somebody tells: checked, and written down with its person in one transaction.

What is slow, or takes reading other things, happens on the event. The same `submission_id` of the same caller makes nothing
twice: the item's id follows from it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from slipway.calls import Call
from slipway.environments import acting_in
from slipway.feedback import people
from slipway.feedback.attachments import waiting
from slipway.feedback.item import RATINGS, NewFeedback
from slipway.ports import Store
from slipway.problems import Fault, IdempotencyMismatch, Invalid
from slipway.resources import Claim, Created
from slipway.tables import PRODUCTS

if TYPE_CHECKING:
    from slipway.feedback.items import Data, Items, Sealed
    from slipway.feedback.people import Who

MOST_PRODUCTS = 256  # remembered as being there
ORIGINS = {"client": "client", "server": "server", "member": "member", "admin": "server"}  # by kind of principal


class Submissions:
    def __init__(self, items: Items) -> None:
        self._items, self._store = items, items.shelf.store
        self._products: set[str] = set()

    def submit(self, call: Call, new: NewFeedback) -> Created:
        """Raises Invalid, IdempotencyMismatch, Forbidden, Conflict."""
        environment = acting_in(call.principal, new.environment)
        if faults := list(_faults(new, environment)):
            raise Invalid("This cannot be taken; see `errors`.", errors=faults)
        self._check_product(new.product)
        address = _address(new.email)
        data, sealed = _made(call, new, environment), _sealed(new, address)
        who = _who(call, new, environment)
        try:
            return self._items.create(
                _repeatable(call, new), data, sealed, lambda: self._items.people.person(call, who, address=address)
            )
        except IdempotencyMismatch:
            if new.submission_id is None:
                raise
            detail = "This submission_id was used with other words; send a new one with what is new."
            raise IdempotencyMismatch(detail, errors=[Fault("/submission_id", "idempotency_mismatch", detail)]) from None

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
    if new.email is not None and not new.consent:
        detail = "Send the address only with `consent: true`: when the person wants to hear of this by e-mail."
        yield Fault("/consent", "consent_missing", detail)
    if new.consent and new.email is None:
        yield Fault("/email", "required", "Where the person wants to hear of this, send its e-mail address.")
    if new.targeting_key is not None and environment is None:
        yield Fault("/environment", "required", "Say in which environment that targeting key is.")


def _who(call: Call, new: NewFeedback, environment: str | None) -> Who | None:
    if new.targeting_key is not None and environment is not None:
        return people.unit(environment, new.targeting_key)
    return people.member(call.principal.id) if call.principal.kind == "member" else None


def _address(raw: str | None) -> str | None:
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
        "state": "visible",
        "environment": environment,
        "locale": new.context.locale,
        "release": new.context.release,
        "consent": new.consent or None,
        "origin": ORIGINS[call.principal.kind],
        "attachments": waiting(new.attachments) or None,
    }
    return {name: value for name, value in made.items() if value is not None}


def _sealed(new: NewFeedback, address: str | None) -> Sealed:
    context = {name: getattr(new.context, name) for name in ("url", "device", "session")}
    context = {name: value for name, value in context.items() if value is not None}
    fields = {"title": new.title, "text": new.text, "email": address, "targeting_key": new.targeting_key, "context": context}
    return {name: value for name, value in fields.items() if value}


def _repeatable(call: Call, new: NewFeedback) -> Call:
    """The call by the `submission_id`, which goes before an Idempotency-Key."""
    if new.submission_id is None:
        return call
    told: dict[str, Any] = new.model_dump(exclude={"submission_id"})
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    return call.but(idempotency_key=f"submission {new.submission_id}", digest=digest)
