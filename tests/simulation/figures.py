"""The counts of a proof."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tests.simulation.faults import Fault
from tests.simulation.oracle import Findings


@dataclass
class Figures:
    runs: int = 0
    faults: int = 0
    wrong: int = 0
    lost: int = 0
    doubled: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)

    def add(self, happened: list[tuple[str, Fault]], findings: Findings) -> None:
        self.runs += 1
        self.faults += len(happened)
        self.calls.update(name for name, _ in happened)
        self.wrong += len(findings.wrong)
        self.lost += len(findings.lost)
        self.doubled += len(findings.doubled)
        if findings:
            self.failed.append(f"{[(name, fault.name) for name, fault in happened]}: {findings}")

    def told(self) -> str:
        return "\n".join([str(self), *self.failed[:5]])

    def __str__(self) -> str:
        return (
            f"{self.runs} runs, {self.faults} faults in {len(self.calls)} kinds of calls; "
            f"wrong: {self.wrong}; lost: {self.lost}; doubled: {self.doubled}"
        )
