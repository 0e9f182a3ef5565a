"""From a flag that gives something to everybody to the items that asked for it, and back; and from them to the changelog."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from slipway.feedback.changelog import EntryPatch
from slipway.flags.configuration import ConfigurationPatch
from slipway.resources import Stored
from tests.outward import ADA, PRODUCT, Outward
from tests.records import arrival
from tests.rolling import Rolling

LINKS = [{"flag": "checkout", "environment": "production"}]
ALONE: list[dict[str, Any]] = [{"share": 50, "hold": {"minutes": 10}}, {"share": 100}]


class Shop(Outward):
    def __init__(self) -> None:
        super().__init__()
        self.flags = Rolling(self.memory)
        self.flags.now = self.now

    def minute(self) -> None:
        self.now = self.flags.later(minutes=1)
        self.settle()

    def rolled_out(self, **fields: Any) -> str:
        """To its end."""
        id = self.flags.begin(guards=[], **{"ladder": ALONE, **fields})
        while self.flags.state(id) != "completed":
            self.minute()
            self.flags.move(id, "start" if self.flags.state(id) == "planned" else "advance")
        self.minute()
        return id

    def configured(self, **fields: Any) -> None:
        patch = ConfigurationPatch.model_validate({"reason": "R", **fields})
        self.flags.control.configurations.update(self.flags.call(), "checkout", "production", None, patch)
        self.minute()

    def status(self, id: str) -> str:
        return str(self.items.read(id).data["status"])

    def linked(self, *links: dict[str, str], **fields: Any) -> str:
        id = self.submitted("grace")
        self.changed(id, status="in_progress", links=list(links) or LINKS, **fields)
        self.settle()
        return id

    def entries(self, id: str) -> list[Stored]:
        return [Stored(row) for row in self.rows("log_", "head") if id in row["data"]["feedback"]]


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop()
    with shop.open():
        shop.settle()
        yield shop


def moves(shop: Shop, id: str) -> list[tuple[str, str, str]]:
    return [
        (event["actor"], event["data"]["before"], event["data"]["after"])
        for event in shop.heard
        if event["type"] == "feedback.status_changed.v1" and event["subject"] == id
    ]


def test_an_item_ships_when_its_flag_is_rolled_out_to_all(shop: Shop) -> None:
    id, other = shop.linked(), shop.submitted()
    rollout = shop.rolled_out()
    assert (shop.status(id), shop.status(other)) == ("shipped", "new")
    assert moves(shop, id)[-1] == ("system:shipping", "in_progress", "shipped")
    (completed,) = [event for event in shop.heard if event["type"] == "rollout.completed.v1"]
    moved = [event for event in shop.heard if event["type"] == "feedback.status_changed.v1"][-1]
    assert completed["subject"] == rollout
    assert moved["correlation_id"] == completed["correlation_id"]
    changes = {change["field"]: change.get("to") for change in moved["data"]["changes"]}
    assert changes["status"] == "shipped"
    assert (changes["shipped_by"]["flag"], changes["shipped_by"]["environment"]) == ("checkout", "production")
    assert changes["shipped_by"]["event"] in {event["id"] for event in shop.heard}


def test_however_often_and_in_whatever_order_it_is_told_it_ships_once(shop: Shop) -> None:
    id = shop.linked()
    shop.rolled_out()
    version = shop.items.read(id).version
    for event in [*reversed(shop.heard), *shop.heard]:
        shop.hear(arrival(event))
    shop.settle()
    assert (shop.status(id), shop.items.read(id).version) == ("shipped", version)
    assert len(shop.entries(id)) == 1


def test_it_opens_again_when_the_flag_is_switched_off_and_ships_again_with_it(shop: Shop) -> None:
    id = shop.linked()
    shop.rolled_out()
    shop.configured(enabled=False)
    assert shop.status(id) == "in_progress"
    for event in [event for event in shop.heard if event["type"] == "rollout.completed.v1"]:
        shop.hear(arrival(event))
    shop.settle()
    assert shop.status(id) == "in_progress", "what is over and told again ships nothing"
    shop.configured(enabled=True)
    assert shop.status(id) == "shipped"
    shop.configured(default_variant="off")
    assert shop.status(id) == "in_progress"


def test_some_who_are_excepted_or_a_share_less_than_all_change_nothing(shop: Shop) -> None:
    id = shop.linked()
    shop.rolled_out(ladder=[*ALONE[:1], {"share": 90}], holdback=10)
    assert shop.status(id) == "in_progress"
    shop.configured(targeting=None, default_variant="on")
    assert shop.status(id) == "shipped"
    shop.configured(overrides={"off": ["grace"]})
    assert shop.status(id) == "shipped"


def test_it_ships_at_a_hundred_percent_and_opens_again_when_that_is_rolled_back(shop: Shop) -> None:
    id = shop.linked()
    rollout = shop.flags.begin(guards=[], ladder=[*ALONE[:1], {"share": 100, "hold": {"minutes": 60}}])
    if shop.flags.state(rollout) == "planned":
        shop.flags.move(rollout, "start")
    shop.minute()
    assert shop.status(id) == "in_progress"
    shop.flags.move(rollout, "advance")
    shop.minute()
    assert shop.status(id) == "shipped"
    shop.flags.move(rollout, "roll_back")
    shop.minute()
    assert shop.status(id) == "in_progress"
    assert moves(shop, id)[-1] == ("system:shipping", "shipped", "in_progress")
    shop.flags.move(rollout, "resume")
    shop.minute()
    assert shop.status(id) == "shipped"


def test_of_several_links_all_have_to_be_there(shop: Shop) -> None:
    shop.flags.flag("search")
    id = shop.linked(*LINKS, {"flag": "search", "environment": "production"})
    shop.rolled_out()
    assert shop.status(id) == "in_progress"
    patch = ConfigurationPatch.model_validate({"default_variant": "on", "reason": "R"})
    shop.flags.control.configurations.update(shop.flags.call(), "search", "production", None, patch)
    shop.minute()
    assert shop.status(id) == "shipped"


def test_what_a_person_decides_later_stands(shop: Shop) -> None:
    """Also where the event comes after that."""
    id, other = shop.linked(), shop.linked()
    shop.rolled_out()
    shop.changed(id, status="under_review")
    shop.minute()
    for event in shop.heard:
        shop.hear(arrival(event))
    shop.configured(overrides={"off": ["grace"]})
    assert (shop.status(id), shop.status(other)) == ("under_review", "shipped")
    shop.changed(other, status="planned")
    shop.changed(other, status="shipped")
    shop.minute()
    shop.configured(enabled=False)
    assert shop.status(other) == "shipped", "a person said so"


def test_an_event_that_is_late_finds_that_a_person_has_decided(shop: Shop) -> None:
    id = shop.linked()
    patch = ConfigurationPatch.model_validate({"default_variant": "on", "reason": "R"})
    shop.flags.control.configurations.update(shop.flags.call(), "checkout", "production", None, patch)
    late, shop.events = shop.events, []
    shop.minute()
    shop.changed(id, status="planned")
    shop.events += late
    shop.settle()
    assert shop.status(id) == "planned"


@pytest.mark.parametrize("status", ["declined", "shipped"])
def test_what_is_over_stays(shop: Shop, status: str) -> None:
    id = shop.linked()
    shop.changed(id, status=status)
    shop.rolled_out()
    assert shop.status(id) == status
    shop.configured(enabled=False)
    assert shop.status(id) == status


def test_the_rule_is_a_switch_of_the_board(shop: Shop) -> None:
    id = shop.linked()
    shop.board(ship_with_flags=False)
    shop.rolled_out()
    assert shop.status(id) == "in_progress"


def test_links_stand_in_lists_as_long_as_they_are_there(shop: Shop) -> None:
    shop.flags.flag("search")
    id = shop.linked()
    assert [row["sk"] for row in shop.rows("list#link#checkout#production")] == [id]
    shop.changed(id, links=[{"flag": "search", "environment": "staging"}])
    assert [row["pk"] for row in shop.rows("list#link#")] == ["list#link#search#staging"]
    shop.rolled_out()
    assert shop.status(id) == "in_progress"


# --- the changelog ---


def test_what_ships_makes_one_entry_by_the_boards_switch(shop: Shop) -> None:
    shop.board(changelog=True)
    id = shop.linked(headline="It descales itself", reply="Update to 2.1.")
    shop.rolled_out()
    (entry,) = shop.entries(id)
    data = entry.data
    assert (data["product"], data["title"], data["text"]) == (PRODUCT, "It descales itself", "Update to 2.1.")
    assert (data["status"], data["flags"], data["made_of"]) == ("published", ["checkout"], id)
    (told,) = [event for event in shop.heard if event["type"] == "changelog.published.v1"]
    assert (told["subject"], told["actor"]) == (entry.id, "system:changelog")
    shop.configured(enabled=False)
    assert shop.entries(id)[0].data["status"] == "draft", "what is not there is not in the changelog"
    shop.configured(enabled=True)
    assert [one.data["status"] for one in shop.entries(id)] == ["published"]


def test_without_a_headline_or_a_public_changelog_it_is_a_draft_that_says_nothing_of_what_was_written(shop: Shop) -> None:
    shop.board(changelog=True)
    silent = shop.linked()
    shop.changed(silent, status="shipped")
    shop.settle()
    shop.board(changelog=False)
    private = shop.linked(headline="It descales itself")
    shop.changed(private, status="shipped")
    shop.settle()
    assert [shop.entries(id)[0].data["status"] for id in (silent, private)] == ["draft", "draft"]
    assert "Descale" not in repr(shop.rows("log_"))


def test_an_entry_that_a_person_has_changed_is_left_alone(shop: Shop) -> None:
    shop.board(changelog=True)
    id = shop.linked(headline="It descales itself")
    shop.rolled_out()
    (entry,) = shop.entries(id)
    shop.hooks.changelog.update(shop.call("changelog.update", ADA), entry.id, None, EntryPatch(text="By the hour."))
    shop.configured(enabled=False)
    assert shop.entries(id)[0].data["status"] == "published"
    shop.hooks.changelog.delete(shop.call("changelog.delete", ADA), entry.id, None)
    shop.configured(enabled=True)
    assert [one.data["status"] for one in shop.entries(id)] == ["deleted"]
