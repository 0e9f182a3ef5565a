"""Packages: equal bytes from equal inputs, what a function needs and no more, bytecode that the runtime takes as it is."""

from __future__ import annotations

import importlib.util
import json
import marshal
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from infra import packaging
from infra.functions import NAMES

# This machine's own interpreter stands in where there is none of the runtime.
TARGETS = [pytest.param(True, id="local"), *([pytest.param(False, id="aws")] if packaging.compiler() else [])]


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of packages."""
    monkeypatch.setattr(packaging, "CACHE", tmp_path / "assets")
    return tmp_path / "assets"


def listed(package: packaging.Package) -> list[str]:
    with zipfile.ZipFile(package.path) as archive:
        return archive.namelist()


def test_equal_inputs_give_equal_bytes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The layer of wheels too: one from the shared cache, one made just now."""
    first = [packaging.dependencies(), packaging.core(), packaging.function("products")]
    monkeypatch.setattr(packaging, "CACHE", tmp_path / "assets")
    second = [packaging.dependencies(), packaging.core(), packaging.function("products")]
    for one, other in zip(first, second, strict=True):
        assert one.path != other.path
        assert one.digest == other.digest
        assert one.path.read_bytes() == other.path.read_bytes()


def test_what_is_in_the_cache_is_not_made_again(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = packaging.function("site")

    def refuse(*_: object) -> None:
        raise AssertionError("made again")

    monkeypatch.setattr(packaging, "_zip", refuse)
    assert packaging.function("site") == made


def test_another_content_is_another_package(fresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "repository"
    handler = root / "functions" / "one" / "handler.py"
    handler.parent.mkdir(parents=True)
    (root / "functions" / "__init__.py").touch()
    handler.write_text("answer = 1\n")
    monkeypatch.setattr(packaging, "ROOT", root)
    first = packaging.function("one")
    os.utime(handler, (1, 1))
    assert packaging.function("one") == first
    handler.write_text("answer = 2\n")
    assert packaging.function("one").digest != first.digest


def test_the_layer_of_wheels_is_for_the_runtime() -> None:
    names = listed(packaging.dependencies())
    machine_code = [name for name in names if name.endswith(".so")]
    assert machine_code
    assert all("x86_64" not in name for name in machine_code)
    assert any("cpython-313-aarch64" in name for name in machine_code)
    top = {name.split("/")[1] for name in names}
    assert {"aws_lambda_powertools", "pydantic", "jwt"} <= top
    assert not top & {"boto3", "botocore", "aws_xray_sdk", "bin"}


def test_the_layer_of_wheels_has_no_junk_but_every_licence() -> None:
    names = listed(packaging.dependencies())
    assert not [name for name in names if {"tests", "test"} & set(name.split("/")[:-1])]
    assert not [name for name in names if name.endswith((".pyi", ".js", ".css"))]
    kept = [name for name in names if ".dist-info/" in name]
    assert all(name.rpartition("/")[2].lower().startswith(("licen", "copying", "notice")) for name in kept)
    assert {name.split("/")[1].partition("-")[0] for name in kept} >= {"pydantic", "cryptography", "aws_lambda_powertools"}
    assert packaging.dependencies().path.stat().st_size < 15_000_000


def test_a_function_holds_its_own_code_only() -> None:
    for name in NAMES:
        names = [entry for entry in listed(packaging.function(name)) if "__pycache__" not in entry]
        assert f"functions/{name}/handler.py" in names
        assert [entry for entry in names if not entry.startswith(f"functions/{name}/")] == ["functions/__init__.py"]


def test_the_core_holds_the_product_and_its_roots() -> None:
    names = listed(packaging.core())
    assert all(name.startswith("python/slipway/") for name in names)
    assert "python/slipway/adapters/amazon-roots/ce5e74ef.0" in names


@pytest.mark.parametrize("local", TARGETS)
def test_bytecode_is_never_checked_and_of_the_runtime(local: bool) -> None:
    version = sys.implementation.cache_tag if local else "cpython-313"
    for package, prefix in (
        (packaging.core(local=local), "/opt/"),
        (packaging.function("products", local=local), "/var/task/"),
    ):
        with zipfile.ZipFile(package.path) as archive:
            sources = {name for name in archive.namelist() if name.endswith(".py")}
            compiled = {name for name in archive.namelist() if name.endswith(".pyc")}
            assert compiled == {re.sub(r"([^/]+)\.py$", rf"__pycache__/\1.{version}.pyc", source) for source in sources}
            for name in compiled:
                content = archive.read(name)
                assert int.from_bytes(content[4:8], "little") == 0b01  # by hash, and never checked
                if version == sys.implementation.cache_tag:
                    assert content[:4] == importlib.util.MAGIC_NUMBER
                    assert marshal.loads(content[16:]).co_filename.startswith(prefix)


@pytest.mark.parametrize("local", TARGETS)
def test_the_interpreter_takes_the_bytecode(tmp_path: Path, local: bool) -> None:
    """Imported with the sources spoilt: it can only have come from the bytecode."""
    with zipfile.ZipFile(packaging.core(local=local).path) as archive:
        archive.extractall(tmp_path)
    for source in (tmp_path / "python" / "slipway").rglob("*.py"):
        source.write_text("raise SystemExit('compiled again')\n")
    code = "import slipway.resources, slipway.settings; print(slipway.settings.Settings.__name__)"
    python = sys.executable if local else packaging.compiler()
    assert python is not None
    core = str(tmp_path / "python")
    # -S: the environment's own site-packages lead to the repository.
    done = subprocess.run(
        [python, "-S", "-c", code], cwd=core, capture_output=True, text=True, check=False, env={"PYTHONPATH": core}
    )
    assert (done.stdout, done.stderr) == ("Settings\n", "")


def test_without_an_interpreter_of_the_runtime_there_is_no_bytecode(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_bytecode = packaging.core()
    monkeypatch.setattr(packaging, "compiler", lambda: None)
    assert not [name for name in listed(packaging.core()) if name.endswith(".pyc")]
    if any(name.endswith(".pyc") for name in listed(with_bytecode)):
        assert packaging.core().digest != with_bytecode.digest


def test_synth_warns_without_bytecode(synthesized: Path) -> None:
    [warning] = json.loads((synthesized / "warnings.json").read_text())
    assert warning.startswith("There is no Python 3.13 here")


def test_a_shim_that_cannot_run_is_no_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shim = tmp_path / "python3.99"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert packaging.compiler("3.99") is None
    shim.write_text("#!/bin/sh\necho 3.99\n")
    packaging.compiler.cache_clear()
    assert packaging.compiler("3.99") == str(shim)


def test_a_missing_handler_is_a_clear_error() -> None:
    with pytest.raises(packaging.PackagingError, match=r"functions/nothing/handler\.py is missing"):
        packaging.function("nothing")
