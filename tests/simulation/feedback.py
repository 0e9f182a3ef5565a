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
    photo = f"att_{'0' * 26}"
    world.attachments.put(f"incoming/{photo}", b"her cup", content_type="text/plain")
    eve = {"targeting_key": "eve", "email": "eve@example.com", "consent": True, "attachments": [photo]}
    client.forget("eve", [client.submit("It is red", VISITOR, **eve)])
    assert world.attachments.objects == {}
    world.pump()
    items = feedback(world.memory).items
    stored = items.read(item)
    world.memory.transact(listed(stored, {"title": "It is heavy"}, a_call().now), "listed")
    [found] = client.get("/v1/feedback/similar", "product=mug&text=so+heavy").json["items"]
    assert (found["id"], found["title"]) == (item, "It is heavy")
    items.update(a_call(), item, None, lambda data: {**data, "tags": ["weight"]})
    items.update(a_call(1), item, None, lambda data: {**data, "status": "planned"})
    client.intents.moves.append((item, "feedback.status_changed.v1"))


def sorting(world: World, client: Client) -> None:
    """The team looks through what was told, one by one and many at once; and brings along what others were told."""
    made(Products(world.memory), name="mug", key="mug")
    client.intents.products.append("mug")
    first, second = (client.submit(title, BACKEND, targeting_key="bob") for title in ("It drips", "It is loud"))
    client.mark(first, "water")
    client.note(first, "Asked her which mug")
    world.pump()
    client.sort([first, second], "planning", "planned", "soon")
    client.sort([first, second], "beginning", "in_progress", "now")
    client.switch("mug", "roadmap")
    world.pump()
    client.switch("mug", "changelog")
    client.import_posts(["round", "square", "tall"], "From the old board")
    assert len(client.get("/v1/feedback", "status=in_progress").json["items"]) == 2
    board = client.get("/v1/boards/mug").json
    assert (board["roadmap"], board["changelog"], board["version"]) == (True, True, 2)
    client.change(first, headline="A lid that holds")
    assert [wish["title"] for wish in client.get("/public/mug/roadmap.json").json["items"]] == ["A lid that holds"]
    notes = client.get(f"/v1/feedback/{first}/notes").json["items"]
    assert [note["text"] for note in notes] == ["Asked her which mug"]


def another_hand(world: World, client: Client) -> None:
    """Of the same items, at the same moment."""
    told = [id for id, versions in world.history.items() if versions[1][0]["data"].get("origin") == "server"]
    if told and "rival" not in client.intents.marked.get(told[0], []):
        client.mark(told[0], "rival")


def another_voice(world: World, client: Client) -> None:
    """Of the same people, at the same moment."""
    made_there = any(pk.startswith("prd_") for pk, _ in world.memory.tables.get("products", {}))
    if made_there and "rival ada" not in client.intents.feedback:
        client.submit("rival ada", VISITOR, targeting_key="ada")
        client.submit("rival bob", BACKEND, targeting_key="bob")
