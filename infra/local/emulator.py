"""MiniStack on loopback, with IAM enforced and its state on disk."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import Any

from infra.local.children import Children
from infra.local.home import REPOSITORY, Home, Trouble, write_private
from infra.local.progress import say

REGION = "us-east-1"
ACCOUNT = "000000000000"
START = 30.0  # seconds
# The embedded AWS takes these for its account's root, and nothing outside it takes them at all.
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


def clean_environment() -> dict[str, str]:
    """Of this process's environment only what a program needs to start: no credentials, no profile, no proxy."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ} | CREDENTIALS


class Emulator:
    def __init__(self, home: Home, children: Children) -> None:
        self.home, self._children = home, children
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: dict[str, Any] = {}

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Any:
        return self.home.root / "aws.log"

    def start(self) -> None:
        """Returns once it answers. Raises Trouble."""
        if importlib.util.find_spec("ministack") is None:
            raise Trouble("The embedded AWS is not installed; run `make install`.")
        self.port = free_port()
        if self.log.exists():  # somebody may look for its last words
            self.log.replace(self.log.with_suffix(".log.1"))
        if self.home.unsaved.exists():
            say("The embedded AWS did not stop in order last time: what was written since its last start is lost.")
        self.home.unsaved.touch()
        self.home.authorized.unlink(missing_ok=True)
        scratch = self.home.root / "tmp"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        settings = {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "AUTH": "true",
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self.home.aws / "state"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self.home.aws / "s3"),
            "IOT_MTLS_ENABLED": "0",
            "TMPDIR": str(scratch),
            "SLIPWAY_AUTHORIZED": str(self.home.authorized),
            "SLIPWAY_UNSAVED": str(self.home.unsaved),
        }
        self._process = self._children.start(
            [sys.executable, "-m", "infra.local.embedded"],
            env=clean_environment() | settings,
            cwd=REPOSITORY,
            log=self.log,
            stdin=subprocess.PIPE,  # it ends when this pipe does
        )
        deadline = time.monotonic() + START
        while not self.answers():
            if not self.alive:
                raise Trouble(f"The embedded AWS ended while it started; its last words are in {self.log}.")
            if time.monotonic() > deadline:
                raise Trouble(f"The embedded AWS did not answer within {START:.0f} s; see {self.log}.")
            time.sleep(0.05)
        write_private(self.home.endpoint, {"endpoint": self.endpoint})

    def stop(self) -> None:
        """In order: it writes its state to disk."""
        if self._process is not None:
            self._children.end(self._process)
            self._process = None
        self._clients.clear()

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def answers(self) -> bool:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"{self.endpoint}/_ministack/health", timeout=5) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def client(self, service: str) -> Any:
        """A boto3 client of the account's root, made once a service."""
        if service not in self._clients:
            import boto3
            from botocore.config import Config

            session = boto3.Session(CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"], region_name=REGION)
            self._clients[service] = session.client(
                service, endpoint_url=self.endpoint, config=Config(proxies={}, retries={"max_attempts": 3}, read_timeout=60)
            )
        return self._clients[service]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
