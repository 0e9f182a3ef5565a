"""One run of the CDK for all tests: what they read is JSON, and none of them imports `aws_cdk`."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.config import Config
from infra.functions import NAMES
from infra.packaging import ROOT
from infra.rules import Estate
from tests.infra.assemblies import CONTEXTS

Templates = dict[str, dict[str, Any]]
SNAPSHOTS = Path(__file__).parent / "snapshots"


@dataclass(frozen=True)
class Assembly:
    """One synthesized app: templates by the stack's plain name (Data, Service, Watch)."""

    directory: Path
    config: Config
    templates: Templates

    @property
    def estate(self) -> Estate:
        return Estate(copy.deepcopy(self.templates), self.config)

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """Logical id -> properties of each resource of that type."""
        return {
            id: resource.get("Properties", {})
            for template in self.templates.values()
            for id, resource in template["Resources"].items()
            if resource["Type"] == kind
        }

    def acknowledged(self) -> list[tuple[str, str, str]]:
        """Construct, finding and reason of everything that was acknowledged."""
        return sorted(
            (path, finding.removeprefix("Annotation::"), reason)
            for file in self.directory.glob("*.metadata.json")
            for path, entries in json.loads(file.read_text()).items()
            for entry in entries
            if entry["type"] == "aws:cdk:acknowledged-rules"
            for finding, reason in entry["data"].items()
        )


@pytest.fixture(scope="session")
def synthesized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("assemblies")
    command = [sys.executable, "-m", "tests.infra.assemblies", str(directory)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert "warning" not in done.stdout.lower(), "a synth warned"
    return directory


def _assembly(directory: Path, name: str) -> Assembly:
    config = Config.read(CONTEXTS[name], NAMES)
    parts = {part: directory / name / f"{config.stack(part)}.template.json" for part in ("Data", "Service", "Watch")}
    return Assembly(directory / name, config, {part: json.loads(path.read_text()) for part, path in parts.items()})


@pytest.fixture(scope="session")
def aws(synthesized: Path) -> Assembly:
    return _assembly(synthesized, "aws")


@pytest.fixture(scope="session")
def local(synthesized: Path) -> Assembly:
    return _assembly(synthesized, "local")


@pytest.fixture(scope="session")
def trial(synthesized: Path) -> Assembly:
    """Another stage, with every context key set but `edge`."""
    return _assembly(synthesized, "trial")


@pytest.fixture(scope="session")
def edge(synthesized: Path) -> Assembly:
    return _assembly(synthesized, "edge")


@pytest.fixture(scope="session")
def edge_domain(synthesized: Path) -> Assembly:
    return _assembly(synthesized, "edge-domain")


def same_as_snapshot(name: str, text: str) -> None:
    """SLIPWAY_SNAPSHOTS=write writes it anew: review it then as you review code."""
    path = SNAPSHOTS / name
    if os.environ.get("SLIPWAY_SNAPSHOTS") == "write":
        path.write_text(text)
    hint = f"tests/infra/snapshots/{name} drifted: run SLIPWAY_SNAPSHOTS=write pytest tests/infra, and review the difference"
    assert (path.read_text() if path.exists() else None) == text, hint
