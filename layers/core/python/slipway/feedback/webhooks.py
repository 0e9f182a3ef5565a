"""Webhooks: where Slipway tells others what happens.

    enabled <──update──> disabled     by a person, or by who delivers: `disabled_for` says why
    any of these ──delete──> deleted  for good

Kept per webhook (`whk_...`): url, events, description, status, disabled_for

    whk_... / secret             `secret`: [{key, until}], the newest first; each signs until then, the newest without an end
    list#webhooks / whk_...      `events` and `enabled` of every one that is not deleted: one read tells whom an event concerns

A url may hold a secret of the receiver's: events and logs never say it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, StrictBool

from slipway import text
from slipway.calls import Call, timestamp
from slipway.changes import differences, told
from slipway.events import ROOMS
from slipway.feedback import reach
from slipway.feedback.signatures import SECRET_BYTES, shown
from slipway.fields import cleaned, error, matching, published
from slipway.ports import Delete, Put, Row, Store, Write, every
from slipway.problems import Conflict, Fault, Invalid, NotFound
from slipway.resources import Event, Shelf, Stored
from slipway.shape import Shape, absent
from slipway.tables import FEEDBACK
from slipway.upgrades import newest, upgrader
from slipway.values import Value

Data = dict[str, Any]
Why = Literal["gone", "failing"]

NOTICE = "feedback.notice"  # the one type that is no event of the bus: it holds targeting keys, and is taken by its name alone
EVERYTHING = "*"
TOPIC = r"^(\*|feedback\.notice|[a-z]+\.\*|[a-z]+\.[a-z_]+\.v[1-9][0-9]{0,3})$"
DESCRIPTION, TOPICS = 200, 20
MOST = 20  # webhooks: all that take an event are called at once
MOST_EARLIER = 4  # secrets in their grace
GRACE = 24 * 3600  # seconds, unless another is asked for
LONGEST_GRACE = 7 * 24 * 3600
LIST, SECRET, HEALTH = "list#webhooks", "secret", "health"
SCHEMA = 1

FIELDS = ("url", "events", "description", "status", "disabled_for")
TOLD = ("events", "status", "disabled_for")


def _topic(raw: str) -> str:
    how = f"Name a type such as feedback.updated.v1, all of a kind as feedback.*, {NOTICE}, or * for every event."
    matching(TOPIC, "invalid_topic", how)(raw)
    if raw != EVERYTHING and raw.partition(".")[0] not in ROOMS:
        raise error("unknown_topic", f"There are no events of this kind; there are {', '.join(sorted(ROOMS))}.")
    if raw not in (EVERYTHING, NOTICE) and not raw.endswith(".*"):
        _check_type(raw)
    return raw


def _check_type(raw: str) -> None:
    from slipway.events import CONTRACTS  # every room's: seldom needed, and dear to a cold start

    if raw not in CONTRACTS:
        from difflib import get_close_matches

        room = raw.partition(".")[0]
        near = get_close_matches(raw, CONTRACTS, 3) or [type for type in sorted(CONTRACTS) if type.startswith(f"{room}.")]
        raise error(
            "unknown_topic", f"There is no such event; near it are {', '.join(near[:3])}, or {room}.* for all of a kind."
        )


Topic = Annotated[str, AfterValidator(_topic), published(TOPIC, 100, examples=["feedback.*"])]
Topics = Annotated[list[Topic], Field(min_length=1, max_length=TOPICS), AfterValidator(lambda some: sorted(set(some)))]
Url = Annotated[str, published(reach.URL, reach.MOST_URL, examples=["https://hooks.example.com/slipway"])]
Description = Annotated[str, AfterValidator(cleaned(text.line, DESCRIPTION)), published(text.LINE, DESCRIPTION)]
Seconds = Annotated[int, Field(ge=0, le=LONGEST_GRACE)]


class NewWebhook(Shape):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"url": "https://hooks.example.com/slipway", "events": ["feedback.*"]}]}
    )

    url: Url
    events: Topics
    description: Description | None = None
    enabled: StrictBool = True


class WebhookPatch(Shape):
    """A merge patch; the events are replaced as a whole."""

    url: Url = Field(default_factory=absent)
    events: Topics = Field(default_factory=absent)
    description: Description | None = Field(default_factory=absent)
    enabled: StrictBool = Field(default_factory=absent)


class Rotation(Shape):
    overlap: Annotated[Seconds, Field(description="seconds for which the secret before signs as well")] = GRACE


class WebhookView(Shape):
    id: str
    url: str
    events: list[str]
    description: str | None
    enabled: bool
    disabled_for: Literal["gone", "failing"] | None = Field(
        description="`gone`: it answered 410; `failing`: for days nothing else"
    )
    created_at: str
    updated_at: str
    version: int = Field(ge=1)


class IssuedView(WebhookView):
    secret: str | None = Field(description="shown this once; null where an earlier try of the request has shown it")


class Issued(Value):
    """A webhook and its secret: None where an earlier try of the same request has shown it already."""

    stored: Stored
    secret: str | None
    replayed: bool = False


def view(stored: Stored) -> Data:
    """A WebhookView."""
    data = stored.data
    return {
        "id": stored.id,
        "url": data["url"],
        "events": data["events"],
        "description": data.get("description"),
        "enabled": data["status"] == "enabled",
        "disabled_for": data.get("disabled_for"),
        "created_at": stored.created_at,
        "updated_at": stored.updated_at,
        "version": stored.version,
    }


def takes(topics: Sequence[str], type: str) -> bool:
    """Whether who asked for these is told of that type."""
    return type in topics or (type != NOTICE and (EVERYTHING in topics or f"{type.partition('.')[0]}.*" in topics))


def live(row: Row | None, now: datetime) -> list[bytes]:
    """The secrets that sign now, the newest first."""
    return [bytes(one["key"]) for one in _holding(row, timestamp(now))]


class Webhooks:
    """`entropy(n)`: n random bytes. `loopback`: whether one may lead to this machine."""

    def __init__(self, store: Store, entropy: Callable[[int], bytes], *, loopback: bool = False) -> None:
        self.store, self.loopback = store, loopback
        self._entropy = entropy
        self.shelf = Shelf(
            store, FEEDBACK, kind="webhook", schema=newest("webhook"), upgrade=upgrader("webhook"), begins="whk_"
        )

    # --- reads ---

    def read(self, id: str) -> Stored:
        """Raises NotFound."""
        stored = self.shelf.find(id)
        if stored is None or stored.data["status"] == "deleted":
            raise NotFound(f"There is no webhook {id!r}.")
        return stored

    def all(self) -> list[str]:
        """The ids of those that are not deleted, by id."""
        return [row["sk"] for row in every(self.store, FEEDBACK, LIST)]

    def each(self) -> list[Stored]:
        return self.shelf.read_all(self.all())

    def taking(self, type: str) -> list[str]:
        """The ids of those that are told of that type."""
        rows = every(self.store, FEEDBACK, LIST)
        return [row["sk"] for row in rows if row["enabled"] and takes(row["events"], type)]

    # --- writes ---

    def create(self, call: Call, new: NewWebhook) -> Issued:
        """Raises Invalid, Conflict where there are too many, IdempotencyMismatch."""
        id = call.new_id("whk_")
        if standing := self.shelf.made(call, id):
            return Issued(standing, None, replayed=True)
        self._check(new.url)
        if len(self.all()) >= MOST:
            raise Conflict(f"There are {MOST} webhooks: delete one that is not needed.")
        described = {"description": new.description} if new.description else {}
        status = "enabled" if new.enabled else "disabled"
        data = {"url": new.url, "events": new.events, "status": status, **described}
        secret = self._entropy(SECRET_BYTES)
        writes = [_listed(id, data), _kept(id, [{"key": secret}])]
        made = self.shelf.create(call, id, data, [_event("created", 1, {}, data)], also=writes)
        return Issued(made.stored, None if made.replayed else shown(secret), made.replayed)

    def update(self, call: Call, id: str, version: int | None, patch: WebhookPatch) -> Stored:
        """What changes nothing makes no version; enabled again, it is taken for well.

        Raises NotFound, PreconditionFailed, Invalid."""
        given = {name: getattr(patch, name) for name in patch.model_fields_set}
        if "url" in given:
            self._check(given["url"])

        def attempt(before: Stored) -> Stored:
            data = before.data | given
            if "enabled" in data:
                data["status"] = "enabled" if data.pop("enabled") else "disabled"
            if data["status"] != before.data["status"]:
                data.pop("disabled_for", None)
            data = {name: value for name, value in data.items() if value is not None}
            if data == before.data:
                return before
            writes: list[Write] = [_listed(id, data)]
            if "url" in given or "enabled" in given:
                writes.append(Delete(FEEDBACK, id, HEALTH))
            return self._changed(call, before, data, "updated", writes)

        return self.shelf.change(lambda: self.read(id), version, attempt)

    def rotate(self, call: Call, id: str, version: int | None, overlap: int) -> Issued:
        """A new secret; those before sign for `overlap` seconds more, or as long as they would have. With 0, none does.

        Raises NotFound, PreconditionFailed, Conflict where too many would sign."""

        def attempt(before: Stored) -> Issued:
            holding = _holding(self.store.get(FEEDBACK, id, SECRET), call.stamp) if overlap else []
            if len(holding) > MOST_EARLIER:
                soonest = min(one["until"] for one in holding if "until" in one)
                detail = f"{MOST_EARLIER} earlier secrets of this webhook still sign, one of them until {soonest}"
                raise Conflict(f"{detail}; wait for that, or end them all: rotate with an overlap of 0.")
            until = timestamp(call.now + timedelta(seconds=overlap))
            secret = self._entropy(SECRET_BYTES)
            kept = _kept(id, [{"key": secret}, *({"until": until, **one} for one in holding)])
            return Issued(self._changed(call, before, before.data, "rotated", [kept]), shown(secret))

        return self.shelf.change(lambda: self.read(id), version, attempt)

    def delete(self, call: Call, id: str, version: int | None) -> Stored:
        """For good. Raises NotFound, PreconditionFailed."""

        def attempt(before: Stored) -> Stored:
            gone = [Delete(FEEDBACK, LIST, id), Delete(FEEDBACK, id, SECRET), Delete(FEEDBACK, id, HEALTH)]
            return self._changed(call, before, {**before.data, "status": "deleted"}, "deleted", gone)

        return self.shelf.change(lambda: self.read(id), version, attempt)

    def disable(self, call: Call, id: str, why: Why) -> Stored | None:
        """By who delivers; None where it is not enabled any more. Raises PreconditionFailed."""
        before = self.shelf.find(id)
        if before is None or before.data["status"] != "enabled":
            return None
        data = {**before.data, "status": "disabled", "disabled_for": why}
        return self._changed(call, before, data, "disabled", [_listed(id, data)])

    # --- inside ---

    def _check(self, url: str) -> None:
        try:
            reach.check(url, loopback=self.loopback)
        except ValueError as error:
            raise Invalid("Nothing can be delivered there.", errors=[Fault("/url", "invalid_url", str(error))]) from None

    def _changed(self, call: Call, before: Stored, data: Data, move: str, also: Sequence[Write]) -> Stored:
        event = _event(move, before.version + 1, before.data, data)
        return self.shelf.update(call, before, data, [event], also=also)


def _holding(row: Row | None, now: str) -> list[Data]:
    kept: list[Data] = [] if row is None else row["secret"]
    return [one for one in kept if one.get("until", "~") > now]


def _kept(id: str, secrets: list[Data]) -> Put:
    return Put(FEEDBACK, {"pk": id, "sk": SECRET, "schema": SCHEMA, "secret": secrets})


def _listed(id: str, data: Mapping[str, Any]) -> Put:
    row = {"pk": LIST, "sk": id, "schema": SCHEMA, "events": data["events"], "enabled": data["status"] == "enabled"}
    return Put(FEEDBACK, row)


def _event(move: str, version: int, before: Mapping[str, Any], after: Mapping[str, Any]) -> Event:
    listed = [told(change, TOLD) for change in differences(before, after, FIELDS)]
    listed = [{"field": "secret"}] if move == "rotated" else listed
    return f"webhook.{move}.v1", {"version": version, "changes": listed, "status": after["status"]}
