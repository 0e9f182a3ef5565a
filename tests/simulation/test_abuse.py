"""A thousand forged events, through the collector, the counting and the guard, never take a rollout back: each rule by itself.

And what keeps them from it is the rule that is named: the same events without what makes them forged do.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from slipway.access import Principal
from slipway.rollouts import exposure, signing
from slipway.rollouts.judging import counters, judge
from slipway.signals.rows import SLOTS
from slipway.tables import SIGNALS
from tests.collecting import people
from tests.functions.events import http_event, reply
from tests.simulation.clients import Client, Course, Intents
from tests.simulation.guarded import ERRORS, HEARD, Rollout
from tests.simulation.world import World

MANY = 1_000
BATCH = 100
SHARE = 1_000  # 1 %: three complaints would cross E = 20
SPLIT = 50 * SHARE  # half and half
COMPLAINTS = {"metric": "complaints", "kind": "feedback"}
GUARDS = [ERRORS, COMPLAINTS]
MARK = "k" * 32


class Attacked:
    """A rollout of 1 %, and what somebody with a client key sends."""

    def __init__(
        self, world: World, *guards: dict[str, Any], share: int = 1, hold: Mapping[str, int] | None = None, **fields: Any
    ) -> None:
        self.world, self.client, self.share = world, Client(world, Intents()), share * SHARE
        ladder = [{"share": share, "hold": {"minutes": 1440, **(hold or {})}}, {"share": 100}]
        course = Course(("running",), ([0],))
        self.rollout = Rollout(world, self.client, course, ladder=ladder, guards=list(guards or GUARDS), **fields)
        self.treated = people("t", 60, SHARE)
        self.secrets = signing.Secrets(world.keys).find("production", world.now.timestamp())

    def token(self, key: str, secret: bytes | None = None) -> str:
        """What evaluation would give; by another secret a forged one."""
        secret = self.secrets[1] if secret is None else secret
        bucket = exposure.bucket("checkout", "v3", key)
        unit = exposure.unit(secret, self.rollout.id, key)
        shown = exposure.Exposure(1, self.rollout.id, 0, exposure.arm(bucket, self.share), bucket, unit)
        return exposure.sign(secret, "production", "checkout", shown)

    def post(self, events: list[dict[str, Any]], networks: list[str], kind: Any = "client") -> int:
        """How many were taken; batches come from one network after the other."""
        taken, principal = 0, Principal(kind, f"key_{kind}", environment="production")
        for place in range(0, len(events), BATCH):
            self.world.now += timedelta(seconds=1)
            event = http_event(
                "POST", "/v1/events", body=json.dumps({"events": events[place : place + BATCH]}), principal=principal
            )
            event["requestContext"]["http"]["sourceIp"] = networks[place // BATCH % len(networks)]
            answer = reply(self.world.collect(event))
            assert answer.status == 202, answer.body
            taken += answer.json["accepted"]
        return taken

    def state(self) -> str:
        self.world.settle()
        self.world.now += HEARD
        return str(self.rollout.control.rollouts.shelf.read(self.rollout.id).data["state"])

    def finding(self, metric: str = "errors") -> Any:
        data = self.rollout.control.rollouts.shelf.read(self.rollout.id).data
        decision = judge(data, counters(self.world.memory, self.rollout.id), self.world.now).decision
        return next(one for one in decision.findings if one.metric == metric)


def shown(attacked: Attacked, keys: list[str], secret: bytes | None = None) -> list[dict[str, Any]]:
    return [
        {
            "id": f"x-{number}-{key}",
            "type": "exposure",
            "flag": "checkout",
            "exposure": attacked.token(key, secret),
            "targetingKey": key,
        }
        for number, key in enumerate(keys)
    ]


def failed(keys: list[str], metric: str = "errors", count: int = MANY) -> list[dict[str, Any]]:
    """So many events, over and over of these people."""
    return [
        {"id": f"{metric}-{number}", "type": "outcome", "name": metric, "targetingKey": keys[number % len(keys)]}
        for number in range(count)
    ]


def networks(count: int) -> list[str]:
    return [f"10.{number // 250}.{number % 250}.7" for number in range(count)]


@pytest.fixture
def world() -> Iterator[World]:
    with World(batch=1_000) as made:
        yield made


@pytest.mark.parametrize("metric", ["errors", "complaints"])
def test_outcomes_without_an_exposure_count_for_nobody(world: World, metric: str) -> None:
    attacked = Attacked(world)
    assert attacked.post(failed([f"nobody-{n}" for n in range(MANY)], metric), networks(100)) == MANY
    assert attacked.post(failed(attacked.treated, f"{metric}x"), networks(100)) == MANY
    assert attacked.state() == "running"
    assert attacked.finding(metric).units == 0


def test_exposures_that_nobody_signed_are_refused(world: World) -> None:
    attacked = Attacked(world)
    forged = shown(attacked, [f"user-{number}" for number in range(MANY)], MARK.encode())
    assert attacked.post(forged, networks(10)) == 0
    attacked.post(failed(attacked.treated), networks(100))
    assert attacked.state() == "running"
    assert not [pk for pk, _ in world.memory.tables.get(SIGNALS.name, {}) if pk.startswith("rol_")]


def test_nor_is_a_proof_of_one_arm_a_proof_of_the_other(world: World) -> None:
    """With another arm, bucket, unit, stage, rollout or generation than what was signed."""
    attacked = Attacked(world)
    others = [f"user-{number}" for number in range(50)]
    events = []
    for number, event in enumerate(shown(attacked, others)):
        parts = event["exposure"].split(".")
        place = 1 + number % (len(parts) - 2)
        parts[place] = {"t": "c", "c": "t"}.get(parts[place], parts[place][:-1] + ("0" if parts[place][-1] != "0" else "1"))
        events.append(event | {"exposure": ".".join(parts)})
    assert attacked.post(events, networks(3)) == 0


def test_a_browser_cannot_say_who_was_shown_what(world: World) -> None:
    """Only server keys may post a context."""
    attacked = Attacked(world)
    told = [
        {"id": f"x-{key}", "type": "exposure", "flag": "checkout", "context": {"targetingKey": key}} for key in attacked.treated
    ]
    assert attacked.post(told, networks(3)) == 0


@pytest.mark.parametrize("guard", [ERRORS, ERRORS | {"trust_client": True}], ids=["by default", "where clients are trusted"])
def test_one_network_counts_for_five_units_an_hour(world: World, guard: dict[str, Any]) -> None:
    """Who loads the page sixty times and is in treatment each time has real proofs; they come from one network."""
    attacked = Attacked(world, guard)
    attacked.post(shown(attacked, attacked.treated), networks(1))
    attacked.post(failed(attacked.treated), networks(1))
    assert attacked.state() == "running"
    found = attacked.finding()
    assert sum(stage.treatment for stage in found.stages) == SLOTS
    assert found.sources == 1


def test_few_networks_are_held_back_by_what_one_may_bring(world: World) -> None:
    """Two networks, hour after hour, where clients are trusted: it takes three sources, and at most a fifth from each."""
    attacked = Attacked(world, ERRORS | {"trust_client": True})
    attacked.post(shown(attacked, attacked.treated), networks(2))
    for hour in range(6):
        attacked.post([event | {"id": f"{hour}-{event['id']}"} for event in failed(attacked.treated, count=200)], networks(2))
        world.later(hours=1)
    assert attacked.state() == "running"
    found = attacked.finding()
    assert found.log_evidence >= found.threshold
    assert found.because.startswith("Held back")


@pytest.mark.parametrize("metric", ["errors", "complaints"])
def test_what_browsers_tell_pauses_and_does_not_take_back(world: World, metric: str) -> None:
    """From as many networks as a crowd has, with real proofs: nothing that clients' keys bring is more than a pause."""
    attacked = Attacked(world)
    attacked.post(shown(attacked, attacked.treated), networks(20))
    for one, event in enumerate(failed(attacked.treated, metric, len(attacked.treated))):
        attacked.post([event], [networks(60)[one]])
    assert attacked.state() == "paused"


