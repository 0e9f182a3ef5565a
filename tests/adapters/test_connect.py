"""How long a function waits for what does not answer."""

from __future__ import annotations

import socket
import time

import pytest

from slipway.adapters import connect
from slipway.ports import StoreUnavailable
from slipway.settings import Evaluate

PATIENCE = 3  # times the promise: the machine may be busy


@pytest.mark.parametrize("listens", [True, False], ids=["silent", "refuses"])
def test_a_budget_holds_for_the_connection_and_all_tries(listens: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        if not listens:
            server.close()
        for name, value in {"REGION": "eu-west-1", "ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x"}.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{port}")
        blobs = connect.blobs(Evaluate(stage="test", bucket_flags="flags", bucket_keys="keys"), "flags", budget=0.25)
        begun = time.monotonic()
        with pytest.raises(StoreUnavailable):
            blobs.get("flags/production/current.json", etag='"x"')
        assert time.monotonic() - begun < PATIENCE * 0.25
        blobs.client.close()  # type: ignore[attr-defined]
