"""Flags out and in as flagd documents: nothing lost, nothing written where one flag is wrong, nothing twice."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from referencing import Registry, Resource

from slipway.adapters.memory import MemoryStore
from slipway.adapters.rehearsal import Rehearsal
from slipway.edge import json as strict
from slipway.edge.validation import body as validate
from slipway.flags import flagd, flagsmith, imports, jsontext
from slipway.flags.control import Control
from slipway.flags.evaluation import FlagSet
from slipway.flags.exports import Place, exported
from slipway.flags.flag import FlagPatch, NewFlag
from slipway.flags.form import RESERVED
from slipway.flags.imports import Order, take
from slipway.problems import Conflict, IdempotencyMismatch, Invalid, KeyTaken, Problem, TooLarge
from tests.catalogue import a_call
from tests.flagging import BETA, STAFF, configured, disagreements, edited, made, ruled, segment
from tests.specs import specification

RULE = {"if": [{"$ref": "staff"}, "on", {"fractional": [["on", 10], ["off", 90]]}]}
DOCUMENT: dict[str, Any] = {
    "flags": {
        "checkout": {
            "state": "ENABLED",
            "variants": {"on": True, "off": False},
            "defaultVariant": "off",
            "targeting": RULE,
            "metadata": {"hash": "v3", "team": "web", "share": 1.0, "type": "boolean", "flagSetId": "shop"},
        },
        "limit": {"state": "DISABLED", "variants": {"low": 1.0, "high": 2.5}},
        "pages": {"state": "ENABLED", "variants": {"few": 1, "many": 10**15}, "defaultVariant": "few"},
        "theme": {"state": "ENABLED", "variants": {"a": {"x": [1.0, None, "ü"], "y": {}}, "b": {}}, "defaultVariant": "b"},
    },
    "$evaluators": {"staff": STAFF, "unused": {"==": [1, 1.0]}},
}


def imported(
    control: Control,
    document: Any,
    environment: str = "development",
    mode: imports.Mode = "create",
    *,
    key: str | None = None,
    only: bool = False,
    reason: str | None = None,
) -> dict[str, Any]:
    body = json.dumps(document).encode()
    bundle = flagd.read(strict.read(body), validate)
    call = a_call(operation="flags.import", key=key, digest=str(hash(body)))
    order = Order(bundle, environment, mode, reason, str(hash(body)))
    return take(control, Control(Rehearsal(control.store)), call, order, validate, validate_only=only)


def document_of(control: Control, environment: str = "development") -> dict[str, Any]:
    document, next = exported(control, a_call(), Place(environment))
    assert next is None
    return document


def plain(document: dict[str, Any]) -> dict[str, Any]:
    """Without what says nothing: the set's own metadata, what is derived, three ways to write that there is none, and what of
    a flag's metadata is no metadata."""
    document = copy.deepcopy(document)
    for name in ("$schema", "metadata", "slipway"):
        document.pop(name, None)
    if not document.get("$evaluators"):
        document.pop("$evaluators", None)
    for flag in document["flags"].values():
        metadata = flag.get("metadata") or {}
        own = ("hash",) if metadata.get("hash") == "v3" else ()
        flag["metadata"] = {name: value for name, value in metadata.items() if name in own or name not in RESERVED}
        if metadata.get("type") == "float":
            flag["variants"] = {name: float(value) for name, value in flag["variants"].items()}
        for name in ("defaultVariant", "targeting", "metadata"):
            if not flag.get(name):
                flag.pop(name, None)
    return document


def written(document: Any) -> str:
    return json.dumps(plain(document), sort_keys=True)


def memory(control: Control) -> MemoryStore:
    assert isinstance(control.store, MemoryStore)
    return control.store


def rows(control: Control) -> dict[tuple[str, str], dict[str, Any]]:
    return memory(control).tables.get("flags", {})


@pytest.fixture
def control() -> Control:
    return Control(MemoryStore())


