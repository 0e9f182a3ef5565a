"""Rules in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def sentences(flag: Mapping[str, Any], configuration: Mapping[str, Any]) -> list[str]:
    del flag
    return [] if configuration["enabled"] else ["It is off."]
