"""Starting, stopping and starting again: what a person sees, and what is left behind. Last of all: it stops the stack."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra.local.emulator import free_port
from tests.e2e.stack import ROOT, Stack, environment, laptop, until, with_query
from tests.figures import Tell

pytestmark = pytest.mark.e2e


def processes(home: Path) -> list[str]:
    """Every Python or Node process that has this home in its environment or command line: the whole family."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            known = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        ours = "infra.local" in command or "ministack" in command or "cdk" in command or "app.py" in command
        if ours and str(home).encode() in known and int(process.name) != os.getpid():
            found.append(f"{process.name} {command}")
    return found


def foreground(stack: Stack) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "infra.local", "run"],
        cwd=ROOT,
        env=environment(stack.home, stack.port),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_what_others_read_is_complete_and_private(stack: Stack) -> None:
    assert set(stack.details) == {"api_url", "console_url", "keys", "user", "password", "pid", "port"}
    assert set(stack.details["keys"]) == {"admin", "server", "client"}
    assert stack.details["port"] == stack.port
    for name in ("local.json", "secrets.json"):
        assert stat.S_IMODE((stack.home / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(stack.home.stat().st_mode) == 0o700
    for line in (stack.home / "run.log").read_text().splitlines():
        assert "slp_" not in line
        assert stack.details["password"] not in line


def test_only_loopback_listens(stack: Stack) -> None:
    """Whatever the stack's processes have open to the network is on 127.0.0.1."""
    pids = {process.split()[0] for process in processes(stack.home)}
    inodes = {link for pid in pids for link in _sockets(pid)}
    listening = [
        fields[1]
        for table in ("tcp", "tcp6")
        for fields in (line.split() for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:])
        if fields[3] == "0A" and fields[9] in inodes
    ]
    assert len(listening) >= 2, "the front and the embedded AWS"
    assert {address.split(":")[0] for address in listening} == {"0100007F"}


def _sockets(pid: str) -> list[str]:
    found = []
    for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
        try:
            target = os.readlink(descriptor)
        except OSError:
            continue
        if target.startswith("socket:["):
            found.append(target[8:-1])
    return found


def test_up_again_changes_nothing(stack: Stack) -> None:
    before = stack.details
    again = laptop("up", stack.home, stack.port)
    assert (again.returncode, stack.details) == (0, before)
    assert laptop("status", stack.home, stack.port).returncode == 0


def test_a_second_run_here_is_one_clear_line(stack: Stack) -> None:
    second = laptop("run", stack.home, free_port())
    assert second.returncode == 1
    assert second.stderr == f"slipway: Slipway runs already (process {stack.details['pid']}); `make down` stops it.\n"


def test_a_busy_port_is_one_clear_line(stack: Stack, tmp_path: Path) -> None:
    for command in ("run", "up"):
        busy = laptop(command, tmp_path / "home", stack.port)
        assert busy.returncode == 1
        said = [line for line in (busy.stderr + busy.stdout).splitlines() if line.strip()]
        assert said == [
            f"slipway: Port {stack.port} is taken; stop what listens there, or choose another: "
            f"SLIPWAY_PORT={stack.port + 1} make run"
        ]
    assert processes(tmp_path / "home") == []


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1", "８０"])
def test_a_port_that_is_none_is_one_clear_line(tmp_path: Path, port: str) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "infra.local", "run"],
        cwd=ROOT,
        env={**environment(tmp_path, 1), "SLIPWAY_PORT": port},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (told.returncode, told.stderr) == (1, f"slipway: SLIPWAY_PORT is {port!r}; it must be a port number, 1 to 65535.\n")


