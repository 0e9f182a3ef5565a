"""The text of API keys."""

from __future__ import annotations

import re
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.credentials import DIGITS, mint, parse, proves
from slipway.environments import is_environment

ENTROPY = st.binary(min_size=43, max_size=43)
ENVIRONMENT = st.from_regex(r"[a-z][a-z0-9-]{0,31}", fullmatch=True).filter(lambda name: name != "all")
KIND = st.sampled_from(["client", "server"])
SHAPE = re.compile(r"slp_([a-z][a-z0-9-]{0,31})_(client|server|admin)_([0-9A-Za-z]{15})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})")


@given(ENVIRONMENT, KIND, ENTROPY)
def test_what_is_minted_is_parsed(environment: str, kind: str, entropy: bytes) -> None:
    text, credential = mint(environment, kind, entropy)
    assert SHAPE.fullmatch(text)
    assert len(text) <= 120
    assert parse(text) == credential
    assert (credential.environment, credential.kind) == (environment, kind)
    assert text.startswith(credential.prefix + "_")


@given(ENTROPY)
def test_an_admin_key_is_of_no_environment(entropy: bytes) -> None:
    text, credential = mint("all", "admin", entropy)
    assert parse(text) == credential
    with pytest.raises(ValueError):
        mint("prod", "admin", entropy)
    with pytest.raises(ValueError):
        mint("all", "server", entropy)


@given(ENTROPY, ENTROPY)
def test_other_entropy_another_key(one: bytes, other: bytes) -> None:
    first, second = mint("prod", "server", one), mint("prod", "server", other)
    assert (first == second) is (one == other)
    assert proves(first[1], second[1].verifier) is (one == other)


@given(ENVIRONMENT, KIND, ENTROPY, st.data())
def test_one_wrong_character_is_no_key(environment: str, kind: str, entropy: bytes, data: st.DataObject) -> None:
    text, _ = mint(environment, kind, entropy)
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from(DIGITS + "_-. é").filter(lambda letter: letter != text[place]))
    assert parse(text[:place] + other + text[place + 1 :]) is None
    assert parse(text[:place]) is None
    assert parse(text + other) is None


@given(st.text(max_size=200))
def test_no_text_is_too_odd_to_be_refused(text: str) -> None:
    for candidate in (text, "slp_" + text, f"slp_prod_server_{text}"):
        found = parse(candidate)
        assert found is None or SHAPE.fullmatch(candidate)


def signed(body: str) -> str:
    """With the right tail, as anybody can compute it."""
    number, tail = zlib.crc32(body.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        tail = DIGITS[digit] + tail
    return body + tail


GOOD = "slp_prod_server_" + "a" * 15 + "_" + "b" * 43


@pytest.mark.parametrize(
    "body",
    [
        GOOD.replace("prod", "Prod"),
        GOOD.replace("prod", "1prod"),
        GOOD.replace("prod", "p" * 33),
        GOOD.replace("prod", ""),
        GOOD.replace("prod", "all"),
        GOOD.replace("prod", "../x"),
        GOOD.replace("server", "admin"),
        GOOD.replace("server", "root"),
        GOOD.replace("slp_", "SLP_"),
        GOOD.replace("a" * 15, "a" * 14),
        GOOD.replace("a" * 15, "a" * 16),
        GOOD.replace("b" * 43, "b" * 42),
        GOOD.replace("b" * 43, "b" * 42 + "-"),
        GOOD + "_",
    ],
)
def test_a_right_tail_on_a_wrong_key_is_refused(body: str) -> None:
    assert parse(signed(body)) is None


def test_the_right_tail_is_all_that_a_made_up_key_needs_to_be_read() -> None:
    assert parse(signed(GOOD)) is not None


def test_the_secret_is_in_nothing_but_the_text() -> None:
    text, credential = mint("prod", "server", bytes(range(43)))
    secret = text.rsplit("_", 1)[1][:43]
    assert secret not in repr(credential)


def test_a_proof_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def compare(one: str, other: str) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr("slipway.credentials._compare_digest", compare)
    _, credential = mint("prod", "server", bytes(43))
    assert not proves(credential, "0" * 64)
    assert compared == [(credential.verifier, "0" * 64)]


@pytest.mark.parametrize("name", ["prod", "a", "a-1", "a" * 32])
def test_names_of_environments(name: str) -> None:
    assert is_environment(name)


@pytest.mark.parametrize("name", ["", "a" * 33, "-a", "1a", "A", "a_b", "ä", "a\n", "all"])
def test_names_that_no_environment_has(name: str) -> None:
    assert not is_environment(name)
