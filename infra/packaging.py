"""What a function is made of, as zip files: its own code, the shared code, the third-party wheels.

No Docker: wheels for the runtime's platform come as they are. Equal inputs give equal bytes; a file is named by its inputs, so
what stands in `.cache/assets` is never built twice and a warm synth needs no network. `/opt` and `/var/task` are read-only in a
Lambda: without bytecode in the zip every cold start would compile again.

A function of the hot path comes `whole` instead: what it can reach and nothing else, so that a cold start fetches little.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from infra import elf
from infra.closure import Closure

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "assets"
RUNTIME = "3.13"
PLATFORM = "aarch64-manylinux_2_28"
_FORM = "2"  # of the zips themselves: another number, another name
_EPOCH = (1980, 1, 1, 0, 0, 0)

# What no function reads; a browser's bundle of 1.7 MB among it. Licences stay: they are owed.
_JUNK_DIRECTORIES = {"__pycache__", "tests", "test", "bin"}
_JUNK_SUFFIXES = (".pyc", ".pyi", ".pxd", ".typed")
_JUNK_FILES = ("swagger-ui-bundle.min.js", "swagger-ui.min.css", ".lock")
_KEPT_OF_DIST_INFO = ("licen", "copying", "notice")
_BARE = Path(__file__).with_name("bare.py")
_OF_THE_RUNTIME = {"boto3", "botocore"}


class PackagingError(Exception):
    """A package cannot be made; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Package:
    """A zip file. `digest` is over what it was made from, not over how it was compressed."""

    path: Path
    digest: str


