"""What the person at the keyboard sees while the stack starts: each step, and how long it took."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

_lock = threading.Lock()


def say(line: str = "") -> None:
    with _lock:
        print(line, flush=True)


@contextlib.contextmanager
def step(doing: str, done: str) -> Iterator[None]:
    say(f"           {doing} ...")
    begun = time.monotonic()
    yield
    say(f"  {time.monotonic() - begun:5.1f} s  {done}")
