"""The catalogue against a model of plain dicts: any sequence of calls, with any version, of any tries."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from slipway.adapters.memory import MemoryStore
from slipway.batch import create_all
from slipway.outbox import due
from slipway.problems import Conflict, KeyTaken, MoveNotAllowed, NotFound, PreconditionFailed
from slipway.product import view
from slipway.products import Products
from slipway.resources import Stored
from slipway.stages import MOVES, STAGES
from tests.catalogue import a_call, heads, new, patch

KEYS = ("mug", "cup", "bowl")
fields = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(("Mug", "Cup")),
        "price": st.integers(0, 3),
        "key": st.sampled_from((*KEYS, None)),
        "stage": st.sampled_from(STAGES),
        "tags": st.lists(st.sampled_from("ab"), max_size=3),
        "metadata": st.dictionaries(st.sampled_from("xy"), st.integers(0, 2) | st.none()),
    },
)


def complete(found: dict[str, Any]) -> dict[str, Any]:
    """A new product has no fields to remove."""
    return {**found, "metadata": {name: value for name, value in found.get("metadata", {}).items() if value is not None}}


fresh = fields.map(complete)


class Catalogue(RuleBasedStateMachine):
    ids = Bundle("ids")
    tries = Bundle("tries")

    @initialize()
    def start(self) -> None:
        self.store = MemoryStore()
        self.products = Products(self.store)
        self.model: dict[str, list[dict[str, Any]]] = {}  # every version of every product, newest last
        self.told: list[tuple[str, int]] = []
        self.store.listen(lambda table, old, new: self.told.extend((e["subject"], e["sequence"]) for e in due(old, new)))
        self.clock = 0

    def now(self) -> int:
        self.clock += 1
        return self.clock

    def holder(self, key: str | None) -> str | None:
        return next((id for id, versions in self.model.items() if key is not None and versions[-1]["key"] == key), None)

    @rule(target=ids, given=fresh)
    def create(self, given: dict[str, Any]) -> Any:
        taken = self.holder(given.get("key"))
        try:
            stored = self.products.create(a_call(self.now()), new(**given)).stored
        except KeyTaken:
            assert taken is not None
            return multiple()
        assert taken is None
        return self.made(stored, given)

    def made(self, stored: Stored, given: dict[str, Any]) -> str:
        assert stored.id not in self.model
        assert stored.version == 1
        start = {"name": "Mug", "price": 19.99, "key": None, "stage": "idea", "tags": [], "metadata": {}, "status": "active"}
        self.model[stored.id] = [start | given | {"tags": sorted(set(given.get("tags", [])))}]
        return stored.id

    @rule(target=tries, given=fresh, key=st.sampled_from("ABC"))
    def create_with_a_key(self, given: dict[str, Any], key: str) -> Any:
        """The first try: what a later one replays."""
        call = a_call(self.now(), key=f"{key} {self.clock}", digest=str(given))
        try:
            created = self.products.create(call, new(**given))
        except KeyTaken:
            assert self.holder(given.get("key")) is not None
            return multiple()
        assert not created.replayed
        self.made(created.stored, given)
        return call.idempotency_key, given, view(created.stored)

    @rule(once=tries)
    def create_again(self, once: tuple[str, dict[str, Any], dict[str, Any]]) -> None:
        key, given, answer = once
        created = self.products.create(a_call(self.now(), key=key, digest=str(given)), new(**given))
        assert created.replayed
        assert view(created.stored) == answer

    @rule(target=ids, several=st.lists(fresh, min_size=1, max_size=3))
    def create_several(self, several: list[dict[str, Any]]) -> Any:
        keys = [one["key"] for one in several if one.get("key")]
        if len(set(keys)) < len(keys):
            return multiple()
        taken = any(self.holder(key) for key in keys)
        try:
            created = create_all(self.products, a_call(self.now()), [new(**one) for one in several])
        except KeyTaken:
            assert taken
            return multiple()
        assert not taken
        return multiple(*(self.made(one.stored, given) for one, given in zip(created, several, strict=True)))

    @rule(id=ids, given=fields, behind=st.sampled_from((0, 0, 0, 1, None)))
    def change(self, id: str, given: dict[str, Any], behind: int | None) -> None:
        versions = self.model[id]
        version = None if behind is None else len(versions) - behind
        before = versions[-1]
        metadata = {**before["metadata"], **given.get("metadata", {})}
        after = {**before, **given, "metadata": {name: value for name, value in metadata.items() if value is not None}}
        after["tags"] = sorted(set(after["tags"]))
        stage, wanted = before["stage"], after["stage"]
        expected: type[Exception] | None = None
        if behind == 1:
            expected = PreconditionFailed
        elif before["status"] == "archived":
            expected = Conflict
        elif wanted != stage and wanted not in MOVES[stage]:
            expected = MoveNotAllowed
        elif self.holder(after["key"]) not in (None, id):
            expected = KeyTaken
        call = a_call(self.now())
        if expected is not None:
            with pytest.raises(expected) as caught:
                self.products.update(call, id, version, patch(**given))
            assert type(caught.value) is expected
            return
        if after != before:
            versions.append(after)
        assert self.products.update(call, id, version, patch(**given)).version == len(versions)

    @rule(id=ids, status=st.sampled_from(("archived", "active")), behind=st.sampled_from((0, 0, 1)))
    def set_status(self, id: str, status: str, behind: int) -> None:
        versions = self.model[id]
        act = self.products.archive if status == "archived" else self.products.restore
        if behind:
            with pytest.raises(PreconditionFailed):
                act(a_call(self.now()), id, len(versions) - behind)
            return
        if versions[-1]["status"] != status:
            versions.append({**versions[-1], "status": status})
            behind = 1
        assert act(a_call(self.now()), id, len(versions) - behind).version == len(versions)

    @rule(id=consumes(ids))
    def read_history(self, id: str) -> None:
        found, more = self.products.versions(id, limit=100)
        assert more is None
        assert [one.stored.version for one in found] == list(range(len(self.model[id]), 0, -1))
        for one, model in zip(reversed(found), self.model[id], strict=True):
            agree(one.stored, model)

    @invariant()
    def the_heads_are_the_models_newest(self) -> None:
        if not hasattr(self, "products"):
            return
        stored = {row["pk"]: Stored(row) for row in heads(self.products)}
        assert stored.keys() == self.model.keys()
        for id, versions in self.model.items():
            agree(stored[id], versions[-1])
            assert stored[id].version == len(versions)

    @invariant()
    def a_key_leads_to_its_holder(self) -> None:
        for key in KEYS if hasattr(self, "products") else ():
            try:
                assert self.products.read(key).id == self.holder(key)
            except NotFound:
                assert self.holder(key) is None

    @invariant()
    def every_version_was_told_once(self) -> None:
        if hasattr(self, "products"):
            made = [(id, number) for id, versions in self.model.items() for number in range(1, len(versions) + 1)]
            assert sorted(self.told) == sorted(made)


def agree(stored: Stored, model: dict[str, Any]) -> None:
    seen = view(stored)
    assert {name: seen[name] for name in model if name != "price"} == {
        name: value for name, value in model.items() if name != "price"
    }
    assert seen["price"] == {"amount": round(model["price"] * 100), "currency": "EUR"}


Catalogue.TestCase.settings = settings(max_examples=50, stateful_step_count=25, deadline=None)
TestCatalogue = Catalogue.TestCase
