"""Every store against the in-memory one: hypothesis drives both with the same calls and compares what they say."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from slipway.adapters.memory import MemoryStore
from slipway.ports import Absent, Below, Check, Condition, ConditionFailed, Delete, Equals, Put, Row, Span, Store, Update, Write
from slipway.tables import BY_CREATED, PRODUCTS
from tests.ports.conftest import REAL_STORES

PROVE = os.environ.get("SLIPWAY_PROVE") == "1"
EXAMPLES = {"moto": 4, "ministack": 6, "dynamodb_local": 5}
_runs = itertools.count()

KEYS = [(pk, sk) for pk in "ab" for sk in ("head", "v#1", "v#2")]
VALUES = st.one_of(
    st.integers(-5, 5),
    st.text("ab", max_size=2),
    st.booleans(),
    st.none(),
    st.binary(max_size=2),
    st.lists(st.integers(0, 3), max_size=2),
    st.decimals(-3, 3, places=2),
)
ATTRIBUTES = st.dictionaries(st.sampled_from(["name", "time", "data"]), VALUES, max_size=3)
CONDITIONS = st.none() | st.one_of(
    st.just(Absent()), st.builds(Equals, st.just("n"), st.integers(0, 3)), st.builds(Below, st.just("n"), st.integers(0, 3))
)
BOUNDS = st.none() | st.sampled_from(["", "a", "h", "head", "v", "v#1", "v#2", "z"])
SPANS = st.one_of(
    st.builds(Span, low=BOUNDS, high=BOUNDS),
    st.builds(Span, prefix=BOUNDS),
    st.builds(lambda sk: Span(equal=(sk,)), st.sampled_from(["head", "v#1", "none"])),
)


class Outcome:
    """What a call answered or raised, comparable."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.value: Any = None
        self.failed: tuple[int, Row | None] | None = None
        try:
            self.value = call()
        except ConditionFailed as failed:
            self.failed = (failed.index, failed.row)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Outcome) and (self.value, self.failed) == (other.value, other.failed)

    def __repr__(self) -> str:
        return f"failed {self.failed}" if self.failed else f"answered {self.value}"


class Machine(RuleBasedStateMachine):
    real: Store

    @initialize()
    def begin(self) -> None:
        self.model = MemoryStore()
        self.run = f"m{next(_runs)}"
        self.tokens = itertools.count()

    def both(self, call: Callable[[Store], Any]) -> None:
        assert Outcome(lambda: call(self.real)) == Outcome(lambda: call(self.model))

    def pk(self, key: tuple[str, str]) -> str:
        return f"{self.run}-{key[0]}"

    def row(self, key: tuple[str, str], n: int | None, created: str | None, attributes: Row) -> Row:
        # In the index stand heads only: their order is then decided by the index's own attributes.
        listed = {"kind": self.run, "created_at": created} if created and key[1] == "head" else {}
        return {"pk": self.pk(key), "sk": key[1], **attributes, **listed, **({} if n is None else {"n": n})}

    def write(self, made: tuple[Any, ...], key: tuple[str, str]) -> Write:
        what, condition, n, created, attributes = made
        if what == "put":
            return Put(PRODUCTS, self.row(key, n, created, attributes), condition)
        if what == "delete":
            return Delete(PRODUCTS, self.pk(key), key[1], condition)
        if what == "check":
            return Check(PRODUCTS, self.pk(key), key[1], condition or Absent())
        return Update(PRODUCTS, self.pk(key), key[1], attributes or {"name": 1}, {"n": 1} if what == "add" else {}, condition)

    @rule(
        key=st.sampled_from(KEYS),
        n=st.none() | st.integers(0, 3),
        created=st.sampled_from([None, "1", "2"]),
        attributes=ATTRIBUTES,
        condition=CONDITIONS,
    )
    def put(
        self, key: tuple[str, str], n: int | None, created: str | None, attributes: Row, condition: Condition | None
    ) -> None:
        self.both(lambda store: store.put(PRODUCTS, self.row(key, n, created, attributes), condition))

    @rule(key=st.sampled_from(KEYS), attributes=ATTRIBUTES, condition=CONDITIONS)
    def update(self, key: tuple[str, str], attributes: Row, condition: Condition | None) -> None:
        self.both(
            lambda store: store.update(Update(PRODUCTS, self.pk(key), key[1], attributes or {"name": 1}, condition=condition))
        )

    @rule(
        writes=st.dictionaries(
            st.sampled_from(KEYS),
            st.tuples(
                st.sampled_from(["put", "delete", "check", "set", "add"]),
                CONDITIONS,
                st.integers(0, 3),
                st.sampled_from([None, "1", "2"]),
                ATTRIBUTES,
            ),
            min_size=1,
            max_size=4,
        )
    )
    def transact(self, writes: dict[tuple[str, str], tuple[Any, ...]]) -> None:
        token = f"{self.run}-{next(self.tokens)}"
        self.both(lambda store: store.transact([self.write(made, key) for key, made in writes.items()], token))

    @rule(keys=st.lists(st.sampled_from(KEYS), max_size=5))
    def get_many(self, keys: list[tuple[str, str]]) -> None:
        self.both(lambda store: store.get_many(PRODUCTS, [(self.pk(key), key[1]) for key in keys]))

    @rule(pk=st.sampled_from("ab"), span=SPANS, limit=st.integers(1, 4), forward=st.booleans())
    def query(self, pk: str, span: Span, limit: int, forward: bool) -> None:
        self.both(lambda store: _pages(store, (f"{self.run}-{pk}",), span, limit, forward))

    @rule(
        span=st.builds(Span, low=st.sampled_from([None, "1", "2"]), high=st.sampled_from([None, "1", "2"])),
        limit=st.integers(1, 3),
        forward=st.booleans(),
    )
    def listed(self, span: Span, limit: int, forward: bool) -> None:
        self.both(lambda store: _pages(store, (self.run,), span, limit, forward, index=BY_CREATED))

    @invariant()
    def all_rows_are_the_same(self) -> None:
        for pk in "ab":
            partition = (f"{self.run}-{pk}",)
            assert self.real.query(PRODUCTS, partition).rows == self.model.query(PRODUCTS, partition).rows


def _pages(store: Store, partition: tuple[str, ...], span: Span, limit: int, forward: bool, **options: Any) -> list[Row]:
    found: list[Row] = []
    start = None
    while True:
        page = store.query(PRODUCTS, partition, span, limit=limit, start=start, forward=forward, **options)
        assert len(page.rows) <= limit
        found += page.rows
        if page.next is None:
            return found
        start = page.next


@pytest.mark.parametrize("store", REAL_STORES, indirect=True)
def test_a_store_behaves_as_the_model_does(store: Store, request: pytest.FixtureRequest) -> None:
    backend = request.node.callspec.params["store"].name
    run_state_machine_as_test(
        type("Against", (Machine,), {"real": store}),
        settings=settings(
            max_examples=EXAMPLES[backend] * (10 if PROVE else 1),
            stateful_step_count=12,
            deadline=None,
            phases=[Phase.explicit, Phase.generate],  # a failing run of a slow backend is not worth an hour of shrinking
            suppress_health_check=list(HealthCheck),
        ),
    )