def test_a_document_comes_back_as_it_went_in(control: Control) -> None:
    done = imported(control, DOCUMENT)
    assert (done["flags"], done["segments"], done["created"], done["left"]) == (4, 2, 6, 0)
    assert [(one["flag"], one["pointer"]) for one in done["notes"]] == [("checkout", "/flags/checkout/metadata/flagSetId")]
    assert control.flags.read("checkout").data["metadata"] == '{"share":1.0,"team":"web"}'
    assert written(document_of(control)) == written(DOCUMENT)
    assert disagreements(memory(control)) == []


# --- every document that the door takes -------------------------------------------------------------------------

keys = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,8}", fullmatch=True).filter(
    lambda key: key not in ("batch", "export", "import")
)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
names = st.from_regex(r"[a-z~/é.]{1,6}", fullmatch=True)
integers, floats = st.integers(-(2**53) + 1, 2**53 - 1), st.floats(allow_nan=False, allow_infinity=False)
numbers = integers | floats
scalars = st.booleans() | texts | numbers
values = st.recursive(
    scalars | st.none(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
)
objects = st.dictionaries(texts, values, max_size=3)
metadata_names = st.text("abé~/.", min_size=1, max_size=5) | st.sampled_from(
    [name for name in RESERVED if name not in ("type", "hash")]
)
TYPE_OF = {bool: "boolean", str: "string", int: "integer", float: "float", dict: "object"}
conditions = st.sampled_from(
    [STAFF, {"==": [{"var": "plan"}, "beta"]}, {">": [{"var": "age"}, 1.0]}, {"matches": [{"var": "x"}, "^a"]}]
)


@st.composite
def flags(draw: st.DrawFn, segments: list[str]) -> dict[str, Any]:
    kind = draw(st.sampled_from([st.booleans(), texts, integers, floats, objects]))
    variants = draw(st.dictionaries(names, kind, min_size=1, max_size=4))
    flag: dict[str, Any] = {"state": draw(st.sampled_from(["ENABLED", "DISABLED"])), "variants": variants}
    one = st.sampled_from(sorted(variants))
    if draw(st.booleans()):
        flag["defaultVariant"] = draw(one | st.none())
    if draw(st.booleans()):
        tests = [*([{"$ref": draw(st.sampled_from(segments))}] if segments else []), draw(conditions)]
        share = {"fractional": [[draw(one), draw(st.integers(1, 100))], [draw(one), 1.0]]}
        flag["targeting"] = draw(st.sampled_from([{}, {"if": [tests[0], draw(one), share]}, share]))
    if draw(st.booleans()):
        metadata = draw(st.dictionaries(metadata_names, scalars, max_size=3))
        pinned = draw(st.sampled_from([{}, {"hash": "v2"}, {"hash": "v3"}]))
        declared = draw(st.sampled_from([{}, {"type": TYPE_OF[type(next(iter(variants.values())))]}]))
        if kind is integers and declared and draw(st.booleans()):
            declared = {"type": "float"}
        flag["metadata"] = {**metadata, **pinned, **declared}
    return flag


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    evaluators = draw(st.dictionaries(keys, conditions, max_size=2))
    found: dict[str, Any] = {"flags": draw(st.dictionaries(keys, flags(sorted(evaluators)), min_size=1, max_size=4))}
    return {
        **found,
        **draw(st.sampled_from([{}, {"$schema": "https://flagd.dev/schema/v0/flags.json"}])),
        "$evaluators": evaluators,
    }


@settings(max_examples=60, deadline=None)
@given(documents())
def test_every_document_that_is_taken_comes_back_and_says_the_same(document: dict[str, Any]) -> None:
    control = Control(MemoryStore())
    imported(control, document)
    once = document_of(control)
    assert written(once) == written(document)
    again = Control(MemoryStore())
    imported(again, once)
    assert json.dumps(document_of(again), sort_keys=True) == json.dumps(once, sort_keys=True)
    assert disagreements(memory(again)) == []
    context = {"targetingKey": "user-1", "plan": "beta", "age": 3, "x": "abc"}
    before, after = (FlagSet.parse(plain(one), hash="v2") for one in (document, once))
    for key in document["flags"]:
        answers = [
            (one.value, one.variant, one.reason) for one in (side.evaluate(key, context, now=0) for side in (before, after))
        ]
        assert json.dumps(answers[0], sort_keys=True) == json.dumps(answers[1], sort_keys=True)


@st.composite
def posted(draw: st.DrawFn) -> dict[str, Any]:
    """A flag as somebody posts it."""
    kind, value = draw(
        st.sampled_from(
            [("boolean", st.booleans()), ("string", texts), ("integer", integers), ("float", numbers), ("object", objects)]
        )
    )
    return {
        "type": kind,
        "variants": draw(st.dictionaries(names, value, min_size=1, max_size=4)),
        "hash": draw(st.sampled_from(["v2", "v3"])),
        "client_side": draw(st.booleans()),
        "tags": draw(st.lists(st.sampled_from(["a", "b"]), max_size=2)),
        "metadata": draw(st.dictionaries(st.text("abé~/.", min_size=1, max_size=5), scalars, max_size=3)),
    }


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(keys, posted(), min_size=1, max_size=4))
def test_every_flag_that_was_posted_moves_from_one_slipway_to_another_as_it_is(flags: dict[str, dict[str, Any]]) -> None:
    control, other = Control(MemoryStore()), Control(MemoryStore())
    for key, fields in flags.items():
        control.flags.create(a_call(operation="flags.create"), validate(NewFlag, strict.read(as_sent({"key": key, **fields}))))
    assert [note["pointer"] for note in imported(other, document_of(control))["notes"]] == ["/metadata/flagSetId"]
    for key in flags:
        assert other.flags.read(key).data == control.flags.read(key).data