def test_where_clients_are_trusted_a_crowd_takes_it_back(world: World) -> None:
    """So that what held the others back is what they are."""
    attacked = Attacked(world, ERRORS | {"trust_client": True})
    attacked.post(shown(attacked, attacked.treated), networks(20))
    for one, event in enumerate(failed(attacked.treated, count=len(attacked.treated))):
        attacked.post([event], [networks(60)[one]])
    assert attacked.state() == "rolled_back"


def test_three_complaints_are_not_enough_though_e_is(world: World) -> None:
    attacked = Attacked(world, COMPLAINTS)
    attacked.post(shown(attacked, attacked.treated[:3]), networks(3))
    attacked.post(failed(attacked.treated[:3], "complaints", 3), networks(3), "server")
    assert attacked.state() == "running"
    found = attacked.finding("complaints")
    assert found.log_evidence >= found.threshold


def test_server_keys_take_it_back(world: World) -> None:
    attacked = Attacked(world, ERRORS)
    attacked.post(shown(attacked, attacked.treated), networks(1), "server")
    attacked.post(failed(attacked.treated), networks(1), "server")
    assert attacked.state() == "rolled_back"


def test_complaints_that_server_keys_bring_only_pause_by_default(world: World) -> None:
    attacked = Attacked(world, COMPLAINTS)
    attacked.post(shown(attacked, attacked.treated), networks(1), "server")
    attacked.post(failed(attacked.treated, "complaints"), networks(1), "server")
    assert attacked.state() == "paused"


