"""Values behave as frozen dataclasses do, and importing what a hot path imports stays light."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import pytest

from slipway.values import Value


class Point(Value):
    x: int
    y: int = 0


class Place(Point):
    name: str = "here"


def test_fields_come_by_position_and_by_name_with_defaults() -> None:
    assert (Point(1).x, Point(1).y, Point(y=3, x=2).y) == (1, 0, 3)
    assert repr(Place(1, name="there")) == "Place(x=1, y=0, name='there')"


@pytest.mark.parametrize("wrong", [lambda: Point(), lambda: Point(1, 2, 3), lambda: Point(1, z=2), lambda: Point(1, x=2)])  # type: ignore[call-arg, misc]
def test_a_wrong_call_is_an_error(wrong: object) -> None:
    with pytest.raises(TypeError):
        wrong()  # type: ignore[operator]


def test_equality_needs_the_same_class() -> None:
    assert Point(1) == Point(1, 0)
    assert Point(1) != Point(2)
    assert Point(1) != Place(1)
    assert Point(1) != (1, 0)
    assert len({Point(1), Point(1), Place(1)}) == 2


def test_nothing_can_be_set_or_deleted() -> None:
    point = Point(1)
    with pytest.raises(AttributeError):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(AttributeError):
        point.z = 2
    with pytest.raises(AttributeError):
        del point.x


def test_copies_are_equal() -> None:
    place = Place(1, 2, "there")
    assert copy.deepcopy(place) == pickle.loads(pickle.dumps(place)) == place


def test_a_match_takes_them_apart() -> None:
    match Place(1, 2, "there"):
        case Place(x, y, name):
            assert (x, y, name) == (1, 2, "there")


def test_the_ports_load_neither_dataclasses_nor_typing() -> None:
    code = "import sys; before = set(sys.modules); import slipway.access, slipway.ports; print(*set(sys.modules) - before)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"dataclasses", "inspect", "typing"} & set(run.stdout.split())


def test_a_value_with_a_field_changed_is_another_value() -> None:
    place = Place(1, 2, "there")
    assert place.but(x=0) == Place(0, 2, "there")
    assert place == Place(1, 2, "there")
    with pytest.raises(TypeError):
        place.but(z=1)
