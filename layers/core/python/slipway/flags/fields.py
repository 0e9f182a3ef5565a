"""The fields of flags, their configurations, environments and segments, as the API takes them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, WithJsonSchema

from slipway import text
from slipway.fields import cleaned, error, matching, published, whole
from slipway.flags import form, jsontext
from slipway.shape import Shape

RESERVED = ("batch", "export", "import")  # kept for paths beside `/v1/flags/{key}` and `/v1/segments/{key}`
KEY = r"^(?!(batch|export|import)$)[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"
REASON, VARIANT, TARGETING_KEY = 500, 64, 256  # characters
VARIANTS, OVERRIDES, PREREQUISITES = 50, 500, 10  # entries
VALUES_BYTES = 16 * 1024  # of all variants of a flag
METADATA, METADATA_NAME, METADATA_BYTES = 50, 128, 4 * 1024  # entries, characters, bytes of all of it

Type = Literal["boolean", "string", "integer", "float", "object"]
Hash = Literal["v2", "v3"]

Key = Annotated[
    str,
    AfterValidator(
        matching(
            KEY,
            "invalid_key",
            "A key is 1 to 128 letters, digits, dots, dashes and underscores, begins with a letter or digit, "
            f"and is none of {', '.join(RESERVED)}.",
        )
    ),
    published(KEY, 128, examples=["new-checkout"]),
]
# The beginning of a key.
Prefix = Annotated[
    str,
    AfterValidator(
        matching(r"^[A-Za-z0-9._-]{1,128}$", "invalid_key", "A key begins with letters, digits, dots, dashes or _.")
    ),
    published(r"^[A-Za-z0-9._-]{1,128}$", 128),
]
PROPOSAL = r"^chg_[0-9a-z]{26}$"
ProposalId = Annotated[
    str,
    AfterValidator(matching(PROPOSAL, "invalid_id", "The id of a change request is `chg_` and 26 letters and digits.")),
    published(PROPOSAL, 30),
]
Version = Annotated[int, Field(ge=1, le=10**9), BeforeValidator(whole)]
Because = Annotated[str, AfterValidator(cleaned(text.line, REASON)), published(text.LINE, REASON)]  # a reason that has to be
Reason = Annotated[str, AfterValidator(cleaned(text.prose, REASON)), published(text.PROSE, REASON, 0)]


def _variant(raw: str) -> str:
    if cleaned(text.line, VARIANT)(raw) != raw:
        raise error("invalid_variant", "A variant's name has no space around it, and its letters are composed (NFC).")
    return raw


def _values(raw: Any) -> dict[str, Any]:
    """Values by variant, as JSON has them; of what type they are is the flag's affair."""
    if not isinstance(raw, dict) or not 1 <= len(raw) <= VARIANTS:
        raise error("invalid_variants", f"Send an object of 1 to {VARIANTS} variants: their values by name.")
    return {_variant(name): _value(name, value) for name, value in raw.items()}


def _values_patch(raw: Any) -> dict[str, Any]:
    if not isinstance(raw, dict) or len(raw) > 2 * VARIANTS:
        raise error("invalid_variants", "Send an object: values by name, and null for a variant that goes.")
    return {_variant(name): None if value is None else _value(name, value) for name, value in raw.items()}


def _value(name: str, value: Any) -> Any:
    if value is None:
        raise error("invalid_variants", f"{name}: a variant has a value, not null.")
    found = jsontext.plain(value)
    if not jsontext.is_exact(found):
        raise error("out_of_range", f"{name}: a whole number above 2^53 is one that every client reads exactly, a double.")
    return found


def _metadata_name(raw: str) -> str:
    if raw in form.RESERVED:
        raise error("reserved", f"{raw!r} means something in an answer, and is not yours to give; choose another name.")
    return raw


def _metadata(raw: dict[str, Any]) -> dict[str, Any]:
    """Scalars by name, as evaluation hands them on."""
    found = _metadata_patch(raw)
    if None in found.values():
        raise error("invalid_metadata", "A value of metadata is text, true, false or a number, not null.")
    return found


def _metadata_patch(raw: dict[str, Any]) -> dict[str, Any]:
    if len(raw) > METADATA or not all(0 < len(name) <= METADATA_NAME for name in raw):
        raise error("invalid_metadata", f"Send an object of at most {METADATA} names of 1 to {METADATA_NAME} characters.")
    found: dict[str, Any] = jsontext.plain(raw)
    for name, value in found.items():
        if isinstance(value, dict | list) or not jsontext.is_exact(value):
            raise error("invalid_metadata", f"{name}: a value is text, true, false or a number that is exact as a double.")
    if len(jsontext.written(found).encode()) > METADATA_BYTES:
        raise error("too_large", f"Metadata take {METADATA_BYTES:,} bytes at most.")
    return found


