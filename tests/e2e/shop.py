"""A page of another origin that reads flags with the web SDK: the packages as npm has them, under a strict policy."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, ConsoleMessage, Response

from tests.e2e.stack import ROOT, Stack

PACKAGES = ROOT / "node_modules" / "@openfeature"
MODULES = {
    "@openfeature/core": "core/dist/esm/index.js",
    "@openfeature/web-sdk": "web-sdk/dist/esm/index.js",
    "@openfeature/ofrep-web-provider": "ofrep-web-provider/index.esm.js",
    "@openfeature/ofrep-core": "ofrep-web-provider/node_modules/@openfeature/ofrep-core/index.esm.js",
}
MAP = json.dumps({"imports": {name: f"/packages/{path}" for name, path in MODULES.items()}})
PAGE = f'<!doctype html><html lang="en"><title>Shop</title><script type="importmap">{MAP}</script></html>'
EVALUATE = "/ofrep/v1/evaluate/flags"


def application(api: str, scripts: Mapping[str, str]) -> Callable[..., Iterable[bytes]]:
    """The page, its scripts by name, and the packages. It may speak to itself and to that API, and to nobody else."""
    own = b64encode(sha256(MAP.encode()).digest()).decode()
    policy = f"default-src 'none'; script-src 'self' 'sha256-{own}'; connect-src {api}"

    def answer(environ: dict[str, Any], start: Callable[..., object]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/":
            body, type = PAGE, "text/html"
        elif path.startswith("/packages/"):
            body, type = (PACKAGES / path.removeprefix("/packages/")).read_text(), "text/javascript"
        else:
            body, type = scripts[path.removeprefix("/")], "text/javascript"
        start("200 OK", [("Content-Type", f"{type}; charset=utf-8"), ("Content-Security-Policy", policy)])
        return [body.encode()]

    return answer


class Shop:
    """One page. `answers`: what it got of the API; `faults`: what the browser complained of."""

    def __init__(self, context: BrowserContext, origin: str, stack: Stack) -> None:
        self._stack = stack
        self.answers: list[Response] = []
        self.faults: list[str] = []
        self.page = context.new_page()
        self.page.on("console", self._complained)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("response", self._answered)
        self.page.goto(f"{origin}/")

    def run(self, script: str) -> None:
        """That module to its end; what it throws fails the test."""
        self.page.evaluate(f"import('/{script}').then(() => true)")

    def open(self, key: str, context: Mapping[str, Any], **options: Any) -> str:
        """The status of the provider, once it has an answer or has given up."""
        self.run("shop.mjs")
        return str(self.page.evaluate("given => shop.open(...given)", [self._stack.url, key, context, options]))

    def become(self, context: Mapping[str, Any]) -> None:
        self.page.evaluate("context => shop.become(context)", context)

    def details(self, flag: str, otherwise: bool) -> dict[str, Any]:
        return dict(self.page.evaluate("given => shop.details(...given)", [flag, otherwise]))

    def value(self, flag: str, otherwise: bool) -> bool:
        return bool(self.details(flag, otherwise)["value"])

    @property
    def statuses(self) -> list[int]:
        return [answer.status for answer in self.answers]

    def _answered(self, answer: Response) -> None:
        if answer.url.startswith(self._stack.url):
            self.answers.append(answer)

    def _complained(self, message: ConsoleMessage) -> None:
        self.faults.append(f"{message.type}: {message.text}")


def script() -> str:
    return Path(__file__).with_name("shop.mjs").read_text()