def test_the_same_person_a_thousand_times_is_one_unit(world: World) -> None:
    attacked = Attacked(world)
    attacked.post(shown(attacked, attacked.treated[:1]), networks(1), "server")
    attacked.post(failed(attacked.treated[:1]), networks(1), "server")
    assert attacked.state() == "running"
    assert sum(stage.treatment for stage in attacked.finding().stages) == 1


def test_a_crowd_that_was_never_asked_for_the_flag_does_not_look_like_a_split(world: World) -> None:
    """Real proofs of treatment alone, sixty of them, of as many networks: the split is off, and that only ever pauses."""
    attacked = Attacked(world)
    for one, event in enumerate(shown(attacked, attacked.treated)):
        attacked.post([event], [networks(60)[one]])
    assert attacked.state() == "paused"


# --- what clients say, and servers fill in ---------------------------------------------------------------


def test_exposures_that_a_client_picks_take_nothing_back(world: World) -> None:
    """Real proofs of treatment alone; the server tells what happens to everybody, and it happens to everybody alike."""
    attacked = Attacked(world)
    attacked.post(shown(attacked, attacked.treated), networks(1))
    attacked.post(failed(attacked.treated, count=len(attacked.treated)), networks(1), "server")
    assert attacked.state() == "running"
    found = attacked.finding()
    assert sum(stage.treatment for stage in found.stages) == SLOTS
    assert (found.log_servers, found.sources) == (0.0, 1)


def test_nor_do_those_of_a_crowd(world: World) -> None:
    """Of sixty networks: that is what browsers tell, and pauses."""
    attacked = Attacked(world)
    for one, event in enumerate(shown(attacked, attacked.treated)):
        attacked.post([event], [networks(60)[one]])
    attacked.post(failed(attacked.treated, count=len(attacked.treated)), networks(1), "server")
    assert attacked.state() == "paused"
    assert attacked.finding().log_servers == 0.0


def test_whom_a_server_has_exposed_too_is_no_clients_unit(world: World) -> None:
    """Whichever of the two was first: a client cannot keep servers' evidence from counting."""
    attacked = Attacked(world, ERRORS)
    attacked.post(shown(attacked, attacked.treated), networks(1))
    later = [event | {"id": f"server-{event['id']}"} for event in shown(attacked, attacked.treated)]
    attacked.post(later, networks(1), "server")
    attacked.post(failed(attacked.treated), networks(1), "server")
    assert attacked.state() == "rolled_back"


def test_what_a_client_was_first_to_tell_is_a_servers_evidence_when_a_server_tells_it(world: World) -> None:
    """Whoever is faster with each unit's first failure does not keep it from stepping back."""
    attacked = Attacked(world, ERRORS, share=50)
    units, others = people("t", 2 * SLOTS, SPLIT), people("c", 2 * SLOTS, SPLIT)
    attacked.post(shown(attacked, [*units, *others]), networks(1), "server")
    for network, some in zip(networks(2), (units[:SLOTS], units[SLOTS:]), strict=True):
        attacked.post(failed(some, count=SLOTS), [network])
    assert attacked.state() == "running"
    attacked.post(failed(units, count=len(units)), networks(1), "server")
    assert attacked.state() == "rolled_back"
    found = attacked.finding()
    assert found.log_servers == found.log_evidence, "the same units, each once"


