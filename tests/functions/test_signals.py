"""What people ask of the signals: from rows to counters to an answer."""

from __future__ import annotations

import pytest

from functions.signals.handler import api, handler
from functions.tally.handler import handler as tally
from slipway.access import Principal
from slipway.adapters.memory import MemoryBlobs, MemoryStore
from slipway.edge.stream import Wired
from slipway.flags.control import Control
from slipway.flags.environments import NewEnvironment
from slipway.ports import Row
from slipway.signals.readouts import DAYS
from slipway.signals.tallying import Tallying
from slipway.tables import FLAGS, SIGNALS
from tests.catalogue import a_call
from tests.collecting import SERVER, Deployment, exposed, outcome, people
from tests.functions.events import VIEWER, Context, Reply, call
from tests.records import record

DAY = 86_400


class Told:
    """A deployment whose signals are counted at once."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.deployment = Deployment(self.store)
        self.deployment.memory = self.store
        self._sequence = 0
        self.store.put(FLAGS, {"pk": "flag#checkout", "sk": "head", "schema": 1})
        self.store.listen(self._changed)

    def _changed(self, table: str, old: Row | None, new: Row | None) -> None:
        if table == SIGNALS.name:
            self._sequence += 1
            wired = Wired(Tallying(self.store, lambda: int(self.deployment.now * 1000)), MemoryBlobs())
            with tally.testing(wired):
                tally({"Records": [record(table, old, new, self._sequence)]}, Context())

    def ask(
        self, path: str, query: str = "environment=production&from=2026-11-20&to=2026-11-30", principal: Principal = VIEWER
    ) -> Reply:
        with api.testing(use=self.store):
            return call(handler, "GET", path, query=query, principal=principal)


@pytest.fixture
def told() -> Told:
    return Told()


def test_adoption_is_units_by_variant_and_day(told: Told) -> None:
    on, off = people("t", 3), people("c", 2)
    told.deployment.post(*(exposed(key) for key in (*on, *off)), *(exposed(key, id=f"again-{key}") for key in on))
    told.deployment.now += DAY
    told.deployment.post(*(exposed(key, id=f"next-{key}") for key in on[:1]))
    reply = told.ask("/v1/flags/checkout/adoption")
    assert reply.status == 200, reply.body
    assert reply.json == {
        "flag": "checkout",
        "environment": "production",
        "days": [
            {"day": "2026-11-23", "units": {"off": 2, "on": 3}},
            {"day": "2026-11-24", "units": {"on": 1}},
        ],
    }


def test_a_metric_is_units_events_and_values_by_day_and_variant(told: Told) -> None:
    [on], [off] = people("t", 1), people("c", 1)
    told.deployment.post(exposed(on), exposed(off))
    told.deployment.post(*(outcome(on, "sales", id=f"{n}", value=0.1) for n in range(3)), outcome(off, "sales", value=-2))
    told.deployment.post(outcome("stranger", "sales"))
    expected = {"day": "2026-11-23", "units": 3, "events": 5, "sum": -1.7}
    assert told.ask("/v1/metrics/sales").json == {"name": "sales", "environment": "production", "days": [expected]}
    query = "environment=production&flag=checkout&from=2026-11-23&to=2026-11-23"
    assert told.ask("/v1/metrics/sales", query).json["days"] == [
        expected | {"variants": {"on": {"units": 1, "events": 3, "sum": 0.3}, "off": {"units": 1, "events": 1, "sum": -2}}}
    ]
    assert told.ask("/v1/metrics/sales", "environment=production&from=2026-11-24&to=2026-11-30").json["days"] == []
    assert told.ask("/v1/metrics/other").json["days"] == []
    assert told.ask("/v1/metrics/sales", "environment=staging").json["days"] == []


@pytest.mark.parametrize(
    ("path", "query", "status", "code"),
    [
        ("/v1/flags/nobody/adoption", "environment=production", 404, "not_found"),
        ("/v1/metrics/sales", "environment=production&flag=nobody", 404, "not_found"),
        ("/v1/metrics/a%23b", "environment=production", 404, "not_found"),
        ("/v1/metrics/sales", "environment=prod", 404, "not_found"),
        ("/v1/flags/checkout/adoption", "environment=prod", 404, "not_found"),
        ("/v1/metrics/sales", "", 422, "invalid"),
        ("/v1/metrics/sales", "environment=production&from=yesterday", 422, "invalid"),
        ("/v1/metrics/sales", "environment=production&from=2026-11-23&to=2026-11-22", 422, "invalid"),
        ("/v1/metrics/sales", "environment=production&from=9999-12-31", 422, "invalid"),
        ("/v1/flags/checkout/adoption", "environment=production&from=2026-01-01&to=2026-11-01", 422, "invalid"),
    ],
)
def test_what_cannot_be_answered_says_why(told: Told, path: str, query: str, status: int, code: str) -> None:
    reply = told.ask(path, query)
    assert (reply.status, reply.json["code"]) == (status, code)


def test_of_an_environment_that_is_no_more_nothing_is_told(told: Told) -> None:
    control = Control(told.store)
    control.environments.create(a_call(1), NewEnvironment(name="beta"))
    assert told.ask("/v1/metrics/sales", "environment=beta").status == 200
    control.environments.delete(a_call(2), "beta", 1)
    for path in ("/v1/metrics/sales", "/v1/flags/checkout/adoption"):
        assert told.ask(path, "environment=beta").json["code"] == "not_found"


def test_the_longest_window_is_35_days(told: Told) -> None:
    assert DAYS == 35
    assert told.ask("/v1/metrics/sales", "environment=production&from=2026-01-01&to=2026-02-04").status == 200
    assert told.ask("/v1/metrics/sales", "environment=production&from=2026-01-01&to=2026-02-05").status == 422
    assert told.ask("/v1/metrics/sales", "environment=production&to=0001-01-05").status == 200


def test_keys_of_an_environment_read_nothing_of_it(told: Told) -> None:
    assert told.ask("/v1/metrics/sales", principal=SERVER).status == 403
