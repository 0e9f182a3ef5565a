"""Flags as the OpenFeature manifest has them: key, type, description, and the value that code falls back to.

What code falls back to is the variant `default`, where a flag has one; else false for a boolean flag, and for any other the
value of its first variant by name. The manifest changes this variant, the description and the name alone: other variants and
all rules stay. A name is kept in the flag's metadata.

Four types stand in the manifest API's document; `float` is ours, as the manifest's own file format and the `openfeature`
command have it: no other type would bring 0.5 back.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from slipway.access import Principal, allow
from slipway.calls import Call
from slipway.fields import Description, error
from slipway.flags import jsontext, ledger
from slipway.flags.bundle import Validate
from slipway.flags.control import Control
from slipway.flags.fields import Key, Type
from slipway.flags.flag import BOOLEAN, FlagPatch, NewFlag, metadata
from slipway.flags.flags import flag_id
from slipway.paging import json_bytes
from slipway.problems import Conflict, Fault, Invalid, KeyTaken
from slipway.resources import Stored
from slipway.shape import Shape, absent
from slipway.tables import FLAGS

DEFAULT = "default"  # the variant that code falls back to
MOST_BYTES = 4_000_000  # of a manifest: it has no pages
_CAPABILITIES = {"read": "manifest.read", "write": "manifest.create", "delete": "manifest.archive"}


def _not_null(value: Any) -> Any:
    if value is None:
        raise error("required", "Send a value that is not null.")
    return value


class ManifestFlag(Shape):
    """Of a new flag `defaultValue` is required."""

    key: Key
    type: Type
    name: str | None = Field(default=None, min_length=1, max_length=200)
    description: Description | None = None
    default_value: Annotated[Any, AfterValidator(_not_null)] = Field(
        default_factory=absent, alias="defaultValue", examples=[False]
    )


class ManifestFlagView(Shape):
    key: str
    name: str
    type: Type
    description: str | None
    default_value: bool | str | int | float | dict[str, Any] = Field(alias="defaultValue")


class ManifestView(Shape):
    flags: list[ManifestFlagView]


class ChangedView(Shape):
    flag: ManifestFlagView
    updated_at: str = Field(alias="updatedAt")


class ArchivedView(Shape):
    message: str
    archived_at: str = Field(alias="archivedAt")


class ErrorDetail(Shape):
    field: str
    code: str
    message: str


class Error(Shape):
    message: str
    status: int
    details: list[ErrorDetail] = []


class ManifestError(Shape):
    error: Error


def capabilities(principal: Principal) -> str:
    return ",".join(name for name, operation in _CAPABILITIES.items() if allow(principal, operation))


def manifest(control: Control) -> dict[str, Any]:
    """All active flags, by key: a ManifestView. Raises Conflict where they are too many for one answer."""
    found: list[Stored] = []
    start: Any = None
    while True:
        page = control.store.query(FLAGS, (ledger.ACTIVE,), limit=100, start=start)
        found += control.flags.shelf.read_all([flag_id(row["sk"]) for row in page.rows])
        if (start := page.next) is None:
            break
    whole = {"flags": [_flag(stored) for stored in found if stored.data["status"] == "active"]}
    if (size := json_bytes(whole)) > MOST_BYTES:
        raise Conflict(f"The manifest would take {size:,} bytes of {MOST_BYTES:,} at most: archive what is not needed.")
    return whole


def create(control: Control, call: Call, flag: ManifestFlag, validate: Validate) -> dict[str, Any]:
    """A flag that is off everywhere: a ChangedView. The same call again, after a lost answer, makes it once.

    Raises Invalid, KeyTaken (for an archived one too)."""
    standing = control.flags.shelf.find(flag_id(flag.key))
    if standing is not None and (standing.version > 1 or standing.data["status"] == "archived"):
        raise _taken(standing)
    if "default_value" not in flag.model_fields_set:
        raise Invalid("A flag has a default value.", errors=[Fault("/defaultValue", "required", "Send the default value.")])
    variants = BOOLEAN if flag.type == "boolean" else {}
    if flag.type != "boolean" or flag.default_value is not False:
        variants = {**variants, DEFAULT: flag.default_value}
    fields = {
        "key": flag.key, "type": flag.type, "description": flag.description, "variants": variants,
        "metadata": {} if flag.name in (None, flag.key) else {"name": flag.name},
    }  # fmt: skip
    new: NewFlag = validate(NewFlag, fields)
    digest = hashlib.sha256(jsontext.written(new.model_dump()).encode()).hexdigest()
    try:
        made = control.flags.create(call.but(idempotency_key=f"manifest {digest}", digest=digest), new)
    except KeyTaken:
        raise _taken(control.flags.read(flag.key)) from None
    return _changed(made.stored)


def update(
    control: Control, call: Call, key: str, flag: ManifestFlag, reason: str | None, validate: Validate
) -> dict[str, Any]:
    """What the manifest says of the flag, anew: a ChangedView. A default value that is not sent stays.

    Raises NotFound, Invalid, Conflict (archived, another type, or it takes a second person)."""
    if key != flag.key:
        raise Invalid(
            "The keys differ.", errors=[Fault("/key", "mismatch", "The key in the path and that in the body differ.")]
        )
    before = _active(control, key)
    if before.data["type"] != flag.type:
        detail = f"The type of a flag stays: {before.data['type']}, not {flag.type}."
        raise Conflict(detail, errors=[Fault("/type", "immutable", detail)])
    patch: dict[str, Any] = {
        "description": flag.description,
        "metadata": {"name": None if flag.name == key else flag.name},
    }
    if "default_value" in flag.model_fields_set and not _same(flag.default_value, fallback(before)):
        patch["variants"] = {DEFAULT: flag.default_value}
    change = validate(FlagPatch, patch).fields()
    return _changed(control.flags.change(call, key, None, change, reason, pointer="/query/reason"))


def archive(control: Control, call: Call, key: str, reason: str | None) -> dict[str, Any]:
    """An ArchivedView.

    Raises NotFound, Invalid, Conflict (it is already, another flag needs it, or it takes a second person)."""
    before = _active(control, key)
    after = control.flags.archive(call, key, before.version, reason)
    return {
        "message": f"The flag {key!r} is archived; POST /v1/flags/{key}/restore brings it back.",
        "archivedAt": after.updated_at,
    }


def _active(control: Control, key: str) -> Stored:
    """Raises NotFound, Conflict."""
    stored = control.flags.read(key)
    if stored.data["status"] == "archived":
        detail = f"The flag {key!r} is archived; POST /v1/flags/{key}/restore brings it back."
        raise Conflict(detail, errors=[Fault("/key", "archived", detail)])
    return stored


def fallback(stored: Stored) -> Any:
    """The value that code falls back to."""
    variants = jsontext.read(stored.data["variants"])
    if DEFAULT in variants:
        return variants[DEFAULT]
    return False if stored.data["type"] == "boolean" else variants[min(variants)]


def _same(one: Any, other: Any) -> bool:
    """As JSON has it: 1 and 1.0 are one number, true is none."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(jsontext.plain(one) == other)


def _flag(stored: Stored) -> dict[str, Any]:
    data = stored.data
    return {
        "key": data["key"],
        "name": metadata(data).get("name", data["key"]),
        "type": data["type"],
        "description": data.get("description"),
        "defaultValue": fallback(stored),
    }


def _changed(stored: Stored) -> dict[str, Any]:
    return {"flag": _flag(stored), "updatedAt": stored.updated_at}


def _taken(standing: Stored) -> KeyTaken:
    key, archived = standing.data["key"], standing.data["status"] == "archived"
    detail = f"There is a flag {key!r}" + (", archived: restore it, or choose another key." if archived else " already.")
    return KeyTaken(detail, errors=[Fault("/key", "archived" if archived else "key_taken", detail)])
