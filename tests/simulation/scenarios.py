"""Short stories, each a few requests and what the platform makes of them; and the rival who comes between two of the calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple
from unittest.mock import patch

import functions.products.handler as products
import slipway.flags.imports as flag_imports
import slipway.imports as imports
from functions.evaluate.handler import COUNTED, FRESH
from slipway.access import Principal
from slipway.feedback import transfer
from slipway.flags.control import Control
from slipway.ports import Delete
from slipway.tables import FLAGS
from tests.collecting import ROLLOUT, exposed, outcome, people, rolled_out
from tests.flagging import configured, made, segment
from tests.simulation import complaints, feedback, guarded, outward, surveys, votes
from tests.simulation.clients import Client
from tests.simulation.world import World


class Scenario(NamedTuple):
    name: str
    play: Callable[[World, Client], None]
    rival: Callable[[World, Client], None]


def one_product(world: World, client: Client) -> None:
    id = client.create("mug", key="mug")
    world.pump()
    client.edit(id, "a")
    client.edit(id, "b", key="cup")
    world.pump()
    client.archive(id)
    client.restore(id)


def edit_the_same(world: World, client: Client) -> None:
    for id, head in world.history.items():
        if head[max(head)][-1]["data"]["status"] == "active":
            client.edit(id, "rival")
            return


def many_edits(world: World, client: Client) -> None:
    """Everything is on the streams before anybody reads them."""
    ids = [client.create(name) for name in ("cup", "jug", "pot")]
    for mark in ("a", "b"):
        for id in ids:
            client.edit(id, mark)


def several_at_once(world: World, client: Client) -> None:
    client.batch(["one", "two"], 201)
    client.batch(["red", "green", "blue"], 207)
    client.import_(["north", "east", "south"])


def another_product(world: World, client: Client) -> None:
    client.create("rival")


def keys(world: World, client: Client) -> None:
    id, secret = client.key("build")
    world.pump()
    if secret is not None:
        world.settle()
        world.now = world.now.replace(minute=(world.now.minute + 1) % 60)
        assert world.admitted(f"Bearer {secret}") is not None, "a published key is let in"
    client.rotate(id)
    world.pump()
    client.revoke(id)
    admin, secret = client.key("ops", kind="admin", role="editor")
    assert secret is None or world.admitted(f"Bearer {secret}") is not None
    client.revoke(admin)
    assert secret is None or world.admitted(f"Bearer {secret}") is None, "a revoked key is not"


def another_key(world: World, client: Client) -> None:
    """And another instance of each function has seen it before this one goes on."""
    client.key("rival")
    world.pump()


def members(world: World, client: Client) -> None:
    ada = client.invite("ada@example.com", "admin")
    bob = client.invite("bob@example.com", "viewer")
    world.pump()
    client.give(bob, "bob@example.com", "admin")
    world.pump()
    client.remove(ada, "ada@example.com")
    client.invite("ada@example.com", "viewer", "ada once more")
    client.remove(client.invite("eve@example.com", "editor"), "eve@example.com")


def signing_in(world: World, client: Client) -> None:
    """A minute after each change at most, the gateway lets a member in as what that one is."""
    client.invite("ada@example.com", "admin")
    bob = client.invite("bob@example.com", "editor")
    world.settle()
    assert bob in world.people.users, "who was invited can sign in"
    assert a_minute_later(world, bob) == {"editor"}
    client.give(bob, "bob@example.com", "viewer")
    assert a_minute_later(world, bob) == {"viewer"}
    client.remove(bob, "bob@example.com")
    assert a_minute_later(world, bob) == {None}, "a removed member is not let in"
    world.settle()
    assert bob not in world.people.users, "nor given another token"


def a_minute_later(world: World, member: str) -> set[str | None]:
    """What the gateway takes a member for who came in on another device every few seconds; None for a refusal. Then the member
    comes once more, so that what is remembered when the next change comes is as fresh as can be."""

    def role(header: str) -> str | None:
        entered = world.entered(header)
        return None if entered is None else str(entered["role"])

    devices = []
    for _ in range(15):
        devices.append(world.header(member, f"{world.now:%H%M%S}"))
        role(devices[-1])
        world.later(seconds=4)
    told = {role(header) for header in devices}
    world.later(minutes=2)
    role(world.header(member))
    return told


def another_admin(world: World, client: Client) -> None:
    client.invite("rival@example.com", "admin")


def reads(world: World, client: Client) -> None:
    """What only reads is asked again until it is answered, and then right."""
    id = client.create("mug", key="mug")
    client.edit(id, "a")
    key, _ = client.key("build")
    member = client.invite("ada@example.com", "admin")
    world.settle()
    for path in (f"/v1/products/{id}", "/v1/products/mug"):
        assert client.get(path).json["version"] == 2
    created = client.get(f"/v1/products/{id}").json["created_at"]
    assert client.get(f"/v1/products/{id}", f"as_of={created}").json["version"] == 1
    assert [one["version"] for one in client.get(f"/v1/products/{id}/versions").json["items"]] == [2, 1]
    assert client.get("/v1/products").json["items"][0]["id"] == id
    assert b"mug" in client.get("/v1/products/export", "format=jsonl").body
    assert client.get("/v1/keys").json["items"][0]["id"] == key
    assert client.get("/v1/members").json["items"][0]["email"] == "ada@example.com"
    assert client.get(f"/v1/members/{member}").json["role"] == "admin"
    for query in (f"subject={id}", ""):
        assert client.get("/v1/audit", query).json["items"][-1]["type"] == "product.created.v1"


def flags(world: World, client: Client) -> None:
    """The rows come from the control plane's use cases, undisturbed; what makes documents of them is disturbed."""
    control = Control(world.memory)
    made(control, "checkout")
    world.pump()
    configured(control, "checkout", "development", enabled=True, default_variant="on")
    configured(control, "checkout", "staging", enabled=True, default_variant="off")
    world.pump()
    for environment in ("development", "staging", "development"):
        world.evaluated(environment)
        world.evaluated(environment, "checkout")
        world.now += timedelta(seconds=FRESH)
    made(control, "search")
    segment(control)


