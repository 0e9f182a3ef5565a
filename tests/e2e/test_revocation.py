"""What was taken away is gone: measured beside the other tests, asserted here."""

from __future__ import annotations

import pytest

from tests.e2e.fading import PROMISE, Fading
from tests.figures import Tell

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("credentials", ["server key", "admin key", "role", "member"])
def test_what_lost_its_power_stops_working_within_a_minute(fading: Fading, credentials: str, tell: Tell) -> None:
    seconds = fading.join()
    tell(f"{credentials}: {seconds.get(credentials, float('nan')):.0f} s")
    assert seconds[credentials] <= PROMISE
