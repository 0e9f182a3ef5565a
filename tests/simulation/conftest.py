"""Each proof of the simulation tells its counts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.figures import Tell
from tests.simulation.figures import Figures


@pytest.fixture
def figures(tell: Tell, request: pytest.FixtureRequest) -> Iterator[Figures]:
    counted = Figures()
    yield counted
    tell(f"{request.node.callspec.id}: {counted}")
