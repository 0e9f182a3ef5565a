"""What every `Lake` promises."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from slipway.ports import Lake

Read = Callable[[], list[bytes]]


@pytest.mark.parametrize("record", [b"{}\n", b"\x00\xff", '{"name":"Ünïcode ✓"}\n'.encode() * 3, os.urandom(300_000)], ids=len)
def test_a_record_stands_there_as_it_was(lake: tuple[Lake, Read], record: bytes) -> None:
    port, read = lake
    port.add(record)
    assert b"".join(read()) == record


def test_each_is_added_to_the_others(lake: tuple[Lake, Read]) -> None:
    port, read = lake
    port.add(b"one\n")
    port.add(b"two\n")
    port.add(b"one\n")
    assert sorted(b"".join(read()).splitlines()) == [b"one", b"one", b"two"]


def test_what_no_lake_takes_is_a_mistake_of_ours(lake: tuple[Lake, Read]) -> None:
    for record in (b"", b"x" * (1000 * 1024 + 1)):
        with pytest.raises(ValueError, match="bytes"):
            lake[0].add(record)
