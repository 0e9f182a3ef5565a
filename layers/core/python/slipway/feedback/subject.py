"""Whom a request about a person means, and what it is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema

from slipway.feedback import people
from slipway.feedback.item import TargetingKey
from slipway.feedback.notes import FeedbackNoteView
from slipway.feedback.views import FeedbackView
from slipway.fields import EnvironmentName, matching
from slipway.flags.environments import Environments
from slipway.paging import Cursor
from slipway.problems import Fault, Invalid
from slipway.shape import Shape

if TYPE_CHECKING:
    from slipway.feedback.people import Who
    from slipway.ports import Store

MEMBER, PERSON = r"^mbr_[0-9a-z]{1,26}$", f"^{people.PID}$"
MemberId = Annotated[
    str,
    AfterValidator(matching(MEMBER, "pattern", "The id of a member is `mbr_` and up to 26 letters and digits.")),
    WithJsonSchema({"type": "string", "pattern": MEMBER}),
]
PersonId = Annotated[
    str,
    AfterValidator(matching(PERSON, "pattern", "The id of a person is `psn_` and 26 letters and digits.")),
    WithJsonSchema({"type": "string", "pattern": PERSON}),
]

_EMAIL: dict[str, Any] = {"email": "ada@example.com"}
_UNIT: dict[str, Any] = {"targeting_key": "user-17", "environment": "production"}


class Subject(Shape):
    """One of: a targeting key and its environment, an e-mail address, a member, or the id of a person."""

    model_config = ConfigDict(json_schema_extra={"examples": [_UNIT, _EMAIL]})

    targeting_key: TargetingKey | None = None
    environment: EnvironmentName | None = None
    email: Annotated[str | None, Field(max_length=254)] = None
    member: MemberId | None = None
    person: Annotated[PersonId | None, Field(description="by it a certificate is read again")] = None

    def who(self) -> Who:
        """Raises Invalid."""
        named = [name for name in ("targeting_key", "email", "member", "person") if getattr(self, name) is not None]
        if len(named) != 1 or (self.targeting_key is None) != (self.environment is None):
            detail = "Name one: a targeting_key with its environment, an email, a member, or a person."
            pointer = f"/{named[1]}" if len(named) > 1 else "/environment" if named else "/targeting_key"
            raise Invalid(detail, errors=[Fault(pointer, "one_person", detail)])
        if self.targeting_key is not None and self.environment is not None:
            return people.unit(self.environment, self.targeting_key)
        if self.person is not None:
            return people.person(self.person)
        if self.email is None:
            return people.member(str(self.member))
        from slipway.members import normalised  # seldom needed, and dear to a cold start

        return people.email(normalised(self.email))


def whom(store: Store, subject: Subject) -> Who:
    """Who it is; a unit also of an environment that was deleted: what its people told is still there. Raises Invalid."""
    who = subject.who()
    named = () if subject.environment is None else (subject.environment,)
    faults = [fault for name in named for fault in Environments(store).faults(name, "/environment", ever=True)]
    if faults:
        raise Invalid("Nobody was ever in that environment; see `errors`.", errors=faults)
    return who


class Exporting(Subject):
    cursor: Cursor = None


class StoreView(Shape):
    store: str
    holds: str
    until: str | None = Field(description="when the last copy there expires; null: it stays, as `holds` says")


class CertificateView(Shape):
    """That nobody can read any more what a person told."""

    person: str = Field(pattern=f"^{people.PID}$", examples=["psn_01j9z6k3v5x8m2q4w7e9r0t2y6"])
    erased_at: str
    stores: list[StoreView]


class ErasedView(Shape):
    certificates: list[CertificateView] = Field(description="of each person that was meant; none: nobody is known by that")


class BesideView(Shape):
    """A row about that person that belongs to somebody's item, such as a vote; what else it has is shown as it is kept."""

    model_config = ConfigDict(extra="allow")

    item: str
    what: str


class NotedView(FeedbackNoteView):
    """A note of the team's on one of that person's items."""

    item: str


class DossierView(Shape):
    people: list[str] = Field(description="whom this page tells of")
    feedback: list[FeedbackView]
    notes: list[NotedView]
    beside: list[BesideView]
    next_cursor: str | None = Field(default=None, description="to be sent as `cursor`; missing at the end")
