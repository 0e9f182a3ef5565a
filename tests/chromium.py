"""Debian's Chromium, and pages for it on loopback."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from playwright.sync_api import Browser, sync_playwright

# As a page sees the world: no background traffic of the browser's own.
OPTIONS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]


ABSENT = "no chromium here: apt install chromium"


def absent() -> bool:
    return shutil.which("chromium") is None


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None: ...


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True  # a browser keeps connections open that it may never use


@contextmanager
def served(application: Any) -> Iterator[str]:
    """The origin at which that WSGI application answers."""
    with make_server("127.0.0.1", 0, application, Server, Quiet) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Skips the tests that need it where there is none."""
    if absent():
        pytest.skip(ABSENT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=OPTIONS)
        yield browser
        browser.close()
