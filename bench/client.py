"""The small signed client against boto3: instructions of importing it and making the first call, and of one call more."""

from __future__ import annotations

import sys
from pathlib import Path

from bench import backend, environment
from bench.cases import prepare
from bench.runtime import Failed, invoke

CALLS = 20
HANDLERS = {
    "no client": "bench.peers.empty.handler",
    "boto3": "bench.peers.boto.handler",
    "slipway": "bench.peers.small.handler",
}


def client() -> None:
    print("\nGetItem, the small client against boto3 (million instructions, over TLS)\n")
    header = f"{'':<14}{'cold M':>9}{'more than none':>16}{'one more call M':>17}"
    print(f"{header}\n{'-' * len(header)}")
    with backend.running() as running:
        prepare(running.plain)
        spent: dict[str, tuple[float, float]] = {}
        for name, handler in HANDLERS.items():
            env = {**environment.variables(), **running.env, "BENCH_TABLE": "slipway-products"}
            _, answers = invoke(Path(sys.executable), handler, [{}], env, count=False)
            if answers[0]["statusCode"] != 200:
                raise Failed(f"{name}: {answers[0]}")
            one, _ = invoke(Path(sys.executable), handler, [{}], env, count=True)
            many, _ = invoke(Path(sys.executable), handler, [{}] * (CALLS + 1), env, count=True)
            cold, warm = one.instructions / 1e6, (many.instructions - one.instructions) / CALLS / 1e6
            spent[name] = cold - spent.get("no client", (cold, 0.0))[0], warm - spent.get("no client", (0.0, 0.0))[1]
            if name == "no client":
                spent[name] = cold, warm
            print(f"{name:<14}{cold:>9.1f}{spent[name][0] if name != 'no client' else 0:>16.1f}{warm:>17.2f}", flush=True)
    boto, small = spent["boto3"], spent["slipway"]
    print(f"\nboto3 costs {boto[0] - small[0]:.0f} M more when cold, and {boto[1] / small[1]:.1f} x for a call.")
