"""The HTTPS API, as a command asks it: at SLIPWAY_URL, with a key."""

from __future__ import annotations

import json
import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from ops.deployment import UNREACHABLE, Trouble

TIMEOUT = 60  # seconds


class Refused(Trouble):
    """The API understood, and said no; `codes`: of the faults that it names."""

    def __init__(self, told: str, status: int, codes: frozenset[str]) -> None:
        super().__init__(told)
        self.status, self.codes = status, codes


class Reply(NamedTuple):
    """`headers`: by name in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Send = Callable[[str, str, Mapping[str, str], bytes | None], Reply]  # method, path, headers, body


class Api:
    def __init__(self, send: Send) -> None:
        self._send = send

    def read(self, path: str) -> Any:
        """Raises Trouble."""
        return self._call("GET", path, {}, None)[0]

    def pages(self, path: str) -> Iterator[dict[str, Any]]:
        """Every item of a list; `path` has a query. Raises Trouble."""
        following = path
        while following:
            page = self.read(following)
            yield from page["items"]
            following = f"{path}&cursor={page['next_cursor']}" if "next_cursor" in page else ""

    def pieces(self, path: str) -> Iterator[Any]:
        """An answer that comes in pieces, which `Link` joins. Raises Trouble."""
        following = path
        while following:
            piece, headers = self._call("GET", following, {}, None)
            yield piece
            next = re.search(r'<([^>]*)>; rel="next"', headers.get("link", ""))
            following = next[1] if next else ""

    def write(self, method: str, path: str, body: Any = None, *, etag: str | None = None) -> tuple[Any, str]:
        """What it answered, and the ETag of that. Raises Trouble."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers = ({} if body is None else {"Content-Type": kind}) | ({} if etag is None else {"If-Match": etag})
        answer, told = self._call(method, path, headers, None if body is None else json.dumps(body).encode())
        return answer, told.get("etag", "")

    def _call(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> tuple[Any, Mapping[str, str]]:
        reply = self._send(method, path, headers, body)
        try:
            answer = json.loads(reply.body) if reply.status != 204 else None
        except ValueError:
            raise Trouble(f"{method} {path} was answered {reply.status}, and not in JSON: is SLIPWAY_URL the API?") from None
        if reply.status >= 400:
            faults = answer.get("errors", ()) if isinstance(answer, dict) else ()
            codes = frozenset(fault["code"] for fault in faults)
            raise Refused(f"{method} {path}: {_told(reply.status, answer)}", reply.status, codes)
        return answer, reply.headers


def from_environment(key_from: Literal["SLIPWAY_KEY", "SLIPWAY_SERVER_KEY"] = "SLIPWAY_KEY") -> Api:
    """Raises Trouble."""
    url, key = os.environ.get("SLIPWAY_URL", "").rstrip("/"), os.environ.get(key_from)
    if not url.startswith(("https://", "http://")) or not key:
        kind = "an admin" if key_from == "SLIPWAY_KEY" else "a server"
        raise Trouble(f"Set SLIPWAY_URL to the API's URL and {key_from} to {kind} key, or use --local.", UNREACHABLE)

    def send(method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        sent = {**headers, "Authorization": f"Bearer {key}", "Accept": "application/json"}
        request = urllib.request.Request(url + path, body, sent, method=method)  # noqa: S310 - one of the two above
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
                return Reply(answer.status, _lower(answer.headers), answer.read())
        except urllib.error.HTTPError as refused:
            return Reply(refused.code, _lower(refused.headers), refused.read())
        except OSError as error:
            raise Trouble(f"{url} does not answer: {error}.", UNREACHABLE) from None

    return Api(send)


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _told(status: int, answer: Any) -> str:
    """The detail of a problem and of each fault; what the gateway itself refuses has a message alone."""
    if not isinstance(answer, dict) or "detail" not in answer:
        message = answer.get("message") if isinstance(answer, dict) else None
        return f"{status} {message or ''}".strip()
    faults = [f"\n  {fault['pointer']}: {fault['detail']}" for fault in answer.get("errors", ()) if fault["pointer"]]
    return f"{answer['detail']}{''.join(faults)}"
