"""What a rollout does to a rule, told from the rule alone and from flagd's own evaluator."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.flags.evaluation import FlagSet
from slipway.rollouts import exposure, split
from slipway.rollouts.exposure import SCALE

ON_IN_GERMANY = {"if": [{"==": [{"var": "country"}, "de"]}, "on", "off"]}
HALF = {"fractional": [["on", 50], ["off", 50]]}
THIRD_OR_DEFAULT = {"if": [{"==": [{"var": "country"}, "de"]}, {"fractional": [["on", 1], ["other", 2]]}, None]}
OWN = [None, ON_IN_GERMANY, HALF, THIRD_OR_DEFAULT, {"==": [{"var": "country"}, "de"]}, {"$ref": "germans"}]
ROLLOUT = {"from": "off", "to": "on", "bucket_by": "targetingKey", "share": 5_000}
EVALUATORS = {"germans": {"==": [{"var": "country"}, "de"]}}

keys = st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable())
countries = st.sampled_from(["de", "fr"])


def answered(rule: Any, default: str | None, context: dict[str, Any], *, hash: str = "v3", now: float = 0) -> str | None:
    variants = {name: name for name in ("on", "off", "other", "true", "false")}
    flag = {"state": "ENABLED", "variants": variants, "defaultVariant": default, "metadata": {"hash": hash}}
    if rule is not None:
        flag["targeting"] = rule
    flags = FlagSet.parse({"flags": {"checkout": flag}, "$evaluators": EVALUATORS})
    assert not flags.errors
    return flags.evaluate("checkout", context, now=now).variant


@given(
    st.sampled_from(OWN),
    st.sampled_from(["off", "on", None]),
    keys,
    countries,
    st.integers(1, SCALE),
    st.sampled_from(["v2", "v3"]),
)
def test_a_share_of_who_would_get_from_gets_to_and_nobody_else_anything_new(
    own: Any, default: str | None, key: str, country: str, share: int, hash: str
) -> None:
    context = {"targetingKey": key, "country": country}
    alone = answered(own, default, context, hash=hash)
    rule = split.during(own, default, {**ROLLOUT, "share": share}, "checkout")
    drawn = "on" if exposure.bucket("checkout", hash, key) < share else "off"
    assert answered(rule, default, context, hash=hash) == (drawn if alone == "off" else alone)
    reached = split.reach(own, default, "off")
    asked = answered({"if": [reached, "on", "off"]}, None, context, hash=hash)
    assert asked == ("on" if alone == "off" else "off")


@given(st.sampled_from(OWN), st.sampled_from(["off", "on", None]), keys, countries, st.integers(1, SCALE))
def test_what_stays_of_a_rollout_answers_as_it_did(own: Any, default: str | None, key: str, country: str, share: int) -> None:
    context = {"targetingKey": key, "country": country}
    rule = split.during(own, default, {**ROLLOUT, "share": share}, "checkout")
    left, after = split.after(own, default, ROLLOUT, "checkout", share)
    assert answered(left, after, context) == answered(rule, default, context)


def test_a_finished_rollout_of_a_plain_flag_is_a_plain_flag() -> None:
    assert split.after(None, "off", ROLLOUT, "checkout", SCALE) == (None, "on")


def test_at_the_end_even_those_without_a_key_get_it() -> None:
    rule, default = split.after(ON_IN_GERMANY, None, ROLLOUT, "checkout", SCALE)
    assert answered(rule, default, {"country": "fr"}) == "on"


@pytest.mark.parametrize("value", [None, "", 0, [], True, 1.5, -0.25, [1], ["a"], {}, {"id": "a"}, 2**1100])
def test_who_has_nothing_to_be_bucketed_by_keeps_what_they_had(value: Any) -> None:
    rule = split.split("checkout", "company.id", "off", "on", SCALE)
    assert answered(rule, None, {"company": {"id": value}}) == "off"
    assert exposure.value({"company": {"id": value}}, "company.id") is None


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "a"), ("1.5", "1.5"), ("true", "true"), (42, "42"), (-1, "-1"), (7.0, "7"), (2**60, str(2**60)), (1e300, "1e+300")],
)
def test_units_are_texts_and_whole_numbers(value: Any, text: str) -> None:
    assert exposure.value({"company": {"id": value}}, "company.id") == text
    rule = split.split("checkout", "company.id", "off", "on", 50_000)
    drawn = "on" if exposure.bucket("checkout", "v3", text) < 50_000 else "off"
    assert answered(rule, None, {"company": {"id": value}}) == drawn


@given(st.sampled_from(OWN), st.sampled_from(["off", "on", None]), keys, countries, st.data())
def test_a_rollout_goes_on_from_what_an_earlier_one_left(
    own: Any, default: str | None, key: str, country: str, data: st.DataObject
) -> None:
    """As if the earlier one had never been, and so it is left again."""
    context = {"targetingKey": key, "country": country}
    share = data.draw(st.integers(1, SCALE - 1))
    then = data.draw(st.integers(share + 1, SCALE))
    left = split.after(own, default, ROLLOUT, "checkout", share)
    rest, base, found = split.continued(*left, ROLLOUT, "checkout")
    reached = split.reach(own, default, "off") is not False
    assert found == (share if reached else 0)
    assert answered(rest, base, context) == answered(own, default, context)
    assert split.during(*left, {**ROLLOUT, "share": then}, "checkout") == split.during(
        own, default, {**ROLLOUT, "share": then}, "checkout"
    )
    if reached:
        assert split.after(*left, ROLLOUT, "checkout", then) == split.after(own, default, ROLLOUT, "checkout", then)


@pytest.mark.parametrize("other", [{"to": "other"}, {"from": "on", "to": "off"}, {"bucket_by": "company.id"}])
def test_a_rollout_of_something_else_goes_on_from_nothing(other: dict[str, Any]) -> None:
    for own in (None, ON_IN_GERMANY):
        left = split.after(own, "off", ROLLOUT, "checkout", 5_000)
        assert split.continued(*left, {**ROLLOUT, **other}, "checkout") == (*left, 0)
        assert split.continued(*left, ROLLOUT, "basket") == (*left, 0)
    rule, _ = split.after(THIRD_OR_DEFAULT, "off", ROLLOUT, "checkout", 5_000)
    assert split.continued(rule, "off", ROLLOUT, "checkout") == (THIRD_OR_DEFAULT, "off", 5_000)
    assert split.continued(rule, "on", ROLLOUT, "checkout") == (rule, "on", 0)  # since then others are given `from`


@given(keys, st.integers(1, SCALE - 1), st.integers(1, SCALE - 1))
def test_a_larger_share_holds_the_smaller_one(key: str, one: int, other: int) -> None:
    small, large = sorted((one, other))
    rules = [split.split("checkout", "targetingKey", "off", "on", share) for share in (small, large)]
    first, then = (answered(rule, None, {"targetingKey": key}) for rule in rules)
    assert (first, then) != ("on", "off")


def test_the_draw_has_nothing_to_do_with_a_fraction_of_the_flag_itself() -> None:
    own = {"fractional": [["on", 50], ["off", 50]]}
    rule = split.during(own, None, {**ROLLOUT, "share": 10_000}, "checkout")
    units = [{"targetingKey": f"user-{number}"} for number in range(20_000)]
    reached = [context for context in units if answered(own, None, context) == "off"]
    shown = sum(answered(rule, None, context) == "on" for context in reached)
    expected = len(reached) / 10
    assert abs(shown - expected) < 5 * (expected * 0.9) ** 0.5


def test_steps_to_come_are_taken_at_their_second() -> None:
    rule = split.split("checkout", "targetingKey", "off", "on", 1_000, [(100, 5_000), (200, SCALE)])
    units = [{"targetingKey": f"user-{number}"} for number in range(3_000)]
    shown = [[answered(rule, None, context, now=now) for context in units].count("on") for now in (99, 100, 199, 200)]
    shares = [
        sum(exposure.bucket("checkout", "v3", context["targetingKey"]) < share for context in units)
        for share in (1_000, 5_000, 5_000, SCALE)
    ]
    assert shown == shares