def test_floats_stay_floats_where_another_program_writes_them_as_whole(control: Control) -> None:
    imported(control, DOCUMENT | {"flags": {"limit": {"state": "DISABLED", "variants": {"low": 1.0, "high": 2.0}}}})
    once = document_of(control)
    again = json.loads(as_sent(once).replace(b"1.0", b"1").replace(b"2.0", b"2"))
    assert again["flags"]["limit"]["variants"] == {"low": 1, "high": 2}
    assert type(again["flags"]["limit"]["variants"]["low"]) is int
    assert imported(control, again, mode="update")["updated"] == 1  # a segment, whose 1.0 is a 1 now
    other = Control(MemoryStore())
    imported(other, again)
    assert other.flags.read("limit").data == control.flags.read("limit").data
    assert as_sent(document_of(other)["flags"]) == as_sent(once["flags"])


@pytest.mark.parametrize("segment_draws", [False, True])
def test_a_file_without_a_hash_tells_that_a_flag_of_another_one_draws_otherwise(control: Control, segment_draws: bool) -> None:
    share = {"fractional": [["on", 1], ["off", 1]]}
    rule = {"if": [{"$ref": "staff"}, "on", "off"]} if segment_draws else share
    flag = {"state": "ENABLED", "variants": {"on": True, "off": False}, "targeting": rule}
    flags = {"x": flag | {"metadata": {"hash": "v3"}}, "plain": flag | {"targeting": {}, "metadata": {"hash": "v3"}}}
    document: dict[str, Any] = {"flags": flags, "$evaluators": {"staff": {"==": [share, "on"]}}}
    imported(control, document)
    assert imported(control, document, mode="update")["notes"] == []
    for one in document["flags"].values():
        one["metadata"] = {}
    for _ in range(2):
        notes = imported(control, document, mode="update")["notes"]
        assert [(note["pointer"], note["code"]) for note in notes] == [("/flags/x/targeting", "other_buckets")]
    assert control.flags.read("x").data["hash"] == "v3"
    document["flags"]["x"]["metadata"] = {"hash": "v2"}
    with pytest.raises(Conflict):
        imported(control, document, mode="update")


