"""Files of LaunchDarkly, answered by its own Python SDK and by the flags that became of them: the same, or the report says why.

Shares are drawn otherwise, and told so; here every rollout gives all to one variation, so that nothing is drawn."""

from __future__ import annotations

import copy
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from slipway.flags import launchdarkly
from tests.domain.flags.importing import imported

pytest.importorskip("ldclient")
from ldclient.context import Context
from ldclient.impl.evaluator import Evaluator
from ldclient.impl.events.types import EventFactory
from ldclient.impl.model import FeatureFlag, Segment

TEXTS = ["", "a", "ab", "pro", "v1.2.0", "1.2.0", "1.2", "2", "1.2.0-rc.1", "10.0.0", "2026-01-01T00:00:00Z",
         "2026-01-01T01:00:00+01:00", "2026-01-01T00:00:00.5Z", "5", "u1", "org-1", "true"]  # fmt: skip
NUMBERS = [0, 1, 5, 5.5, -1, 1767225600000, 1767225600500, 10**12]
SCALARS = st.sampled_from([*TEXTS, *NUMBERS, True, False])
VALUES = st.one_of(SCALARS, st.lists(st.one_of(SCALARS, st.none(), st.lists(SCALARS, max_size=2)), max_size=3))
ATTRIBUTES = ["plan", "age", "tags", "key", "anonymous", "/profile/tier", "/profile", "kind", "a.b", "targetingKey"]
OPERATORS = ["in", "startsWith", "endsWith", "contains", "matches", "lessThan", "lessThanOrEqual", "greaterThan",
             "greaterThanOrEqual", "before", "after", "semVerEqual", "semVerLessThan", "semVerGreaterThan"]  # fmt: skip
KINDS = st.sampled_from([None, "", "user", "org"])
KEYS = st.sampled_from(["u1", "u2", "u3", "org-1", ""])


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(fields).map(lambda made: {name: one for name, one in made.items() if one is not None})


CLAUSES = st.one_of(
    optional(
        contextKind=KINDS,
        attribute=st.sampled_from(ATTRIBUTES),
        op=st.sampled_from([*OPERATORS, *["in"] * 8]),
        values=st.lists(st.one_of(SCALARS, st.none(), st.sampled_from(["user", "org"])), max_size=3),
        negate=st.booleans(),
    ),
    optional(
        attribute=st.just(""), op=st.just("segmentMatch"), values=st.lists(st.sampled_from(["s0", "s1"]), max_size=2),
        negate=st.booleans(),
    ),
)  # fmt: skip
WHOLE = st.one_of(
    st.builds(lambda one: {"variation": one}, st.integers(0, 2)),
    st.builds(
        lambda first, second: {
            "rollout": {"variations": [{"variation": first, "weight": 100_000}, {"variation": second, "weight": 0}]}
        },
        st.integers(0, 2), st.integers(0, 2),
    ),
)  # fmt: skip
USERS = st.lists(KEYS, max_size=2, unique=True)
SEGMENTS = optional(
    included=USERS,
    excluded=USERS,
    includedContexts=st.lists(optional(contextKind=KINDS, values=USERS), max_size=1),
    excludedContexts=st.lists(optional(contextKind=KINDS, values=USERS), max_size=1),
    rules=st.lists(optional(clauses=st.lists(CLAUSES, max_size=2)), max_size=2),
)
FLAGS = optional(
    on=st.sampled_from([True, True, True, False]),
    variations=st.just(["a", "b", "c"]),
    offVariation=st.sampled_from([None, 0, 1, 2]),
    fallthrough=WHOLE,
    targets=st.lists(optional(variation=st.integers(0, 2), values=USERS), max_size=2),
    contextTargets=st.lists(optional(contextKind=KINDS, variation=st.integers(0, 2), values=USERS), max_size=2),
    rules=st.lists(st.builds(lambda served, clauses: {**served, "clauses": clauses}, WHOLE, st.lists(CLAUSES, max_size=2)),
                   max_size=3),
)  # fmt: skip
CONTEXTS = st.lists(
    optional(
        user=st.one_of(st.none(), st.fixed_dictionaries({"key": KEYS.filter(bool)}, optional={
            "plan": VALUES, "age": VALUES, "tags": VALUES, "anonymous": st.booleans(),
            "profile": st.one_of(VALUES, st.fixed_dictionaries({"tier": VALUES})),
        })),
        org=st.one_of(st.none(), st.fixed_dictionaries({"key": KEYS.filter(bool)}, optional={"plan": VALUES, "tags": VALUES})),
    ).filter(bool),
    min_size=4, max_size=8,
)  # fmt: skip


@st.composite
def files(draw: st.DrawFn) -> dict[str, Any]:
    """Two segments, of which the second one may ask for the first, and flags that need those before them."""
    segments = {f"s{number}": {**draw(SEGMENTS), "key": f"s{number}", "version": 1, "salt": "x"} for number in range(2)}
    for rule in segments["s0"].get("rules", ()):
        rule["clauses"] = [one for one in rule["clauses"] if one["op"] != "segmentMatch"]
    flags: dict[str, Any] = {}
    for number in range(3):
        needs = st.builds(
            lambda key, variation: {"key": key, "variation": variation}, st.sampled_from(sorted(flags) or [""]),
            st.integers(0, 2),
        )  # fmt: skip
        more = {"prerequisites": draw(st.lists(needs, max_size=1)) if flags else []}
        flags[f"f{number}"] = {**draw(FLAGS), **more, "key": f"f{number}", "version": 1, "salt": "x"}
    return {"flags": flags, "segments": segments}


def theirs(document: dict[str, Any], key: str, context: dict[str, Any]) -> Any:
    made = {name: FeatureFlag(copy.deepcopy(flag)) for name, flag in document["flags"].items()}
    segments = {name: Segment(copy.deepcopy(one)) for name, one in document["segments"].items()}
    evaluator = Evaluator(made.get, segments.get, lambda _: (None, ""))
    parts = [Context.from_dict({"kind": kind, **one}) for kind, one in context.items()]
    whole = parts[0] if len(parts) == 1 else Context.create_multi(*parts)
    assert whole.valid
    detail = evaluator.evaluate(made[key], whole, EventFactory(False)).detail
    assert detail is not None
    return detail.value


def ours(context: dict[str, Any]) -> dict[str, Any]:
    """As docs/flags.md has it: a user at the top, another kind under its name."""
    user = dict(context.get("user", {}))
    named = {"targetingKey": user.pop("key")} if user else {}
    return {**named, **user, **{kind: one for kind, one in context.items() if kind != "user"}}


ROUNDS = 400 if os.environ.get("SLIPWAY_PROVE") else 30


@settings(max_examples=ROUNDS, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(document=files(), contexts=CONTEXTS)
def test_every_answer_is_theirs_or_the_report_says_why_not(document: dict[str, Any], contexts: list[dict[str, Any]]) -> None:
    flags, done = imported(launchdarkly.read(document, None))
    told = {(note["flag"], note["code"]) for note in done["notes"]}
    named = {flag for flag, code in told if code in ("switched_off", "prerequisite_off")}
    for key, flag in document["flags"].items():
        if key in named:
            continue
        if not flag["on"]:
            assert flag.get("offVariation") is None or (key, "off_variation") in told
            continue
        for context in contexts:
            assert flags.evaluate(key, ours(context), now=0).value == theirs(document, key, context), (key, context)
