"""What the clients of a process did, for the line that each request leaves in the log."""

from __future__ import annotations


class Counts:
    """What one client did since it was made; it only grows, so a request's share is a difference."""

    __slots__ = ("calls", "retries", "system_roots")

    def __init__(self) -> None:
        self.calls = 0
        self.retries = 0
        self.system_roots = 0  # connections that only the system's certificate bundle could verify
        _EVERY.append(self)


_EVERY: list[Counts] = []  # a process makes one client a service and keeps it


def total() -> tuple[int, int, int]:
    """calls, retries and system_roots of every client so far."""
    calls = retries = system_roots = 0
    for counts in _EVERY:
        calls += counts.calls
        retries += counts.retries
        system_roots += counts.system_roots
    return calls, retries, system_roots
