"""`make bench`: what Slipway costs, as ratios against named peers measured in the same run.

Instructions are callgrind's, so that the same code gives the same figure on any machine that runs it. A cold request is the
whole process: interpreter, AWS's runtime client, imports, first request over a new TLS connection. A warm one is the
difference that five more make, divided by five.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path
from typing import NamedTuple

from bench import backend, environment
from bench.capacity import capacity
from bench.cases import TOLD, Case, cases
from bench.client import client
from bench.flags import flags
from bench.guard import guard
from bench.runtime import Failed, invoke
from bench.similar import similar

WARM, REPEATS = 5, 5


class Cost(NamedTuple):
    """Millions of instructions and CPU milliseconds of a cold and of a warm request, MB resident."""

    cold: float
    warm: float
    cold_cpu: float
    warm_cpu: float
    rss: float


def cost(case: Case, env: dict[str, str]) -> Cost:
    python = Path(sys.executable)
    told = {**environment.variables(), **env, **case.env}
    first, more = [case.event(0)], [case.event(number) for number in range(WARM + 1)]
    _, answers = invoke(python, case.handler, first, told, count=False)  # fills the bytecode cache
    if not case.works(answers[0]):
        raise Failed(f"{case.name}: {answers[0]}")
    one, counted = invoke(python, case.handler, first, told, count=True)
    many, again = invoke(python, case.handler, more, told, count=True)
    if wrong := [answer for answer in counted + again if not case.works(answer)]:  # in time, which is fifty times as long here
        raise Failed(f"{case.name}: {wrong[0]}")
    cold = [invoke(python, case.handler, first, told, count=False)[0] for _ in range(REPEATS)]
    hundred = [case.event(number) for number in range(101)]
    warm = invoke(python, case.handler, hundred, told, count=False)[0]
    cold_cpu = statistics.median(measured.cpu for measured in cold)
    return Cost(
        one.instructions / 1e6,
        (many.instructions - one.instructions) / WARM / 1e6,
        cold_cpu * 1e3,
        (warm.cpu - cold_cpu) * 10,
        max(measured.rss for measured in cold),
    )


def functions() -> None:
    print("\nOne cold and one warm request of each function (M = million instructions, ms = CPU)\n")
    columns = f"{'':<20}{'cold M':>9}{'x empty':>9}{'x peer':>8}{'warm M':>8}{'x peer':>8}{'cold ms':>9}{'warm ms':>9}{'MB':>5}"
    print(f"{columns}\n{'-' * len(columns)}")
    with backend.running() as running:
        measured: dict[str, Cost] = {}
        for case in cases(running.plain):
            spent = measured[case.name if case.kind == "function" else case.kind] = cost(case, running.env)
            floor, peer = measured["floor"], measured.get("peer", spent)
            cold = f"{spent.cold:>9.1f}{spent.cold / floor.cold:>9.2f}{spent.cold / peer.cold:>8.2f}"
            warm = f"{spent.warm:>8.2f}{spent.warm / peer.warm:>8.2f}"
            print(f"{case.name:<20}{cold}{warm}{spent.cold_cpu:>9.0f}{spent.warm_cpu:>9.2f}{spent.rss:>5.0f}", flush=True)
        told = measured[f"collect: {TOLD} events"].warm / TOLD
        print(f"\ncollect, each event of a batch of {TOLD}: {told:.2f} M, {told / peer.warm:.2f} x the peer's one request")
    print(
        "\nTargets: desk functions cold at most 5 x empty, warm at most 0.4 x the peer, but for a submission, of three"
        "\nrequests where the peer has one: cold and warm at most 0.7 x the peer. authorize and evaluate cold"
        "\nat most 1.25 x, 30 MB. Their floor is the empty handler that makes one request over TLS."
    )


SECTIONS = {"functions": functions, "client": client, "capacity": capacity, "flags": flags, "guard": guard, "similar": similar}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Costs, as ratios against named peers.")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}; all by default")
    chosen = parser.parse_args().sections
    if unknown := set(chosen) - set(SECTIONS):
        parser.error(f"there is no section {', '.join(sorted(unknown))}")
    for name, section in SECTIONS.items():
        if not chosen or name in chosen:
            section()


if __name__ == "__main__":
    main()
