"""Stories of feedback: people tell something, and the team works on it."""

from __future__ import annotations

from functions.feedback.door import feedback
from slipway.access import Principal
from slipway.feedback.titles import listed
from slipway.products import Products
from tests.catalogue import a_call, made
from tests.simulation.clients import Client
from tests.simulation.world import World

VISITOR = Principal("client", "key_client", environment="production")
BACKEND = Principal("server", "key_server", environment="production")
MEMBER = Principal("member", "mbr_bob", "viewer")


def submitting(world: World, client: Client) -> None:
    """A visitor twice, a user whose server speaks, a member, and somebody without a name."""
    made(Products(world.memory), name="mug", key="mug")
    client.intents.products.append("mug")
    client.submit("It drips", VISITOR, targeting_key="ada")
    world.pump()
    client.submit("It still drips", VISITOR, targeting_key="ada", email="ada@example.com", consent=True)
    client.submit("It is loud", BACKEND, targeting_key="bob")
    client.submit("It is green", MEMBER)
    client.submit("It is small", VISITOR)
    world.pump()
    item = client.submit("It is heavy", BACKEND, targeting_key="bob")
    assert client.get(f"/v1/feedback/{item}").json["title"] == "It is heavy"
    client.forget("eve", [client.submit("It is red", VISITOR, targeting_key="eve", email="eve@example.com", consent=True)])
    world.pump()
    items = feedback(world.memory).items
    stored = items.read(item)
    world.memory.transact(listed(stored, {"title": "It is heavy"}, a_call().now), "listed")
    [found] = client.get("/v1/feedback/similar", "product=mug&text=so+heavy").json["items"]
    assert (found["id"], found["title"]) == (item, "It is heavy")
    items.update(a_call(), item, None, lambda data: {**data, "tags": ["weight"]})
    items.update(a_call(1), item, None, lambda data: {**data, "status": "planned"})


def another_voice(world: World, client: Client) -> None:
    """Of the same people, at the same moment."""
    made_there = any(pk.startswith("prd_") for pk, _ in world.memory.tables.get("products", {}))
    if made_there and "rival ada" not in client.intents.feedback:
        client.submit("rival ada", VISITOR, targeting_key="ada")
        client.submit("rival bob", BACKEND, targeting_key="bob")
