"""Copies of files in memory. What holds for key files too is in `test_access_keyring.py`; here is what haste adds."""

from __future__ import annotations

import pytest

from slipway.adapters.memory import MemoryBlobs
from slipway.copies import Copies
from slipway.ports import Blob, StoreUnavailable

NOW, FRESH, PAUSE = 1000.0, 2, 10


class Bucket(MemoryBlobs):
    def __init__(self, objects: dict[str, Blob]) -> None:
        super().__init__()
        self.objects, self.down, self.asked = objects, False, 0

    def get(self, key: str, *, etag: str | None = None) -> Blob | None:
        self.asked += 1
        if self.down:
            raise StoreUnavailable("down")
        return super().get(key, etag=etag)


class World:
    def __init__(self, outlives: bool = False) -> None:
        objects: dict[str, Blob] = {}
        self.patient, self.hurried = Bucket(objects), Bucket(objects)
        self.copies = Copies(
            self.patient, str, bytes.decode, fresh=FRESH, pause=PAUSE, stale=60, most=2, hurried=self.hurried, outlives=outlives
        )
        self.write("one")

    def write(self, text: str) -> None:
        self.patient.put("a", text.encode(), content_type="text/plain")

    def read(self, after: float) -> tuple[str, bool]:
        copy = self.copies.find("a", NOW + after)
        assert copy is not None
        return copy.content, copy.doubted


def test_the_first_copy_has_time_and_news_are_asked_for_in_haste() -> None:
    world = World()
    assert world.read(0) == ("one", False)
    assert (world.patient.asked, world.hurried.asked) == (1, 0)
    world.write("two")
    assert world.read(FRESH - 0.1) == ("one", False)
    assert world.read(FRESH) == ("two", False)
    assert (world.patient.asked, world.hurried.asked) == (1, 1)


def test_what_haste_never_brings_comes_with_patience() -> None:
    """A document that is too large for the hurried client must not stay old for ever."""
    world = World()
    world.read(0)
    world.hurried.down = True
    world.write("two")
    assert [world.read(after) for after in (2, 4, 6, 8, 10)] == [("one", True)] * 5
    assert world.patient.asked == 1
    assert world.read(12) == ("two", False)
    assert world.patient.asked == 2


def test_patience_is_not_asked_for_often() -> None:
    world = World()
    world.read(0)
    world.patient.down = world.hurried.down = True
    for second in range(1, 60):
        world.read(second)
    assert (world.hurried.asked, world.patient.asked) == (5, 1 + 5)
    world.patient.down = world.hurried.down = False
    assert world.read(75) == ("one", False)


@pytest.mark.parametrize("outlives", [False, True])
def test_one_that_was_taken_away_is_gone_unless_it_is_to_serve_on(outlives: bool) -> None:
    world = World(outlives)
    world.read(0)
    world.patient.objects.clear()
    if outlives:
        assert world.read(FRESH) == ("one", True)
    else:
        assert world.copies.find("a", NOW + FRESH) is None
