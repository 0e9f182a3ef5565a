"""Run a handler under AWS's own runtime client, served by a local Runtime API, and measure what it costs.

Instructions come from callgrind (the same total twice for the same run), CPU time and resident memory from the operating
system. The child is ended by SIGTERM when it asks for one more event than there are, as Lambda ends an environment.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent


class Failed(Exception):
    """The handler raised or answered with an error: its cost would be a lie."""


class Measured(NamedTuple):
    """`instructions` and `cpu` (seconds, user + system) of the whole process; `rss` in MB at its highest."""

    instructions: int
    cpu: float
    rss: float


class RuntimeApi:
    """Hands out the events one by one, and collects the answers."""

    def __init__(self, events: Sequence[Mapping[str, Any]]) -> None:
        self.events = [json.dumps(event).encode() for event in events]
        self.answers: list[Any] = []
        self.failures: list[str] = []
        self.child: subprocess.Popen[bytes] | None = None
        self.rss = 0.0
        self._next = 0
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:  # the next event, or the end
                if api._next >= len(api.events):
                    api.finish()
                    return
                body = api.events[api._next]
                api._next += 1
                self._answer(200, body)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                if self.path.endswith("/response"):
                    api.answers.append(json.loads(body))
                else:
                    api.failures.append(body.decode(errors="replace"))
                self._answer(202, b"{}")

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Lambda-Runtime-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0")
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Lambda-Runtime-Aws-Request-Id", f"00000000-0000-4000-8000-{api._next:012d}")
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:000000000000:function:bench")
                self.send_header("Lambda-Runtime-Deadline-Ms", "4102444800000")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def finish(self) -> None:
        """Read the child's peak, then end it."""
        assert self.child is not None
        status = Path(f"/proc/{self.child.pid}/status")
        if status.exists():
            self.rss = int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]) / 1024  # type: ignore[index]
        self.child.send_signal(signal.SIGTERM)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def invoke(
    python: Path, handler: str, events: Sequence[Mapping[str, Any]], env: Mapping[str, str], *, count: bool
) -> tuple[Measured, list[Any]]:
    """One process, all events. With `count` under callgrind, else timed. Raises Failed."""
    api = RuntimeApi(events)
    command = [str(python), "-S", "-m", "awslambdaric", handler]
    try:
        with tempfile.TemporaryDirectory() as scratch:
            log = Path(scratch) / "valgrind.txt"
            if count:
                options = [f"--log-file={log}", "--callgrind-out-file=/dev/null", "--tool=callgrind"]
                command = [_valgrind(), *options, *command]
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            api.child = subprocess.Popen(
                command,
                env={
                    **env,
                    "AWS_LAMBDA_RUNTIME_API": api.address,
                    "AWS_LAMBDA_FUNCTION_NAME": "bench",
                    "AWS_LAMBDA_FUNCTION_VERSION": "1",
                    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
                    "PYTHONHASHSEED": "0",
                    "PATH": os.environ["PATH"],
                },
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            out, _ = api.child.communicate(timeout=900)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            instructions = 0
            if count:
                found = re.search(r"Collected : (\d+)", log.read_text())
                if found is None:
                    raise Failed(f"callgrind counted nothing for {handler}:\n{log.read_text()[-2000:]}")
                instructions = int(found[1])
        if api.failures or len(api.answers) != len(events):
            raise Failed(f"{handler}: {api.failures or out.decode(errors='replace')[-3000:]}")
    finally:
        api.close()
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measured(instructions, cpu, api.rss), api.answers


def _valgrind() -> str:
    found = shutil.which("valgrind")
    if found is None:
        sys.exit("make bench counts instructions with valgrind: install it (apt install valgrind).")
    return found