def counting(world: World, client: Client) -> None:
    """Lines of two instances and of two days; one of them is told of when the day has been summed already."""
    made(Control(world.memory), "checkout", tags=["web"])
    world.settle()
    for key in ("checkout", None, "checkout"):
        world.evaluated("production", key)
        world.now += timedelta(seconds=COUNTED)
    world.daily()
    world.settle()
    world.evaluated("development", "checkout")
    world.now += timedelta(days=1)
    world.evaluated("production", "checkout")
    world.daily()


def seeding(world: World, client: Client) -> None:
    """A stack that brings a flag, and one that brings it again."""
    for _ in range(2):
        world.deploy("checkout", '{"type": "boolean", "environments": {"staging": {"state": "ENABLED"}}}')
        world.settle()
    assert set(world.deployed) == {"SUCCESS"}, world.deployed
    assert Control(world.memory).flags.configured.read("flag#checkout#staging").version == 2


def signals(world: World, client: Client) -> None:
    """People are shown a flag in an environment of its own, and things happen to them; some events come in two batches."""
    rolled_out(world)
    world.memory.put(FLAGS, {"pk": "list#rollouts", "sk": ROLLOUT, "schema": 1})  # for the daily round
    keys = people("t", 3) + people("c", 2)
    client.tell([exposed(key, environment="beta") for key in keys])
    world.pump()
    client.tell([outcome(key) for key in keys[:3]], address="198.51.100.7")
    again = [outcome(keys[2]), outcome(keys[3], value=2.5)]
    client.tell(again)
    client.tell([exposed(keys[0], environment="beta")], "server")
    world.settle()
    world.now += timedelta(minutes=30)
    client.tell([outcome(keys[4], "latency", value=300), exposed(keys[1], "moved", environment="beta", previous_key=keys[4])])
    world.pump()
    world.daily()
    world.settle()
    client.flag("checkout")
    assert client.get("/v1/flags/checkout/adoption", "environment=production").json["days"] == []
    assert client.get("/v1/metrics/errors", "environment=production").json["days"] == []
    world.memory.transact([Delete(FLAGS, "list#rollouts", ROLLOUT)], "over")


def another_signal(world: World, client: Client) -> None:
    """Another instance tells of a person whom the first one is about to tell of, and what it told is counted."""
    world.collect = world.another_collector()
    client.tell([exposed(people("t", 1)[0], "rival", environment="beta"), outcome("rival", id="rival-o")], "server")
    client.tell([outcome(people("t", 1)[0], id=f"rival-{number}") for number in reversed(range(30))], "server")
    world.pump()


def another_flag(world: World, client: Client) -> None:
    if ("flag#rival", "head") not in world.memory.tables.get("flags", {}):
        made(Control(world.memory), "rival")


