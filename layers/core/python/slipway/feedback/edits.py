"""What the team does with items: status, tags, assignee, reply and the like, one item or many.

Where an item is linked to a flag, a row `list#link#<flag>#<environment>` / <item> says so: by it the flag finds the item. With
an `Idempotency-Key` a bulk change keeps a row `bulk#<change>` / `request`, and each of its items <item> / `bulk#<change>`, for
35 days: another request is refused under that key, and the same one touches no item again that it changed, or found as it
should be, whatever came after. What was refused keeps none, and is tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from pydantic import Field

from slipway.calls import Call
from slipway.feedback.fields import FlagLinks, ItemId, MemberId
from slipway.feedback.item import RATINGS, Reply, Sentiment, State, Title, Type
from slipway.feedback.items import Data, Items
from slipway.feedback.shipping import linked_to
from slipway.feedback.statuses import Status, move
from slipway.fields import TAGS, Tags
from slipway.flags.environments import Environments
from slipway.members import Members
from slipway.ports import Absent, ConditionFailed, Delete, Put, Row, Write
from slipway.problems import Fault, IdempotencyMismatch, Invalid, NotFound, Problem
from slipway.resources import HEAD, Stored
from slipway.shape import Shape, absent
from slipway.tables import FEEDBACK, FLAGS
from slipway.upgrades import upgrader

MOST = 100  # items of one bulk change
KEPT = 35 * 24 * 3600  # seconds that it is remembered


class FeedbackPatch(Shape):
    """A merge patch (RFC 7396): null takes a field away; lists are replaced."""

    status: Status = Field(default_factory=absent)
    state: State = Field(default_factory=absent)
    type: Type = Field(default_factory=absent)
    sentiment: Sentiment = Field(default_factory=absent)
    tags: Tags | None = Field(default_factory=absent)
    links: FlagLinks | None = Field(default_factory=absent)
    assignee: MemberId | None = Field(default_factory=absent)
    headline: Annotated[Title | None, Field(description="the title that the public sees")] = Field(default_factory=absent)
    reply: Annotated[Reply | None, Field(description="what the public is told")] = Field(default_factory=absent)

    def fields(self) -> dict[str, Any]:
        """The fields that it names, as plain values."""
        return self.model_dump(exclude_unset=True)


class BulkChange(Shape):
    """What becomes of each item; tags are put on and taken off, the others are set."""

    status: Status = Field(default_factory=absent)
    state: State = Field(default_factory=absent)
    type: Type = Field(default_factory=absent)
    sentiment: Sentiment = Field(default_factory=absent)
    assignee: MemberId | None = Field(default_factory=absent)
    add_tags: Tags = []
    remove_tags: Tags = []


class Bulk(Shape):
    ids: list[ItemId] = Field(min_length=1, max_length=MOST)
    change: BulkChange


class BulkItemView(Shape):
    """What became of one item: its version now, or the problem that stood in its way."""

    id: str = Field(examples=["fbk_01j9z6k3v5x8m2q4w7e9r0t2y6"])
    status: int = Field(examples=[200])
    version: int | None = None
    problem: dict[str, Any] | None = None


class BulkView(Shape):
    items: list[BulkItemView]


class Edits:
    def __init__(self, items: Items) -> None:
        self._items, self._store = items, items.shelf.store
        self._members, self._environments = Members(self._store, upgrader("member")), Environments(self._store)

    def update(self, call: Call, id: str, version: int | None, patch: FeedbackPatch, *, validate_only: bool = False) -> Stored:
        """Merge the patch into that version (None: whatever stands). What changes nothing makes no version.

        Raises NotFound, PreconditionFailed, MoveNotAllowed, Invalid."""
        fields = patch.fields()
        self._check(fields)
        make = lambda data: _patched(data, fields)  # noqa: E731
        return self._items.update(call, id, version, make, also=_linked, validate_only=validate_only)

    def bulk(self, call: Call, bulk: Bulk) -> list[Stored | Problem]:
        """Each item by itself, whatever version stands; for one that cannot be changed the problem stands in its place.

        Raises Invalid, IdempotencyMismatch."""
        fields = bulk.change.model_dump(exclude_unset=True, exclude={"add_tags", "remove_tags"})
        if not fields and not bulk.change.add_tags and not bulk.change.remove_tags:
            raise Invalid("The change says nothing.", errors=[Fault("/change", "empty", "Say what is to become of the items.")])
        if both := sorted({*bulk.change.add_tags} & {*bulk.change.remove_tags}):
            detail = f"These tags are put on and taken off at once: {', '.join(both)}. Name each once."
            raise Invalid(detail, errors=[Fault("/change/remove_tags", "also_added", detail)])
        self._check(fields, "/change")
        ids, mark = list(dict.fromkeys(bulk.ids)), _mark(call)
        done = set() if mark is None else self._begun(ids, mark)

        def make(data: Data) -> Data:
            return _patched(data, {**fields, **_tagged(data, bulk.change)})

        became = {id: self._each(call, id, make, None if id in done else mark, id in done) for id in ids}
        return [became[id] for id in bulk.ids]

    # --- inside ---

    def _each(self, call: Call, id: str, make: Callable[[Data], Data], mark: Row | None, done: bool) -> Stored | Problem:
        marks = [] if mark is None else [Put(FEEDBACK, {**mark, "pk": id}, Absent())]
        same = False

        def made(data: Data) -> Data:
            nonlocal same
            after = make(data)
            same = after == data
            return after

        try:
            if done:
                return self._items.read(id)
            stored = self._items.update(call, id, None, made, also=lambda *ends: [*_linked(*ends), *marks])
            for put in marks if same else ():
                self._store.put(put.table, put.row, put.condition)
            return stored
        except ConditionFailed as failed:  # another try of this very change was faster
            return self._items.read(id) if _same(failed.row, mark) else _another()
        except Problem as problem:
            return problem

    def _begun(self, ids: Sequence[str], mark: Row) -> set[str]:
        """Which of them an earlier try of this change is done with. Raises IdempotencyMismatch."""
        try:
            self._store.put(FEEDBACK, {**mark, "pk": mark["sk"], "sk": "request"}, Absent())
        except ConditionFailed as failed:
            if not _same(failed.row, mark):
                raise _another() from None
        rows = self._store.get_many(FEEDBACK, [(id, mark["sk"]) for id in ids])
        if not all(_same(row, mark) for row in rows):
            raise _another()
        return {row["pk"] for row in rows}

    def _check(self, fields: Data, base: str = "") -> None:
        """Whether what it names is there. Raises Invalid."""
        faults = []
        if fields.get("assignee") is not None:
            try:
                self._members.read(fields["assignee"])
            except NotFound as missing:
                faults.append(Fault(f"{base}/assignee", "unknown_member", missing.detail))
        for number, link in enumerate(fields.get("links") or ()):
            if self._store.get(FLAGS, f"flag#{link['flag']}", HEAD) is None:
                detail = f"There is no flag with the key {link['flag']!r}."
                faults.append(Fault(f"{base}/links/{number}/flag", "unknown_flag", detail))
            faults += self._environments.faults(link["environment"], f"{base}/links/{number}/environment")
        if faults:
            raise Invalid("What is named there is not there; see `errors`.", errors=faults)


def _patched(data: Data, fields: Data) -> Data:
    """Raises MoveNotAllowed, Invalid."""
    if "status" in fields:
        move(data["status"], fields["status"])
    if fields.get("type", data["type"]) != data["type"] and (data["type"] in RATINGS or fields["type"] in RATINGS):
        rated = ", ".join(RATINGS)
        detail = f"What was asked with a rating ({rated}) stays what it is, and nothing else becomes that."
        raise Invalid(detail, errors=[Fault("/type", "not_one_of", detail)])
    if "sentiment" in fields:
        fields = {**fields, "sentiment": {"label": fields["sentiment"], "by": "hand"}}
    taken = {name for name, value in fields.items() if value in (None, "", [])}
    return {name: value for name, value in {**data, **fields}.items() if name not in taken}


def _tagged(data: Data, change: BulkChange) -> Data:
    """Raises Invalid."""
    if not change.add_tags and not change.remove_tags:
        return {}
    tags = sorted({*data.get("tags", ()), *change.add_tags} - {*change.remove_tags})
    if len(tags) > TAGS:
        detail = f"With these it would have {len(tags)} tags; {TAGS} is the most."
        raise Invalid(detail, errors=[Fault("/change/add_tags", "too_long", detail)])
    return {"tags": tags}


def _linked(before: Stored, data: Data) -> list[Write]:
    """The rows by which a flag finds the item, brought up to it."""
    old, new = ({(link["flag"], link["environment"]) for link in one.get("links", ())} for one in (before.data, data))
    made = [Put(FEEDBACK, {"pk": linked_to(*link), "sk": before.id, "schema": 1}) for link in sorted(new - old)]
    return [*made, *(Delete(FEEDBACK, linked_to(*link), before.id) for link in sorted(old - new))]


def _mark(call: Call) -> Row | None:
    if call.idempotency_key is None:
        return None
    expires = int(call.now.timestamp()) + KEPT
    return {"sk": call.new_id("bulk#"), "schema": 1, "digest": call.digest, "expires": expires}


def _same(row: Row | None, mark: Row | None) -> bool:
    return row is not None and mark is not None and row.get("digest") == mark["digest"]


def _another() -> IdempotencyMismatch:
    return IdempotencyMismatch("This Idempotency-Key was used with another request; send a new key with a new request.")
