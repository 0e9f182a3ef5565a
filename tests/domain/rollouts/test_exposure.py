"""Units without names, and tokens that nobody else can make."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.rollouts.exposure import SCALE, Exposure, arm, bucket, sign, unit, verify

SECRET, OTHER = b"s" * 32, b"o" * 32
EXPOSURE = Exposure(1, "rol_" + "a" * 26, 2, "t", 4_711, unit(SECRET, "rol_" + "a" * 26, "ada"))
TOKEN = sign(SECRET, "production", "checkout", EXPOSURE)


def test_a_token_says_what_was_signed() -> None:
    assert verify({1: SECRET}, "production", "checkout", TOKEN) == EXPOSURE


def test_equal_exposures_have_equal_tokens() -> None:
    assert sign(SECRET, "production", "checkout", EXPOSURE) == TOKEN


@pytest.mark.parametrize(
    ("secrets", "environment", "flag"),
    [
        ({}, "production", "checkout"),
        ({2: SECRET}, "production", "checkout"),
        ({1: OTHER}, "production", "checkout"),
        ({1: SECRET}, "staging", "checkout"),
        ({1: SECRET}, "production", "search"),
    ],
)
def test_it_proves_nothing_elsewhere(secrets: dict[int, bytes], environment: str, flag: str) -> None:
    assert verify(secrets, environment, flag, TOKEN) is None


@given(st.integers(0, len(TOKEN) - 1), st.characters(codec="ascii"))
def test_a_token_with_one_letter_changed_proves_nothing(place: int, letter: str) -> None:
    changed = TOKEN[:place] + letter + TOKEN[place + 1 :]
    assert changed == TOKEN or verify({1: SECRET}, "production", "checkout", changed) is None


@given(st.text(max_size=300))
def test_no_text_is_an_error(text: str) -> None:
    assert verify({1: SECRET}, "production", "checkout", text) is None
    assert verify({1: SECRET}, "production", "checkout", ".".join([text] * 8)) is None


@pytest.mark.parametrize("digits", ["\u00b2", "\u0661", "9" * 5_000, "-1", ""])
def test_numbers_are_plain_digits(digits: str) -> None:
    assert verify({1: SECRET}, "production", "checkout", TOKEN.replace("1.1.", f"1.{digits}.", 1)) is None


def test_a_unit_tells_nothing_across_rollouts_or_secrets() -> None:
    units = {unit(secret, rollout, "ada") for secret in (SECRET, OTHER) for rollout in ("rol_1", "rol_2")}
    assert len(units) == 4
    assert all(len(each) == 22 for each in units)
    assert unit(SECRET, "rol_1", "ada") == unit(SECRET, "rol_1", "ada")


def test_parts_do_not_run_into_each_other() -> None:
    assert unit(SECRET, "rol_1", "x") != unit(SECRET, "rol_1\x1fx", "")


@given(st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=50), st.sampled_from(["v2", "v3"]))
def test_a_bucket_is_in_range_and_an_arm_follows_from_it(text: str, hash: str) -> None:
    drawn = bucket("checkout", hash, text)
    assert 0 <= drawn < SCALE
    assert (arm(drawn, drawn), arm(drawn, drawn + 1)) == ("c", "t")
