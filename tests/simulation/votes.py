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
    """One wish, told three times: merged, voted for, left and parted again; and a count that is not right, of a day before."""
    made(Products(world.memory), name="mug", key="mug")
    client.intents.products.append("mug")
    one, two, three = (client.submit(title, VISITOR) for title in ("A lid", "Please a lid", "Lids"))
    for item in (one, two):
        client.vote(item, BACKEND, targeting_key="ada")
    client.vote(one, VISITOR, targeting_key="bob")
    client.vote(two, MEMBER)
    world.pump()
    client.merge(two, one)
    client.vote(two, BACKEND, targeting_key="eve")
    client.vote(one, EDITOR, email="joe@example.com")
    world.settle()
    assert client.get(f"/v1/feedback/{one}").json["votes"] in (5, 6), "with the rival or without"
    client.merge(one, three)
    client.withdraw(three, VISITOR, targeting_key="bob")
    client.withdraw(two, BACKEND, targeting_key="eve")
    assert len(client.get(f"/v1/feedback/{three}/votes").json["items"]) in (3, 4)
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


def another_vote(world: World, client: Client) -> None:
    """Of one who has voted, and of somebody else; and both are counted by another instance."""
    for item in list(client.intents.votes)[:1]:
        client.vote(item, BACKEND, targeting_key="rival")
        client.vote(item, BACKEND, targeting_key="ada")
        world.pump()
