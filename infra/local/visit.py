"""The demo page: what a visitor of the product sees, with the feedback widget on it. It stands on this machine alone."""

from __future__ import annotations

from slipway.markup import many, tag, void

PATH, PRODUCT, VISITOR = "/demo", "booking", "demo-visitor"
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    # What a page has to allow for the widget, and nothing more.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
}


def page(client_key: str) -> bytes:
    """The key is one of a browser's: whoever reads the page may have it."""
    head = tag(
        "head",
        void("meta", charset="utf-8"),
        void("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", "Freight Booking"),
        void("link", rel="icon", href="/favicon.svg", type="image/svg+xml"),
        void("link", rel="stylesheet", href="/style.css"),
        tag(
            "script",
            src="/widget.js",
            data_client_key=client_key,
            data_product=PRODUCT,
            data_targeting_key=VISITOR,
            data_release="2026.11",
            defer="",
        ),
    )
    main = tag(
        "main",
        tag("h1", "Freight Booking"),
        tag("p", "Compare carriers and book in two clicks. Is something missing? The button below is for you.", class_="lead"),
        tag(
            "ul",
            tag("li", tag("a", "Roadmap", href=f"/public/{PRODUCT}/roadmap")),
            tag("li", tag("a", "Changelog", href=f"/public/{PRODUCT}/changelog")),
            class_="ways",
        ),
    )
    return ("<!doctype html>\n" + many(tag("html", head, tag("body", main, class_="cover"), lang="en")) + "\n").encode()