def test_an_export_has_no_place_beside_where_nothing_stands_there(control: Control) -> None:
    made(control, "plain")
    assert document_of(control) == {
        "flags": {"plain": {"state": "DISABLED", "variants": {"on": True, "off": False}, "metadata": {"hash": "v3"}}},
        "metadata": {"flagSetId": "development"},
    }


def as_sent(document: Any) -> bytes:
    return json.dumps(document).encode()


@pytest.mark.parametrize("name", RESERVED)
def test_a_name_of_metadata_that_means_something_is_not_taken(control: Control, name: str) -> None:
    made(control)
    for model, fields in ((NewFlag, {"key": "x", "type": "boolean"}), (FlagPatch, {})):
        with pytest.raises(Invalid) as refused:
            validate(model, {**fields, "metadata": {name: "v3", "own": 1}})
        assert [(fault.pointer, fault.code) for fault in refused.value.errors] == [(f"/metadata/{name}", "reserved")]


@pytest.mark.parametrize(
    ("type", "value", "taken"),
    [
        ("integer", 2**53 - 1, True),
        ("integer", 2**53 + 1, False),
        ("integer", 2**60, False),
        ("float", 2**60, True),
        ("float", 2**53 + 1, False),
        ("float", 5e-324, True),
        ("float", -1.7976931348623157e308, True),
        ("object", {"id": 2**60, "of": [1e100, -1e-100]}, True),
        ("object", {"id": [{"deep": 2**53 + 1}]}, False),
    ],
)
def test_a_number_is_taken_at_every_depth_if_every_client_reads_it_exactly(
    control: Control, type: str, value: Any, taken: bool
) -> None:
    document = strict.read(as_sent({"key": "n", "type": type, "variants": {"v": value}}))
    if taken:
        control.flags.create(a_call(operation="flags.create"), validate(NewFlag, document))
        assert jsontext.read(control.flags.read("n").data["variants"]) == {"v": value}
        return
    with pytest.raises(Invalid) as refused:
        control.flags.create(a_call(operation="flags.create"), validate(NewFlag, document))
    assert [fault.code for fault in refused.value.errors] == ["out_of_range"]


def test_what_flagd_has_no_place_for_moves_from_one_slipway_to_another(control: Control) -> None:
    made(control, "base", owner="web", tags=["a", "b"], description="Base", client_side=True, product="shop")
    made(control)
    segment(control)
    configured(control, "base", enabled=True, default_variant="on")
    wanted = [{"flag": "base", "variants": ["on"]}]
    configured(control, enabled=True, targeting=BETA, overrides={"on": ["u1"]}, prerequisites=wanted)
    document = document_of(control)
    assert document["slipway"]["flags"]["base"] == {
        "client_side": True, "description": "Base", "owner": "web", "product": "shop", "tags": ["a", "b"],
    }  # fmt: skip
    assert document["slipway"]["flags"]["checkout"] == {"overrides": {"on": ["u1"]}, "prerequisites": wanted}
    other = Control(MemoryStore())
    imported(other, document)
    assert document_of(other) == document
    assert disagreements(memory(other)) == []


def test_what_other_readers_would_answer_otherwise_is_told(control: Control) -> None:
    made(control, "plain")
    made(control, "draws")
    made(control, "old", hash="v2")
    made(control, "ours")
    made(control, "asked")
    for key in ("draws", "old"):
        configured(control, key, targeting={"fractional": [["on", 1], ["off", 1]]})
    configured(control, "ours", targeting={"if": [{"matches": [{"var": "x"}, "a"]}, "on", "off"]})
    configured(control, "asked", overrides={"on": ["u1"]})
    warnings = document_of(control)["slipway"]["warnings"]
    assert [(one["flag"], one["code"], one["pointer"]) for one in warnings] == [
        ("asked", "not_portable", "/slipway/flags/asked"),
        ("draws", "other_buckets", "/flags/draws/metadata/hash"),
        ("ours", "not_portable", "/flags/ours/targeting"),
    ]


