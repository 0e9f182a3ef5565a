"""An item of feedback as the API takes it. What may be done with it is in `slipway.feedback.items`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, WithJsonSchema

from slipway import text
from slipway.feedback.forms import PATTERN
from slipway.feedback.tickets import PATTERN as TICKET
from slipway.fields import EnvironmentName, Key, cleaned, matching, published, whole
from slipway.resources import Stored
from slipway.shape import Shape

Type = Literal["bug", "idea", "praise", "question", "rating", "nps", "csat", "ces"]
State = Literal["visible", "held", "spam"]
Sentiment = Literal["negative", "neutral", "positive", "unknown"]

ID = r"^fbk_[0-9a-z]{26}$"
TITLE, PROSE, URL, WORD, TARGETING_KEY = 200, 10_000, 2_000, 200, 256  # characters
LOCALE = r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$"  # as BCP 47 writes them, without telling known from unknown subtags
ADDRESS = r"^https?://[!-~]{1,1990}$"
ATTACHMENT, ATTACHMENTS = r"^att_[0-9a-z]{26}$", 5
SUBMISSION = r"^[A-Za-z0-9._:-]{1,64}$"
PRINTED = r"^[^\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]{1,256}$"
# Of the types that ask for one: the least and the most.
RATINGS = {"rating": (1, 5), "nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}


Title = Annotated[str, AfterValidator(cleaned(text.line, TITLE)), published(text.LINE, TITLE)]
Word = Annotated[str, AfterValidator(cleaned(text.line, WORD)), published(text.LINE, WORD)]
Prose = Annotated[str, AfterValidator(cleaned(text.prose, PROSE)), published(text.PROSE, PROSE, 0)]
Reply = Annotated[str, AfterValidator(cleaned(text.prose, 4_000)), published(text.PROSE, 4_000, 0)]
TargetingKey = Annotated[
    str,
    AfterValidator(matching(PRINTED, "invalid_targeting_key", "A targeting key is 1 to 256 printable characters.")),
    published(PRINTED, TARGETING_KEY),
]


Url = Annotated[
    str,
    AfterValidator(matching(ADDRESS, "invalid_url", "Send an http:// or https:// address of at most 2,000 characters.")),
    published(ADDRESS, URL),
]
Locale = Annotated[
    str,
    AfterValidator(matching(LOCALE, "invalid_locale", "Write a locale as BCP 47 has it, such as en-GB.")),
    published(LOCALE, 44, 2),
]
Rating = Annotated[int, Field(ge=0, le=10, description="rating, csat: 1 to 5; ces: to 7; nps: 0 to 10"), BeforeValidator(whole)]
SubmissionId = Annotated[
    str,
    AfterValidator(matching(SUBMISSION, "invalid_submission_id", "Up to 64 letters, digits, dots, colons, - and _.")),
    published(SUBMISSION, 64, description="the same again makes nothing twice"),
]


AttachmentId = Annotated[
    str,
    AfterValidator(matching(ATTACHMENT, "invalid_attachment", "Send the id that came with the form of the upload.")),
    published(ATTACHMENT, 30, 30),
]
FormToken = Annotated[
    str,
    AfterValidator(matching(PATTERN, "pattern", "Send the `form` that POST /v1/feedback/form gave, as it came.")),
    WithJsonSchema({"type": "string", "pattern": PATTERN}),
]
PromptToken = Annotated[
    str,
    AfterValidator(matching(TICKET, "pattern", "Send the token that came with the prompt, as it came.")),
    WithJsonSchema({"type": "string", "pattern": TICKET}),
]
AttachmentIds = Annotated[list[AttachmentId], Field(max_length=ATTACHMENTS)]


class Context(Shape):
    """Where it happened. `url`, `device` and `session` are sealed with what the person wrote."""

    url: Url | None = None
    device: Word | None = None
    session: Word | None = None
    release: Annotated[Word | None, Field(description="the version of the application")] = None
    locale: Annotated[Locale | None, Field(description="BCP 47")] = None


_TOLD: dict[str, Any] = {
    "type": "idea",
    "product": "espresso-machine",
    "title": "A smaller cup",
    "text": "The lever is fine, the cup is too large.",
    "targeting_key": "user-17",
    "environment": "production",
    "context": {"url": "https://shop.example.com/cups", "release": "2026.11.3", "locale": "en-GB"},
    "submission_id": "5f0c7f1e-6f0c-4f5e-9a57-1f1f5f0c7f1e",
}


class NewFeedback(Shape):
    """What somebody tells. `rating`, `nps`, `csat` and `ces` need a `rating`, the others a `title` or a `text`."""

    model_config = ConfigDict(json_schema_extra={"examples": [_TOLD]})

    type: Type
    product: Annotated[Key, Field(description="the key of a product")]
    title: Title | None = None
    text: Prose | None = None
    rating: Rating | None = None
    email: Annotated[str | None, Field(max_length=254, description="for news of this; only with `consent`")] = None
    consent: Annotated[bool, Field(description="the person wants to hear of this by e-mail")] = False
    targeting_key: Annotated[TargetingKey | None, Field(description="whom flags are evaluated for")] = None
    environment: Annotated[
        EnvironmentName | None, Field(description="of the targeting key; a client or server key has its own")
    ] = None
    context: Context = Context()
    attachments: Annotated[
        AttachmentIds,
        Field(description="what was uploaded by POST /v1/feedback/attachments", json_schema_extra={"uniqueItems": True}),
    ] = []
    submission_id: SubmissionId | None = None
    form: Annotated[FormToken | None, Field(description="the form's token, where its board asks for one")] = None
    survey: Annotated[
        PromptToken | None, Field(description="the token of the prompt that this answers; with its `targeting_key`")
    ] = None
    website: Annotated[str, Field(max_length=2_000, description="leave it empty: people do not see it")] = ""


class OpenedForm(Shape):
    """Of a form that somebody opens."""

    product: Annotated[Key, Field(description="the key of a product")]


class FormView(Shape):
    form: str = Field(pattern=PATTERN, examples=["2026-11-23.1795428000000.0a1b2c3d." + 43 * "x"])
    seconds: int = Field(ge=0, description="that have to pass before it is taken")
    expires_at: str


class ReceiptView(Shape):
    """What who submits is told: nothing of what was found in it."""

    id: str = Field(pattern=ID, examples=["fbk_01j9z6k3v5x8m2q4w7e9r0t2y6"])
    product: str
    type: Type
    created_at: str


# Of a version, what it may have changed; what people wrote is not told there.
FIELDS = (
    *("status", "state", "type", "sentiment", "tags", "links", "assignee", "headline", "reply", "rating", "product", "origin"),
    *("environment", "release", "locale", "consent", "imported_votes", "merged_into", "language", "flags", "proof", "survey"),
)

_PLAIN = (
    *("product", "type", "rating", "status", "state", "sentiment", "environment", "origin", "headline", "reply", "assignee"),
    *("imported_votes", "merged_into", "language", "proof", "survey"),
)
_FILE: dict[str, Any] = {"type": None, "bytes": None, "reason": None}
_SEALED = ("title", "text", "email", "targeting_key", "imported")


def waiting(ids: Iterable[str]) -> list[dict[str, Any]]:
    """What an item lists at first of what is attached to it."""
    return [{"id": id, "state": "waiting"} for id in dict.fromkeys(ids)]


def receipt(stored: Stored) -> dict[str, Any]:
    """A ReceiptView."""
    data = stored.data
    return {"id": stored.id, "product": data["product"], "type": data["type"], "created_at": stored.created_at}


def view(stored: Stored, sealed: dict[str, Any] | None, votes: int) -> dict[str, Any]:
    """A FeedbackView. `sealed`: what stood in it sealed; None where nobody can open it any more."""
    data, told = stored.data, sealed or {}
    context = {**dict.fromkeys(("url", "device", "session")), **told.get("context", {})}
    return {
        "id": stored.id,
        **{name: data.get(name) for name in _PLAIN},
        **{name: told.get(name) for name in _SEALED},
        "votes": votes,
        "consent": data.get("consent", False) and sealed is not None,
        "context": {**context, "release": data.get("release"), "locale": data.get("locale")},
        "attachments": [_FILE | one for one in data.get("attachments", ())],
        "erased": sealed is None,
        "flags": data.get("flags", {}),
        "tags": data.get("tags", []),
        "links": data.get("links", []),
        "created_at": stored.created_at,
        "updated_at": stored.updated_at,
        "version": stored.version,
    }
