"""Where the laptop keeps what it needs: one folder, one lock, and the file that tells others how to reach it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
DEFAULT_PORT = 8787


def folder() -> Path:
    """`.slipway` in the repository, unless SLIPWAY_HOME names another."""
    return Path(os.environ.get("SLIPWAY_HOME") or REPOSITORY / ".slipway").absolute()


class Trouble(Exception):
    """Something went wrong that the person at the keyboard can mend: one line that says what, and how."""


@dataclass(frozen=True, slots=True)
class Home:
    """`root` is that `folder`; `port` is that of the API (SLIPWAY_PORT)."""

    root: Path
    port: int

    @classmethod
    def from_environment(cls) -> Home:
        root = folder()
        text = os.environ.get("SLIPWAY_PORT") or str(DEFAULT_PORT)
        if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
            raise Trouble(f"SLIPWAY_PORT is {text!r}; it must be a port number, 1 to 65535.")
        home = cls(root, int(text))
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            root.chmod(0o700)
        except OSError as error:
            raise Trouble(f"{root} cannot be used: {error.strerror}. Point SLIPWAY_HOME at a folder of yours.") from None
        return home

    @property
    def details(self) -> Path:
        """How to reach what runs here. Stands only while it runs."""
        return self.root / "local.json"

    @property
    def endpoint(self) -> Path:
        """Where the embedded AWS itself listens, for the AWS_ENDPOINT_URL of other tools. Stands only while it runs."""
        return self.root / "aws.json"

    @property
    def secrets(self) -> Path:
        """The demo keys and login, which outlive a stop: they are shown once, and their data is kept."""
        return self.root / "secrets.json"

    @property
    def deployed(self) -> Path:
        return self.root / "deployed.json"

    @property
    def aws(self) -> Path:
        return self.root / "aws"

    @property
    def authorized(self) -> Path:
        """The record of the embedded AWS: whom it allowed and refused what."""
        return self.root / "authorized.jsonl"

    @property
    def unsaved(self) -> Path:
        """Stands from a start of the embedded AWS until it has written its state to disk."""
        return self.root / "unsaved"

    @property
    def log(self) -> Path:
        return self.root / "run.log"

    @property
    def lock(self) -> Path:
        return self.root / "run.lock"

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold this home. Raises Trouble when another process does."""
        with self.lock.open("a+", encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise Trouble(f"Slipway runs already (process {self.holder()}); `make down` stops it.") from None
            try:
                file.seek(0)
                file.truncate()
                file.write(str(os.getpid()))
                file.flush()
                yield
            finally:
                self.details.unlink(missing_ok=True)
                self.endpoint.unlink(missing_ok=True)

    def holder(self) -> int | None:
        """The process that runs here, None when none does. The lock tells, so that a stale number never does."""
        try:
            with self.lock.open("r+", encoding="ascii") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    return int(file.read().strip() or 0) or None
        except (FileNotFoundError, ValueError):
            pass
        return None


def read_json(path: Path) -> dict[str, Any] | None:
    """None where nothing stands, or what stands was cut off."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def write_private(path: Path, document: Any) -> None:
    """Whole or not at all, readable by its owner only from the first byte."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(document, file, indent=2)
        file.write("\n")
    fresh.replace(path)
