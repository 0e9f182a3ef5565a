"""Stories of votes: people vote, editors merge, and the counts follow."""

from __future__ import annotations

from slipway.access import Principal
from slipway.products import Products
from slipway.tables import FEEDBACK
from tests.catalogue import made
from tests.simulation.clients import Client
from tests.simulation.feedback import BACKEND, MEMBER, VISITOR
from tests.simulation.world import World

EDITOR = Principal("member", "mbr_ada", "editor")


def voting(world: World, client: Client) -> None:
    """Two tell the same wish: people vote for both, before they are merged and after."""
    one, two = _items(world, client, "A lid", "Please a lid")
    for item in (one, two):
        client.vote(item, BACKEND, targeting_key="ada")
    client.vote(two, MEMBER)
    world.pump()
    client.merge(two, one)
    client.vote(one, EDITOR, email="joe@example.com")
    client.vote(two, VISITOR, targeting_key="bob")
    world.settle()
    assert client.get(f"/v1/feedback/{one}").json["votes"] in (4, 5), "with the rival or without"
    client.withdraw(one, MEMBER)
    for key in ("eve", "kim"):
        client.vote(two, BACKEND, targeting_key=key)


def parting(world: World, client: Client) -> None:
    """A group goes into another and comes out again; then counts are not right, and a day brings them back."""
    one, two, three = _items(world, client, "A lid", "Please a lid", "Lids")
    client.vote(one, VISITOR, targeting_key="bob")
    for item in (one, two):
        client.vote(item, BACKEND, targeting_key="ada")
    client.merge(two, one)
    world.settle()
    client.merge(one, three)
    client.withdraw(three, VISITOR, targeting_key="bob")
    assert len(client.get(f"/v1/feedback/{three}/votes").json["items"]) in (1, 2), "with the rival or without"
    world.settle()
    client.unmerge(one)
    world.settle()
    for item in (one, two):
        row = world.memory.get(FEEDBACK, item, "count")
        assert row is not None
        world.memory.put(FEEDBACK, {**row, "own": row["own"] + 3, "union": 99})
    for _ in range(2):  # where somebody votes while it looks, it is for another day
        world.daily()
        world.settle()
    client.unmerge(two)
    client.vote(one, EDITOR, targeting_key="kim", environment="production")


def _items(world: World, client: Client, *titles: str) -> list[str]:
    made(Products(world.memory), name="mug", key="mug")
    client.intents.products.append("mug")
    return [client.submit(title, VISITOR) for title in titles]


def another_vote(world: World, client: Client) -> None:
    """Of one who has voted, and of somebody else; and both are counted by another instance."""
    for item in list(client.intents.votes)[:1]:
        client.vote(item, BACKEND, targeting_key="rival")
        client.vote(item, BACKEND, targeting_key="ada")
        world.pump()
