"""Lines of evaluation's log -> counts and lists of stale flags."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from functions.flags.handler import api as flags
from functions.usage.handler import handler
from slipway.flags.control import Control
from slipway.flags.counting import SHARES, SUMMED, Counting, evaluations, share_of
from slipway.tables import USAGE
from tests.catalogue import START
from tests.catalogue import Counting as CountingStore
from tests.flagging import BETA, configured, made
from tests.functions.events import Context, call, daily, log_event

NOON = START + timedelta(hours=12)
LINE = {"production": {"checkout": 3, "*": 1}, "staging": {"checkout": 2}}


class Deployment:
    """`day(n)`: noon of the nth day after the flag was made."""

    def __init__(self) -> None:
        self.store = CountingStore()
        self.control = Control(self.store)
        self.counting = Counting(self.store)
        made(self.control, "checkout")
        self.now = NOON

    def tell(self, counts: Any = LINE, id: str = "1", moment: datetime | None = None) -> None:
        handler(log_event(json.dumps({"evaluations": counts}), moment or self.now, id), Context())

    def sweep(self) -> None:
        handler(daily(self.now), Context())

    def usage(self, key: str = "checkout") -> dict[str, Any]:
        reply = call(flags, "GET", f"/v1/flags/{key}/usage")
        assert reply.status == 200, reply.body
        return {one.pop("environment"): one for one in reply.json["items"]}

    def stale(self, environment: str = "production", wanted: str = "true") -> list[str]:
        reply = call(flags, "GET", "/v1/flags", query=f"environment={environment}&stale={wanted}")
        assert reply.status == 200, reply.body
        return [one["key"] for one in reply.json["items"]]


@pytest.fixture
def deployment() -> Iterator[Deployment]:
    made = Deployment()
    with handler.testing(made.counting), flags.testing(use=made.control, now=lambda: made.now):
        yield made


def test_what_the_log_tells_is_summed_by_flag_environment_and_day(deployment: Deployment) -> None:
    deployment.tell()
    deployment.tell({"production": {"checkout": 4}}, "2")
    deployment.sweep()
    assert deployment.usage() == {
        "development": {"last_evaluated_at": None, "evaluations": 0, "bulk_evaluations": 0, "stale": None},
        "production": {"last_evaluated_at": "2026-11-01", "evaluations": 7, "bulk_evaluations": 1, "stale": None},
        "staging": {"last_evaluated_at": "2026-11-01", "evaluations": 2, "bulk_evaluations": 0, "stale": None},
    }


def test_no_row_is_kept_for_ever_not_of_an_environment_that_never_was_either(deployment: Deployment) -> None:
    deployment.tell({"never-was": {"checkout": 1}})
    days = {pk.partition("#")[0]: row["expires"] // 86_400 for (pk, _), row in deployment.store.tables["usage"].items()}
    today = int(NOON.timestamp()) // 86_400
    assert {name: day - today for name, day in days.items()} == {"told": 10, "seen": 731}


def test_a_line_counts_once_however_often_it_comes_and_whoever_sums(deployment: Deployment) -> None:
    for _ in range(2):
        deployment.tell()
        deployment.sweep()
        deployment.sweep()
        with handler.testing(Counting(deployment.store)):
            deployment.tell()
    assert deployment.usage()["production"]["evaluations"] == 3


def test_a_late_line_is_counted_on_its_day_and_moves_no_day_back(deployment: Deployment) -> None:
    yesterday = deployment.now
    deployment.now += timedelta(days=1)
    deployment.tell()
    deployment.sweep()
    deployment.tell({"production": {"checkout": 10}}, "late", yesterday)
    deployment.sweep()
    row = deployment.store.get(USAGE, f"usage#production#{share_of('checkout')}", "2026-11-01")
    assert row is not None
    assert json.loads(row["counts"])["checkout"] == 10
    production = deployment.usage()["production"]
    assert (production["evaluations"], production["last_evaluated_at"]) == (13, "2026-11-02")


def test_seven_days_are_counted_today_among_them(deployment: Deployment) -> None:
    for day in range(9):
        deployment.tell({"production": {"checkout": 10**day}}, f"{day}")
        deployment.sweep()
        deployment.now += timedelta(days=1)
    deployment.now -= timedelta(days=1)
    assert deployment.usage()["production"]["evaluations"] == 111111100


def test_a_line_is_one_write_for_each_environment_whatever_it_tells(deployment: Deployment) -> None:
    many = {"production": {f"flag-{number}": 1 for number in range(500)}}
    deployment.tell(many)
    deployment.store.requests.clear()
    deployment.tell(many, "2")
    assert deployment.store.requests == ["put"]


def test_an_answer_with_all_flags_counts_for_those_that_it_held(deployment: Deployment) -> None:
    made(deployment.control, "public", client_side=True)
    deployment.tell({"production": {"*client": 5}})
    deployment.sweep()
    public, hidden = (deployment.usage(key)["production"] for key in ("public", "checkout"))
    assert (public["bulk_evaluations"], public["last_evaluated_at"]) == (5, "2026-11-01")
    assert (hidden["bulk_evaluations"], hidden["last_evaluated_at"]) == (0, None)


@pytest.mark.parametrize("message", ["no JSON: evaluations", '"evaluations"', '{"evaluations": 1}', '{"status": 200}'])
def test_a_line_that_counts_nothing_is_passed_over(deployment: Deployment, message: str) -> None:
    handler(log_event(message, NOON, "1"), Context())
    assert deployment.store.tables.get("usage", {}) == {}


def test_the_services_own_message_is_passed_over(deployment: Deployment) -> None:
    control = {"messageType": "CONTROL_MESSAGE", "logGroup": "", "logEvents": [{"id": "", "timestamp": 0, "message": "CWL"}]}
    handler({"awslogs": {"data": base64.b64encode(gzip.compress(json.dumps(control).encode())).decode()}}, Context())
    assert deployment.store.tables.get("usage", {}) == {}


# --- stale flags ----------------------------------------------------------------------------------------


def test_a_flag_that_nobody_asks_for_is_stale_after_30_days_and_not_before(deployment: Deployment) -> None:
    deployment.sweep()
    deployment.now += timedelta(days=29)
    deployment.sweep()
    assert deployment.stale() == []
    deployment.now += timedelta(days=1)
    deployment.sweep()
    assert deployment.stale() == ["checkout"]
    assert deployment.stale(wanted="false") == []
    assert deployment.usage()["production"]["stale"] == {
        "reason": "not_evaluated",
        "since": "2026-11-01",
        "detail": "Nobody has asked for it or changed it here since 2026-11-01.",
    }
    deployment.tell()
    deployment.sweep()
    assert deployment.stale() == []
    assert deployment.usage()["production"]["stale"] is None
    assert deployment.stale("development") == ["checkout"]


def test_nothing_is_held_against_a_flag_for_the_time_before_the_counting(deployment: Deployment) -> None:
    deployment.now += timedelta(days=300)
    deployment.sweep()
    assert deployment.stale() == []


def test_what_everybody_has_had_for_30_days_is_stale_however_often_it_is_asked_for(deployment: Deployment) -> None:
    configured(deployment.control, environment="staging", enabled=True, default_variant="on")
    deployment.sweep()
    deployment.now += timedelta(days=30)
    deployment.tell()
    deployment.sweep()
    assert deployment.stale("staging") == ["checkout"]
    assert deployment.usage()["staging"]["stale"]["reason"] == "one_variant"
    assert deployment.stale("production") == []


def test_an_archived_flag_is_not_stale(deployment: Deployment) -> None:
    deployment.sweep()
    deployment.now += timedelta(days=30)
    deployment.sweep()
    reply = call(flags, "POST", "/v1/flags/checkout/archive", headers={"If-Match": "*"})
    assert reply.status == 200
    assert deployment.stale() == []
    assert deployment.usage()["production"]["stale"] is None
    deployment.sweep()
    assert not [pk for pk, _ in deployment.store.tables["flags"] if pk.startswith("list#stale#")]


def test_a_flag_that_a_flag_in_use_needs_is_not_stale(deployment: Deployment) -> None:
    made(deployment.control, "basket")
    needs = [{"flag": "checkout", "variants": ["on"]}]
    configured(deployment.control, "basket", "staging", enabled=True, targeting=BETA, prerequisites=needs)
    deployment.sweep()
    deployment.now += timedelta(days=30)
    deployment.tell({"staging": {"basket": 1}})
    deployment.sweep()
    assert deployment.stale("staging") == []
    assert deployment.stale("production") == ["basket", "checkout"]


def test_sums_take_few_rows_however_many_flags_are_asked_for(deployment: Deployment) -> None:
    keys = [f"flag-{number}" for number in range(5_000)]
    for back in range(SUMMED):
        moment = deployment.now - timedelta(days=back)
        for first in range(0, 5_000, 2_000):
            deployment.tell({"production": dict.fromkeys(keys[first : first + 2_000], 3)}, f"{back} {first}", moment)
    deployment.sweep()
    rows = [row for (pk, _), row in deployment.store.tables["usage"].items() if pk.startswith("usage#")]
    assert len(rows) == SHARES * SUMMED
    assert max(len(row["counts"]) for row in rows) < 3_000, "three write units each, six in a transaction"
    assert evaluations(deployment.store, "production", "flag-4711", deployment.now.date() - timedelta(days=6)) == 9


def test_many_stale_flags_are_listed_in_few_requests() -> None:
    store = CountingStore()
    control = Control(store)
    for number in range(250):
        made(control, f"flag-{number:03}")
    with handler.testing(Counting(store)):
        handler(daily(NOON), Context())
        store.requests.clear()
        handler(daily(NOON + timedelta(days=30)), Context())
        assert store.requests.count("transact") == 3 * 3, "three environments, a hundred rows each time"
        store.requests.clear()
        handler(daily(NOON + timedelta(days=30)), Context())
        assert store.requests.count("transact") == 0
