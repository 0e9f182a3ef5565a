"""Which configurations give everybody the same."""

from __future__ import annotations

from typing import Any

import pytest

from slipway.flags.staleness import Verdict, only_variant, verdict
from tests.flag_rows import configuration, flag

SPLIT = {"fractional": [["on", 100], ["off", 0]]}


@pytest.mark.parametrize(
    ("fields", "variant"),
    [
        ({}, "off"),
        ({"enabled": False}, None),
        ({"default_variant": None}, None),
        ({"overrides": {"off": ["ada"]}}, "off"),
        ({"overrides": {"on": ["ada"]}}, None),
        ({"targeting": SPLIT}, None),
        ({"targeting": SPLIT, "default_variant": "on"}, "on"),
        ({"targeting": {"fractional": [{"var": "org"}, ["on"], ["off", 0]]}, "default_variant": "on"}, "on"),
        ({"targeting": {"fractional": [["on", 99], ["off", 1]]}}, None),
        ({"targeting": {"fractional": [["on", {"var": "weight"}], ["off", 0]]}}, None),
        ({"targeting": {"fractional": [["on", 0], ["off", 0]]}}, None),
        ({"targeting": {"if": [{"var": "beta"}, "on", "off"]}}, None),
        ({"targeting": SPLIT, "default_variant": "on", "overrides": {"on": ["ada"]}}, "on"),
        ({"targeting": SPLIT, "prerequisites": [{"flag": "other", "variants": ["on"]}]}, None),
        ({"prerequisites": [{"flag": "other", "variants": ["on"]}]}, "off"),
    ],
)
def test_the_only_variant(fields: dict[str, Any], variant: str | None) -> None:
    assert only_variant(configuration("checkout", **fields)["data"]) == variant


@pytest.mark.parametrize(
    ("changed", "made", "seen", "needed", "found"),
    [
        ("01", "01", "01", False, Verdict("not_evaluated", "2026-11-01")),
        ("01", "01", "03", False, Verdict("one_variant", "2026-11-01")),
        ("01", "01", "01", True, Verdict("one_variant", "2026-11-01")),
        ("03", "01", "01", False, None),
        ("01", "03", "01", False, Verdict("one_variant", "2026-11-01")),
        ("02", "02", "02", False, Verdict("not_evaluated", "2026-11-02")),
    ],
)
def test_the_verdict(changed: str, made: str, seen: str, needed: bool, found: Verdict | None) -> None:
    """On the 2nd of December: 30 days have passed since the 2nd of November."""
    head = {**flag("checkout"), "updated_at": "2026-11-01T00:00:00.000Z"}
    configured = {**configuration("checkout"), "updated_at": f"2026-11-{changed}T00:00:00.000Z"}
    assert verdict(head, configured, f"2026-11-{made}T", f"2026-11-{seen}", needed, "2026-11-02") == found
