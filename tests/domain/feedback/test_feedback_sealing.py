"""What is sealed opens with its key, for its item, as it was; and a secret is one, whoever makes it."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.adapters.aead import AesGcm
from slipway.adapters.memory import MemoryStore
from slipway.feedback.sealing import KEY_BYTES, NONCE_BYTES, opened, seal
from slipway.feedback.secrets import Secrets
from slipway.ports import Condition, Row
from slipway.tables import FEEDBACK, Table

KEY, NONCE = b"k" * KEY_BYTES, b"n" * NONCE_BYTES


@given(st.dictionaries(st.text(max_size=10), st.text(max_size=50) | st.dictionaries(st.text(max_size=5), st.text(max_size=9))))
def test_it_comes_back_as_it_was(fields: dict[str, object]) -> None:
    assert opened(AesGcm(), KEY, seal(AesGcm(), KEY, NONCE, fields, "fbk_1"), "fbk_1") == fields


@given(st.integers(0), st.integers(1, 255))
def test_no_bit_of_it_can_be_another(place: int, change: int) -> None:
    sealed = bytearray(seal(AesGcm(), KEY, NONCE, {"text": "It drips"}, "fbk_1"))
    sealed[place % len(sealed)] ^= change
    with pytest.raises(ValueError, match="sealed"):
        opened(AesGcm(), KEY, bytes(sealed), "fbk_1")


@pytest.mark.parametrize(("key", "id"), [(b"x" * KEY_BYTES, "fbk_1"), (KEY, "fbk_2")])
def test_it_opens_with_no_other_key_and_for_no_other_item(key: bytes, id: str) -> None:
    with pytest.raises(ValueError, match="not sealed with this key"):
        opened(AesGcm(), key, seal(AesGcm(), KEY, NONCE, {"text": "It drips"}, "fbk_1"), id)


class Rival(MemoryStore):
    """Somebody else makes the secret between the question and the write."""

    def put(self, table: Table, row: Row, condition: Condition | None = None) -> None:
        if row["secret"] != b"theirs":
            super().put(table, {**row, "secret": b"theirs"})
        super().put(table, row, condition)


def test_whoever_comes_first_makes_a_secret() -> None:
    store = Rival()
    assert Secrets(store, os.urandom).of("pepper") == b"theirs"
    assert Secrets(store, os.urandom).find("pepper", "1") == b"theirs"
    assert Secrets(store, os.urandom).find("pepper", "2") is None
    assert list(store.tables[FEEDBACK.name]) == [("secret#pepper", "1")]
