"""The fields of a product, as the API takes them: cleaned, bounded, and refused with a word on how to mend them.

Each pattern and bound is both what is checked and what the API's document publishes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from slipway import money, text
from slipway.environments import is_environment
from slipway.shape import Shape

RESERVED = ("batch", "export", "import")  # paths beside `/v1/products/{id}`
KEY = r"^(?!prd_)(?!(batch|export|import)$)[a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?$"
TAG = r"^[a-z0-9][a-z0-9_.:-]{0,39}$"
ID = r"^prd_[0-9a-z]{26}$"
HTTPS = r"^https://[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(:[0-9]{1,5})?([/?#][!#-;=?-\[\]_a-z~]*)?$"
ENVIRONMENT = "^(?!all$)[a-z][a-z0-9-]{0,31}$"  # as `is_environment` has it
METADATA_KEY = r"^[A-Za-z0-9_.:-]{1,64}$"
NAME, PREFIX, DESCRIPTION, OWNER, LABEL, URL, VALUE, PRICE = 200, 100, 4_000, 100, 80, 500, 500, 40  # characters
TAGS, LINKS, METADATA = 20, 10, 50  # entries
LEAST = Decimal("1e-64")  # of a fraction in a column of a row, which knows no smaller ones than 1e-130
EXACT = 2**53 - 1  # the largest whole number that every client reads exactly


def cleaned(clean: Callable[[str, int], str], most: int) -> Callable[[str], str]:
    def check(raw: str) -> str:
        try:
            return clean(raw, most)
        except text.BadText as bad:
            raise error(bad.code, str(bad)) from None

    return check


def matching(pattern: str, code: str, detail: str) -> Callable[[str], str]:
    def check(raw: str) -> str:
        if not re.fullmatch(pattern, raw):
            raise error(code, detail)
        return raw

    return check


def error(code: str, detail: str) -> PydanticCustomError:
    return PydanticCustomError(code, "{detail}", {"detail": detail})


def whole(raw: Any) -> int:
    """A JSON integer, which may be written 60.0, but never a text or true."""
    if isinstance(raw, bool) or not isinstance(raw, int | Decimal) or raw != int(raw):
        raise PydanticCustomError("int_type", "Send a whole number.")
    return int(raw)


def _environment(raw: str) -> str:
    if not is_environment(raw):
        raise PydanticCustomError("pattern", "Up to 32 of a-z, 0-9 and -, a letter first; `all` is taken.")
    return raw


def published(pattern: str, most: int, least: int = 1, **more: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "minLength": least, "maxLength": most, "pattern": pattern, **more})


def _metadata(raw: Any) -> dict[str, Any]:
    """Scalars by name."""
    if not isinstance(raw, dict) or len(raw) > METADATA:
        raise error("invalid_metadata", f"Send an object with at most {METADATA} names.")
    return {_name(name): _scalar(name, value) for name, value in raw.items()}


def _metadata_patch(raw: Any) -> dict[str, Any] | None:
    """Scalars by name; None removes the name, or all of them."""
    if not isinstance(raw, dict):
        return None if raw is None else _metadata(raw)
    removed = {_name(name): None for name, value in raw.items() if value is None}
    return removed | _metadata({name: value for name, value in raw.items() if value is not None})


def _name(name: str) -> str:
    if not re.fullmatch(METADATA_KEY, name):
        raise error("invalid_metadata", "A name in metadata is 1 to 64 letters, digits, dots, colons, dashes or underscores.")
    return name


def _scalar(name: str, value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return cleaned(text.prose, VALUE)(value)
    if isinstance(value, int | Decimal) and -EXACT <= value <= EXACT:
        if value != 0 and -LEAST < value < LEAST:
            raise error("out_of_range", f"{name}: a fraction is at least {LEAST}, or 0.")
        # As every JSON reader will see it: the nearest double, so that an answer says what is kept.
        return int(value) if value == int(value) else Decimal(repr(float(value)))
    raise error("invalid_metadata", f"{name}: a value is a text, true, false or a number up to 2^53 - 1.")


def _price(raw: Any) -> Any:
    """Major units as they came, or minor units with the currency if it was named."""
    if isinstance(raw, dict) and "amount" not in raw:
        raise error("invalid_price", "As an object a price has its amount in whole minor units: 1999 for 19.99 EUR.")
    return _price_patch(raw)


def _price_patch(raw: Any) -> Any:
    """A price, or one of its two parts."""
    if isinstance(raw, str) and len(raw) <= PRICE and re.fullmatch(money.MAJOR, raw):
        return raw
    if isinstance(raw, int | Decimal) and not isinstance(raw, bool):
        return raw
    if isinstance(raw, dict) and raw and raw.keys() <= {"amount", "currency"}:
        amount: Any = raw.get("amount", 0)
        if isinstance(amount, Decimal) and amount.is_finite() and abs(amount) <= money.MOST and amount == int(amount):
            amount = int(amount)
        if not isinstance(amount, int) or isinstance(amount, bool):
            raise error("invalid_price", "As an object a price has its amount in whole minor units: 1999 for 19.99 EUR.")
        if not isinstance(raw.get("currency", ""), str):
            raise error("invalid_price", "Name a currency by its ISO 4217 code, such as EUR.")
        return {**raw, "amount": amount} if "amount" in raw else raw
    raise error("invalid_price", 'Send a price as 19.99, "19.99" or {"amount": 1999, "currency": "EUR"}.')


def _price_schema(*required: str) -> WithJsonSchema:
    most = float(money.Money(money.MOST, "EUR").major())
    number = {"type": "number", "minimum": 0, "maximum": most, "description": "major units"}
    digits = {"type": "string", "pattern": money.MAJOR, "maxLength": PRICE, "description": "major units"}
    currency = {"type": "string", "enum": sorted(money.DECIMALS), "description": "ISO 4217; default: the deployment's"}
    amount = {"type": "integer", "minimum": 0, "maximum": money.MOST, "description": "minor units"}
    exact = {"type": "object", "properties": {"amount": amount, "currency": currency}, "additionalProperties": False}
    bound = {"required": list(required)} if required else {"minProperties": 1}
    return WithJsonSchema({"anyOf": [number, digits, {**exact, **bound}]})


def _metadata_schema(*more: str) -> WithJsonSchema:
    value = {"type": "string", "maxLength": VALUE, "pattern": text.PROSE}
    number = {"type": "number", "minimum": -EXACT, "maximum": EXACT}
    return WithJsonSchema(
        {
            "type": ["object", *more],
            "maxProperties": METADATA,
            "propertyNames": {"pattern": METADATA_KEY},
            "additionalProperties": {"anyOf": [value, number, *({"type": kind} for kind in ("boolean", *more))]},
        }
    )


Name = Annotated[str, AfterValidator(cleaned(text.line, NAME)), published(text.LINE, NAME)]
Prefix = Annotated[str, AfterValidator(cleaned(text.line, PREFIX)), published(text.LINE, PREFIX)]
Description = Annotated[str, AfterValidator(cleaned(text.prose, DESCRIPTION)), published(text.PROSE, DESCRIPTION, 0)]
Owner = Annotated[str, AfterValidator(cleaned(text.line, OWNER)), published(text.LINE, OWNER)]
Key = Annotated[
    str,
    AfterValidator(
        matching(
            KEY,
            "invalid_key",
            "A key is 1 to 64 of a-z, 0-9, - and _, begins and ends with a letter or digit, does not begin with prd_, "
            f"and is none of {', '.join(RESERVED)}.",
        )
    ),
    published(KEY, 64),
]
Tag = Annotated[
    str,
    AfterValidator(matching(TAG, "invalid_tag", "A tag is 1 to 40 of a-z, 0-9 and -_.: and begins with a letter or digit.")),
    published(TAG, 40),
]
EnvironmentName = Annotated[
    str,
    AfterValidator(_environment),
    WithJsonSchema({"type": "string", "pattern": ENVIRONMENT, "description": "any but `all`", "examples": ["production"]}),
]
Tags = Annotated[list[Tag], Field(max_length=TAGS), AfterValidator(lambda tags: sorted(set(tags)))]
Price = Annotated[Any, PlainValidator(_price), _price_schema("amount")]
PricePatch = Annotated[Any, PlainValidator(_price_patch), _price_schema()]
Metadata = Annotated[dict[str, Any], PlainValidator(_metadata), _metadata_schema()]
MetadataPatch = Annotated[dict[str, Any] | None, PlainValidator(_metadata_patch), _metadata_schema("null")]


class Link(Shape):
    label: Annotated[str, AfterValidator(cleaned(text.line, LABEL)), published(text.LINE, LABEL)]
    url: Annotated[
        str,
        Field(max_length=URL),
        AfterValidator(matching(HTTPS, "invalid_url", "Send an https:// address without spaces or credentials.")),
        published(HTTPS, URL),
    ]


Links = Annotated[list[Link], Field(max_length=LINKS)]
