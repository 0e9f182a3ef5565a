"""The changelog as an Atom feed (RFC 4287). Ids are tags (RFC 4151) of the host and what never changes of an entry."""

from __future__ import annotations

from slipway.feedback.public import Entry
from slipway.markup import Markup, many, tag, void

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.feedback.public import Shown

MEDIA = "application/atom+xml; charset=utf-8"
MOST = 50  # entries
_SINCE = "2026"  # a year in which the host was whose it is


def feed(shown: Shown, site: str) -> str:
    """Of a changelog. `site`: the root of the API, without a slash at its end."""
    here = f"{site}/public/{shown.product}/changelog"
    entries = [entry for entry in shown.parts[:MOST] if isinstance(entry, Entry)]
    body = tag(
        "feed",
        tag("id", _id(site, f"{shown.product}/changelog")),
        tag("title", f"Changelog – {shown.name}"),
        tag("updated", shown.changed_at),
        tag("author", tag("name", shown.name)),
        void("link", rel="self", href=f"{here}.atom", type="application/atom+xml"),
        void("link", rel="alternate", href=here, type="text/html"),
        *(_entry(entry, here, site) for entry in entries),
        xmlns="http://www.w3.org/2005/Atom",
        xml_lang="en",
    )
    return many(Markup('<?xml version="1.0" encoding="utf-8"?>\n'), body, Markup("\n"))


def _entry(entry: Entry, here: str, site: str) -> Markup:
    return tag(
        "entry",
        tag("id", _id(site, entry.id)),
        tag("title", entry.title, type="text"),
        tag("published", entry.published_at),
        tag("updated", entry.updated_at),
        void("link", rel="alternate", href=f"{here}#{entry.id}", type="text/html"),
        tag("content", entry.text, type="text"),
    )


def _id(site: str, name: str) -> str:
    host = site.partition("://")[2].partition("/")[0].partition(":")[0]
    return f"tag:{host},{_SINCE}:{name}"
