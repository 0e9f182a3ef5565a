"""Flags as a flagd document (version 0), out and in: the definitions as they are kept, nothing compiled into them.

    {"flags": {key: {state, variants, defaultVariant, targeting, metadata}}, "$evaluators": {segment: rule},
     "metadata": {"flagSetId": <environment>},
     "slipway": {"flags": {key: {description, owner, tags, product, client_side, overrides, prerequisites}},
                 "segments": {key: {description}},                  what flagd has no place for, as far as there is any
                 "warnings": [{flag, pointer, code, detail}]}}      what other readers would do otherwise

What is read is written again just so, save what `metadata.type` and `metadata.hash` say: these become the flag's own. Where
the hash is missing it is flagd's v2, as JavaScript, Java, Go and .NET read such a document, and is not written. Numbers are
integers if none has a fraction (1.0 has one) and all are exact, unless the type says float; of floats that are all whole it is
written, for those who write 1.0 as 1. Other names that mean something in an answer (`slipway.flags.form.RESERVED`), such as the
version in a snapshot, are left out, and told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import Field, StrictBool

from slipway.fields import EXACT, Description, Owner, Tags
from slipway.fields import Key as ProductKey
from slipway.flags import jsontext
from slipway.flags.bundle import MOST_FAULTS, Bundle, Note, Part, Validate
from slipway.flags.checks import escaped
from slipway.flags.compilation import Rows
from slipway.flags.compiler import EXTENSIONS
from slipway.flags.definition import flag_faults, shared_faults
from slipway.flags.fields import Prerequisites, TargetingKeys, Variant
from slipway.flags.form import RESERVED
from slipway.flags.stored import used
from slipway.problems import Fault, Invalid
from slipway.shape import Shape

Document = dict[str, Any]

BESIDE = ("description", "owner", "tags", "product", "client_side")  # of a flag: flagd has no place for them
ASKED_FIRST = ("overrides", "prerequisites")  # of a configuration: nor for these


class FlagdFlag(Shape):
    state: Literal["ENABLED", "DISABLED"]
    variants: dict[str, Any]
    default_variant: str | None = Field(default=None, alias="defaultVariant")
    targeting: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None


class FlagSet(Shape):
    flag_set_id: str | None = Field(default=None, alias="flagSetId", description="the environment")
    version: str | int | None = None


class OwnFlag(Shape):
    description: Description | None = None
    owner: Owner | None = None
    tags: Tags = []
    product: ProductKey | None = None
    client_side: StrictBool = False
    overrides: dict[Variant, TargetingKeys] = {}
    prerequisites: Prerequisites = []


class OwnSegment(Shape):
    description: Description | None = None


class Own(Shape):
    flags: dict[str, OwnFlag] = {}
    segments: dict[str, OwnSegment] = {}
    warnings: list[Any] = Field(default=[], description="what other readers would do otherwise; not read")


class FlagdDocument(Shape):
    """Flags as flagd has them, version 0."""

    schema_: str | None = Field(default=None, alias="$schema")
    flags: dict[str, FlagdFlag]
    evaluators: dict[str, Any] = Field(default={}, alias="$evaluators", description="segments: rules by key")
    metadata: FlagSet = FlagSet()
    slipway: Own = Field(default=Own(), description="what flagd has no place for")


# --- out --------------------------------------------------------------------------------------------------


def written(rows: Rows, lacks: Mapping[str, Sequence[str]] = {}) -> Document:
    """The document of these rows: their flags, and all their segments. `lacks`: why a flag's prerequisites leave it out of what
    other readers get of the snapshot."""
    segments = {row["data"]["key"]: row["data"] for row in rows.segments}
    rules = {key: jsontext.read(data["targeting"]) for key, data in segments.items()}
    configurations = {row["data"]["flag"]: row["data"] for row in rows.configurations}
    flags: Document = {}
    beside: Document = {}
    warnings: list[Note] = []
    for row in rows.flags:
        flag = row["data"]
        key, configuration = flag["key"], configurations.get(flag["key"], {})
        flags[key] = _definition(flag, configuration)
        own = {name: flag[name] for name in BESIDE if flag.get(name)}
        own |= {name: configuration[name] for name in ASKED_FIRST if configuration.get(name)}
        if own:
            beside[key] = own
        warnings += _warnings(flag, flags[key], own, rules)
        at = f"/slipway/flags/{escaped(key)}/prerequisites"
        warnings += [Note(key, at, "not_portable", why) for why in lacks.get(key, ())]
        warnings += _left_out(configuration.get("rollout"), key)
    described = {key: {"description": data["description"]} for key, data in segments.items() if "description" in data}
    document: Document = {"flags": flags, "metadata": {"flagSetId": rows.environment}}
    if rules:
        document["$evaluators"] = rules
    slipway = {"flags": beside, "segments": described, "warnings": [note._asdict() for note in warnings]}
    if any(slipway.values()):
        document["slipway"] = {name: value for name, value in slipway.items() if value}
    return document


def _definition(flag: Mapping[str, Any], configuration: Mapping[str, Any]) -> Document:
    """The flag as flagd knows it."""
    enabled = configuration.get("enabled") is True
    made: Document = {"state": "ENABLED" if enabled else "DISABLED", "variants": jsontext.read(flag["variants"])}
    if configuration.get("default_variant") is not None:
        made["defaultVariant"] = configuration["default_variant"]
    if configuration.get("targeting") is not None:
        made["targeting"] = jsontext.read(configuration["targeting"])
    metadata = jsontext.read(flag.get("metadata", "{}"))
    if flag["type"] == "float" and all(value == int(value) for value in made["variants"].values()):
        metadata["type"] = "float"  # other programs write 1.0 as 1
    if flag["hash"] != "v2":
        metadata["hash"] = flag["hash"]
    return {**made, "metadata": metadata} if metadata else made


def _warnings(flag: Mapping[str, Any], made: Document, own: Document, rules: Mapping[str, Any]) -> Iterator[Note]:
    at, operators = f"/flags/{escaped(flag['key'])}", used(made.get("targeting"), rules)
    if "fractional" in operators and flag["hash"] == "v3":
        detail = "It is hashed as v3: providers that know v2 alone (JavaScript, Java, Go, .NET) use other buckets."
        yield Note(flag["key"], f"{at}/metadata/hash", "other_buckets", detail)
    if ours := sorted(operators & set(EXTENSIONS)):
        yield Note(flag["key"], f"{at}/targeting", "not_portable", f"Slipway alone knows {', '.join(ours)}.")
    if asked := [name for name in ASKED_FIRST if name in own]:
        detail = f"Flagd knows no {' and no '.join(asked)}; the environment's snapshot has them as rules."
        yield Note(flag["key"], f"/slipway{at}", "not_portable", detail)


def _left_out(rollout: Mapping[str, Any] | None, key: str) -> list[Note]:
    if rollout is None:
        return []
    detail = f"The rollout {rollout['id']} runs: the configuration is here as it answers without it."
    return [Note(key, f"/flags/{escaped(key)}", "rollout_left_out", detail)]


# --- in ---------------------------------------------------------------------------------------------------


def read(document: Any, validate: Validate) -> Bundle:
    """What the document (JSON as parsed) says. Raises Invalid with every fault."""
    validate(FlagdDocument, document)
    document = jsontext.plain(document)
    rules, own = document.get("$evaluators", {}), {"flags": {}, "segments": {}, **document.get("slipway", {})}
    found = [Fault(f"/$evaluators{at}", code, detail) for at, code, detail in shared_faults(rules)]
    for kind, owners in (("flags", document["flags"]), ("segments", rules)):
        strangers = [key for key in own[kind] if key not in owners]
        found += [
            Fault(f"/slipway/{kind}/{escaped(key)}", "unknown", "The document has none of this key.") for key in strangers
        ]
    for key, flag in document["flags"].items():
        wrong = flag_faults(flag, rules, key=key)
        found += [Fault(f"/flags/{escaped(key)}{at}", code, detail) for at, code, detail in wrong]
    if found:
        raise Invalid("Some flags are not valid; nothing was imported.", errors=found[:MOST_FAULTS])
    segments = [_segment(key, rule, own["segments"].get(key, {})) for key, rule in rules.items()]
    flags = [_flag(key, flag, own["flags"].get(key, {})) for key, flag in document["flags"].items()]
    left = [name for name in document.get("metadata", {}) if name in ("flagSetId", "version")]
    notes = [Note(None, f"/metadata/{name}", "left_out", "The environment is the set of flags.") for name in left]
    notes += [note for key, flag in document["flags"].items() for note in _reserved(key, flag.get("metadata") or {})]
    return Bundle(segments, flags, notes)


def _reserved(key: str, metadata: Document) -> Iterator[Note]:
    for name in metadata:
        if name in RESERVED and name not in ("type", "hash"):
            detail = f"In an answer {name!r} is Slipway's own to say."
            yield Note(key, f"/flags/{escaped(key)}/metadata/{name}", "left_out", detail)


def _segment(key: str, rule: Document, own: Document) -> Part:
    at = f"/$evaluators/{escaped(key)}"
    names = {"key": at, "targeting": at, "description": f"/slipway/segments/{escaped(key)}/description"}
    return Part(key, at, {**own, "key": key, "targeting": rule}, names=names)


def _flag(key: str, flag: Document, own: Document) -> Part:
    at, metadata = f"/flags/{escaped(key)}", flag.get("metadata") or {}
    fields = {
        **{name: value for name, value in own.items() if name not in ASKED_FIRST},
        "key": key,
        "type": metadata.get("type") or _type(list(flag["variants"].values())),
        "variants": flag["variants"],
        "hash": metadata.get("hash", "v2"),
        "metadata": {name: value for name, value in metadata.items() if name not in RESERVED},
    }
    configuration = {
        **{name: own[name] for name in ASKED_FIRST if name in own},
        "enabled": flag["state"] == "ENABLED",
        "default_variant": flag.get("defaultVariant"),
        "targeting": flag.get("targeting") or None,
    }
    names = {name: f"/slipway{at}/{name}" for name in (*BESIDE, *ASKED_FIRST)}
    names |= {"key": at, "type": f"{at}/variants", "hash": f"{at}/metadata/hash", "default_variant": f"{at}/defaultVariant"}
    return Part(key, at, fields, configuration, "hash" in metadata, names)


def _type(values: list[Any]) -> str:
    """Of values that are all of one kind."""
    first = values[0]
    if isinstance(first, bool):
        return "boolean"
    if isinstance(first, int | float):
        return "integer" if all(isinstance(value, int) and abs(value) <= EXACT for value in values) else "float"
    return "string" if isinstance(first, str) else "object"
