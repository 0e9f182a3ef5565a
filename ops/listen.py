"""`slipway listen`: a receiver of webhooks on this machine, which shows what arrives, and that it comes from where it says.

What it takes is what any receiver should: a delivery that is signed (`slipway.feedback.signatures`), not older than five
minutes, and not one that it has seen.
"""

from __future__ import annotations

import binascii
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hmac import compare_digest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Thread
from typing import Annotated, Any

import typer
from rich.console import Console

from ops.api import Api, from_environment
from slipway.feedback.signatures import signed
from slipway.feedback.webhooks import NOTICE

out = Console(soft_wrap=True, highlight=False, markup=False)

OLDEST = 300  # seconds
MOST = 1 << 20  # bytes of a delivery


class Receiver:
    """`arrived`: the bodies of deliveries that are ours, each once."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.secret, self.arrived = b"", Queue[dict[str, Any]]()
        self._clock, self._seen = clock, set[str]()

    def take(self, headers: Mapping[str, str], body: bytes) -> int:
        """The status of the answer. `headers`: by name in lower case."""
        id, stamp, signatures = (headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
        if not stamp.isdecimal() or abs(self._clock() - int(stamp)) > OLDEST:
            return 401
        ours = signed([self.secret], id, int(stamp), body)
        if not any(compare_digest(ours.encode(), one.encode()) for one in signatures.split()):
            return 401
        if id not in self._seen:
            self._seen.add(id)
            self.arrived.put(json.loads(body))
        return 204


@contextmanager
def serving(receiver: Receiver, port: int = 0) -> Iterator[str]:
    """The URL at which it takes deliveries."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = receiver.take(headers, self.rfile.read(length)) if length <= MOST else 413
            self.send_response_only(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@contextmanager
def registered(api: Api, url: str, events: list[str]) -> Iterator[bytes]:
    """The secret of a webhook that is there meanwhile. Raises Trouble."""
    made, _ = api.write("POST", "/v1/webhooks", {"url": url, "events": events, "description": "slipway listen"})
    try:
        yield binascii.a2b_base64(made["secret"].removeprefix("whsec_"))
    finally:
        api.write("DELETE", f"/v1/webhooks/{made['id']}", etag="*")


def line(said: Mapping[str, Any]) -> str:
    """What is shown of a delivery."""
    data = said["data"]
    if said["type"] != NOTICE:
        return f"{said['type']}: {said['subject']} by {said['actor']}: {json.dumps(data, ensure_ascii=False)}"
    who = ", ".join(sorted(one["targeting_key"] for one in data["recipients"]))
    return f"{NOTICE}: {data['headline'] or data['feedback']} is {data['status']}; tell {who}"


def listen(
    events: Annotated[list[str] | None, typer.Argument(help="What to hear: types, `feedback.*`, or `*`.")] = None,
    count: Annotated[int, typer.Option(help="End after so many deliveries; 0: at Ctrl-C.", min=0)] = 0,
    port: Annotated[int, typer.Option(help="Where to listen; 0: wherever is free.", min=0, max=65535)] = 0,
) -> None:
    """Listen to a deployment on this machine: show what its webhooks tell, once the signature is verified.

    By default everything about feedback, and the notices. It makes a webhook, and takes it away at the end. A deployment in
    AWS does not reach this machine.
    """
    api, receiver, told = from_environment(), Receiver(), events or ["feedback.*", NOTICE]
    with serving(receiver, port) as url, registered(api, url, told) as receiver.secret:
        out.print(f"Listening to {', '.join(told)} at {url}")
        try:
            number = 0
            while not count or number < count:
                out.print(line(receiver.arrived.get()))
                number += 1
        except KeyboardInterrupt:
            return
