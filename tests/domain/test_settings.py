"""The environment of a function: what the infrastructure writes, the function reads; what is wrong is named."""

from __future__ import annotations

import pytest

from slipway import settings


def test_what_env_writes_load_reads() -> None:
    relay = settings.Relay(stage="test", bus="slipway", bucket_quarantine="q", raise_failures=True)
    assert relay.env()["SLIPWAY_RAISE_FAILURES"] == "true"
    assert settings.Relay.load(relay.env()) == relay


def test_every_missing_variable_is_named() -> None:
    with pytest.raises(settings.BadSettings, match=r"SLIPWAY_STAGE.*SLIPWAY_BUCKET_QUARANTINE.*SLIPWAY_BUS"):
        settings.Relay.load({})


@pytest.mark.parametrize("text", ["True", "1", ""])
def test_a_malformed_variable_is_named_with_its_value(text: str) -> None:
    environ = {"SLIPWAY_STAGE": "t", "SLIPWAY_BUS": "b", "SLIPWAY_BUCKET_QUARANTINE": "q", "SLIPWAY_RAISE_FAILURES": text}
    with pytest.raises(settings.BadSettings, match="SLIPWAY_RAISE_FAILURES"):
        settings.Relay.load(environ)
