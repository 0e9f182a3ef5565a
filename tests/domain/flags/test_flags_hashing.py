"""Murmur3, CBOR and versions against the packages that others use for them."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import cbor2
import mmh3
import pytest
import semver as semver_package
from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.flags import cbor, murmur3, semver
from slipway.flags.fractional import bucketed, draw, prefix, shares

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text("abcä", max_size=30), inner, max_size=5),
    max_leaves=20,
)


@settings(derandomize=True)
@given(st.binary(max_size=100), st.binary(max_size=40))
def test_the_hash_is_mmh3s_with_and_without_that_package(data: bytes, prefix: bytes) -> None:
    expected = mmh3.hash(data, signed=False)
    assert murmur3.pure(data) == murmur3.murmur3(data) == expected
    whole = mmh3.hash(prefix + data, signed=False)
    assert murmur3.pure_after(prefix)(data) == murmur3.murmur3_after(prefix)(data) == whole


def whole_floats_as_integers(value: Any) -> Any:
    """As flagd prepares a value before it is written."""
    if isinstance(value, float) and value.is_integer() and -(2**63) <= value <= 2**64 - 1:
        return int(value)
    if isinstance(value, list):
        return [whole_floats_as_integers(item) for item in value]
    if isinstance(value, dict):
        return {name: whole_floats_as_integers(inner) for name, inner in value.items()}
    return value


@settings(derandomize=True)
@given(JSON)
def test_cbor_is_cbor2s_canonical_form(value: Any) -> None:
    assert cbor.encode(value) == cbor2.dumps(whole_floats_as_integers(value), canonical=True)


@pytest.mark.parametrize(
    "value", [0.5, 1.5e300, 1e20, 5.960464477539063e-08, 1e-8, 3.4028234663852886e38, -0.1, math.inf, -math.inf, math.nan]
)
def test_floats_are_as_short_as_they_can_be(value: float) -> None:
    assert cbor.encode(value) == cbor2.dumps(value, canonical=True)


@pytest.mark.parametrize("size", [0, 23, 24, 255, 256, 65_535])
def test_heads_have_the_fewest_bytes(size: int) -> None:
    for value in ("x" * size, {str(number): 1 for number in range(min(size, 300))}):
        assert cbor.encode(value) == cbor2.dumps(value, canonical=True)


@pytest.mark.parametrize("value", ["\ud800", {1, 2}, b"x", "x" * 70_000, [0] * 20_000, 1 << 5000, {"\udfff": 1}])
def test_what_is_no_json_value_or_too_large_is_refused(value: Any) -> None:
    with pytest.raises(ValueError):
        cbor.encode(value)


def test_a_value_inside_itself_is_refused() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(ValueError):
        cbor.encode(value)


IDENTIFIER = st.text("0123456789ab-", max_size=4)
VERSION = st.builds(
    lambda v, core, before, build: (
        v + ".".join(core) + "".join("-" + part for part in before) + "".join("+" + part for part in build)
    ),
    st.sampled_from(["", "v", "V", "vv", " "]),
    st.lists(st.text("0123456789", max_size=3), min_size=1, max_size=4),
    st.lists(st.lists(IDENTIFIER, max_size=3).map(".".join), max_size=1),
    st.lists(IDENTIFIER.map("+".__add__), max_size=1),
)


def reference(text: str) -> Any:
    """flagd-core's reading: one v, and missing numbers as zeros, before the package reads the rest."""
    text = text[1:] if text[:1] in ("v", "V") else text
    core = text.split("-")[0].split("+")[0]
    try:
        return semver_package.Version.parse(core + ".0" * (2 - core.count(".")) + text[len(core) :])
    except ValueError:
        return None


@settings(max_examples=500, derandomize=True)
@given(VERSION, VERSION)
def test_versions_are_read_and_ordered_as_the_package_does(one: str, other: str) -> None:
    a, b = reference(one), reference(other)
    assert (semver.parse(one) is None) == (a is None)
    expected = {"=": a == b, "!=": a != b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b} if a and b else {}
    for comparison in ("=", "!=", "<", "<=", ">", ">="):
        assert semver.compare(one, comparison, other) == expected.get(comparison)


ORDER = "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0 1.0.1 1.1 2"


def test_versions_are_in_the_order_that_semver_org_gives() -> None:
    versions = ORDER.split()
    Random(1).shuffle(versions)
    assert sorted(versions, key=lambda version: semver.parse(version) or ()) == ORDER.split()


@pytest.mark.parametrize(
    "raw", [None, True, [], {}, "", "1.2.3.4", "1..2", "01.2.3", "1.2.x", "1.2.3-", "1.2.3-01", "1.2.3+", "9" * 300]
)
def test_what_is_no_version(raw: Any) -> None:
    assert semver.parse(raw) is None
    assert semver.compare(raw, "=", "1.0.0") is None


@settings(derandomize=True)
@given(st.text(max_size=300), st.sampled_from(["v2", "v3"]), st.integers(1, 2**31 - 1), st.integers(0, 100))
def test_the_shortcut_for_texts_draws_as_the_general_form(key: str, hash: str, weight: int, other: int) -> None:
    parts = [["a", weight - min(other, weight)], ["b", min(other, weight)]]
    split = shares(parts)
    assert split is not None
    short = draw("a-flag", hash, {"targetingKey": key}, parts)
    explicit = draw("a-flag", hash, {}, [key, *parts])
    try:
        assert (short.variant if short else None) == (bucketed(hash, split, prefix(hash, "a-flag"))(key) if key else None)
        assert (explicit.variant if explicit else None) == bucketed(hash, split)(key)
    except UnicodeEncodeError:
        assert short is None
        assert explicit is None
