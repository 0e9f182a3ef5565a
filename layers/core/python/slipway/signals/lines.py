"""An event as it stands in the lake: as it came, with neither the context nor the address, nor whose it is by name."""

from __future__ import annotations

import json

from slipway.rollouts import exposure
from slipway.signals.posted import Exposure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from slipway.signals.posted import Sender, Signal


def line(signal: Signal, sender: Sender, secrets: Mapping[int, bytes], now: float, proven: Mapping[str, Any]) -> bytes:
    """`proven`: what it came to. What is not known is left out. `secrets`: by generation; `now`: epoch seconds."""
    document = {
        "id": signal.id,
        "type": "exposure" if isinstance(signal, Exposure) else "outcome",
        "received_at": int(now * 1000),
        "environment": sender.environment,
        "key": sender.trust,
        "at": signal.at,
        "subject": None if signal.key is None else _subject(secrets, signal.key),
        **proven,
    }
    there = {name: value for name, value in document.items() if value is not None}
    return json.dumps(there, separators=(",", ":")).encode() + b"\n"


def _subject(secrets: Mapping[int, bytes], key: str) -> str | None:
    """Whose it is, the same in all events of the environment until its secret is rotated; None before it has one."""
    return exposure.unit(secrets[max(secrets)], "lake", key) if secrets else None
