"""A feature flag as the API takes and answers it. What may be done with it is in `slipway.flags.flags`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, StrictBool

from slipway.changes import differences
from slipway.fields import Description, Owner, Tags
from slipway.fields import Key as ProductKey
from slipway.flags import jsontext
from slipway.flags.fields import (
    FlagMetadata,
    FlagMetadataPatch,
    Hash,
    Key,
    Reason,
    Type,
    Variants,
    VariantsPatch,
    Version,
)
from slipway.resources import Stored
from slipway.shape import Shape, absent

Status = Literal["active", "archived"]
WHY = "of this change; one that a protected environment answers from has to give it"
BOOLEAN = {"on": True, "off": False}
FIELDS = (
    *("key", "type", "description", "owner", "tags", "product", "client_side", "hash", "variants", "metadata", "status"),
    "reason",
)
TOLD = ("key", "type", "tags", "product", "client_side", "hash", "status")  # with their values in events


class NewFlag(Shape):
    """What a flag is made of. `type` and `hash` stay as they are."""

    key: Key
    type: Type
    variants: Variants | None = Field(default=None, description="values by name; of a boolean flag `on` and `off` unless told")
    description: Description | None = None
    owner: Owner | None = None
    tags: Tags = []
    product: ProductKey | None = Field(default=None, description="the key of a product that it belongs to; there has to be one")
    client_side: StrictBool = Field(default=False, description="whether keys of browsers and apps may evaluate it")
    hash: Hash = Field(default="v3", description="how `fractional` puts into buckets: flagd's v2 or v3")
    metadata: FlagMetadata = Field(default={}, description="handed on with every evaluation")


class FlagPatch(Shape):
    """A merge patch: null takes a field away, and a variant; a variant's value is replaced as a whole."""

    variants: VariantsPatch = Field(default_factory=absent)
    description: Description | None = Field(default_factory=absent)
    owner: Owner | None = Field(default_factory=absent)
    tags: Tags | None = Field(default_factory=absent)
    product: ProductKey | None = Field(default_factory=absent)
    client_side: StrictBool = Field(default_factory=absent)
    metadata: FlagMetadataPatch | None = Field(default_factory=absent, description="merged by name; null takes one away")
    reason: Reason | None = Field(default_factory=absent, description=WHY)

    def fields(self) -> dict[str, Any]:
        """The fields that it names, as plain values; the reason is not of the flag."""
        return self.model_dump(exclude_unset=True, exclude={"reason"})


class FlagChange(FlagPatch):
    """Any change of a flag: a merge patch, or one of `hash`, `status` and `revert_to` alone."""

    hash: Hash = Field(default_factory=absent, description="how `fractional` puts into buckets")
    status: Status = Field(default_factory=absent, description="to archive or restore it")
    revert_to: Version = Field(default_factory=absent, description="the version to go back to, as a new version")


class Reverting(Shape):
    version: Version = Field(description="the one to go back to, as a new version")
    reason: Reason | None = Field(default=None, description=WHY)


class EndedView(Shape):
    environment: str
    id: str


class FlagView(Shape):
    key: str
    type: Type
    description: str | None
    owner: str | None
    tags: list[str]
    product: str | None
    client_side: bool
    hash: Hash
    variants: dict[str, Any]
    metadata: dict[str, Any]
    status: Status
    reason: str | None = Field(description="that was given for this version")
    ended_rollouts: list[EndedView] = Field(description="that ran, and that the change to this version has ended")
    created_at: str
    updated_at: str
    version: int = Field(ge=1)


def view(stored: Stored) -> dict[str, Any]:
    """One version of a flag as it is answered: a FlagView."""
    data = stored.data
    return {
        "key": data["key"],
        "type": data["type"],
        "description": data.get("description"),
        "owner": data.get("owner"),
        "tags": data.get("tags", []),
        "product": data.get("product"),
        "client_side": data["client_side"],
        "hash": data["hash"],
        "variants": jsontext.read(data["variants"]),
        "metadata": metadata(data),
        "status": data["status"],
        "reason": data.get("reason"),
        "ended_rollouts": data.get("ended", []),
        "created_at": stored.created_at,
        "updated_at": stored.updated_at,
        "version": stored.version,
    }


def metadata(data: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = jsontext.read(data.get("metadata", "{}"))
    return found


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    return differences(_plain(before), _plain(after), FIELDS)


def _plain(data: Mapping[str, Any]) -> Mapping[str, Any]:
    if not data:
        return data
    plain = {**data, "variants": jsontext.read(data["variants"])}
    return {**plain, "metadata": metadata(data)} if "metadata" in data else plain
