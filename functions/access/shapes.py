"""What the API of keys and members takes and answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from slipway import text
from slipway.access import Principal
from slipway.calls import timestamp
from slipway.fields import EnvironmentName as Environment
from slipway.fields import whole
from slipway.keys import LONGEST_OVERLAP, NAME, earlier, prefix, status
from slipway.moments import Moment
from slipway.paging import Paging
from slipway.resources import Stored
from slipway.shape import Shape

Kind = Literal["client", "server", "admin"]
Role = Literal["viewer", "editor", "admin"]
Status = Literal["active", "expired", "revoked"]


def _name(raw: str) -> str:
    try:
        return text.line(raw, NAME)
    except text.BadText as bad:
        raise PydanticCustomError("invalid_text", "{detail}", {"detail": str(bad)}) from None


Name = Annotated[
    str,
    AfterValidator(_name),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": NAME, "pattern": text.LINE}),
]
# --- examples, for the reference ------------------------------------------------------------------------

_NEW_KEY: dict[str, Any] = {"name": "Checkout service", "kind": "server", "environment": "production"}
_TIMES = {"created_at": "2026-11-23T12:00:00.000Z", "updated_at": "2026-11-23T12:00:00.000Z", "version": 1}
_KEY: dict[str, Any] = {
    "id": "key_5k2m8q4w7e9r0t2y6a1s3d5f7g",
    **_NEW_KEY,
    "role": None,
    "status": "active",
    "prefix": "slp_production_server_3Kd9",
    "expires_at": None,
    "previous_expires_at": None,
    "last_used_at": "2026-11-23T00:00:00.000Z",
    "revoked_at": None,
    **_TIMES,
}
_MEMBER: dict[str, Any] = {"id": "mbr_5k2m8q4w7e9r0t2y6a1s3d5f7g", "email": "ada@example.com", "role": "editor", **_TIMES}
_ME: dict[str, Any] = {
    "kind": "member",
    "id": _MEMBER["id"],
    "role": "viewer",
    "environment": None,
    "email": _MEMBER["email"],
    "operations": ["me.read", "members.list", "members.read", "products.list", "products.read"],
}


# --- keys -----------------------------------------------------------------------------------------------


class NewKey(Shape):
    """A client or server key needs an `environment`, an admin key a `role`; only an admin key may expire."""

    model_config = ConfigDict(json_schema_extra={"examples": [_NEW_KEY]})

    name: Annotated[Name, Field(description="what the key is for")]
    kind: Kind
    environment: Environment | None = None
    role: Role | None = None
    expires_at: Annotated[Moment | None, Field(description="RFC 3339, in the future")] = None


class Rotation(Shape):
    overlap_seconds: Annotated[
        int,
        Field(ge=0, le=LONGEST_OVERLAP, description="for which the secret before still works; 0 for one that leaked"),
        BeforeValidator(whole),
    ] = 24 * 3600


class KeySearch(Paging):
    kind: Kind | None = None
    environment: Environment | None = None
    status: Status | None = None


class KeyView(BaseModel):
    model_config = ConfigDict(defer_build=True, json_schema_extra={"examples": [_KEY]})

    id: str
    name: str
    kind: Kind
    environment: Annotated[str | None, Field(description="of a client or server key")]
    role: Annotated[Role | None, Field(description="of an admin key")]
    status: Status
    prefix: Annotated[str, Field(description="the part of the key that is no secret")]
    expires_at: str | None
    previous_expires_at: Annotated[str | None, Field(description="when the last of the secrets before this one stops working")]
    last_used_at: Annotated[str | None, Field(description="to the day")]
    revoked_at: str | None
    created_at: str
    updated_at: str
    version: int


class IssuedKeyView(KeyView):
    model_config = ConfigDict(json_schema_extra={"examples": [{**_KEY, "key": f"{_KEY['prefix']}_0wSecretPart"}]})

    key: Annotated[str | None, Field(description="the whole key, this once; null when an earlier try has shown it")]


def key_view(stored: Stored, now: str, day: datetime | None) -> KeyView:
    """`now` as RFC 3339; `day` of the last use, if any."""
    data = stored.data
    ends = max((one["expires_at"] for one in earlier(data)), default=None)
    return KeyView(
        id=stored.id,
        name=data["name"],
        kind=data["kind"],
        environment=data["environment"],
        role=data["role"],
        status=status(stored, now),
        prefix=prefix(stored),
        expires_at=data["expires_at"],
        previous_expires_at=ends if ends is not None and ends > now else None,
        last_used_at=timestamp(day) if day else None,
        revoked_at=data["revoked_at"],
        created_at=stored.created_at,
        updated_at=stored.updated_at,
        version=stored.version,
    )


# --- members --------------------------------------------------------------------------------------------


class NewMember(Shape):
    email: Annotated[
        str,
        Field(min_length=3, max_length=254, description="where the invitation goes", json_schema_extra={"format": "email"}),
    ]
    role: Role


class MemberPatch(Shape):
    role: Role


class MemberView(BaseModel):
    model_config = ConfigDict(defer_build=True, json_schema_extra={"examples": [_MEMBER]})

    id: str
    email: str
    role: Role
    created_at: str
    updated_at: str
    version: int


def member_view(stored: Stored, email: str) -> MemberView:
    return MemberView(
        id=stored.id,
        email=email,
        role=stored.data["role"],
        created_at=stored.created_at,
        updated_at=stored.updated_at,
        version=stored.version,
    )


# --- me -------------------------------------------------------------------------------------------------


class Acting(Shape):
    environment: Annotated[
        Environment | None, Field(description="of people and admin keys: in which environment the request acts")
    ] = None


class Me(BaseModel):
    model_config = ConfigDict(defer_build=True, json_schema_extra={"examples": [_ME]})

    kind: Literal["client", "server", "admin", "member"]
    id: str
    role: Role | None
    environment: Annotated[str | None, Field(description="in which requests act: the key's own, else the one asked for")]
    email: Annotated[str | None, Field(description="of a member")]
    operations: Annotated[list[str], Field(description="what these credentials may do")]


def me_view(principal: Principal, environment: str | None, email: str | None, operations: list[str]) -> Me:
    return Me.model_validate(
        {
            "kind": principal.kind,
            "id": principal.id,
            "role": principal.role,
            "environment": environment,
            "email": email,
            "operations": operations,
        }
    )
