"""The roadmap and the changelog of a product for everybody: pages, JSON and a feed, without a key and without pydantic."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from slipway.adapters import connect
from slipway.digests import hexdigest
from slipway.edge import headers as read
from slipway.edge import pages
from slipway.edge.answer import JSON, Rendered, dumps
from slipway.edge.event import Event, common_headers
from slipway.feedback import atom
from slipway.feedback.posters import poster
from slipway.feedback.public import Entry, Public, Shown, Wish
from slipway.problems import Malformed, NotFound
from slipway.settings import Public as Settings

PATH = re.compile(r"/public/([a-z0-9][a-z0-9_-]{0,63})/(roadmap(?!\.atom)|changelog)(\.json|\.atom)?")
PAGE = re.compile(r"(?:^|&)page=([^&]*)")
ON_A_PAGE = 50
KEPT = "public, max-age=60, stale-while-revalidate=300"
HTML = "text/html; charset=utf-8"


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Pages:
    """The Lambda entry point. `wire()` gives what everybody may read, and the root of the API; once, on the first request."""

    name = "public"

    def __init__(self, wire: Callable[[], tuple[Public, str]], now: Callable[[], datetime] = _utc_now) -> None:
        self._wire, self._now = wire, now
        self._wired: tuple[Public, str] | None = None

    @contextmanager
    def testing(self, use: Public, now: Callable[[], datetime]) -> Iterator[None]:
        """Work with these for a while."""
        before = self._wired, self._now
        self._wired, self._now = (use, "https://api.example.com"), now
        try:
            yield
        finally:
            self._wired, self._now = before

    def __call__(self, event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG002 - Lambda's signature
        request = Event(event, os.urandom(16).hex())
        found = PATH.fullmatch(request.path)
        route = "none" if found is None else f"GET /public/{{product}}/{found[2]}{found[3] or ''}"
        return pages.answered(self.name, route, request, self._answer)

    def _answer(self, request: Event) -> Rendered:
        """Raises NotFound, Malformed."""
        found = PATH.fullmatch(request.path)
        if self._wired is None:
            self._wired = self._wire()
        public, site = self._wired
        shown = None if found is None else getattr(public, found[2])(found[1], self._now())
        if found is None or shown is None:
            raise NotFound("There is no such page for everybody.")
        media, body = _written(found[2], found[3] or "", shown, _page(request.raw_query), site)
        etag = f'"{hexdigest(body.encode())[:16]}"'
        headers = {**common_headers(request), "ETag": etag, "Cache-Control": KEPT}
        if found[3]:
            headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        if read.not_modified(request.headers, etag):
            return Rendered(304, headers, "")
        return Rendered(200, {**headers, "Content-Type": media}, body)


def _written(kind: str, form: str, shown: Shown, page: int, site: str) -> tuple[str, str]:
    """Media type and body."""
    if form == ".atom":
        return atom.MEDIA, atom.feed(shown, site)
    first = (page - 1) * ON_A_PAGE
    parts = shown.parts[first : first + ON_A_PAGE]
    more = len(shown.parts) > first + ON_A_PAGE
    following = f"/public/{shown.product}/{kind}{form}?page={page + 1}" if more else None
    if form == ".json":
        product = {"key": shown.product, "name": shown.name}
        return JSON, dumps({"product": product, "items": [_plain(part) for part in parts], "next": following})
    return HTML, poster(kind, shown, parts, following)


def _plain(part: Wish | Entry) -> dict[str, Any]:
    return {name: getattr(part, name) for name in part.__match_args__}


def _page(query: str) -> int:
    """Raises Malformed."""
    asked = PAGE.search(query)
    if asked is None:
        return 1
    if not re.fullmatch("[1-9][0-9]{0,3}", asked[1]):
        raise Malformed("`page` is a number, from 1 on.")
    return int(asked[1])


def wire() -> tuple[Public, str]:
    settings = Settings.load()
    return Public(connect.store(settings)), settings.site


handler = Pages(wire)
