"""Stories of surveys: people are asked, answer, and there is an end to it."""

from __future__ import annotations

from slipway.products import Products
from tests.catalogue import made
from tests.simulation.clients import Client
from tests.simulation.feedback import BACKEND, VISITOR
from tests.simulation.world import World

CAP = 3


def surveying(world: World, client: Client) -> None:
    """Two surveys ask; each person is asked by one, and the first takes as many answers as its cap says."""
    made(Products(world.memory), name="mug", key="mug")
    client.intents.products.append("mug")
    survey = client.survey("Well?", cap=CAP)
    world.later(seconds=20)
    prompts = {person: client.prompt(person, "v1", BACKEND) for person in ("ada", "bob", "eve", "joe")}
    assert {prompt and prompt["survey"] for prompt in prompts.values()} == {survey}
    second = client.survey("And now?", quiet_days=1)
    world.later(seconds=20)
    assert client.prompt("ada", "v2", BACKEND) is None, "it was asked a moment ago"
    told = {person: client.answer(prompts[person], person, BACKEND) for person in ("ada", "bob", "eve")}
    late = client.answer(prompts["joe"], "joe", BACKEND)
    taken = len(client.intents.answers[survey])
    assert taken == CAP, "neither less nor more"
    client.change_survey(survey, cap=CAP + 1)
    if late is None:
        assert client.answer(prompts["joe"], "joe", BACKEND) is not None
    results = client.get(f"/v1/surveys/{survey}/results").json
    assert results["answers"] == len(client.intents.answers[survey])
    assert told["ada"] is not None
    client.forget("ada", [told["ada"]])
    client.drop_survey(second)
    world.pump()
    assert [one["id"] for one in client.get("/v1/surveys").json["items"]] == [survey]
    assert len(client.get(f"/v1/surveys/{survey}/versions").json["items"]) == 2


def another_answer(world: World, client: Client) -> None:
    """Of somebody else, at the same moment, as long as nobody has answered."""
    if client.intents.answers and not any(client.intents.answers.values()):
        world.later(seconds=20)
        prompt = client.prompt("rival", "v", VISITOR)
        if prompt is not None:
            client.answer(prompt, "rival", VISITOR)
