"""The flags of the month: what was made on which day, where it was switched on, and what is still to come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from slipway.rollouts.states import Event

Change = tuple[int, str, Mapping[str, Any]]  # day, environment, merge patch of the configuration there
DEVELOPMENT, STAGING, PRODUCTION = "development", "staging", "production"


@dataclass(frozen=True, slots=True)
class RolloutStory:
    """`moves`: hours before the end, what was done, why, and how many people came before the next one. No hold is over by the
    end: where people come, the guard is there, and would take the step by itself."""

    environment: str
    course: Mapping[str, Any]
    moves: tuple[tuple[int, Event, str, int], ...]


@dataclass(frozen=True, slots=True)
class FlagStory:
    """`end`: on which day it was archived; `later`: a change that waits, for tomorrow or for a second person, since `asked`."""

    day: int
    owner: str
    flag: Mapping[str, Any]
    changes: tuple[Change, ...] = ()
    end: int | None = None
    later: tuple[Literal["schedules", "proposals"], str, Mapping[str, Any], str] | None = None
    asked: int = 30
    rollouts: tuple[RolloutStory, ...] = ()


CREW = {
    "key": "crew",
    "description": "Everybody who works at Tideline.",
    "targeting": {"ends_with": [{"var": "email"}, "@tideline.example"]},
}


def _share(percent: int) -> dict[str, Any]:
    return {"fractional": [["on", percent], ["off", 100 - percent]]}


def _crew_first(percent: int) -> dict[str, Any]:
    return {"targeting": {"if": [{"$ref": "crew"}, "on", _share(percent)]}}


def _step(share: int, minutes: int, **more: Any) -> dict[str, Any]:
    return {"share": share, "hold": {"minutes": minutes, **more}}


def _on(**more: Any) -> dict[str, Any]:
    return {"enabled": True, "default_variant": "off", **more}


FLAG_STORIES = (
    FlagStory(
        2,
        "maya",
        {
            "key": "live-map",
            "type": "boolean",
            "description": "The map moves while you look at it.",
            "tags": ["web", "tracking"],
            "product": "tracking",
            "client_side": True,
        },
        (
            (2, DEVELOPMENT, _on(default_variant="on")),
            (4, STAGING, _on(**_crew_first(0))),
            (9, PRODUCTION, _on(**_crew_first(5), reason="A week on staging without a complaint")),
            (13, PRODUCTION, {**_crew_first(25), "reason": "Load is as planned"}),
            (20, PRODUCTION, {**_crew_first(50), "reason": "Half of them, then a look at support"}),
        ),
        later=("schedules", PRODUCTION, {"targeting": None, "default_variant": "on"}, "Everybody, before the week begins"),
    ),
    FlagStory(
        5,
        "jonas",
        {
            "key": "forecast-model",
            "type": "string",
            "variants": {"v8": "eta-2026-03", "v9": "eta-2026-10"},
            "description": "Which model tells when it arrives.",
            "tags": ["ml"],
            "product": "eta",
        },
        (
            (5, DEVELOPMENT, {"enabled": True, "default_variant": "v9"}),
            (6, STAGING, {"enabled": True, "default_variant": "v9"}),
            (
                14,
                PRODUCTION,
                {
                    "enabled": True,
                    "default_variant": "v8",
                    "targeting": {"if": [{"in": [{"var": "region"}, ["baltic", "north-sea"]]}, "v9"]},
                    "reason": "Two regions have the new weather feed",
                },
            ),
        ),
        later=("proposals", PRODUCTION, {"default_variant": "v9", "targeting": None}, "v9 is better in both regions, by 14 %"),
    ),
    FlagStory(
        8,
        "amara",
        {
            "key": "instant-quotes",
            "type": "boolean",
            "tags": ["web", "booking"],
            "product": "booking",
            "client_side": True,
        },
        (
            (8, DEVELOPMENT, _on(default_variant="on", prerequisites=[{"flag": "live-map", "variants": ["on"]}])),
            (16, STAGING, _on(overrides={"on": ["priya.raman", "tom.haddad"]})),
        ),
        later=("proposals", PRODUCTION, _on(**_crew_first(0)), "Let the crew try"),
        asked=17,  # and nobody answered
    ),
    FlagStory(
        10,
        "luca",
        {
            "key": "max-containers",
            "type": "integer",
            "variants": {"standard": 200, "large": 2000},
            "description": "How many one account may follow.",
            "tags": ["limits"],
        },
        (
            (10, DEVELOPMENT, {"enabled": True, "default_variant": "large"}),
            (
                11,
                PRODUCTION,
                {
                    "enabled": True,
                    "default_variant": "standard",
                    "targeting": {"if": [{"==": [{"var": "plan"}, "enterprise"]}, "large"]},
                    "reason": "As the contracts say",
                },
            ),
            (23, PRODUCTION, {"enabled": False, "reason": "The import was too slow; back to what the code says"}),
        ),
    ),
    FlagStory(
        21,
        "amara",
        {
            "key": "one-click-booking",
            "type": "boolean",
            "description": "Books what was booked last time, at once.",
            "tags": ["web", "booking"],
            "product": "booking",
            "client_side": True,
        },
        ((21, DEVELOPMENT, _on()), (23, STAGING, _on()), (24, PRODUCTION, _on(reason="Ready to be rolled out"))),
        rollouts=(
            RolloutStory(
                STAGING,
                {"from": "off", "to": "on", "ladder": [_step(50, 60), {"share": 100}]},
                ((100, "start", "", 0), (98, "roll_back", "It books in the currency of the first port", 0)),
            ),
            RolloutStory(
                PRODUCTION,
                {
                    "from": "off",
                    "to": "on",
                    "reason": "The currency is right now",
                    "ladder": [_step(5, 2880, units=500), _step(25, 2880), _step(50, 1440, approval=True), {"share": 100}],
                    "guards": [
                        {"metric": "booking.failed", "kind": "bad_units", "margin": 0.1},
                        {"metric": "booking.milliseconds", "kind": "slow_units", "threshold": 2000, "action": "pause"},
                    ],
                },
                ((30, "start", "", 40), (6, "advance", "A quiet day, and there is a fair on Monday", 40)),
            ),
        ),
    ),
    FlagStory(
        3,
        "amara",
        {"key": "old-booking-form", "type": "boolean", "description": "In case the new one is not liked.", "tags": ["web"]},
        (
            (3, PRODUCTION, _on(default_variant="on", reason="A way back")),
            (15, PRODUCTION, {"enabled": False, "reason": "Liked"}),
        ),
        end=19,
    ),
)