def control(world: World, client: Client) -> None:
    """What people do with flags, every call of it disturbed."""
    client.flag("checkout")
    client.flag("search")
    world.pump()
    client.tag("checkout", "web")
    client.segment("beta")
    needs = [{"flag": "search", "variants": ["on"]}]
    rule = {"if": [{"$ref": "beta"}, "on", "off"]}
    client.override("checkout", "production", "ada", enabled=True, prerequisites=needs)
    client.override("checkout", "production", "bob", prerequisites=[], targeting=rule)
    world.pump()
    client.environment("preview")
    client.archive_flag("search")
    client.restore_flag("search")
    client.describe("/v1/environments/preview", "for a day")
    client.describe("/v1/segments/beta", "the curious")
    client.override("checkout", "production", "eve", targeting=None)
    client.delete("/v1/segments/beta")
    client.delete("/v1/environments/preview")


def templates(world: World, client: Client) -> None:
    """Courses of rollouts; the first two are made by whoever comes first."""
    client.template("weekend")
    world.pump()
    client.describe("/v1/rollout-templates/weekend", "slowly")
    client.describe("/v1/rollout-templates/standard", "as ever")
    client.delete("/v1/rollout-templates/weekend")


def another_template(world: World, client: Client) -> None:
    client.template("rival")
    client.describe("/v1/rollout-templates/rival", "by another")


def importing(world: World, client: Client) -> None:
    """A file of flags, a few steps a request; and what it says a week later."""
    unit, on = {"fractional": [["on", 1], ["off", 1]]}, {"on": True, "off": False}
    beta = {"==": [{"var": "plan"}, "beta"]}
    rule = {"if": [{"$ref": "beta"}, "on", unit]}
    flags: dict[str, Any] = {
        key: {"state": "ENABLED", "variants": on, "defaultVariant": "off", "targeting": rule, "metadata": {"hash": "v3"}}
        for key in ("checkout", "search", "theme")
    }
    beside: dict[str, Any] = {"checkout": {"overrides": {"on": ["ada"]}}}
    beside["search"] = {"overrides": {"on": ["bob"]}, "prerequisites": [{"flag": "theme", "variants": ["on"]}]}
    document = {"flags": flags, "$evaluators": {"beta": beta}, "slipway": {"flags": beside}}
    client.import_flags(document, "a file")
    world.pump()
    configured = Control(world.memory).flags.configured
    assert [configured.read(f"flag#{key}#staging").version for key in flags] == [2, 2, 2]
    beside["checkout"] = {"overrides": {"on": ["ada", "eve"]}}
    later = {**document, "$evaluators": {"beta": {"in": [{"var": "plan"}, ["beta", "alpha"]]}}}
    client.import_flags(later, "the next file", mode="update")
    assert [configured.read(f"flag#{key}#staging").version for key in flags] == [3, 2, 2]


def later(world: World, client: Client) -> None:
    """Changes that a second person approves, and changes that a minute brings."""
    client.flag("checkout")
    client.describe("/v1/environments/production", "takes two", approval=True)

    def wanted(environment: str, unit: str) -> dict[str, Any]:
        change = {"overrides": {"on": [unit]}}
        return {"flag": "checkout", "environment": environment, "change": change, "reason": "a test"}

    asked, unwanted, forgotten = (client.later("proposals", wanted("production", unit), unit) for unit in ("ada", "bob", "eve"))
    client.moved(asked, "approved", "approve", Principal("member", "mbr_second", "editor"))
    client.moved(asked, "applied", "apply")
    client.moved(unwanted, "rejected", "reject")
    at = {"at": (world.now.replace(second=0) + timedelta(minutes=30)).isoformat()}
    plan, called_off, spoilt = (
        client.later("schedules", wanted(environment, unit) | at, unit)
        for environment, unit in (("development", "joe"), ("development", "kim"), ("staging", "lea"))
    )
    client.moved(called_off, "cancelled", "cancel")
    client.override("checkout", "staging", "zoe")
    world.settle()
    world.daily()  # while changes are still waiting for their minute
    world.settle()
    world.now += timedelta(hours=1)
    world.settle()
    client.moved(plan, "fired")
    client.moved(spoilt, "failed")
    world.now += timedelta(days=8)
    world.daily()
    world.settle()
    client.moved(forgotten, "expired")
    client.intents.overrides["flag#checkout#production"] = ["ada"]
    client.intents.overrides["flag#checkout#development"] = ["joe"]


def agreed(world: World, client: Client) -> None:
    """A change of a segment that two people agree on, for a minute to come."""
    client.flag("checkout")
    client.segment("beta")
    client.override("checkout", "production", "ada", targeting={"if": [{"$ref": "beta"}, "on", "off"]})
    client.describe("/v1/environments/production", "takes two", approval=True)

    def wish(plan: str) -> dict[str, Any]:
        return {"segment": "beta", "segment_change": {"targeting": {"==": [{"var": "plan"}, plan]}}, "reason": "a test"}

    asked, unwanted, forgotten = (client.later("proposals", wish(plan), plan) for plan in ("pro", "free", "old"))
    client.moved(unwanted, "rejected", "reject", contract="v2")
    client.moved(asked, "approved", "approve", Principal("member", "mbr_second", "editor"), contract="v2")
    at = (world.now.replace(second=0) + timedelta(minutes=30)).isoformat()
    plan = client.later("schedules", {"proposal": asked.rpartition("/")[2], "at": at}, "its minute")
    called_off, spoilt = (
        client.later("schedules", {"flag": "checkout", "flag_change": {"owner": name}, "reason": "a test", "at": at}, name)
        for name in ("kim", "lea")
    )
    client.moved(called_off, "cancelled", "cancel", contract="v2")
    client.tag("checkout", "web")
    world.settle()
    world.daily()
    world.settle()
    world.now += timedelta(hours=1)
    world.settle()
    client.moved(plan, "fired", contract="v2")
    client.moved(asked, "applied", contract="v2")
    client.moved(spoilt, "failed", contract="v2")
    world.now += timedelta(days=8)
    world.daily()
    world.settle()
    client.moved(forgotten, "expired", contract="v2")
    client.intents.overrides["flag#checkout#production"] = ["ada"]
    assert Control(world.memory).segments.read("beta").version == 2


def a_tag(world: World, client: Client) -> None:
    if "checkout" in client.intents.flags:
        client.tag("checkout", "rival")
    else:
        client.flag("rival")


def another_tag(world: World, client: Client) -> None:
    """And another configuration, where there is a flag; else another flag."""
    if "checkout" in client.intents.flags:
        client.tag("checkout", "rival")
        client.override("checkout", "production", "rival")
    else:
        client.flag("rival")


SCENARIOS = (
    Scenario("one product", one_product, edit_the_same),
    Scenario("many edits", many_edits, edit_the_same),
    Scenario("several at once", several_at_once, another_product),
    Scenario("keys", keys, another_key),
    Scenario("members", members, another_admin),
    Scenario("signing in", signing_in, another_admin),
    Scenario("reads", reads, another_product),
    Scenario("flags", flags, another_flag),
    Scenario("control of flags", control, another_tag),
    Scenario("templates", templates, another_template),
    Scenario("importing flags", importing, a_tag),
    Scenario("flags later", later, a_tag),
    Scenario("agreed for later", agreed, a_tag),
    Scenario("counting", counting, another_flag),
    Scenario("seeding", seeding, another_flag),
    Scenario("signals", signals, another_signal),
    Scenario("feedback", feedback.submitting, feedback.another_voice),
    Scenario("complaints", complaints.complaining, complaints.another_complaint),
    Scenario("surveys", surveys.surveying, surveys.another_answer),
    Scenario("what goes out", outward.telling, outward.another_wish),
    Scenario("votes", votes.voting, votes.another_vote),
    Scenario("duplicates", votes.parting, votes.another_vote),
    Scenario("sorting feedback", feedback.sorting, feedback.another_hand),
    Scenario("a harmful rollout", guarded.harmful, guarded.a_look),
    Scenario("a rollout by the clock", guarded.by_the_clock, guarded.a_look),
    Scenario("a rollout and a person", guarded.and_a_person, guarded.an_edit),
    Scenario("a rollout that tells and waits", guarded.telling, guarded.a_look),
)


@contextmanager
def small_chunks() -> Iterator[None]:
    """Two products are a whole transaction, so that a story of three has two; a file of flags takes three requests."""
    with (
        patch.object(products, "ATOMIC", 2),
        patch.object(imports, "CHUNK", 2),
        patch.object(flag_imports, "MOST_STEPS", 3),
        patch.object(transfer, "GROUP", 2),
    ):
        yield