def test_flagds_own_schema_takes_what_is_exported(control: Control) -> None:
    contents = {name: json.loads(specification(f"flagd-{name}.schema.json")) for name in ("flags", "targeting", "flagd")}
    registry: Registry[Any] = Registry().with_resources((one["$id"], Resource.from_contents(one)) for one in contents.values())
    schema = jsonschema.Draft7Validator({"$ref": contents["flagd"]["$id"]}, registry=registry)
    imported(control, {**DOCUMENT, "slipway": {"flags": {"pages": {"tags": ["x"], "overrides": {"few": ["u1"]}}}}})
    assert [f"{error.json_path}: {error.message[:200]}" for error in schema.iter_errors(document_of(control))] == []


def test_a_big_environment_comes_in_pieces_that_are_documents(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    imported(control, DOCUMENT)
    monkeypatch.setattr("slipway.flags.exports.PIECE", 2)
    found: dict[str, Any] = {"flags": {}, "$evaluators": {}}
    pieces: int = 0
    next: Place | None = Place("development")
    while next is not None:
        piece, next = exported(control, a_call(), next)
        assert len(piece["flags"]) <= 2
        imported(Control(MemoryStore()), piece)
        found["flags"] |= piece["flags"]
        found["$evaluators"] |= piece.get("$evaluators", {})
        pieces += 1
    assert pieces == 3
    assert written(found) == written(DOCUMENT)


def pieces_of(control: Control, environment: str, *, on: bool = False) -> list[dict[str, Any]]:
    found = list[dict[str, Any]]()
    next: Place | None = Place(environment)
    while next is not None:
        piece, next = exported(control, a_call(), next, on=on)
        found.append(piece)
    return found


def chained(control: Control) -> None:
    """`a` needs `b`, which needs `c`, which needs `d`; each uses a segment, one of which two use."""
    for key in "dcba":
        made(control, key)
        segment(control, f"of-{key}")
        rule = {"if": [{"$ref": f"of-{key}"}, "on", {"if": [{"$ref": "of-d"}, "on", "off"]}]}
        needs = [] if key == "d" else [{"flag": chr(ord(key) + 1), "variants": ["on"]}]
        configured(control, key, enabled=True, targeting=rule, prerequisites=needs)


def test_each_piece_needs_only_itself_and_those_before_it(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    chained(control)
    whole = document_of(control)
    monkeypatch.setattr("slipway.flags.exports.PIECE", 2)
    pieces = pieces_of(control, "development")
    assert [list(piece["flags"]) for piece in pieces] == [["d"], ["c"], ["b"], ["a"]]
    other = Control(MemoryStore())
    for piece in pieces:
        imported(other, piece)
    monkeypatch.undo()
    assert written(document_of(other)) == written(whole)


def test_pieces_that_do_not_fit_together_any_more_are_not_given(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    chained(control)
    monkeypatch.setattr("slipway.flags.exports.PIECE", 2)
    _, next = exported(control, a_call(), Place("development"))
    assert next is not None
    made(control, "e")
    exported(control, a_call(), next)
    configured(control, "d", prerequisites=[{"flag": "e", "variants": ["on"]}])
    with pytest.raises(Conflict, match="begin anew"):
        exported(control, a_call(), next)


def test_all_environments_come_one_after_the_other(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    chained(control)
    configured(control, "a", "production", enabled=True, reason="x")
    monkeypatch.setattr("slipway.flags.exports.PIECE", 3)
    pieces = pieces_of(control, "development", on=True)
    names = [piece["metadata"]["flagSetId"] for piece in pieces]
    assert list(dict.fromkeys(names)) == ["development", "production", "staging"]
    other = Control(MemoryStore())
    for name, piece in zip(names, pieces, strict=True):
        imported(other, piece, name, "create" if name == "development" else "update", reason="x")
    monkeypatch.undo()
    for name in names:
        assert written(document_of(other, name)) == written(document_of(control, name))


# --- what is refused ---------------------------------------------------------------------------------------------


def changed(**fields: Any) -> dict[str, Any]:
    document = copy.deepcopy(DOCUMENT)
    document["flags"]["pages"] |= fields
    return document


REFUSED: dict[str, tuple[Any, str, str]] = {
    "no object": ([], "", "type"),
    "no flags": ({}, "/flags", "required"),
    "a name that nobody knows": ({**DOCUMENT, "flgs": {}}, "/flgs", "unknown"),
    "metadata of the set": ({**DOCUMENT, "metadata": {"team": "x"}}, "/metadata/team", "unknown"),
    "a snapshot": ({**DOCUMENT, "slipway": {"revision": 1}}, "/slipway/revision", "unknown"),
    "a stranger beside": ({**DOCUMENT, "slipway": {"flags": {"x": {}}}}, "/slipway/flags/x", "unknown"),
    "a bad tag": (
        {**DOCUMENT, "slipway": {"flags": {"pages": {"tags": ["A B"]}}}},
        "/slipway/flags/pages/tags/0",
        "invalid_tag",
    ),
    "a field of a flag": (changed(source="x"), "/flags/pages/source", "unknown"),
    "a state": (changed(state="ON"), "/flags/pages/state", "not_one_of"),
    "an unknown variant": (changed(targeting={"if": [True, "lots"]}), "/flags/pages/targeting/if/1", "unknown_variant"),
    "an unknown segment": (
        changed(targeting={"if": [{"$ref": "x"}, "few"]}),
        "/flags/pages/targeting/if/0/$ref",
        "unknown_reference",
    ),
    "a hash": (changed(metadata={"hash": "v9"}), "/flags/pages/metadata/hash", "bad_hash"),
    "a value that is not exact": (
        changed(variants={"few": 2**60 + 1}, defaultVariant=None),
        "/flags/pages/variants",
        "out_of_range",
    ),
    "a variant with space": (changed(variants={" few": 1}, defaultVariant=None), "/flags/pages/variants", "invalid_variant"),
    "metadata that are lists": (changed(metadata={"a": []}), "/flags/pages/metadata/a", "bad_metadata"),
    "too many metadata": (changed(metadata={str(n): n for n in range(51)}), "/flags/pages/metadata", "invalid_metadata"),
    "a reserved key": ({"flags": {"export": DOCUMENT["flags"]["pages"]}}, "/flags/export", "invalid_key"),
    "an unknown flag": (
        {**DOCUMENT, "slipway": {"flags": {"pages": {"prerequisites": [{"flag": "x", "variants": ["on"]}]}}}},
        "/slipway/flags/pages/prerequisites/0/flag",
        "unknown_flag",
    ),
    "a default of another's": (changed(defaultVariant="low"), "/flags/pages/defaultVariant", "bad_default"),
    "nothing": ({"flags": {}}, "", "empty"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_one_bad_flag_and_nothing_is_written(control: Control, case: str) -> None:
    document, pointer, code = REFUSED[case]
    with pytest.raises(Invalid) as refused:
        imported(control, document)
    assert (pointer, code) in [(fault.pointer, fault.code) for fault in refused.value.errors], refused.value.errors
    assert rows(control) == {}


def test_a_circle_is_found_before_anything_is_written(control: Control) -> None:
    flag = {"state": "DISABLED", "variants": {"on": True, "off": False}}
    needs = {one: {"prerequisites": [{"flag": other, "variants": ["on"]}]} for one, other in (("a", "b"), ("b", "a"))}
    with pytest.raises(Invalid, match="not be valid") as refused:
        imported(control, {"flags": {"a": flag, "b": flag}, "slipway": {"flags": needs}})
    assert [(fault.pointer, fault.code) for fault in refused.value.errors] == [("/slipway/flags/b/prerequisites", "cycle")]
    assert rows(control) == {}


def test_taken_keys_are_all_told_and_nothing_is_written(control: Control) -> None:
    made(control)
    segment(control, rule={"==": [1, 2]})
    before = copy.deepcopy(rows(control))
    with pytest.raises(KeyTaken) as refused:
        imported(control, DOCUMENT)
    assert [fault.pointer for fault in refused.value.errors] == ["/flags/checkout", "/$evaluators/staff"]
    assert rows(control) == before


def test_a_file_has_a_bound(control: Control) -> None:
    flag = DOCUMENT["flags"]["pages"]
    with pytest.raises(TooLarge, match="1,000"):
        imported(control, {"flags": {f"f{n}": flag for n in range(999)}, "$evaluators": {"a": STAFF, "b": STAFF}})


def test_a_protected_environment_wants_its_reason(control: Control) -> None:
    with pytest.raises(Invalid) as refused:
        imported(control, DOCUMENT, "production")
    assert [fault.pointer for fault in refused.value.errors] == ["/query/reason"]
    imported(control, DOCUMENT, "production", reason="Moving in")
    assert control.configurations.read(a_call(), "checkout", "production")[1].data["reason"] == "Moving in"


def test_where_a_change_takes_a_second_person_nothing_is_imported(control: Control) -> None:
    ruled(control, "staging", approval=True)
    with pytest.raises(Conflict, match="second person"):
        imported(control, DOCUMENT, "staging")
    assert ("flag#pages", "head") not in rows(control)


# --- again, and again --------------------------------------------------------------------------------------------


def test_the_same_import_again_changes_nothing(control: Control) -> None:
    imported(control, DOCUMENT)
    before = copy.deepcopy(rows(control))
    done = imported(control, DOCUMENT)
    assert (done["created"], done["updated"], done["existing"]) == (0, 0, 6)
    assert rows(control) == before


def test_what_was_exported_changes_nothing_where_it_came_from(control: Control) -> None:
    """Nor does it ask the environments that a change would touch."""
    segment(control)
    made(control, "share", type="float", variants={"half": 0.5, "all": 1})
    made(control)
    configured(control, environment="production", enabled=True, targeting={"if": [{"$ref": "staff"}, "on", "off"]}, reason="x")
    done = imported(control, document_of(control), mode="update")
    assert (done["existing"], done["updated"], done["created"]) == (3, 0, 0)


def test_only_validated_nothing_is_written(control: Control) -> None:
    assert imported(control, DOCUMENT, only=True)["created"] == 6
    assert rows(control) == {}


class Broken(Exception):
    pass


def test_wherever_it_was_broken_off_it_is_finished_and_nothing_is_there_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Control(MemoryStore())
    imported(whole, DOCUMENT, key="move")
    for fails in range(1, 30):
        store = MemoryStore()
        calls = 0

        def counted(*args: Any, real: Any = store.transact, at: int = fails) -> None:
            nonlocal calls
            calls += 1
            real(*args)
            if calls == at:
                raise Broken

        monkeypatch.setattr(store, "transact", counted)
        control = Control(store)
        try:
            imported(control, DOCUMENT, key="move")
        except Broken:
            done = imported(control, DOCUMENT, key="move")
            assert done["left"] == 0
        else:
            break
        heads, wanted = ({key: row["data"] for key, row in rows(one).items() if key[1] == "head"} for one in (control, whole))
        assert heads == wanted
        assert disagreements(store) == []
    assert fails > 8


def test_a_long_import_goes_on_with_the_same_request(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "MOST_STEPS", 4)
    left: list[int] = []
    while not left or left[-1]:
        left.append(imported(control, DOCUMENT)["left"])
    assert left == [5, 1, 0]
    assert written(document_of(control)) == written(DOCUMENT)


def test_a_key_belongs_to_one_request(control: Control) -> None:
    imported(control, DOCUMENT, key="move")
    with pytest.raises(IdempotencyMismatch):
        imported(control, {"flags": {"other": DOCUMENT["flags"]["pages"]}}, key="move")


def test_the_same_file_goes_into_another_environment(control: Control) -> None:
    imported(control, DOCUMENT)
    done = imported(control, DOCUMENT, "staging")
    assert (done["created"], done["updated"]) == (0, 3)
    assert written(document_of(control, "staging")) == written(DOCUMENT)
    assert control.flags.read("checkout").version == 1


def test_what_somebody_changed_since_is_left_alone(control: Control) -> None:
    imported(control, DOCUMENT)
    configured(control, "pages", enabled=False)
    imported(control, DOCUMENT)
    assert control.configurations.read(a_call(), "pages", "development")[1].data["enabled"] is False


# --- changing what stands there ------------------------------------------------------------------------------------


def test_with_update_a_flag_becomes_what_the_file_says(control: Control) -> None:
    made(control, "pages", type="integer", variants={"few": 1, "none": 0}, owner="web", hash="v3")
    configured(control, "pages", default_variant="none", overrides={"none": ["u1"]}, targeting={"if": [True, "none"]})
    segment(control, rule={"==": [1, 2]})
    done = imported(control, DOCUMENT, mode="update")
    assert (done["created"], done["updated"], done["existing"], done["left"]) == (4, 2, 0, 0)
    document = document_of(control)
    assert document["slipway"]["flags"]["pages"] == {"owner": "web"}  # the file says nothing of it
    assert document["flags"]["pages"].pop("metadata") == {"hash": "v3"}
    assert written(document) == written(DOCUMENT)
    assert disagreements(memory(control)) == []
    assert imported(control, DOCUMENT, mode="update")["existing"] == 6


def test_with_update_what_a_format_has_no_place_for_stays(control: Control) -> None:
    made(control, "limit", type="integer", variants={"control": 1}, owner="web", metadata={"team": "x"})
    feature = {"name": "limit", "value": 2, "type": "int", "enabled": True, "multivariate": [], "is_server_key_only": False}
    order = Order(flagsmith.read([feature]), "development", "update", None, "d")
    done = take(control, Control(Rehearsal(control.store)), a_call(operation="flags.import"), order, validate)
    assert done["updated"] == 1
    data = control.flags.read("limit").data
    assert (data["owner"], data["metadata"], data["variants"]) == ("web", '{"team":"x"}', '{"control":2}')


@pytest.mark.parametrize(
    ("standing", "pointer"),
    [
        ({"type": "string", "variants": {"few": "x"}}, "/flags/pages/variants"),
        ({"type": "integer", "variants": {"few": 1}}, ""),
    ],
)
def test_type_and_hash_stay(control: Control, standing: dict[str, Any], pointer: str) -> None:
    made(control, "pages", **standing)
    document = changed(metadata={"hash": "v2"})
    with pytest.raises(Conflict) as refused:
        imported(control, document, mode="update")
    assert [fault.pointer for fault in refused.value.errors] == [pointer or "/flags/pages/metadata/hash"]


def test_an_archived_flag_is_no_place_to_import_to(control: Control) -> None:
    made(control, "pages")
    control.flags.archive(a_call(1), "pages", None)
    modes: tuple[imports.Mode, ...] = ("create", "update")
    for mode in modes:
        with pytest.raises(Conflict):
            imported(control, {"flags": {"pages": {"state": "ENABLED", "variants": {"on": True}}}}, mode=mode)


def test_a_variant_that_another_environment_names_stays_and_nothing_is_written(control: Control) -> None:
    made(control, "pages", type="integer", variants={"few": 1, "none": 0})
    configured(control, "pages", "staging", default_variant="none")
    before = copy.deepcopy(rows(control))
    with pytest.raises(Problem) as refused:
        imported(control, DOCUMENT, mode="update")
    assert [fault.code for fault in refused.value.errors] == ["in_use"]
    assert rows(control) == before


def test_metadata_are_merged_answered_and_bounded(control: Control) -> None:
    made(control, metadata={"team": "web", "share": 1.0})
    assert edited(control, metadata={"team": None, "x": 1}).data["metadata"] == '{"share":1.0,"x":1}'
    assert "metadata" not in edited(control, metadata=None).data
    edited(control, metadata={str(n): n for n in range(50)})
    with pytest.raises(Invalid, match="at most 50"):
        edited(control, metadata={"more": 1})
