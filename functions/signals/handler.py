"""How many use a flag and what metrics came to, over HTTP: from the counters alone."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from slipway.adapters import connect
from slipway.edge.http import Answer, Api, Request
from slipway.fields import EnvironmentName
from slipway.flags.environments import Environments
from slipway.flags.fields import Key
from slipway.ports import Store
from slipway.problems import Fault, Invalid, NotFound
from slipway.settings import Signals
from slipway.shape import Shape
from slipway.signals import readouts
from slipway.signals.readouts import DAYS, WHOLE
from slipway.tables import FLAGS

RECENT = timedelta(days=13)  # before the last day, where no first one is named
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"


def _day(text: object) -> object:
    if isinstance(text, str) and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError("write the day as 2026-11-23")
    return text


Day = Annotated[date, BeforeValidator(_day)]


class Window(Shape):
    environment: EnvironmentName
    first: Annotated[Day | None, Field(alias="from", description="first day, UTC; two weeks back")] = None
    last: Annotated[Day | None, Field(alias="to", description=f"last day, UTC; today; at most {DAYS} days in all")] = None

    def days(self, now: datetime) -> tuple[date, date]:
        """First and last. Raises Invalid."""
        last = min(self.last or now.date(), now.date())
        first = self.first or (last - RECENT if last > date.min + RECENT else date.min)
        if first > (self.last or last):
            detail = "`from` is a later day than `to`, or than today."
            raise Invalid(detail, errors=[Fault("/query/from", "after_to", detail)])
        if last - first >= timedelta(days=DAYS):
            detail = f"Ask for at most {DAYS} days at once."
            raise Invalid(detail, errors=[Fault("/query/from", "too_long", detail)])
        return first, last


class Measuring(Window):
    flag: Annotated[Key | None, Field(description="whose variants to tell apart")] = None


class Adopted(BaseModel):
    """One day. A unit counts once a day, for the variant that it was given first."""

    model_config = ConfigDict(defer_build=True)

    day: Annotated[date, Field(examples=["2026-11-23"])]
    units: Annotated[dict[str, int], Field(description="by variant", examples=[{"on": 120, "off": 1180}])]


class Adoption(BaseModel):
    model_config = ConfigDict(defer_build=True)

    flag: Annotated[str, Field(examples=["new-checkout"])]
    environment: str
    days: list[Adopted]


class Measure(BaseModel):
    model_config = ConfigDict(defer_build=True)

    units: Annotated[int, Field(description="distinct ones")]
    events: int
    sum: Annotated[float, Field(description="of the events' values")]


class Measured(Measure):
    """One day. A unit counts once a day."""

    day: Annotated[date, Field(examples=["2026-11-23"])]
    variants: Annotated[dict[str, Measure] | None, Field(description="where a flag was named: those of a rollout of it")] = None


class Metric(BaseModel):
    model_config = ConfigDict(defer_build=True)

    name: Annotated[str, Field(examples=["checkout.failed"])]
    environment: str
    flag: str | None = None
    days: list[Measured]


def wire() -> Store:
    return connect.store(Signals.load())


api: Api[Store] = Api("signals", wire)
handler = api


@api.get("/v1/flags/{key}/adoption", "flags.adoption", query=Window, answers={200: Adoption})
def adoption(request: Request[Store, None, Window]) -> Answer:
    """Read how many units were given each variant of a flag, by day.

    From exposures that were proven: by a token of a rollout, or by a server key. Days without any are left out.
    """
    environment, flag = request.query.environment, request.path["key"]
    first, last = request.query.days(request.call.now)
    _flag(request.use, flag)
    Environments(request.use).check(environment)
    days = readouts.adoption(request.use, environment, flag, first, last)
    told = [{"day": day, "units": units} for day, units in days.items()]
    return Answer(200, {"flag": flag, "environment": environment, "days": told})


@api.get("/v1/metrics/{name}", "metrics.read", query=Measuring, answers={200: Metric})
def measure(request: Request[Store, None, Measuring]) -> Answer:
    """Read what a metric came to by day: distinct units, events and the sum of their values.

    With `flag` also by its variants, of the units that a rollout of it had been shown to when their first event of that day, or
    the event itself, came. Days without any are left out.
    """
    query, name = request.query, request.path["name"]
    first, last = query.days(request.call.now)
    if not re.fullmatch(NAME, name):
        raise NotFound("No metric has such a name: it is 1 to 64 letters, digits, dots, dashes and underscores.")
    if query.flag is not None:
        _flag(request.use, query.flag)
    Environments(request.use).check(query.environment)
    days = readouts.metric(request.use, query.environment, name, query.flag, first, last)
    told = [
        {"day": day, **variants.pop(WHOLE), **({} if query.flag is None else {"variants": variants})}
        for day, variants in days.items()
    ]
    flag = {} if query.flag is None else {"flag": query.flag}
    return Answer(200, {"name": name, "environment": query.environment, **flag, "days": told})


def _flag(store: Store, key: str) -> None:
    """Raises NotFound."""
    if store.get(FLAGS, f"flag#{key}", "head") is None:
        raise NotFound("There is no such flag.")
