"""The laptop's whole stack: `start` tells the order."""

from __future__ import annotations

import concurrent.futures
import shutil
import socket
import threading
from pathlib import Path
from typing import Any, NoReturn

from infra.local import assembly, demo, visit
from infra.local.children import Children
from infra.local.deployment import Deployed, Deployment, point_here
from infra.local.emulator import Emulator
from infra.local.front import Front
from infra.local.home import Home, Trouble, read_json, write_private
from infra.local.progress import say, step

WATCH = 1.0  # seconds between two looks at the embedded AWS


class Stack:
    def __init__(self, home: Home) -> None:
        self.home, self.children = home, Children()
        self.emulator = Emulator(home, self.children)
        self.deployment = Deployment(home, self.children, self.emulator)
        self.front: Front | None = None

    def start(self) -> demo.Details:
        """From nothing, or from where it stopped; returns what `local.json` says. Raises Trouble."""
        self._check_port()
        name, standing = assembly.fingerprint(), read_json(self.home.deployed) or {}
        with concurrent.futures.ThreadPoolExecutor(1) as beside:
            # Synth and the embedded AWS do not need each other: one on each core.
            ahead = beside.submit(self._synthesize, name) if standing.get("assembly") != name else None
            try:
                deployed = self._deploy(name, standing, ahead)
                point_here(self.emulator)
                self.front = self._open(deployed)
                details = demo.furnish(self.home, self.emulator, deployed, self.front.url)
                self.front.pages[visit.PATH] = visit.HEADERS, visit.page(details["keys"]["client"])
            except BaseException as error:
                died = not self.emulator.alive
                self.children.end_all()  # or the way out of this block waits for synth
                if died and isinstance(error, Exception) and not isinstance(error, Trouble):
                    raise self._death() from None
                raise
        write_private(self.home.details, details)
        return details

    def stop(self) -> None:
        """Ends what was started, from wherever `start` got to. The data stays."""
        if self.front is not None:
            self.front.shutdown()
            self.front.server_close()
        self.children.end_all()
        shutil.rmtree(self.home.root / "tmp", ignore_errors=True)

    def watch(self) -> NoReturn:
        """Does not return. Raises Trouble when the embedded AWS dies."""
        while self.emulator.alive:
            threading.Event().wait(WATCH)
        raise self._death()

    def _death(self) -> Trouble:
        return Trouble(f"The embedded AWS died; its last words are in {self.emulator.log}. `make run` starts it again.")

    def _check_port(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.home.port))
            except OSError:
                raise self._port_taken() from None

    def _port_taken(self) -> Trouble:
        port = self.home.port
        return Trouble(f"Port {port} is taken; stop what listens there, or choose another: SLIPWAY_PORT={port + 1} make run")

    def _synthesize(self, name: str) -> Path:
        if (made := assembly.cached(name)) is not None:
            return made
        with step("synthesizing the CDK app", "the CDK app is synthesized"):
            return assembly.synthesize(self.home, self.children, name)

    def _deploy(self, name: str, standing: dict[str, Any], ahead: concurrent.futures.Future[Path] | None) -> Deployed:
        if not standing:
            self._forget()  # an interrupted first start
        self._emulate()
        deployed = self.deployment.find() if standing else None
        if standing and deployed is None:
            # The embedded AWS went down before it could write what it knew.
            self.emulator.stop()
            say("It had written nothing yet: everything begins anew, with new keys.")
            self._forget()
            self._emulate()
        elif deployed is not None and standing["assembly"] == name:
            return deployed
        with step("bootstrapping the embedded account", "the embedded account is bootstrapped"):
            self.deployment.bootstrap()
        folder = ahead.result() if ahead is not None else self._synthesize(name)
        with step("deploying with `cdk deploy --all`", "deployed"):
            self.deployment.deploy(folder)
        deployed = self.deployment.find()
        if deployed is None:
            raise Trouble(f"`cdk deploy` left no API behind; see {self.home.root / 'deploy.log'}.")
        write_private(self.home.deployed, {"assembly": name})
        return deployed

    def _emulate(self) -> None:
        with step("starting the embedded AWS, IAM enforced", "the embedded AWS answers"):
            self.emulator.start()

    def _forget(self) -> None:
        for path in (self.home.deployed, self.home.secrets, self.home.unsaved):
            path.unlink(missing_ok=True)
        shutil.rmtree(self.home.aws, ignore_errors=True)

    def _open(self, deployed: Deployed) -> Front:
        try:
            front = Front(self.home.port, self.emulator.port, deployed.api)
        except OSError:
            raise self._port_taken() from None
        threading.Thread(target=front.serve_forever, name="front", daemon=True).start()
        return front
