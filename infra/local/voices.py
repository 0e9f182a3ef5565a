"""What the customers of the month told, as data; and what the team made of it.

Some of them are captains who met the rollout of the month (`infra.local.crowd`) a few hours before: their items have the
variant that they were served.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Voice:
    """`name`: of the item, for those that are merged into it (`into`); `hours`: before the end that it came; `votes`: of
    others; `moves`: hours before the end, who of the team, and the merge patch, one after the other; merging comes last."""

    name: str
    hours: int
    told: Mapping[str, Any]
    votes: int = 0
    moves: tuple[tuple[int, str, Mapping[str, Any]], ...] = ()
    into: str | None = None


DAY = 24
ENTRY = {
    "product": "booking",
    "title": "Prices in your own currency",
    "text": "Every offer is shown in the currency of your account, at the rate of the day.",
    "status": "published",
}


def _told(type: str, product: str, title: str, text: str = "", who: str | None = None, **more: Any) -> dict[str, Any]:
    said = {"type": type, "product": product, "title": title, "text": text, "targeting_key": who}
    return {name: value for name, value in {**said, **more}.items() if value}


def _rated(type: str, rating: int, product: str, text: str = "", who: str | None = None) -> dict[str, Any]:
    return {"type": type, "product": product, "rating": rating, "text": text, **({"targeting_key": who} if who else {})}


VOICES = (
    Voice(
        "templates",
        27 * DAY,
        _told("idea", "booking", "Save a booking as a template", "We ship the same lane every Tuesday.", "hanse-cargo"),
        votes=6,
        moves=(
            (26 * DAY, "amara", {"status": "under_review", "tags": ["forms"]}),
            (22 * DAY, "amara", {"status": "planned", "headline": "Templates for what you book often"}),
            (12 * DAY, "amara", {"status": "in_progress"}),
            (4 * DAY, "amara", {"status": "shipped", "reply": "Open any booking and choose Keep as template."}),
        ),
    ),
    Voice(
        "again",
        24 * DAY,
        _told("idea", "booking", "Repeat my last order", "Typing it all again each week is no fun.", "brixen-wine"),
        votes=2,
        into="templates",
    ),
    Voice(
        "copy",
        19 * DAY,
        _told("question", "booking", "Can I copy a booking?", "I did not find it in the menu."),
        into="templates",
    ),
    Voice(
        "quotes",
        18 * DAY,
        _told("idea", "booking", "Show prices at once", "Waiting an hour for three quotes is slow.", "nordfrost"),
        votes=5,
        moves=(
            (
                15 * DAY,
                "amara",
                {
                    "status": "planned",
                    "headline": "Quotes while you type",
                    "tags": ["pricing"],
                    "links": [{"flag": "instant-quotes", "environment": "production"}],
                },
            ),
        ),
    ),
    Voice(
        "calendar",
        16 * DAY,
        _told("idea", "booking", "Pick-up times in my calendar", "An iCal link would do.", "hanse-cargo"),
        votes=4,
        moves=((11 * DAY, "amara", {"status": "in_progress", "headline": "Pick-ups in your calendar"}),),
    ),
    Voice(
        "fax",
        15 * DAY,
        _told("idea", "booking", "Confirm by fax", "Some of our ports have nothing else."),
        moves=((14 * DAY, "amara", {"status": "declined", "reply": "We are sorry: the last fax line here is gone."}),),
    ),
    Voice(
        "map",
        14 * DAY,
        _told("bug", "tracking", "The map jumps back", "Each time that I zoom in on a ship it jumps to Europe.", "lisboa-sal"),
        votes=3,
        moves=(
            (13 * DAY, "luca", {"status": "under_review", "tags": ["map"]}),
            (9 * DAY, "luca", {"status": "shipped", "headline": "The map stays where you look"}),
        ),
    ),
    Voice("dark", 12 * DAY, _told("idea", "tracking", "A dark map for the night shift", who="port-of-gdynia"), votes=2),
    Voice(
        "storm",
        11 * DAY,
        _told("praise", "eta", "It knew about the storm", "Two days before the carrier did. Thank you!", "nordfrost"),
        moves=((10 * DAY, "jonas", {"reply": "v9 has the new weather feed. Glad that it helps."}),),
    ),
    Voice(
        "german",
        9 * DAY,
        _told("bug", "customs", "Die Zolltarifnummer wird abgeschnitten", "Nach acht Stellen ist Schluss, es sind aber elf."),
        votes=1,
        moves=((8 * DAY, "luca", {"status": "planned", "tags": ["forms"]}),),
    ),
    Voice("nps-1", 8 * DAY, _rated("nps", 9, "booking", "Fast, and somebody answers the phone.", "nordfrost")),
    Voice("nps-2", 7 * DAY, _rated("nps", 3, "booking", "Too many clicks for a pallet.", "brixen-wine")),
    Voice("nps-3", 7 * DAY, _rated("nps", 10, "booking")),
    Voice("csat", 6 * DAY, _rated("csat", 4, "tracking", who="lisboa-sal")),
    Voice(
        "export",
        5 * DAY,
        _told("question", "eta", "How do I export the forecast?", "My planner wants it in a spreadsheet."),
        moves=((4 * DAY, "jonas", {"status": "declined", "reply": "It is in the menu of each lane: Export."}),),
    ),
    Voice("ces", 3 * DAY, _rated("ces", 2, "customs", "I needed help to find the form.")),
    Voice(
        "scanner",
        2 * DAY,
        _told("bug", "customs", "The scanner app hangs", "After the third page nothing happens.", context={"release": "4.11"}),
        votes=1,
    ),
    # Captains, of the rollout that runs in production.
    Voice(
        "twice",
        4,
        _told("bug", "booking", "It booked twice", "One click, and two terrible mistakes: we pay both.", "captain-43"),
        votes=2,
        moves=((2, "amara", {"status": "under_review", "tags": ["one-click"]}),),
    ),
    Voice("quick", 3, _told("praise", "booking", "So quick now", "I love it, great work.", "captain-44")),
    Voice("undo", 2, _told("idea", "booking", "Undo right after booking", "A minute to take it back.", "captain-45"), votes=1),
    Voice("stars", 1, _rated("rating", 2, "booking", "The button is where Cancel was.", "captain-41")),
)
