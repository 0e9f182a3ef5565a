"""The link in a letter by which a person has no more of them. Public: who has the link is who was written to."""

from __future__ import annotations

from functions.hooks.door import Hooks, api
from slipway.edge.http import Answer, Request

PATH = "/unsubscribe/{token}"
HTML = "text/html; charset=utf-8"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><main><h1>{title}</h1>{rest}</main></html>
"""
ASKS = _PAGE.format(
    title="No more e-mails?", rest='<form method="post"><button>Send me no more of these e-mails</button></form>'
)
DONE = _PAGE.format(title="You get no more of these e-mails", rest="<p>You may close this page.</p>")


@api.get(PATH, "letters.link", answers={200: ("text/html",)})
def link(request: Request[Hooks, None, None]) -> Answer:
    """The page of an e-mail's unsubscribe link. Looking at it changes nothing."""
    request.use.subscriptions.person(request.path["token"])
    return Answer(200, ASKS, headers=HEADERS, media=HTML)


@api.post(PATH, "letters.end", answers={200: ("text/html",)})
def end(request: Request[Hooks, None, None]) -> Answer:
    """End the e-mails to whom the link was sent, as the page's button does, or the mail program by itself (RFC 8058)."""
    pid = request.use.subscriptions.person(request.path["token"])
    request.use.subscriptions.end(pid, request.call.stamp)
    return Answer(200, DONE, headers=HEADERS, media=HTML)
