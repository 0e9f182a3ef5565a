"""Why a flag answers what it answers, what a change would do, and rules in words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.adapters.memory import MemoryBlobs, MemoryStore
from slipway.flags import jsontext
from slipway.flags.configuration import UNTOUCHED, ConfigurationPatch
from slipway.flags.control import Control
from slipway.flags.explain import explained
from slipway.flags.preview import previewed, sample
from slipway.flags.publication import Publisher
from slipway.flags.snapshot import Snapshot, path
from slipway.flags.words import sentences
from slipway.problems import Conflict, Invalid, NotFound
from tests.catalogue import START, a_call
from tests.flagging import configured, edited, made, resegmented, ruled, segment

SPLIT = {"fractional": [["on", 25], ["off", 75]]}
RULE = {"if": [{"==": [{"var": "plan"}, "beta"]}, "on", {"$ref": "staff"}, "on", SPLIT]}


@pytest.fixture
def control() -> Control:
    control = Control(MemoryStore())
    made(control)
    made(control, "other")
    segment(control)
    needs = [{"flag": "other", "variants": ["on"]}]
    configured(control, "other", enabled=True, default_variant="off", targeting={"if": [{"var": "open"}, "on"]})
    overrides = {"on": ["me"], "off": ["you", "them"]}
    configured(
        control, enabled=True, default_variant="off", targeting=RULE, overrides=overrides, prerequisites=needs, seconds=10
    )
    return control


def why(control: Control, at: int | None = None, **context: Any) -> dict[str, Any]:
    moment = None if at is None else START + timedelta(seconds=at)
    return explained(control.configurations, a_call(100), "checkout", "development", context, moment)


# --- explain ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("context", "variant", "reason", "place"),
    [
        ({"targetingKey": "u"}, "off", "DEFAULT", "/prerequisites/0"),
        ({"targetingKey": "me", "open": True}, "on", "TARGETING_MATCH", "/overrides/on"),
        ({"targetingKey": "you", "open": True, "plan": "beta"}, "off", "TARGETING_MATCH", "/overrides/off"),
        ({"targetingKey": "u", "open": True, "plan": "beta"}, "on", "TARGETING_MATCH", "/targeting/if/0"),
        ({"targetingKey": "u", "open": True, "email": "a@example.com"}, "on", "TARGETING_MATCH", "/targeting/if/2"),
        ({"targetingKey": "u3", "open": True}, "off", "TARGETING_MATCH", "/targeting/if/4"),
        ({"open": True}, "off", "DEFAULT", "/default_variant"),
    ],
)
def test_what_decided_is_named(control: Control, context: Any, variant: str, reason: str, place: str) -> None:
    found = why(control, **context)
    assert (found["evaluation"]["variant"], found["evaluation"]["reason"]) == (variant, reason)
    assert found["decided"]["pointer"] == place
    assert (found["version"], found["flag_version"]) == (2, 1)


def test_the_bucket_and_every_operator_are_told(control: Control) -> None:
    found = why(control, targetingKey="u3", open=True)
    assert found["bucket"]["of"] == 100
    assert 25 <= found["bucket"]["bucket"] < 100
    assert found["bucket"]["variant"] == "off"
    assert found["trace"][-2:] == [
        {"pointer": "/if/4", "operator": "fractional", "result": "off"},
        {"pointer": "", "operator": "if", "result": "off"},
    ]
    assert found["prerequisites"] == [{"flag": "other", "variant": "on", "error_code": None, "met": True}]
    assert found["decided"]["words"] == "Else: 25 % on, 75 % off."


def test_a_rule_that_was_asked_is_traced_though_the_default_applies(control: Control) -> None:
    drawn = {"==": [{"fractional": [["in", 1], ["out", 99]]}, "in"]}
    configured(control, seconds=20, targeting={"if": [drawn, "on", None]})
    found = why(control, targetingKey="u3", open=True)
    assert (found["evaluation"]["reason"], found["decided"]["pointer"]) == ("DEFAULT", "/default_variant")
    assert [step["operator"] for step in found["trace"]] == ["fractional", "==", "if"]
    assert (found["trace"][-1]["result"], found["bucket"]["of"], found["bucket"]["variant"]) == (None, 100, "out")
    assert why(control, targetingKey="u3")["trace"] == []  # the prerequisite is not met
    assert why(control, targetingKey="me", open=True)["trace"] == []  # the override answers


def test_what_is_off_says_so(control: Control) -> None:
    configured(control, enabled=False)
    found = why(control, targetingKey="me", open=True)
    assert (found["evaluation"]["reason"], found["decided"]["pointer"]) == ("DISABLED", "/enabled")
    assert (found["bucket"], found["trace"]) == (None, [])


def test_what_was_in_force_at_a_moment_answers_for_it(control: Control) -> None:
    configured(control, seconds=50, targeting={"if": [True, "on"]}, overrides={"on": None, "off": None})
    configured(control, "other", seconds=60, targeting=None, default_variant="on")
    resegmented(control, targeting={"==": [{"var": "email"}, "b@example.com"]})
    assert why(control, at=5, open=True)["evaluation"]["reason"] == "DISABLED"
    assert why(control, at=20, targetingKey="me", open=True)["decided"]["pointer"] == "/overrides/on"
    assert why(control, at=55)["decided"]["pointer"] == "/prerequisites/0"
    assert why(control, at=65)["decided"]["pointer"] == "/targeting/if/0"
    with pytest.raises(NotFound):
        why(control, at=-1)
    with pytest.raises(Invalid, match="future") as refused:
        why(control, at=101)
    assert [(fault.pointer, fault.code) for fault in refused.value.errors] == [("/at", "in_the_future")]


def test_an_archived_flag_answers_nowhere(control: Control) -> None:
    control.flags.archive(a_call(), "checkout", None)
    with pytest.raises(Conflict, match="archived"):
        why(control)


def test_a_prerequisite_that_errs_is_told(control: Control) -> None:
    configured(control, "other", targeting={"if": [True, {"var": "plan"}]})
    found = why(control, plan="purple")
    assert found["prerequisites"] == [{"flag": "other", "variant": None, "error_code": "GENERAL", "met": False}]
    assert (found["evaluation"]["variant"], found["evaluation"]["error_code"]) == ("off", None)
    assert found["decided"]["pointer"] == "/prerequisites/0"


contexts = st.fixed_dictionaries(
    {},
    optional={
        "targetingKey": st.sampled_from(("me", "you", "u1", "u2", "")),
        "plan": st.sampled_from(("beta", "free", 1, None)),
        "open": st.booleans(),
        "email": st.sampled_from(("a@example.com", "b@example.com")),
    },
)
targetings = st.sampled_from(
    (None, RULE, SPLIT, {"if": [{"var": "plan"}, "on"]}, {"var": "plan"}, {"if": [False, "on", "off"]})
)


@settings(max_examples=120, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "enabled": st.booleans(),
            "default_variant": st.sampled_from((None, "on", "off")),
            "targeting": targetings,
            "overrides": st.sampled_from(({}, {"on": ["me"]}, {"on": ["me"], "off": ["you"]})),
            "prerequisites": st.sampled_from(([], [{"flag": "other", "variants": ["on"]}])),
        }
    ),
    contexts,
)
def test_an_explanation_answers_as_the_published_document_does(fields: dict[str, Any], context: dict[str, Any]) -> None:
    store, blobs = MemoryStore(), MemoryBlobs()
    control = Control(store)
    made(control, type="boolean")
    made(control, "other")
    segment(control)
    configured(control, "other", enabled=True, targeting={"if": [{"var": "open"}, "on", "off"]})
    configured(control, **fields)
    Publisher(store, blobs).publish("development")
    found = why(control, **context)
    answer = Snapshot.read(blobs.objects[path("development")].body).flags.evaluate("checkout", context, now=0)
    assert found["evaluation"] == {name: getattr(answer, name) for name in found["evaluation"]}
    places = [
        sentence.place for sentence in sentences(control.configurations.read(a_call(), "checkout", "development")[1].data)
    ]
    assert found["decided"]["pointer"] in places
    if found["evaluation"]["reason"] == "DEFAULT":
        assert found["decided"]["pointer"].startswith(("/prerequisites", "/default_variant"))


# --- preview ------------------------------------------------------------------------------------------------


def preview(control: Control, contexts: Any = None, **change: Any) -> dict[str, Any]:
    patch = ConfigurationPatch.model_validate(change)
    return previewed(control.configurations, a_call(), "checkout", "development", patch, contexts)


def test_a_raised_percentage_moves_units_one_way_only(control: Control) -> None:
    configured(control, targeting=SPLIT, prerequisites=[], overrides={"on": None, "off": None})
    found = preview(control, targeting={"fractional": [["on", 40], ["off", 60]]})
    assert [(move["from"], move["to"]) for move in found["moves"]] == [("off", "on")]
    assert found["contexts"] == 1_000
    assert 100 <= found["changed"] == found["moves"][0]["count"] <= 200
    same = preview(control, targeting=SPLIT)
    untouched = {"contexts": 1_000, "changed": 0, "moves": [], "ended_rollout": None}
    assert same == untouched | {"portable": True, "not_portable": []}


def test_posted_contexts_are_tried_as_they_are(control: Control) -> None:
    posted = [{"targetingKey": "a", "open": True, "plan": "beta"}, {"targetingKey": "me", "open": True}, {}]
    found = preview(control, posted, enabled=False)
    assert (found["contexts"], found["changed"]) == (3, 3)
    assert found["moves"] == [{"from": "on", "to": None, "count": 2}, {"from": "off", "to": None, "count": 1}]


def test_a_preview_that_takes_too_long_names_the_bound(control: Control) -> None:
    configured(control, prerequisites=[], overrides={"on": None, "off": None}, targeting=None)
    walk = {"if": [{"some": [{"var": "list"}, {"==": [{"var": ""}, 1]}]}, "on"]}
    contexts = [{"list": [0] * 1_000}] * 1_000
    assert preview(control, contexts[:200], targeting=walk)["contexts"] == 200
    with pytest.raises(Invalid, match="With 1,000 contexts this takes more than 2,000,000 steps") as caught:
        preview(control, contexts, targeting=walk)
    assert [(fault.pointer, fault.code) for fault in caught.value.errors] == [("/contexts", "too_many_steps")]


def test_nothing_is_written_and_no_reason_asked(control: Control) -> None:
    store = control.store
    assert isinstance(store, MemoryStore)
    ruled(control, "development", protected=True)
    before = dict(store.tables["flags"])
    preview(control, enabled=False)
    assert store.tables["flags"] == before
    with pytest.raises(Invalid):
        preview(control, default_variant="maybe")


def test_the_sample_is_the_same_every_time_and_another_for_each_flag() -> None:
    assert sample("a") == sample("a")
    keys = [one["targetingKey"] for one in (*sample("a"), *sample("b"))]
    assert len(set(keys)) == 2_000


# --- words --------------------------------------------------------------------------------------------------


def test_a_configuration_in_words(control: Control) -> None:
    _, stored = control.configurations.read(a_call(), "checkout", "development")
    assert [sentence.text for sentence in sentences(stored.data)] == [
        "Unless other answers on: off.",
        "For them, you: off.",
        "For me: on.",
        'If plan is "beta": on.',
        "If it is in the segment staff: on.",
        "Else: 25 % on, 75 % off.",
        "Otherwise: off.",
    ]
    edited(control, tags=["x"])
    _, untouched = control.configurations.read(a_call(), "checkout", "staging")
    assert [sentence.text for sentence in sentences(untouched.data)] == [
        "It is off: every caller gets its own default.",
        "Otherwise: the caller's own default.",
    ]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"in": [{"var": "country"}, ["CH", "AT", "DE", "FR", "IT"]]}, 'country is one of "CH", "AT", "DE" or 2 more'),
        ({"in": ["@example.com", {"var": "email"}]}, 'email contains "@example.com"'),
        (
            {"and": [{">=": [{"var": "age"}, 18]}, {"or": [{"var": "a"}, {"!": [{"var": "b"}]}]}]},
            "age is at least 18 and (a or not (b))",
        ),
        ({"sem_ver": [{"var": "version"}, ">=", "2.1.0"]}, 'version version is at least "2.1.0"'),
        ({"in_dates": [{"var": "day"}, "2026-12-01T00:00:00Z", None]}, 'day is from "2026-12-01T00:00:00Z"'),
        ({"in_range": [{"var": "age"}, 18, 30]}, "age is at least 18 and at most 30"),
        ({"cat": ["a", {"var": "b"}]}, '{"cat":["a",{"var":"b"}]}'),
        ({"==": [{"var": "x"}, "y" * 300]}, 'x is "' + "y" * 193 + "…"),
    ],
)  # fmt: skip
def test_a_condition_in_words(control: Control, rule: Any, words: str) -> None:
    stored = configured(control, targeting={"if": [rule, "on"]})
    assert [one.text for one in sentences(stored.data) if one.place == "/targeting/if/0"] == [f"If {words}: on."]


@settings(max_examples=300, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    ("if", "var", "==", "in", "and", "!", "fractional", "sem_ver", "in_range", "in_dates", "$ref", "x")
                ),
                inner,
                max_size=2,
            )
        ),
        max_leaves=12,
    )
)
def test_whatever_was_once_stored_has_words(rule: Any) -> None:
    assert all(one.text for one in sentences({**UNTOUCHED, "targeting": jsontext.written(rule)}))