def test_a_missing_tool_is_one_clear_line(tmp_path: Path) -> None:
    """A copy of the repository without its tools."""
    for name in ("infra", "layers", "functions", "app.py", "cdk.json", "uv.lock", "pyproject.toml"):
        (tmp_path / name).symlink_to(ROOT / name) if name != "infra" else None
    copied = subprocess.run(["cp", "-r", str(ROOT / "infra"), str(tmp_path / "infra")], check=True)
    assert copied.returncode == 0
    told = subprocess.run(
        [sys.executable, "-m", "infra.local", "run"],
        cwd=tmp_path,
        env={**environment(tmp_path / "home", free_port()), "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert told.returncode == 1
    assert told.stderr == "slipway: node_modules/aws-cdk/bin/cdk is not there; run `make install`.\n"
    assert processes(tmp_path / "home") == []


def test_down_leaves_nothing_and_is_repeatable(stack: Stack) -> None:
    assert stack.call("GET", "/v1/products/tracking").status == 200
    family = processes(stack.home)
    assert len(family) >= 4, "the stack, the embedded AWS and its functions"
    assert laptop("down", stack.home, stack.port).returncode == 0
    until(lambda: not processes(stack.home), within=5, what="every process has gone")
    assert not (stack.home / "local.json").exists()
    assert not (stack.home / "tmp").exists()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", stack.port)) != 0
    again = laptop("down", stack.home, stack.port)
    assert (again.returncode, again.stdout) == (0, "Slipway is not running.\n")
    assert laptop("status", stack.home, stack.port).returncode == 1


def test_a_second_start_is_warm_finds_its_data_and_ctrl_c_stops_it(stack: Stack, tell: Tell) -> None:
    secrets_before = (stack.home / "secrets.json").read_bytes()
    begun = time.monotonic()
    run = foreground(stack)
    until(lambda: (stack.home / "local.json").exists() or run.poll() is not None, within=60, what="it is up", every=0.05)
    tell(f"warm start: {time.monotonic() - begun:.1f} s")
    assert (stack.home / "secrets.json").read_bytes() == secrets_before
    assert json.loads((stack.home / "local.json").read_text())["keys"] == json.loads(secrets_before)["keys"]
    product = stack.call("GET", "/v1/products/tracking")
    assert (product.status, product.json()["name"]) == (200, "Shipment Tracking")
    it_still_tells_what_happens(stack)
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=60)
    assert (run.returncode, err) == (0, "")
    assert "synthesizing" not in out
    assert "deploying" not in out
    assert "living" not in out
    assert processes(stack.home) == []


def it_still_tells_what_happens(stack: Stack) -> None:
    """Both readers of a stream: a key that was made now works within its minute, and what was done now is in the audit."""
    made = stack.call("POST", "/v1/keys", {"name": "Second start", "kind": "server", "environment": "prod"}).json()
    entries = with_query("/v1/audit", subject=made["id"])
    until(lambda: list(stack.pages(entries)), within=30, what="the audit has what was done after a restart")
    working = lambda: stack.call("GET", "/v1/me", token=made["key"]).status == 200  # noqa: E731
    until(working, within=90, what="a key that was made after a restart works", every=1)


def test_a_dead_emulator_is_one_clear_line(stack: Stack) -> None:
    run = foreground(stack)
    until(lambda: (stack.home / "local.json").exists() or run.poll() is not None, within=60, what="it is up", every=0.05)
    embedded = next(int(line.split()[0]) for line in processes(stack.home) if "infra.local.embedded" in line)
    os.kill(embedded, signal.SIGKILL)
    _, err = run.communicate(timeout=60)
    assert run.returncode == 1
    assert err.count("\n") == 1
    assert "The embedded AWS died" in err
    assert processes(stack.home) == []


def test_nothing_outlives_a_stack_that_was_killed(stack: Stack) -> None:
    run = foreground(stack)
    until(lambda: (stack.home / "local.json").exists() or run.poll() is not None, within=60, what="it is up", every=0.05)
    run.kill()
    out, _ = run.communicate(timeout=60)
    assert "did not stop in order last time: what was written since its last start is lost" in out
    assert (stack.home / "aws.log.1").exists(), "the last words of the one that died"
    until(lambda: not processes(stack.home), within=30, what="the embedded AWS has gone, too")
    assert laptop("status", stack.home, stack.port).returncode == 1
    again = laptop("up", stack.home, stack.port)
    assert again.returncode == 0, again.stderr
    assert "lost" not in again.stdout, "whose parent was killed ends in order"
    assert stack.call("GET", "/v1/products/tracking").status == 200