def test_a_client_puts_nobody_out_whom_a_server_has_exposed(world: World) -> None:
    """With units of its own in control it names all of treatment as who it was before: the active ones would seem silent."""
    attacked = Attacked(world, {"kind": "activity", "metric": "*"}, share=50)
    treated, others = people("t", 60, SPLIT), people("c", 60, SPLIT)
    attacked.post(shown(attacked, [*treated, *others[1:]]), networks(1), "server")
    own = others[:1]
    attacked.post(shown(attacked, own), networks(1))
    blamed = failed(own, "login", len(treated))
    attacked.post([event | {"previous_key": key} for event, key in zip(blamed, treated, strict=True)], networks(60))
    attacked.post(failed([*treated, *others[1:]], count=119), networks(1), "server")
    assert attacked.state() == "running"
    assert not _rows(world, "out#")
    [stage] = attacked.finding("*").stages
    assert (stage.control, stage.treatment) == (60, 60)


def test_one_unit_of_a_client_puts_out_one_other(world: World) -> None:
    """Of those that only clients exposed; again and again it changes nothing."""
    attacked = Attacked(world, ERRORS, share=50)
    treated, own = people("t", 6, SPLIT), people("c", 1, SPLIT)
    attacked.post(shown(attacked, [*treated, *own]), networks(1))
    blamed = [event | {"previous_key": key} for event, key in zip(failed(own, "login", 6), treated, strict=True)]
    for _ in range(2):
        attacked.post(blamed, networks(1))
    assert {row["mate"] for row in _rows(world, "out#")} == {row["sk"].split("#")[1] for row in _rows(world, "out#")}
    assert len(_rows(world, "out#")) == 2


def test_a_client_does_not_say_whose_unit_somebody_is(world: World) -> None:
    """Where a rollout is by company: it names the customers of a server as people of made-up companies, all of treatment."""
    attacked = Attacked(world, share=50, bucket_by="company")
    victims = [f"victim-{number}" for number in range(60)]
    companies = people("t", 60, SPLIT)
    mapped = [event | {"targetingKey": victim} for event, victim in zip(shown(attacked, companies), victims, strict=True)]
    attacked.post(mapped, networks(1))
    acme = [
        {"id": f"m-{key}", "type": "exposure", "flag": "checkout", "context": {"targetingKey": key, "company": "acme"}}
        for key in victims[:30]
    ]
    attacked.post(acme, networks(1), "server")
    attacked.post(failed(victims, count=60), networks(1), "server")
    assert attacked.state() == "running"
    found = attacked.finding()
    assert sum(stage.control + stage.treatment for stage in found.stages) == 1 + SLOTS, "acme, and what one network may bring"


@pytest.mark.parametrize("hold", [{"units": 100}, {}], ids=["units", "anybody"])
def test_one_network_is_no_traffic(world: World, hold: dict[str, int]) -> None:
    """A hold that waits for units, or for anybody, does not end by whom one network has made up."""
    attacked = Attacked(world, share=50, hold=hold)
    attacked.post(shown(attacked, [*people("t", 60, SPLIT), *people("c", 60, SPLIT)]), networks(1))
    world.later(hours=25)
    world.daily()
    assert attacked.state() == "paused"
    assert attacked.rollout.control.rollouts.shelf.read(attacked.rollout.id).data["why"]["code"] == "no_traffic"


def test_servers_people_are_the_traffic(world: World) -> None:
    """And clients' of many networks, a fifth at most from each."""
    attacked = Attacked(world, share=50, hold={"units": 100})
    crowd = [*people("t", 60, SPLIT), *people("c", 60, SPLIT)]
    attacked.post(shown(attacked, crowd[10:-10]), networks(1), "server")
    attacked.post(shown(attacked, [*crowd[:10], *crowd[-10:]]), networks(1))
    world.later(hours=25)
    world.daily()
    assert attacked.state() == "completed"


def test_one_network_does_not_make_the_split_look_off(world: World) -> None:
    attacked = Attacked(world, share=50)
    attacked.post(shown(attacked, [*people("t", 30, SPLIT), *people("c", 30, SPLIT)]), networks(1), "server")
    attacked.post(shown(attacked, people("t", 300, SPLIT)[30:]), networks(1))
    assert attacked.state() == "running"


def _rows(world: World, kind: str) -> list[Any]:
    return [row for (_, sk), row in world.memory.tables[SIGNALS.name].items() if sk.startswith(kind)]
