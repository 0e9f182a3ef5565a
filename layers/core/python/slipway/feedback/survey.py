"""A survey as the API takes and answers it. What may be done with it is in `slipway.feedback.surveys`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StrictBool

from slipway import text
from slipway.feedback.item import PRINTED, RATINGS
from slipway.feedback.tickets import PATTERN
from slipway.fields import EnvironmentName, Key, cleaned, error, matching, published, whole
from slipway.flags import jsontext
from slipway.flags.fields import Context, Rule
from slipway.moments import Moment
from slipway.paging import Paging
from slipway.resources import Stored
from slipway.rollouts.course import Share, percent
from slipway.shape import Shape, absent

Kind = Literal["nps", "csat", "ces"]

ID = r"^srv_[0-9a-z]{26}$"
EXAMPLE = "srv_01j9z6k3v5x8m2q4w7e9r0t2y6"
VIEW = r"^[A-Za-z0-9._:-]{1,64}$"
QUESTION = 300  # characters
MOST_ANSWERS = 10_000  # of one survey: results read each of them
CAP, QUIET = 1_000, 30
LONGEST_QUIET = 365  # days

Question = Annotated[
    str,
    AfterValidator(cleaned(text.line, QUESTION)),
    published(text.LINE, QUESTION),
]
Cap = Annotated[int, Field(ge=1, le=MOST_ANSWERS, description="of answers, which is never exceeded"), BeforeValidator(whole)]
Days = Annotated[
    int,
    Field(ge=1, le=LONGEST_QUIET, description="whom any survey of the environment asked within these days is not asked"),
    BeforeValidator(whole),
]
Sampling = Annotated[Share, Field(description="percent of the units that may be asked at all; always the same ones")]
Asked = Annotated[Rule, Field(description="JsonLogic with flagd's operators: who may be asked. Without it, everybody")]


class NewSurvey(Shape):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "product": "espresso-machine",
                    "environment": "production",
                    "kind": "nps",
                    "question": "How likely are you to recommend it to a friend?",
                    "targeting": {"==": [{"var": "plan"}, "team"]},
                    "sampling": 20,
                    "cap": 500,
                    "enabled": True,
                }
            ]
        }
    )

    product: Annotated[Key, Field(description="the key of a product")]
    environment: EnvironmentName
    kind: Kind
    question: Question
    targeting: Asked | None = None
    sampling: Sampling | None = Field(default=None, description="percent of the units that may be asked; null: all")
    cap: Cap = CAP
    quiet_days: Days = QUIET
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    enabled: StrictBool = False


class SurveyPatch(Shape):
    """A merge patch: null stands for what holds by default; the rule is replaced as a whole."""

    question: Question = Field(default_factory=absent)
    targeting: Asked | None = Field(default_factory=absent)
    sampling: Sampling | None = Field(default_factory=absent)
    cap: Cap | None = Field(default_factory=absent)
    quiet_days: Days | None = Field(default_factory=absent)
    starts_at: Moment | None = Field(default_factory=absent)
    ends_at: Moment | None = Field(default_factory=absent)
    enabled: StrictBool = Field(default_factory=absent)


class SurveyView(Shape):
    id: str = Field(pattern=ID, examples=[EXAMPLE])
    product: str
    environment: str
    kind: Kind
    question: str
    targeting: dict[str, Any] | None
    sampling: float
    cap: int
    quiet_days: int
    starts_at: str | None
    ends_at: str | None
    enabled: bool
    created_at: str
    updated_at: str
    version: int = Field(ge=1)


class SurveyListing(Paging):
    """All that are given must hold."""

    product: Key | None = None
    environment: EnvironmentName | None = None
    enabled: bool | None = None

    def takes(self, stored: Stored) -> bool:
        data = stored.data
        wanted = all(getattr(self, name) in (None, data[name]) for name in ("product", "environment", "enabled"))
        return wanted and data["status"] != "deleted"

    def parts(self) -> list[str | None]:
        """What a cursor is bound to."""
        return ["surveys.list", self.product, self.environment, None if self.enabled is None else str(self.enabled)]


def _unit(context: dict[str, Any]) -> dict[str, Any]:
    if "targetingKey" not in context:
        raise error("targeting_key_missing", "Send the `targetingKey` of who may be asked: who has none is never asked.")
    matching(PRINTED, "invalid_targeting_key", "A targeting key is 1 to 256 printable characters.")(context["targetingKey"])
    return context


class Prompting(Shape):
    """Who could be asked, and where."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"product": "espresso-machine", "view": "5f0c7f1e", "context": {"targetingKey": "user-17", "plan": "team"}}
            ]
        }
    )

    product: Annotated[Key, Field(description="the key of the product that is on the screen")]
    view: Annotated[
        str,
        AfterValidator(matching(VIEW, "invalid_view", "Up to 64 letters, digits, dots, colons, - and _.")),
        published(VIEW, 64, description="of the page or screen, chosen by the client: the same again is answered the same"),
    ]
    context: Annotated[Context, AfterValidator(_unit)]


class ScaleView(Shape):
    least: int
    most: int


class PromptView(Shape):
    survey: str = Field(pattern=ID, examples=[EXAMPLE])
    kind: Kind
    question: str
    scale: ScaleView
    token: str = Field(
        pattern=PATTERN,
        description="to be sent as `survey` with the answer",
        examples=[f"{EXAMPLE}.2026-11-23.1795428000000.{43 * 'x'}"],
    )
    expires_at: str


def view(stored: Stored) -> dict[str, Any]:
    """A SurveyView."""
    data = shown(stored.data)
    names = ("product", "environment", "kind", "question", "targeting", "sampling", "cap", "quiet_days")
    return {
        "id": stored.id,
        **{name: data.get(name) for name in (*names, "starts_at", "ends_at", "enabled")},
        "created_at": stored.created_at,
        "updated_at": stored.updated_at,
        "version": stored.version,
    }


def shown(data: dict[str, Any]) -> dict[str, Any]:
    """The data of a row as the API has them."""
    rule = {"targeting": jsontext.read(data["targeting"])} if "targeting" in data else {}
    return {**data, **rule, "sampling": percent(int(data["sampling"]))}


def scale(kind: str) -> dict[str, int]:
    """A ScaleView."""
    least, most = RATINGS[kind]
    return {"least": least, "most": most}
