"""An event as it stands in the lake: as it came, with neither the context nor the address."""

from __future__ import annotations

import json

from slipway.signals.posted import Exposure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from slipway.signals.posted import Sender, Signal


def line(signal: Signal, sender: Sender, now: float, proven: Mapping[str, Any]) -> bytes:
    """`proven`: what it came to. What is not known is left out. `now`: epoch seconds."""
    document = {
        "id": signal.id,
        "type": "exposure" if isinstance(signal, Exposure) else "outcome",
        "received_at": int(now * 1000),
        "environment": sender.environment,
        "key": sender.trust,
        "at": signal.at,
        "targeting_key": signal.key,
        **proven,
    }
    there = {name: value for name, value in document.items() if value is not None}
    return json.dumps(there, separators=(",", ":")).encode() + b"\n"
