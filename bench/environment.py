"""What a measured process runs on: the locked dependencies, AWS's runtime client, and bytecode for all of it."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def site(group: str = "bench") -> Path:
    """A folder with the dependency layer and that group of packages, built once per lock file."""
    digest = hashlib.sha256((ROOT / "uv.lock").read_bytes() + sys.version.encode() + group.encode()).hexdigest()[:16]
    target = ROOT / ".cache" / "bench" / digest
    if not target.exists():
        uv = [sys.executable, "-m", "uv"]
        lock = subprocess.run(
            [*uv, "export", "--quiet", "--frozen", "--no-default-groups", "--group", group, "--no-emit-project"],
            cwd=ROOT, check=True, capture_output=True,
        ).stdout  # fmt: skip
        partial = target.with_suffix(".partial")
        command = [*uv, "pip", "install", "--quiet", "--python", sys.executable, "--target", str(partial), "-r", "-"]
        subprocess.run(command, input=lock, cwd=ROOT, check=True)
        partial.rename(target)
    return target


def variables() -> dict[str, str]:
    """The environment of a measured process. Bytecode is kept apart from the sources; a first run fills it."""
    paths = [ROOT, ROOT / "layers" / "core" / "python", site()]
    return {
        "PYTHONPATH": ":".join(map(str, paths)),
        "PYTHONPYCACHEPREFIX": str(ROOT / ".cache" / "bench" / "bytecode"),
        "POWERTOOLS_METRICS_NAMESPACE": "Bench",
    }
