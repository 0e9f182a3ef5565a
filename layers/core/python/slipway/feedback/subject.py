"""Whom a request about a person means, and what it is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import ConfigDict, Field

from slipway.feedback import people
from slipway.feedback.item import TargetingKey
from slipway.feedback.views import FeedbackView
from slipway.fields import EnvironmentName
from slipway.problems import Fault, Invalid
from slipway.shape import Shape

if TYPE_CHECKING:
    from slipway.feedback.people import Who

_EMAIL: dict[str, Any] = {"email": "ada@example.com"}
_UNIT: dict[str, Any] = {"targeting_key": "user-17", "environment": "production"}


class Subject(Shape):
    """One of: a targeting key and its environment, an e-mail address (all who gave it), a member."""

    model_config = ConfigDict(json_schema_extra={"examples": [_UNIT, _EMAIL]})

    targeting_key: TargetingKey | None = None
    environment: EnvironmentName | None = None
    email: Annotated[str | None, Field(max_length=254)] = None
    member: Annotated[str | None, Field(pattern=r"^mbr_[0-9a-z]{1,26}$")] = None

    def who(self) -> Who:
        """Raises Invalid."""
        named = [name for name in ("targeting_key", "email", "member") if getattr(self, name) is not None]
        if len(named) != 1 or (self.targeting_key is None) != (self.environment is None):
            detail = "Name one: a targeting_key with its environment, an email, or a member."
            pointer = f"/{named[1]}" if len(named) > 1 else "/environment" if named else "/targeting_key"
            raise Invalid(detail, errors=[Fault(pointer, "one_person", detail)])
        if self.targeting_key is not None and self.environment is not None:
            return people.unit(self.environment, self.targeting_key)
        if self.email is None:
            return people.member(str(self.member))
        from slipway.members import normalised  # seldom needed, and dear to a cold start

        return people.email(normalised(self.email))


class StoreView(Shape):
    store: str
    holds: str
    until: str | None = Field(description="when the last copy there expires; null: it stays, as `holds` says")


class CertificateView(Shape):
    """That nobody can read any more what a person told."""

    person: str = Field(pattern=r"^psn_[0-9a-z]{26}$", examples=["psn_01j9z6k3v5x8m2q4w7e9r0t2y6"])
    erased_at: str
    stores: list[StoreView]


class ErasedView(Shape):
    certificates: list[CertificateView] = Field(description="of each person that was meant; none: nobody is known by that")


class BesideView(Shape):
    """A row about that person that belongs to somebody's item, such as a vote; what else it has is shown as it is kept."""

    model_config = ConfigDict(extra="allow")

    item: str
    what: str


class DossierView(Shape):
    people: list[str]
    feedback: list[FeedbackView]
    beside: list[BesideView]
