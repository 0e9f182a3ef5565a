"""Stories of triage: people tell what they think of what they were shown, and what it comes to is found out."""

from __future__ import annotations

import json
from datetime import timedelta

from slipway.access import Principal
from slipway.products import Products
from tests.catalogue import made
from tests.collecting import exposed, people, rolled_out
from tests.simulation.clients import Client
from tests.simulation.world import World

VISITOR = Principal("client", "key_client", environment="beta")
WATCHED = json.dumps([{"metric": "feedback.negative", "kind": "feedback"}])
FIRST, LATE, ODD, RIVAL = people("t", 4)
PICTURE = "att_" + "1" * 26


def complaining(world: World, client: Client) -> None:
    """Of what was shown before; of what was told of too late; and one that looked like spam."""
    made(Products(world.memory), name="mug", key="mug")
    client.intents.products.append("mug")
    rolled_out(world, watch=WATCHED)
    world.attachments.put(f"incoming/{PICTURE}", b"what it said", content_type="text/plain")
    client.tell([exposed(key, environment="beta") for key in (FIRST, ODD)])
    client.complain("It is broken and I hate this", VISITOR, FIRST, attachments=[PICTURE])
    world.settle()
    client.complain("It is slow", VISITOR, LATE)
    odd = client.complain("It is odd", VISITOR, ODD, website="https://spam.example")
    world.settle()
    client.tell([exposed(LATE, environment="beta")])
    world.later(minutes=2)
    world.settle()
    client.change(odd, state="visible")
    world.settle()
    world.later(minutes=2)  # for whoever came in between


def another_complaint(world: World, client: Client) -> None:
    """Of somebody else, at the same moment; and the team works on what there is."""
    made_there = any(pk.startswith("prd_") for pk, _ in world.memory.tables.get("products", {}))
    if made_there and "rival" not in client.intents.feedback:
        there = [id for id in world.history if id.startswith("fbk_")]
        client.tell([exposed(RIVAL, environment="beta")])
        client.complain("rival", VISITOR, RIVAL)
        for item in there:
            client.mark(item, "looked-at")
            world.now += timedelta(seconds=1)
