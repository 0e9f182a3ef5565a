"""After everything: each version of each resource of the whole run is in the audit, once."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.e2e.stack import Stack, until
from tests.figures import Tell

pytestmark = pytest.mark.e2e


def test_everything_that_happened_is_in_the_audit_once(stack: Stack, tell: Tell) -> None:
    tables = {stack.setting(area, f"SLIPWAY_TABLE_{area.upper()}") for area in ("products", "access", "flags", "feedback")}

    def written() -> Counter[tuple[str, int]]:
        return Counter(
            (row["pk"]["S"], version)
            for table in tables
            for row in stack.rows(table, "pk", "sk", "version", "cause", "kind")
            if row["sk"]["S"] == "head" and "cause" in row  # a row that no use case wrote is another test's poison
            for version in range(1, int(row["version"]["N"]) + 1)
            if (row["kind"]["S"], version) != ("configuration", 1)  # it is there from the start, and nobody made it
        )

    def audited() -> Counter[tuple[str, int]]:
        rows = stack.rows(stack.setting("record", "SLIPWAY_TABLE_AUDIT"), "pk", "sequence")
        return Counter((row["pk"]["S"], int(row["sequence"]["N"])) for row in rows)

    until(lambda: not written() - audited(), within=120, every=1.0, what="the audit knows everything")
    seen = audited()  # before what is written is read again: whoever is still at work writes first
    doubled = seen - written()
    tell(f"{seen.total()} changes, lost: 0, doubled: {doubled.total()}")
    assert not doubled
