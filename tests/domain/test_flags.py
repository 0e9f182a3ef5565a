"""Feature flags: what may become of one, and the rows that change with it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from slipway.access import Principal
from slipway.adapters.memory import MemoryStore
from slipway.events import parse
from slipway.flags import flag, ledger
from slipway.flags.control import Control
from slipway.flags.environments import NewEnvironment
from slipway.flags.flag import NewFlag
from slipway.flags.segments import NewSegment
from slipway.outbox import envelopes
from slipway.ports import Write
from slipway.problems import Conflict, IdempotencyMismatch, Invalid, KeyTaken, NotFound, PreconditionFailed
from slipway.products import Products
from tests.catalogue import START, a_call, new
from tests.flagging import configured, disagreements, edited, environment, listed, made, revision, row

ENVIRONMENTS = ("development", "production", "staging")


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def control(store: MemoryStore) -> Control:
    return Control(store)


def revisions(store: MemoryStore) -> list[int]:
    return [revision(store, name) for name in ENVIRONMENTS]


def faults(caught: pytest.ExceptionInfo[Invalid]) -> list[tuple[str, str]]:
    return [(fault.pointer, fault.code) for fault in caught.value.errors]


# --- create -------------------------------------------------------------------------------------------------


def test_a_new_flag_stands_in_its_lists_and_is_told_to_every_environment(control: Control, store: MemoryStore) -> None:
    stored = made(control, tags=["b", "a"], owner="Ada", product="mug")
    assert stored.id == "flag#checkout"
    assert flag.view(stored) == {
        "key": "checkout",
        "type": "boolean",
        "description": None,
        "owner": "Ada",
        "tags": ["a", "b"],
        "product": "mug",
        "client_side": False,
        "hash": "v3",
        "variants": {"on": True, "off": False},
        "metadata": {},
        "status": "active",
        "reason": None,
        "ended_rollouts": [],
        "created_at": "2026-11-01T00:00:00.000Z",
        "updated_at": "2026-11-01T00:00:00.000Z",
        "version": 1,
    }
    for name in ("list#flags", "list#tag#a", "list#tag#b", "list#owner#Ada", "list#product#mug"):
        assert listed(store, name) == ["checkout"], name
    assert revisions(store) == [2, 2, 2]
    assert row(store, "catalogue", "contents")["flags"] == 1
    assert listed(store, "list#environments") == list(ENVIRONMENTS)


def test_its_event_says_what_it_is_and_none_of_its_texts(control: Control) -> None:
    stored = made(control, description="Secret plans", owner="Ada")
    (envelope,) = envelopes(stored.row)
    parse(envelope)
    assert (envelope["type"], envelope["source"], envelope["subject"]) == ("flag.created.v1", "slipway.flags", "flag#checkout")
    assert {"field": "description"} in envelope["data"]["changes"]
    assert "Secret" not in str(envelope)
    assert "Ada" not in str(envelope)


@pytest.mark.parametrize(
    ("type", "given", "kept"),
    [
        ("boolean", {"on": True, "off": False}, {"on": True, "off": False}),
        ("string", {"a": "x", "b": ""}, {"a": "x", "b": ""}),
        ("integer", {"a": 1, "b": 2.0}, {"a": 1, "b": 2}),
        ("float", {"a": 1, "b": 0.5}, {"a": 1.0, "b": 0.5}),
        ("object", {"a": {"z": [1, 1.0, None], "y": {}}}, {"a": {"y": {}, "z": [1, 1.0, None]}}),
    ],
)
def test_values_come_back_as_they_are_meant(control: Control, type: str, given: Any, kept: Any) -> None:
    made(control, type=type, variants=given)
    found = flag.view(control.flags.read("checkout"))["variants"]
    assert repr({name: found[name] for name in kept}) == repr(kept)


@pytest.mark.parametrize(
    ("type", "variants", "expected"),
    [
        ("string", None, [("/variants", "required")]),
        ("boolean", {"on": True, "off": 0}, [("/variants/off", "mixed_types")]),
        ("string", {"a": 1, "b": True, "c": "c"}, [("/variants/a", "mixed_types"), ("/variants/b", "mixed_types")]),
        ("integer", {"a": 1.5, "b": True}, [("/variants/a", "mixed_types"), ("/variants/b", "mixed_types")]),
        ("float", {"a/b": "1"}, [("/variants/a~1b", "mixed_types")]),
        ("object", {"a": []}, [("/variants/a", "mixed_types")]),
        ("string", {"a": "x" * 17_000}, [("/variants", "too_large")]),
    ],
)
def test_what_is_wrong_with_variants_is_named(control: Control, type: str, variants: Any, expected: Any) -> None:
    with pytest.raises(Invalid) as caught:
        made(control, type=type, variants=variants)
    assert faults(caught) == expected
    with pytest.raises(NotFound):
        control.flags.read("checkout")


@pytest.mark.parametrize("key", ["", "-a", "a/b", "a b", "ä", "a" * 129, "export", "import", "batch", "a\n", "a#b"])
def test_a_key_that_is_none(key: str) -> None:
    with pytest.raises(ValidationError):
        NewFlag.model_validate({"key": key, "type": "boolean"})


def test_one_idempotency_key_makes_one_flag_and_answers_its_first_version(control: Control, store: MemoryStore) -> None:
    new = NewFlag.model_validate({"key": "checkout", "type": "boolean"})
    first = control.flags.create(a_call(key="once"), new)
    edited(control, tags=["a"])
    again = control.flags.create(a_call(5, key="once"), new)
    assert (first.replayed, again.replayed) == (False, True)
    assert flag.view(again.stored) == flag.view(first.stored)
    assert revisions(store) == [2, 2, 2]
    with pytest.raises(IdempotencyMismatch):
        control.flags.create(a_call(5, key="once", digest="other"), new)


@pytest.mark.parametrize("key", [None, "another"])
def test_a_key_that_is_taken_is_taken_whoever_asks(control: Control, key: str | None) -> None:
    new = NewFlag.model_validate({"key": "checkout", "type": "boolean"})
    control.flags.create(a_call(key="once"), new)
    with pytest.raises(KeyTaken) as caught:
        control.flags.create(a_call(key=key), new)
    assert [(fault.pointer, fault.code) for fault in caught.value.errors] == [("/key", "key_taken")]
    other = a_call(key="once").but(principal=Principal("member", "mbr_bob", "editor"))
    with pytest.raises(KeyTaken):
        control.flags.create(other, new)


def test_no_more_flags_than_there_can_be(control: Control, monkeypatch: pytest.MonkeyPatch, store: MemoryStore) -> None:
    monkeypatch.setattr(ledger, "MOST_FLAGS", 2)
    made(control, "a")
    made(control, "b")
    with pytest.raises(Invalid, match="There are 2 active flags"):
        made(control, "c")
    control.flags.archive(a_call(), "a", None)
    made(control, "c")
    with pytest.raises(Invalid):
        control.flags.restore(a_call(), "a", None)
    assert listed(store, "list#flags") == ["b", "c"]


def test_no_environment_answers_from_more_than_it_can(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "MOST_BYTES", 1_000)
    made(control, "a", type="string", variants={"a": "x" * 500})
    with pytest.raises(Invalid, match=r"'development' would answer from 1,\d\d\d bytes; it has 7\d\d, and 1,000 at most"):
        made(control, "b", type="string", variants={"a": "x" * 500})


# --- change -------------------------------------------------------------------------------------------------


def test_a_patch_merges_variants_and_moves_between_lists(control: Control, store: MemoryStore) -> None:
    made(control, type="string", variants={"a": "1", "b": "2"}, tags=["x", "y"], owner="Ada")
    stored = edited(control, version=1, variants={"b": None, "c": "3"}, tags=["y", "z"], owner=None, description="why")
    assert stored.version == 2
    view = flag.view(stored)
    assert (view["variants"], view["tags"], view["owner"], view["description"]) == (
        {"a": "1", "c": "3"},
        ["y", "z"],
        None,
        "why",
    )
    assert [listed(store, f"list#{name}") for name in ("tag#x", "tag#y", "tag#z", "owner#Ada")] == [
        [],
        ["checkout"],
        ["checkout"],
        [],
    ]


def test_only_what_environments_answer_from_is_told_to_them(control: Control, store: MemoryStore) -> None:
    made(control)
    before = revisions(store)
    edited(control, description="why", owner="Ada", tags=["a"])
    assert revisions(store) == before
    edited(control, client_side=True)
    assert revisions(store) == [number + 1 for number in before]


def test_what_changes_nothing_makes_no_version(control: Control) -> None:
    made(control, tags=["a"])
    assert edited(control, tags=["a"], variants={"on": True}, description=None).version == 1


def test_another_version_is_refused_with_the_present_tag(control: Control) -> None:
    made(control)
    edited(control, tags=["a"])
    with pytest.raises(PreconditionFailed) as caught:
        edited(control, version=1, tags=["b"])
    assert caught.value.headers == {"ETag": '"2"'}


def test_a_variant_that_is_named_somewhere_stays(control: Control) -> None:
    made(control, type="string", variants={"a": "1", "b": "2", "c": "3"})
    configured(control, environment="staging", default_variant="b", overrides={"c": ["u1"]})
    with pytest.raises(Invalid) as caught:
        edited(control, variants={"b": None, "c": None})
    assert faults(caught) == [("/variants", "in_use"), ("/variants", "in_use")]
    assert "staging" in caught.value.errors[0].detail
    assert edited(control, variants={"a": None}).version == 2


def test_a_variant_that_another_flag_waits_for_stays(control: Control) -> None:
    made(control)
    made(control, "other", type="string", variants={"a": "1", "b": "2"})
    configured(control, prerequisites=[{"flag": "other", "variants": ["a"]}])
    with pytest.raises(Conflict, match=r"\(a\) is needed by checkout in development"):
        edited(control, "other", variants={"a": None})
    assert edited(control, "other", variants={"b": None}).version == 2


# --- archive, restore, history ------------------------------------------------------------------------------


def test_an_archived_flag_answers_nowhere_and_takes_no_change(control: Control, store: MemoryStore) -> None:
    made(control, tags=["a"])
    before = revisions(store)
    stored = control.flags.archive(a_call(1), "checkout", 1)
    assert (stored.version, stored.data["status"]) == (2, "archived")
    assert [listed(store, name) for name in ("list#flags", "list#tag#a", "list#archived")] == [[], [], ["checkout"]]
    assert revisions(store) == [number + 1 for number in before]
    assert control.flags.archive(a_call(2), "checkout", None).version == 2
    with pytest.raises(Conflict, match="archived"):
        edited(control, tags=["b"])
    with pytest.raises(Conflict, match="archived"):
        configured(control, enabled=True)
    with pytest.raises(Conflict, match="archived"):
        control.flags.revert(a_call(), "checkout", None, 1)
    with pytest.raises(KeyTaken):
        made(control)
    assert control.flags.restore(a_call(3), "checkout", 2).version == 3
    assert listed(store, "list#tag#a") == ["checkout"]
    assert row(store, "catalogue", "contents")["flags"] == 1


def test_a_flag_that_another_one_needs_is_not_archived(control: Control) -> None:
    made(control)
    made(control, "other")
    configured(control, environment="staging", prerequisites=[{"flag": "other", "variants": ["on"]}])
    with pytest.raises(Conflict, match="checkout in staging"):
        control.flags.archive(a_call(), "other", None)
    configured(control, environment="staging", prerequisites=[])
    assert control.flags.archive(a_call(), "other", None).data["status"] == "archived"


def test_an_archived_flag_needs_nothing_until_it_is_restored(control: Control, store: MemoryStore) -> None:
    made(control)
    made(control, "other", type="string", variants={"a": "1", "b": "2"})
    configured(control, environment="staging", prerequisites=[{"flag": "other", "variants": ["a"]}])
    control.flags.archive(a_call(), "checkout", None)
    edited(control, "other", variants={"a": None})
    control.flags.archive(a_call(), "other", None)
    with pytest.raises(Conflict) as caught:
        control.flags.restore(a_call(), "checkout", None)
    assert [(fault.code, fault.detail) for fault in caught.value.errors] == [
        ("needs_gone", "In staging it needs the flag 'other', which is archived; restore that one first.")
    ]
    control.flags.restore(a_call(), "other", None)
    with pytest.raises(Conflict) as caught:
        control.flags.restore(a_call(), "checkout", None, validate_only=True)
    assert [fault.detail for fault in caught.value.errors] == [
        "In staging it needs a of the flag 'other', which has no such variant."
    ]
    edited(control, "other", variants={"a": "1"})
    assert control.flags.restore(a_call(), "checkout", None).data["status"] == "active"
    with pytest.raises(Conflict, match="checkout in staging"):
        control.flags.archive(a_call(), "other", None)
    assert disagreements(store) == []


@pytest.mark.parametrize("first", ["checkout", "other"])
def test_a_flag_is_not_restored_while_what_it_needs_is_archived(
    control: Control, store: MemoryStore, monkeypatch: Any, first: str
) -> None:
    made(control)
    made(control, "other")
    configured(control, prerequisites=[{"flag": "other", "variants": ["on"]}])
    control.flags.archive(a_call(), "checkout", None)
    transact, rival = store.transact, [True]

    def change(key: str) -> None:
        if key == "checkout":
            control.flags.restore(a_call(), key, None)
        else:
            control.flags.archive(a_call(), key, None)

    def late(writes: list[Write], token: str) -> None:
        if rival:
            rival.clear()
            change(first)
        transact(writes, token)

    monkeypatch.setattr(store, "transact", late)
    with pytest.raises(Conflict):
        change("other" if first == "checkout" else "checkout")
    assert listed(store, "list#archived") == ([] if first == "checkout" else ["checkout", "other"])


def test_a_flag_comes_back_only_where_there_is_room(control: Control, monkeypatch: Any) -> None:
    made(control)
    made(control, "other")
    control.flags.archive(a_call(), "checkout", None)
    monkeypatch.setattr(ledger, "MOST_FLAGS", 1)
    with pytest.raises(Invalid, match="no more can be"):
        control.flags.restore(a_call(), "checkout", None)


def test_the_whole_history_can_be_read(control: Control) -> None:
    made(control)
    edited(control, seconds=10, tags=["a"])
    edited(control, seconds=20, variants={"maybe": True})
    found, more = control.flags.versions("checkout", below=None, limit=2)
    assert [(one.stored.version, [change["field"] for change in one.changes]) for one in found] == [
        (3, ["variants"]),
        (2, ["tags"]),
    ]
    assert found[0].changes[0]["to"] == {"on": True, "off": False, "maybe": True}
    assert more == 2
    edited(control, seconds=25, metadata={"level": 1})
    edited(control, seconds=26, metadata={"level": True})
    newest = control.flags.versions("checkout", below=None, limit=1)[0][0]
    assert json.dumps(newest.changes) == '[{"field": "metadata", "from": {"level": 1}, "to": {"level": true}}]'
    assert newest.stored.events[0]["data"]["changes"] == [{"field": "metadata"}]
    assert control.flags.at(a_call(30), "checkout", START + timedelta(seconds=15)).version == 2
    with pytest.raises(NotFound):
        control.flags.at(a_call(30), "checkout", START - timedelta(seconds=1))
    with pytest.raises(Invalid, match="future"):
        control.flags.at(a_call(30), "checkout", START + timedelta(seconds=31))


def test_going_back_makes_a_new_version(control: Control) -> None:
    made(control)
    edited(control, tags=["a"], variants={"maybe": True})
    back = control.flags.revert(a_call(), "checkout", 2, 1)
    assert (back.version, flag.view(back)["tags"], flag.view(back)["variants"]) == (3, [], {"on": True, "off": False})
    assert control.flags.revert(a_call(), "checkout", 3, 3).version == 3
    with pytest.raises(NotFound):
        control.flags.revert(a_call(), "checkout", 3, 4)


def test_a_flag_belongs_to_a_product_that_there_is(store: MemoryStore) -> None:
    control = Control(store, products=True)
    Products(store, currency="EUR").create(a_call(operation="products.create"), new(key="mug"))
    made(control, product="mug")
    with pytest.raises(Invalid) as caught:
        made(control, "other", product="cup")
    assert [(one.pointer, one.code) for one in caught.value.errors] == [("/product", "unknown_product")]
    with pytest.raises(Invalid):
        edited(control, product="cup")
    edited(control, product=None)
    edited(control, product="mug")


@pytest.mark.parametrize("only", [False, True])
def test_an_idempotency_key_makes_one_thing(control: Control, store: MemoryStore, only: bool) -> None:
    def asked(kind: str, name: str, only: bool = False) -> Any:
        call = a_call(operation=f"{kind}.create", key="k-1", digest=f"digest of {name}")
        if kind == "flags":
            return control.flags.create(call, NewFlag.model_validate({"key": name, "type": "boolean"}), validate_only=only)
        if kind == "segments":
            new = NewSegment.model_validate({"key": name, "targeting": {"var": "x"}})
            return control.segments.create(call, new, validate_only=only)
        return control.environments.create(call, NewEnvironment(name=name), validate_only=only)

    for kind in ("flags", "segments", "environments"):
        assert not asked(kind, "one").replayed
        assert asked(kind, "one").replayed
        before = dict(store.tables["flags"])
        with pytest.raises(IdempotencyMismatch):
            asked(kind, "other", only)
        assert store.tables["flags"] == before
    assert disagreements(store) == []


def test_what_is_only_validated_is_not_written(control: Control, store: MemoryStore) -> None:
    new = NewFlag.model_validate({"key": "checkout", "type": "boolean"})
    control.environments.all(a_call())
    before = dict(store.tables["flags"])
    assert control.flags.create(a_call(), new, validate_only=True).stored.version == 1
    assert store.tables["flags"] == before
    made(control)
    with pytest.raises(KeyTaken):
        control.flags.create(a_call(), new, validate_only=True)
    before = dict(store.tables["flags"])
    assert control.flags.archive(a_call(), "checkout", 1, validate_only=True).version == 2
    assert store.tables["flags"] == before


def test_a_new_environment_counts_what_it_answers_from(control: Control, store: MemoryStore) -> None:
    made(control)
    environment(control, "preview")
    sizes = {name: row(store, f"revision#{name}", "revision")["bytes"] for name in (*ENVIRONMENTS, "preview")}
    assert len(set(sizes.values())) == 1
    control.flags.archive(a_call(), "checkout", None)
    assert row(store, "revision#preview", "revision")["bytes"] == 0
