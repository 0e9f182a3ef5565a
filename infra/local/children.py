"""The processes that we start: each leads its own group, so that stopping one stops what it started too."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from infra.local.home import Trouble

GRACE = 20.0  # seconds between asking a process to end and ending it


class Children:
    """May be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._living: list[subprocess.Popen[bytes]] = []
        self._closed = False

    def start(
        self, command: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: Path, stdin: int = subprocess.DEVNULL
    ) -> subprocess.Popen[bytes]:
        """`log` receives what the process prints. Raises Trouble when the program is missing."""
        with self._lock, log.open("ab") as output:
            if self._closed:
                raise Trouble("Stopped before it was ready.")
            try:
                child = subprocess.Popen(
                    list(command), env=dict(env), cwd=cwd, stdin=stdin, stdout=output, stderr=output, start_new_session=True
                )
            except OSError as error:
                raise Trouble(f"{command[0]} cannot be started ({error.strerror}); run `make install`.") from None
            self._living.append(child)
        return child

    def run(self, command: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: Path) -> bool:
        """Whether it ended well."""
        child = self.start(command, env=env, cwd=cwd, log=log)
        code = child.wait()
        self.end(child)
        return code == 0

    def end(self, *children: subprocess.Popen[bytes]) -> None:
        """Ask, wait, then insist."""
        with self._lock:
            living = [child for child in self._living if child in children]
            self._living = [child for child in self._living if child not in children]
        for child in living:
            _signal(child, signal.SIGTERM, group=False)
        for child in living:
            try:
                child.wait(GRACE)
            except subprocess.TimeoutExpired:
                _signal(child, signal.SIGKILL, group=True)
                child.wait()
            _signal(child, signal.SIGKILL, group=True)  # what it may have left behind

    def end_all(self) -> None:
        """Those that live; and none is started any more."""
        with self._lock:
            self._closed = True
            living = list(self._living)
        self.end(*living)


def _signal(child: subprocess.Popen[bytes], number: signal.Signals, *, group: bool) -> None:
    try:
        if group:
            os.killpg(child.pid, number)
        elif child.poll() is None:
            child.send_signal(number)
    except ProcessLookupError:
        pass