def _targeting(raw: Any) -> dict[str, Any] | None:
    """A rule, as JSON has it; what is in it is looked at together with the flag. `{}` is no rule."""
    if raw is None or raw == {}:
        return None
    if not isinstance(raw, dict):
        raise error("invalid_targeting", "Send a rule as an object: JsonLogic with flagd's operators. Null for none.")
    found: dict[str, Any] = jsontext.plain(raw)
    return found


def _context(raw: Any) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise error("invalid_context", "Send a context as an object: targetingKey and the attributes that rules ask for.")
    if not isinstance(raw.get("targetingKey", ""), str):
        raise error("invalid_context", "`targetingKey` is text.")
    found: dict[str, Any] = jsontext.plain(raw)
    return found


def _targeting_key(raw: str) -> str:
    if cleaned(text.line, TARGETING_KEY)(raw) != raw:
        raise error("invalid_targeting_key", "A targeting key has no space around it, and its letters are composed (NFC).")
    return raw


def _each_once(names: list[str]) -> list[str]:
    return sorted(set(names))


def _variants_schema(least: int, *more: str) -> WithJsonSchema:
    value = {"type": ["boolean", "string", "number", "object", *more]}
    names = {"minLength": 1, "maxLength": VARIANT, "pattern": text.LINE}
    most = VARIANTS if least else 2 * VARIANTS
    bounds = {"minProperties": least, "maxProperties": most, "propertyNames": names, "additionalProperties": value}
    return WithJsonSchema({"type": "object", **bounds, "examples": [{"on": True, "off": False}]})


def _metadata_schema(*more: str) -> WithJsonSchema:
    value = {"type": ["string", "number", "boolean", *more]}
    names = {"minLength": 1, "maxLength": METADATA_NAME, "not": {"enum": list(form.RESERVED)}}
    bounds = {"maxProperties": METADATA, "propertyNames": names, "additionalProperties": value}
    return WithJsonSchema({"type": "object", **bounds, "examples": [{"team": "web"}]})


Variant = Annotated[str, AfterValidator(_variant), published(text.LINE, VARIANT, examples=["on"])]
Variants = Annotated[dict[str, Any], PlainValidator(_values), _variants_schema(1)]
VariantsPatch = Annotated[dict[str, Any], PlainValidator(_values_patch), _variants_schema(0, "null")]
MetadataName = Annotated[str, AfterValidator(_metadata_name)]
FlagMetadata = Annotated[dict[MetadataName, Any], AfterValidator(_metadata), _metadata_schema()]
FlagMetadataPatch = Annotated[dict[MetadataName, Any], AfterValidator(_metadata_patch), _metadata_schema("null")]
Targeting = Annotated[
    dict[str, Any] | None,
    PlainValidator(_targeting),
    WithJsonSchema({"type": ["object", "null"], "examples": [{"if": [{"==": [{"var": "plan"}, "beta"]}, "on", "off"]}]}),
]
Rule = Annotated[
    dict[str, Any],
    PlainValidator(_targeting),
    WithJsonSchema({"type": "object", "minProperties": 1, "examples": [{"ends_with": [{"var": "email"}, "@example.com"]}]}),
]
Context = Annotated[
    dict[str, Any],
    PlainValidator(_context),
    WithJsonSchema({"type": "object", "description": "as an SDK sends it: `targetingKey`, and attributes"}),
]
TargetingKey = Annotated[
    str, AfterValidator(_targeting_key), published(text.LINE, TARGETING_KEY, examples=["mbr_01j9z6k3v5x8m2q4w7e9r0t2y6"])
]
TargetingKeys = Annotated[list[TargetingKey], Field(max_length=OVERRIDES), AfterValidator(_each_once)]


OverridesPatch = Annotated[
    dict[Variant, TargetingKeys | None],
    Field(max_length=VARIANTS),
    WithJsonSchema(
        {
            "type": "object",
            "maxProperties": VARIANTS,
            "propertyNames": {"minLength": 1, "maxLength": VARIANT, "pattern": text.LINE},
            "additionalProperties": {
                "type": ["array", "null"],
                "maxItems": OVERRIDES,
                "items": {"type": "string", "minLength": 1, "maxLength": TARGETING_KEY, "pattern": text.LINE},
            },
            "examples": [{"on": ["mbr_01j9z6k3v5x8m2q4w7e9r0t2y6"]}],
        }
    ),
]


class Prerequisite(Shape):
    """Another flag, and the variants of which it has to answer one in the same environment."""

    flag: Key
    variants: Annotated[list[Variant], Field(min_length=1, max_length=VARIANTS), AfterValidator(_each_once)]


def _each_flag_once(wanted: list[Prerequisite]) -> list[Prerequisite]:
    if len({one.flag for one in wanted}) < len(wanted):
        raise error("duplicate", "Name each flag once, with all variants that will do.")
    return sorted(wanted, key=lambda one: one.flag)


Prerequisites = Annotated[list[Prerequisite], Field(max_length=PREREQUISITES), AfterValidator(_each_flag_once)]
