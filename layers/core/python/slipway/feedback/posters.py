"""The roadmap and the changelog as pages for people: plain HTML that needs no script, each title an anchor."""

from __future__ import annotations

from slipway.feedback.public import STATUSES, Entry, Wish
from slipway.markup import Markup, many, tag, void

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from slipway.feedback.public import Shown

TITLES = {"roadmap": "Roadmap", "changelog": "Changelog"}


def poster(kind: str, shown: Shown, parts: Sequence[Wish | Entry], following: str | None) -> str:
    """A page of it, with these parts. `following`: where the next one is."""
    title = f"{TITLES[kind]} – {shown.name}"
    feed = {"href": "changelog.atom", "title": f"Changelog – {shown.name}", "type": "application/atom+xml"}
    head = tag(
        "head",
        void("meta", charset="utf-8"),
        void("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        void("link", rel="icon", href="/favicon.svg", type="image/svg+xml"),
        void("link", rel="stylesheet", href="/style.css"),
        void("link", rel="alternate", **feed) if "changelog" in shown.beside else None,
    )
    wishes = [part for part in parts if isinstance(part, Wish)]
    entries = [part for part in parts if isinstance(part, Entry)]
    main = tag(
        "main",
        tag("h1", title),
        *(_section(status, wishes) for status in STATUSES),
        *map(_entry, entries),
        None if parts else tag("p", "There is nothing here yet."),
        None if following is None else tag("p", tag("a", "Next page", href=following, rel="next")),
        id="content",
    )
    skip = tag("a", "Skip to the content", class_="skip", href="#content")
    body = tag("body", skip, tag("header", _menu(kind, shown)), main, class_="public")
    return "<!doctype html>\n" + tag("html", head, body, lang="en") + "\n"


def _menu(kind: str, shown: Shown) -> Markup:
    links = [
        tag("li", tag("a", title, href=name, aria_current="page" if name == kind else None))
        for name, title in TITLES.items()
        if name in shown.beside
    ]
    return tag("nav", tag("ul", *links), aria_label=shown.name)


def _section(status: str, wishes: Sequence[Wish]) -> Markup | None:
    listed = [wish for wish in wishes if wish.status == status]
    if not listed:
        return None
    return tag("section", tag("h2", listed[0].label), tag("ul", *map(_wish, listed)))


def _wish(wish: Wish) -> Markup:
    votes = f"{wish.votes} vote" if wish.votes == 1 else f"{wish.votes} votes"
    return tag("li", tag("h3", wish.title, id=wish.id), tag("p", votes, class_="votes"), _prose(wish.reply or ""))


def _entry(entry: Entry) -> Markup:
    day = tag("time", entry.published_at[:10], datetime=entry.published_at)
    return tag("article", tag("h2", entry.title, id=entry.id), tag("p", day), _prose(entry.text))


def _prose(text: str) -> Markup:
    """A paragraph for what an empty line sets apart; lines stay lines."""
    paragraphs = [paragraph.split("\n") for paragraph in text.split("\n\n") if paragraph.strip()]
    return many(*(tag("p", lines[0], *(many(void("br"), line) for line in lines[1:])) for lines in paragraphs))
