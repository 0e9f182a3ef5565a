"""The secrets of an environment: made once, published whole, and harmless where they are missing."""

from __future__ import annotations

import pytest

from slipway.adapters.memory import MemoryBlobs, MemoryStore
from slipway.rollouts import signing
from slipway.tables import ACCESS


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def test_the_first_who_begins_makes_the_secret(store: MemoryStore) -> None:
    blobs = MemoryBlobs()
    signing.begin(store, "production", b"a" * 32)
    signing.begin(store, "production", b"b" * 32)
    signing.publish(store, blobs, "production")
    assert signing.Secrets(blobs).find("production", 0) == {1: b"a" * 32}


def test_two_generations_live(store: MemoryStore) -> None:
    blobs = MemoryBlobs()
    signing.begin(store, "production", b"a" * 32)
    first = store.get(ACCESS, "signing#production", "00000001")
    assert first is not None
    for generation in (2, 3):
        store.put(ACCESS, {**first, "sk": f"{generation:08d}", "generation": generation})
        signing.publish(store, blobs, "production")
    assert list(signing.Secrets(blobs).find("production", 0)) == [2, 3]


def test_a_rotation_makes_one_generation_however_often_it_is_tried(store: MemoryStore) -> None:
    blobs = MemoryBlobs()
    assert signing.newest(store, "production") is None
    assert signing.begin(store, "production", b"a" * 32) == 1
    assert [signing.rotate(store, "production", 1, bytes([n]) * 32) for n in range(3)] == [2, 2, 2]
    assert signing.newest(store, "production") == signing.begin(store, "production", b"b" * 32) == 2
    signing.publish(store, blobs, "production")
    assert signing.Secrets(blobs).find("production", 0) == {1: b"a" * 32, 2: bytes(32)}


def test_a_rotation_that_was_cut_in_half_is_completed(store: MemoryStore) -> None:
    signing.begin(store, "production", b"a" * 32)
    before = store.get(ACCESS, "generation#production", "newest")
    signing.rotate(store, "production", 1, b"b" * 32)
    assert before is not None
    store.put(ACCESS, before)
    assert signing.rotate(store, "production", 1, b"c" * 32) == 2
    assert signing.newest(store, "production") == 2
    row = store.get(ACCESS, "signing#production", "00000002")
    assert row is not None
    assert signing.read(f'{{"schema": 1, "secrets": {{"2": "{row["secret"]}"}}}}'.encode()) == {2: b"b" * 32}


def test_who_begins_a_rollout_reads_no_secret(store: MemoryStore) -> None:
    signing.begin(store, "production", b"a" * 32)
    row = store.get(ACCESS, "generation#production", "newest")
    assert row is not None
    assert set(row) == {"pk", "sk", "schema", "generation"}


def test_an_environment_without_secrets_has_none(store: MemoryStore) -> None:
    blobs = MemoryBlobs()
    assert signing.Secrets(blobs).find("production", 0) == {}
    signing.publish(store, blobs, "production")
    assert signing.Secrets(blobs).find("production", 0) == {}


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"schema": 2}', b'{"schema": 1, "secrets": {"1": "?"}}', b'{"schema": 1, "secrets": 3}']
)
def test_a_damaged_file_gives_no_secret(body: bytes) -> None:
    blobs = MemoryBlobs()
    blobs.put("signing/production.json", body, content_type="application/json")
    assert signing.Secrets(blobs).find("production", 0) == {}


def test_rows_of_secrets_alone_outdate_the_file() -> None:
    assert signing.touched({"pk": "signing#production", "sk": "00000001"}) == "production"
    assert signing.touched({"pk": "verifiers#production", "sk": "x"}) is None
