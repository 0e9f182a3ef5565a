"""`python -m tests.ladder`: the rungs of the test suite one after another, each within its budget of minutes on 2 cores.

A rung is a few folders of `tests/`. The last table says what ran, what was skipped, and how long it took. A rung is over its
budget when it took longer by the clock and by its processors' time: other work on the machine is not its fault.
With SLIPWAY_NO_SKIPS set (CI) a skipped test fails its rung, unless it needs specifications of others that no clone has.
With `--prove` budgets do not apply, and e2e is climbed once more with boto3 in every function.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import NamedTuple

ELSEWHERE = "specifications"  # of others, which no clone has: see `tests/specs.py`
ROOT = Path(__file__).parent.parent


class Rung(NamedTuple):
    """`minutes`: the budget on 2 cores; `workers`: how many processes share the rung's tests; `boto3`: functions over it."""

    name: str
    folders: tuple[str, ...]
    minutes: float
    workers: int = 2
    boto3: str = ""


LADDER = (
    Rung("domain", ("domain", "ops"), 2),
    Rung("ports", ("ports", "adapters"), 2),
    Rung("functions", ("functions", "contracts"), 3),
    Rung("infra", ("infra",), 1.5, workers=1),
    Rung("simulation", ("simulation",), 3.5),
    Rung("e2e", ("e2e",), 7, workers=1),
    Rung("browser", ("browser",), 2, workers=1),
)
PROOFS = (Rung("e2e-boto3", ("e2e",), 7, workers=1, boto3="all"),)


class Outcome(NamedTuple):
    rung: Rung
    tests: int
    skipped: int
    seconds: float
    verdict: str


def climb(rung: Rung, *, prove: bool) -> Outcome:
    report = ROOT / ".cache" / "tests" / f"{rung.name}.xml"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    folders = [f"tests/{folder}" for folder in rung.folders if (ROOT / "tests" / folder).is_dir()]
    command = [sys.executable, "-m", "pytest", "--quiet", f"--junitxml={report}", *folders]
    command += ["-n", str(rung.workers), "--dist", "loadgroup"] if rung.workers > 1 else []
    print(f"\n--- {rung.name} ---", flush=True)
    begun, used = time.monotonic(), _processors()
    code = subprocess.run(command, cwd=ROOT, env={**os.environ, "SLIPWAY_BOTO3": rung.boto3}, check=False).returncode
    seconds = time.monotonic() - begun
    own = min(seconds, (_processors() - used) / rung.workers)
    suite = ElementTree.parse(report).getroot().find("testsuite") if report.exists() else None
    tests = int(suite.get("tests", "0")) if suite is not None else 0
    skips = [] if suite is None else [each.get("message", "") for each in suite.iter("skipped")]
    skipped = sum(ELSEWHERE not in why for why in skips)
    if code != 0:
        verdict = "FAILED"
    elif tests == 0:
        verdict = "FAILED: no test ran"
    elif skipped and os.environ.get("SLIPWAY_NO_SKIPS"):
        verdict = "FAILED: tests were skipped"
    elif own > rung.minutes * 60 and not prove:
        verdict = "FAILED: over its budget"
    else:
        verdict = "passed"
    return Outcome(rung, tests, skipped, seconds, verdict)


def _processors() -> float:
    """Seconds of processor time of all children that have ended."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.ladder", description="Run the test suite, rung by rung.")
    parser.add_argument("--prove", action="store_true", help="the long proofs: no budgets")
    names = ", ".join(rung.name for rung in LADDER)
    proofs = ", ".join(rung.name for rung in PROOFS)
    parser.add_argument("rungs", nargs="*", metavar="RUNG", help=f"of {names}, to prove also {proofs}; all by default")
    arguments = parser.parse_args()
    ladder = LADDER + PROOFS if arguments.prove else LADDER
    if unknown := set(arguments.rungs) - {rung.name for rung in ladder}:
        parser.error(f"there is no rung {', '.join(sorted(unknown))}")
    chosen = [rung for rung in ladder if not arguments.rungs or rung.name in arguments.rungs]
    outcomes = [climb(rung, prove=arguments.prove) for rung in chosen]
    print(f"\n{'rung':<12}{'tests':>7}{'skipped':>9}{'seconds':>9}{'budget':>8}  verdict")
    for outcome in outcomes:
        budget = "" if arguments.prove else f"{outcome.rung.minutes * 60:.0f}"
        print(
            f"{outcome.rung.name:<12}{outcome.tests:>7}{outcome.skipped:>9}"
            f"{outcome.seconds:>9.1f}{budget:>8}  {outcome.verdict}"
        )
    return 0 if all(outcome.verdict == "passed" for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
