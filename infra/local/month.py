"""A month in a team's catalogue, as data: who works there, which products they have, and what happened on which day.

Day 0 is thirty days before the seed, day 30 is its own day; within a day things happen in the order in which they stand here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["viewer", "editor", "admin"]

DAYS = 30

Change = Mapping[str, Any] | Literal["archive", "restore"]


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    email: str
    role: Role
    day: int  # of the invitation


@dataclass(frozen=True, slots=True)
class KeyStory:
    """An API key whose secret nobody kept: it is there for the list, and for the audit."""

    day: int
    name: str
    kind: Literal["client", "server", "admin"]
    environment: str | None
    changes: tuple[tuple[int, Literal["rotate", "revoke"]], ...] = ()


@dataclass(frozen=True, slots=True)
class Story:
    """One product: what it was created as, by whom, and what was changed on which day."""

    day: int
    owner: str
    product: Mapping[str, Any]
    changes: tuple[tuple[int, Change], ...] = field(default=())


PEOPLE = (
    Person("maya", "maya.lindqvist@tideline.example", "admin", 0),
    Person("jonas", "jonas.weber@tideline.example", "editor", 0),
    Person("amara", "amara.okafor@tideline.example", "editor", 0),
    Person("luca", "luca.moretti@tideline.example", "editor", 1),
    Person("priya", "priya.raman@tideline.example", "viewer", 9),
    Person("tom", "tom.haddad@tideline.example", "viewer", 15),
)

KEYS = (
    KeyStory(1, "Web shop", "server", "production", ((15, "rotate"),)),
    KeyStory(2, "Terraform", "admin", None, ((11, "revoke"),)),
    KeyStory(3, "Mobile app 4", "client", "production", ((22, "revoke"),)),
    KeyStory(5, "Web shop, staging", "server", "staging"),
    KeyStory(18, "Mobile app 5", "client", "production"),
)


def _product(key: str, name: str, price: str, stage: str, tags: str, description: str = "", **more: Any) -> dict[str, Any]:
    amount, _, currency = price.partition(" ")
    minor = int(amount.replace(".", ""))
    made = {"key": key, "name": name, "stage": stage, "tags": tags.split(), "price": {"amount": minor, "currency": currency}}
    return {**made, **({"description": description} if description else {}), **more}


def _price(price: str) -> dict[str, Any]:
    amount, _, currency = price.partition(" ")
    return {"price": {"amount": int(amount.replace(".", "")), "currency": currency}}


def _docs(key: str) -> list[dict[str, str]]:
    return [{"label": "Handbook", "url": f"https://docs.tideline.example/{key}"}]


STORIES = (
    Story(
        0,
        "maya",
        _product(
            "tracking",
            "Shipment Tracking",
            "49.00 EUR",
            "ga",
            "core tracking",
            "Where every container is, on one map, with the carrier's own events.",
            metadata={"team": "visibility", "seats_included": 5},
            links=_docs("tracking"),
        ),
        ((6, _price("54.00 EUR")), (21, {"metadata": {"seats_included": 10}}), (27, _price("59.00 EUR"))),
    ),
    Story(
        0,
        "jonas",
        _product(
            "eta",
            "Arrival Forecast",
            "89.00 EUR",
            "beta",
            "ml tracking",
            "When it arrives, with a range that is honest about bad weather.",
            metadata={"team": "forecast", "model": "v7"},
            links=_docs("eta"),
        ),
        ((3, {"metadata": {"model": "v8"}}), (12, {"stage": "ga"}), (12, _price("99.00 EUR")), (24, {"tags": ["core", "ml"]})),
    ),
    Story(
        0,
        "amara",
        _product("booking", "Freight Booking", "0.00 EUR", "ga", "core booking", "Compare carriers and book in three clicks."),
        ((8, _price("19.00 EUR")), (9, _price("9.00 EUR")), (18, {"description": "Compare carriers and book in two clicks."})),
    ),
    Story(
        0,
        "maya",
        _product("customs", "Customs Papers", "129.00 EUR", "ga", "compliance", "Declarations filled in from the booking."),
        ((11, {"owner": "luca"}), (19, _price("139.00 EUR"))),
    ),
    Story(
        0,
        "jonas",
        _product(
            "edi-gateway", "EDI Gateway", "399.00 EUR", "sunset", "integration legacy", "For partners who still send EDIFACT."
        ),
        ((16, {"stage": "retired"}), (17, "archive")),
    ),
    Story(
        1,
        "amara",
        _product("rates", "Rate Cards", "29.00 EUR", "beta", "booking pricing", "Negotiated rates, searchable and versioned."),
        ((7, {"name": "Rate Library"}), (14, {"stage": "ga"}), (14, _price("35.00 EUR"))),
    ),
    Story(
        1,
        "luca",
        _product("carbon", "Carbon Report", "15.00 EUR", "alpha", "esg reporting", "Emissions for each lane after ISO 14083."),
        ((10, {"stage": "beta"}), (10, _price("25.00 EUR")), (26, {"stage": "ga"}), (28, {"tags": ["core", "esg"]})),
    ),
    Story(
        1,
        "maya",
        _product(
            "alerts", "Exception Alerts", "12.00 EUR", "ga", "core tracking", "A message when a shipment leaves its plan."
        ),
        ((5, {"metadata": {"channels": "email"}}), (13, {"metadata": {"channels": "email, sms"}}), (25, _price("14.00 EUR"))),
    ),
    Story(
        2,
        "jonas",
        _product("yard", "Yard Planner", "79.00 EUR", "discovery", "operations", "Which truck stands at which gate, and when."),
        ((9, {"stage": "alpha"}), (20, {"stage": "discovery"}), (23, {"stage": "alpha"})),
    ),
    Story(
        2,
        "amara",
        _product("chat", "Carrier Chat", "5.00 EUR", "beta", "collaboration", "Ask the carrier where you see the problem."),
        ((15, {"stage": "retired"}), (15, {"description": "Closed: carriers answer by e-mail."}), (16, "archive")),
    ),
    Story(
        3,
        "luca",
        _product(
            "api",
            "Developer API",
            "0.00 USD",
            "ga",
            "integration core",
            "Everything that the console does.",
            links=_docs("api"),
        ),
        ((4, {"metadata": {"rate_limit": 600}}), (22, {"metadata": {"rate_limit": 1200}})),
    ),
    Story(
        4,
        "luca",
        _product(
            "insurance",
            "Cargo Insurance",
            "7.50 EUR",
            "discovery",
            "finance",
            "Cover for one shipment, priced when it is booked.",
        ),
        ((13, {"stage": "alpha"}), (13, {"owner": "amara"}), (29, {"stage": "beta"})),
    ),
    Story(
        5,
        "jonas",
        _product("lanes", "Lane Analytics", "59.00 GBP", "beta", "reporting ml", "Cost and delay of each lane over the years."),
        ((12, {"price": {"amount": 6500, "currency": "GBP"}}), (21, {"stage": "ga"})),
    ),
    Story(
        6,
        "maya",
        _product(
            "warehouse",
            "Warehouse Link",
            "149.00 EUR",
            "alpha",
            "integration operations",
            "Stock levels from the systems you have.",
        ),
        ((14, {"stage": "beta"}), (30, _price("129.00 EUR"))),
    ),
    Story(
        7,
        "amara",
        _product("invoices", "Invoice Check", "39.00 EUR", "beta", "finance", "Finds what a carrier charged twice."),
        ((11, {"tags": ["core", "finance"]}), (17, {"stage": "ga"}), (18, _price("45.00 EUR"))),
    ),
    Story(
        8,
        "luca",
        _product("port-cams", "Port Cameras", "0.00 EUR", "idea", "experiment tracking", "Live pictures of the quay."),
        ((10, "archive"), (19, "restore"), (20, {"stage": "discovery"})),
    ),
    Story(
        9,
        "jonas",
        _product(
            "reefer", "Cold Chain Watch", "25.00 EUR", "alpha", "iot tracking", "Temperature of each reefer, minute by minute."
        ),
        ((18, {"stage": "beta"}), (24, {"metadata": {"sensors": "any MQTT"}}), (30, {"stage": "ga"})),
    ),
    Story(
        11,
        "maya",
        _product("sso", "Single Sign-on", "4.00 EUR", "ga", "core security", "SAML and OpenID Connect for the whole company."),
        ((26, _price("3.00 EUR")),),
    ),
    Story(
        12,
        "amara",
        _product("returns", "Returns Desk", "19.00 EUR", "idea", "operations", "A label, a pick-up, and a credit note."),
        ((22, {"stage": "discovery"}),),
    ),
    Story(
        14,
        "luca",
        _product("yen-billing", "Billing in Yen", "1200 JPY", "beta", "finance pricing", "Invoices for customers in Japan."),
        ((23, {"price": {"amount": 1500, "currency": "JPY"}}), (28, {"stage": "ga"})),
    ),
    Story(
        16,
        "jonas",
        _product(
            "copilot",
            "Planning Assistant",
            "49.00 EUR",
            "idea",
            "experiment ml",
            "Suggests the next three moves when a plan breaks.",
        ),
        ((18, {"stage": "discovery"}), (25, {"stage": "alpha"}), (29, {"owner": "maya"})),
    ),
    Story(
        19,
        "amara",
        _product("driver-app", "Driver App", "2.50 EUR", "alpha", "mobile operations", "Proof of delivery on any phone."),
        ((27, {"stage": "beta"}),),
    ),
    Story(
        22,
        "luca",
        _product(
            "audit-pack", "Audit Pack", "199.00 EUR", "discovery", "compliance reporting", "A year of evidence in one folder."
        ),
        ((28, {"metadata": {"requested_by": "three customers"}}),),
    ),
    Story(
        25,
        "maya",
        _product("rail", "Rail Schedules", "29.00 CHF", "idea", "tracking", "Block trains and their slots, next to the ships."),
    ),
    Story(
        28,
        "amara",
        _product("dunnage", "Dunnage Calculator", "0.00 EUR", "idea", "experiment"),
        ((29, {"description": "How much air bag does a box of tiles need?"}), (30, "archive")),
    ),
    Story(
        30,
        "jonas",
        _product(
            "berth",
            "Berth Windows",
            "69.00 EUR",
            "idea",
            "tracking operations",
            "When the quay is free, from the ports' own plans.",
        ),
    ),
)