@functools.cache
def compiler(version: str = RUNTIME) -> str | None:
    """A Python of this minor version, whose bytecode the runtime accepts; None where there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    managed = Path(os.environ.get("UV_PYTHON_INSTALL_DIR", Path.home() / ".local" / "share" / "uv" / "python"))
    candidates = (
        sys.executable,
        shutil.which(f"python{version}"),
        *sorted(map(str, pyenv.glob(f"{version}.*/bin/python{version}"))),
        *sorted(map(str, managed.glob(f"cpython-{version}.*/bin/python{version}"))),
    )
    return next((path for path in candidates if path and _version(path) == version), None)


def warning() -> str | None:
    """What a synth has to say when it ships no bytecode."""
    if compiler() is not None:
        return None
    return f"There is no Python {RUNTIME} here: the functions ship without bytecode, and every cold start compiles them again."


def _version(python: str) -> str | None:
    # Asked, not guessed: a version manager's shim may stand on the PATH for a Python that is not chosen.
    question = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    done = subprocess.run(question, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def function(name: str, *, local: bool = False) -> Package:
    """`functions/<name>` with its prefix, so that the import path in a Lambda is the path in the repository."""
    source = _source(name)
    files = {Path("functions/__init__.py"): (source.parent / "__init__.py").read_bytes()}
    files |= {Path("functions", name, path): content for path, content in _read(source).items()}
    return _packed(f"function-{name}", files, "/var/task", local)


def whole(name: str, *, wheels: bool, local: bool = False) -> Package:
    """`functions/<name>` with what it can reach of ours, as bare bytecode: it needs no layer of the core. With `wheels` it has
    the machine code that it imports, too, and needs none at all."""
    _source(name)
    shared = ROOT / "layers" / "core" / "python"
    closure = Closure(f"functions.{name}.handler", ROOT, shared)
    files = {
        path.relative_to(shared if path.is_relative_to(shared) else ROOT): closure.text(module)
        for module, path in closure.modules.items()
    }
    files |= {path: content for path, content in _read(shared).items() if path.suffix != ".py"}
    if wheels:
        files |= _extensions(name, closure.others, local)
    return _packed(f"whole-{name}", files, "/var/task", local, bare=True)


def core(*, local: bool = False) -> Package:
    """The layer of everything that functions share."""
    return _packed("core", _read(ROOT / "layers" / "core"), "/opt", local)


def dependencies(*, local: bool = False) -> Package:
    """The layer of third-party wheels, exactly as `uv.lock` pins them; for the local target those of this machine."""
    requirements = _run(
        [_uv(), "export", "--frozen", "--no-default-groups", "--no-emit-project", "--no-header", "--no-annotate", "--quiet"]
    )
    compiled_by = _compiler(local)
    digest = _digest(_FORM, requirements, sys.platform + sys.version if local else PLATFORM, _bytecode(local))
    target = CACHE / f"dependencies-{digest[:32]}.zip"
    if not target.exists():
        with tempfile.TemporaryDirectory() as scratch:
            wheels = Path(scratch, "python")
            _install(requirements, wheels, local)
            _zip(target, {Path("python", path): content for path, content in _read(wheels).items()}, "/opt", compiled_by)
    return Package(target, digest)


def _extensions(name: str, modules: Iterable[str], local: bool) -> dict[Path, bytes]:
    """Those of these modules that are single files of machine code in the wheels, with the licences. Raises PackagingError."""
    files: dict[Path, bytes] = {}
    with zipfile.ZipFile(dependencies(local=local).path) as archive:
        names = [entry.removeprefix("python/") for entry in archive.namelist()]
        for module in sorted({module.partition(".")[0] for module in modules} - _OF_THE_RUNTIME):
            if f"{module}/__init__.py" in names or f"{module}.py" in names:
                raise PackagingError(f"functions/{name} can reach {module}: give it the layer of wheels in infra/functions.py.")
            for entry in names:
                extension = entry.startswith(f"{module}.") and entry.endswith(".so")
                if extension or (entry.startswith(f"{module}-") and ".dist-info/" in entry):
                    content = archive.read(f"python/{entry}")
                    files[Path(entry)] = elf.bare(content) if extension else content
    return files


def _install(requirements: str, target: Path, local: bool) -> None:
    listing = target.parent / "requirements.txt"
    listing.write_text(requirements)
    platform = ["--python", sys.executable] if local else ["--python-platform", PLATFORM, "--python-version", RUNTIME]
    command = [
        _uv(),
        "pip",
        "install",
        "--quiet",
        "--require-hashes",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--no-compile-bytecode",
    ]
    command += [*platform, "--target", str(target), "--requirements", str(listing)]
    try:
        _run([*command, "--offline"])
    except PackagingError:
        shutil.rmtree(target, ignore_errors=True)
        _run(command)


def _kept(root: Path) -> Iterator[Path]:
    """Files below `root` that a function may need, relative, sorted."""
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        if not path.is_file() or _JUNK_DIRECTORIES & set(relative.parts[:-1]):
            continue
        if path.suffix in _JUNK_SUFFIXES or path.name in _JUNK_FILES:
            continue
        if any(part.endswith(".dist-info") for part in relative.parts) and not path.name.lower().startswith(_KEPT_OF_DIST_INFO):
            continue
        yield relative


def _source(name: str) -> Path:
    source = ROOT / "functions" / name
    if not (source / "handler.py").is_file():
        raise PackagingError(f"functions/{name}/handler.py is missing; infra/functions.py lists it.")
    return source


def _read(root: Path) -> dict[Path, bytes]:
    return {path: (root / path).read_bytes() for path in _kept(root)}


def _packed(name: str, files: dict[Path, bytes], mount: str, local: bool, *, bare: bool = False) -> Package:
    compiled_by = _compiler(local)
    inputs = (f"{path}\x1f{hashlib.sha256(content).hexdigest()}" for path, content in sorted(files.items()))
    digest = _digest(_FORM, _bytecode(local), *(["bare"] if bare else []), *inputs)
    target = CACHE / f"{name}-{digest[:32]}.zip"
    if not target.exists():
        _zip(target, files, mount, compiled_by, bare)
    return Package(target, digest)


def _compiler(local: bool) -> str | None:
    # The laptop's functions run on the interpreter that runs this.
    return sys.executable if local else compiler()


def _bytecode(local: bool) -> str:
    if _compiler(local) is None:
        return "none"
    return sys.implementation.cache_tag if local else RUNTIME


def _zip(target: Path, files: dict[Path, bytes], mount: str, compiled_by: str | None, bare: bool = False) -> None:
    """`bare`: bytecode in place of the sources, as `infra.bare` makes it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        tree = Path(scratch, "tree")
        for path, content in files.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_bytes(content)
        if compiled_by and bare:
            _run([compiled_by, "-X", "no_debug_ranges", str(_BARE), str(tree), mount])
        elif compiled_by:
            # Unchecked: the runtime never compares with the source, and no time stamp gets into the bytes.
            options = ["-q", "-j", "0", "--invalidation-mode", "unchecked-hash", "-s", str(tree), "-p", mount]
            _run([compiled_by, "-m", "compileall", *options, str(tree)])
        built = Path(scratch, "built.zip")
        with zipfile.ZipFile(built, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for path in sorted(path for path in tree.rglob("*") if path.is_file()):
                entry = zipfile.ZipInfo(path.relative_to(tree).as_posix(), _EPOCH)
                entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
                archive.writestr(entry, path.read_bytes())
        built.replace(target)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1e".join(parts).encode()).hexdigest()


def _uv() -> str:
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        raise PackagingError("uv is missing: run `make install`.")
    return found


def _run(command: list[str]) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PackagingError(f"{Path(command[0]).name} {command[1]} failed:\n{done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
