"""The pages as they are served: the real handlers, with their real headers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.chromium import chromium, served
from tests.contracts.bridge import application


@pytest.fixture(scope="session")
def origin() -> Iterator[str]:
    with served(application) as origin:
        yield origin


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser
