"""Stories of what goes out: a wish is planned and ships with its flag, and everybody who stands behind it hears of that."""

from __future__ import annotations

from datetime import timedelta

from slipway.feedback.boards import BoardPatch, Boards
from slipway.feedback.posting import Outcome
from slipway.flags.configuration import ConfigurationPatch
from slipway.flags.control import Control
from slipway.products import Products
from tests.catalogue import a_call, made
from tests.flagging import made as flagged
from tests.simulation.clients import Client
from tests.simulation.feedback import BACKEND
from tests.simulation.world import World

LINKS = [{"flag": "checkout", "environment": "production"}]
RECEIVER, NEIGHBOUR, GONE = (f"https://{name}.example.com/in" for name in ("hooks", "other", "third"))


def telling(world: World, client: Client) -> None:
    """Webhooks, a merged wish with an e-mail address, its flag turned on for all and off again, an entry written by hand."""
    made(Products(world.memory), name="mug", key="mug")
    client.intents.products.append("mug")
    Boards(world.memory).update(
        a_call(), "mug", None, BoardPatch.model_validate({"changelog": True, "notify": {"email": True}})
    )
    flagged(Control(world.memory))
    client.webhook(RECEIVER, "feedback.*", "feedback.notice")
    client.webhook(NEIGHBOUR, "webhook.*", "changelog.*")
    world.settle()
    item = client.submit("A lid", BACKEND, targeting_key="ada", email="ada@example.com", consent=True)
    twin = client.submit("Please a lid", BACKEND, targeting_key="bob")
    client.vote(item, BACKEND, targeting_key="bob")
    client.vote(twin, BACKEND, targeting_key="eve")
    client.merge(twin, item)
    world.settle()
    client.change(item, status="planned", headline="It has a lid", links=LINKS)
    _calm(world)
    for seconds, enabled in ((100, True), (200, False), (300, True)):
        patch = ConfigurationPatch.model_validate({"enabled": enabled, "default_variant": "on", "reason": "R"})
        call = a_call(operation="configurations.update").but(now=world.now + timedelta(seconds=seconds))
        Control(world.memory).configurations.update(call, "checkout", "production", None, patch)
        _calm(world)
    world.post.answer = lambda sending: Outcome(410 if sending.url == GONE else 204, 1)
    gone = client.webhook(GONE, "changelog.*")
    world.settle()
    client.intents.moves += [(item, "feedback.status_changed.v1")] * 4  # planned; shipped, open again, shipped
    entry = client.entry("By hand")
    client.describe_entry(entry, "At last")
    _calm(world)
    client.rotate_webhook(gone)
    client.describe(f"/v1/webhooks/{client.intents.webhooks[NEIGHBOUR]}", "The neighbour")
    client.delete(f"/v1/webhooks/{gone}")
    client.resend(RECEIVER)
    world.daily()
    _calm(world)
    client.unsubscribe(world.mailer.sent[0].unsubscribe)
    client.delete(f"/v1/changelog/{entry}")
    _calm(world)


def _calm(world: World) -> None:
    """Whoever rests has rested, and what waits is taken."""
    for _ in range(3):
        world.settle()
        world.later(minutes=40)
    world.settle()


def another_wish(world: World, client: Client) -> None:
    """From somebody else, at the same moment."""
    there = any(pk.startswith("prd_") for pk, _ in world.memory.tables.get("products", {}))
    if there and "rival" not in client.intents.feedback:
        client.submit("rival", BACKEND, targeting_key="rival")
