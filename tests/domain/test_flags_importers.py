"""Files of LaunchDarkly, Unleash and Flagsmith: what maps answers as it did, and whatever does not is told with its place."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from slipway.flags import flagsmith, launchdarkly, unleash
from slipway.flags.bundle import Bundle
from slipway.flags.checks import escaped
from slipway.flags.conditions import ITEM, all_of, each, is_number, var
from slipway.flags.evaluation import FlagSet
from slipway.flags.words import condition
from slipway.problems import Invalid
from tests.domain.flags.importing import imported as brought

FILES = Path(__file__).parent / "flags" / "files"
READERS: dict[str, Callable[[Any], Bundle]] = {
    "launchdarkly": lambda document: launchdarkly.read(document, "production"),
    "unleash": unleash.read,
    "flagsmith": flagsmith.read,
    "flagsmith-environment": flagsmith.read,
}


def sample(name: str) -> Any:
    return json.loads((FILES / f"{name}.json").read_text())


def imported(name: str, document: Any = None) -> tuple[FlagSet, dict[str, Any]]:
    """The flags as evaluation has them, and the answer."""
    return brought(READERS[name](sample(name) if document is None else document))


def notes(done: dict[str, Any]) -> set[tuple[str | None, str, str]]:
    return {(note["flag"], note["code"], note["pointer"]) for note in done["notes"]}


# --- nothing is lost silently ------------------------------------------------------------------------------------


def places(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Every object of the file."""
    if isinstance(value, dict):
        yield at, value
        for name, member in value.items():
            yield from places(member, f"{at}/{escaped(name)}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from places(item, f"{at}/{number}")


def changed(document: Any, at: str, **fields: Any) -> Any:
    document = copy.deepcopy(document)
    (found,) = (value for place, value in places(document) if place == at)
    found.update(fields)
    return document


@pytest.mark.parametrize("name", READERS)
def test_a_key_that_nobody_knows_is_told_wherever_it_stands(name: str) -> None:
    """In every object of the file one key more: it, or what it stands in, is in the report."""
    document, objects = sample(name), 0
    mapped_whole = {"value", "payload"}  # a value of a variant is taken as it is
    for at, _ in places(document):
        if mapped_whole & set(at.split("/")):
            continue
        if name == "launchdarkly" and at.endswith("/environments"):
            continue  # a key there is one more environment: told as such below
        told = {note.pointer for note in READERS[name](changed(document, at, surprise="!")).notes}
        inside = at
        while inside and inside not in told:
            inside = inside.rpartition("/")[0]
        assert f"{at}/surprise" in told or inside in told, at
        objects += 1
    assert objects > 5


@pytest.mark.parametrize("name", READERS)
def test_every_key_of_the_sample_is_mapped_or_told_on_purpose(name: str) -> None:
    assert [note for note in READERS[name](sample(name)).notes if note.code == "unknown"] == []


@pytest.mark.parametrize("name", READERS)
def test_a_note_names_its_flag_and_a_place_that_is_there(name: str) -> None:
    document = sample(name)
    for note in READERS[name](document).notes:
        found = document
        for token in note.pointer.split("/")[1:]:
            step = token.replace("~1", "/").replace("~0", "~")
            assert isinstance(found, dict | list), note
            found = found[int(step)] if isinstance(found, list) else found.get(step, {}) if isinstance(found, dict) else {}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize(
    "document", [None, 1, "x", {}, [[]], {"items": 1}, {"features": {}}, {"items": [{"key": 1}], "features": [1]}]
)
def test_what_is_no_such_file_is_refused_or_empty(name: str, document: Any) -> None:
    with suppress(Invalid):
        assert READERS[name](document).flags == []


@pytest.mark.parametrize("name", READERS)
def test_whatever_stands_in_a_place_no_reader_breaks(name: str) -> None:
    document = sample(name)
    others: list[Any] = [None, True, "x", [{}], {"x": [None]}, 1e308, -1, "NaN", "inf", "1e999", [1e308], ["1e999"]]
    for _, value in list(places(document)):
        for field, before in list(value.items()):
            for other in others:
                value[field] = other
                with suppress(Invalid):
                    READERS[name](document)
            value[field] = before


LOST = {"left_out", "not_imported", "other_environment", "unmapped", "unknown"}  # with all that stands below
MEANINGLESS = {  # of the samples: what says nothing, or says again what is mapped
    "launchdarkly": [
        "/flags/items/*/kind",  # the variations have it
        "/flags/items/*/experiments/baselineIdx",  # of no experiment
        "*/rules/3/clauses/0/attribute",  # of a `segmentMatch`
        "*/rules/3/clauses/0/contextKind",
    ],
    "unleash": ["/featureStrategies/*/sortOrder"],  # the order is the same
    "flagsmith": ["/*/type", "/*/multivariate/*/type"],  # the values have it
    "flagsmith-environment": [
        "/project/segments/*/id",
        "*/priority",  # the order is the same
        "*/multivariate_feature_state_values/*/id",
        "/identity_overrides/0/*/multivariate_feature_state_values/0/multivariate_feature_option/value",  # 0 % of it
    ],
}


def leaves(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """What has nothing below, with its place."""
    below = list(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ())
    if not below:
        yield at, value
    for name, member in below:
        yield from leaves(member, f"{at}/{escaped(str(name))}")


def other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, list | dict):
        return ["Q"] if isinstance(value, list) else {"Q": "Q"}
    return f"{value or ''}Q"


def put(document: Any, at: str, value: Any) -> Any:
    document = found = copy.deepcopy(document)
    *above, last = [token.replace("~1", "/").replace("~0", "~") for token in at.split("/")[1:]]
    for step in above:
        found = found[int(step) if isinstance(found, list) else step]
    found[int(last) if isinstance(found, list) else last] = value
    return document


def said(bundle: Bundle) -> str:
    parts = [[part.key, part.fields, part.configuration] for part in (*bundle.segments, *bundle.flags)]
    return json.dumps([parts, sorted(map(repr, bundle.notes))])


@pytest.mark.parametrize("name", READERS)
def test_nothing_in_a_file_can_change_unseen(name: str) -> None:
    """Every leaf of the sample becomes another one: then so does what is imported, or the report."""
    document, read = sample(name), READERS[name]
    before = read(document)
    lost = {note.pointer for note in before.notes if note.code in LOST}
    unseen, needless = [], set(MEANINGLESS[name])
    for at, value in leaves(document):
        if any(at == place or at.startswith(f"{place}/") for place in lost):
            continue
        if said(read(put(document, at, other(value)))) != said(before):
            continue
        known = [pattern for pattern in MEANINGLESS[name] if fnmatchcase(at, pattern)]
        needless -= set(known)
        unseen += [] if known else [at]
    assert (unseen, needless) == ([], set())


# --- LaunchDarkly --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flag", "context", "variant"),
    [
        ("new-checkout", {"targetingKey": "u-ada"}, "on"),
        ("new-checkout", {"targetingKey": "u1", "country": "CH", "plan": "pro"}, "on"),
        ("new-checkout", {"targetingKey": "u1", "country": "CH"}, "off"),  # without a plan no negated clause is met
        ("new-checkout", {"targetingKey": "u1", "country": "CH", "plan": "free"}, "off"),
        ("new-checkout", {"targetingKey": "u1", "version": "2.1.0"}, "on"),
        ("new-checkout", {"targetingKey": "u1", "org": {"key": "acme"}}, "on"),
        ("new-checkout", {"targetingKey": "u1", "email": "x@example.com"}, "on"),
        ("new-checkout", {"targetingKey": "u-excluded", "email": "x@example.com"}, "off"),
        ("theme", {"targetingKey": "u1", "signed_up": "2026-02-01T00:00:00Z"}, "Dark"),
        ("theme", {"targetingKey": "u1", "age": 70}, "Big letters"),
        ("theme", {"targetingKey": "u1", "email": "ada@x.org"}, "Light"),
    ],
)
def test_launchdarkly_answers_as_before(flag: str, context: dict[str, Any], variant: str) -> None:
    flags, _ = imported("launchdarkly")
    assert flags.evaluate(flag, context, now=0).variant == variant


def test_shares_of_launchdarkly_stay() -> None:
    flags, _ = imported("launchdarkly")
    found = [flags.evaluate("search", {"targetingKey": f"u{n}", "account": f"a{n}"}, now=0).variant for n in range(2000)]
    assert 0.22 < found.count("v1") / 2000 < 0.28
    same = {flags.evaluate("search", {"targetingKey": f"u{n}", "account": "a1"}, now=0).variant for n in range(50)}
    assert len(same) == 1  # it draws by the account


def test_what_of_launchdarkly_did_not_map_is_told() -> None:
    flags, done = imported("launchdarkly")
    found = notes(done)
    assert ("new-checkout", "off_variation", "/flags/items/0/environments/production/offVariation") in found
    assert ("new-checkout", "other_environment", "/flags/items/0/environments/test") in found
    assert ("search", "other_buckets", "/flags/items/2/environments/production/fallthrough/rollout") in found
    assert ("new-checkout", "left_out", "/flags/items/0/environments/production/rules/0") in found  # a disabled rule
    assert ("old-flag", "not_imported", "/flags/items/3") in found
    assert ("lists", "not_imported", "/flags/items/4") in found
    assert ("strange", "unmapped", "/flags/items/5/environments/production/rules/0/clauses/0/op") in found
    assert ("strange", "switched_off", "/flags/items/5/environments/production/on") in found
    assert ("whales", "unmapped", "/segments/items/1") in found
    assert flags.evaluate("strange", {"targetingKey": "u"}, now=0).reason == "DISABLED"
    assert (done["created"], done["left"]) == (6, 0)


@pytest.mark.parametrize(("tags", "met"), [(["b", "a"], True), ("a", True), (["b"], False), ([], False), ("b", False)])
def test_an_item_of_a_list_meets_a_clause_of_launchdarkly(tags: Any, met: bool) -> None:
    for negate in (False, True):
        clause = {"attribute": "tags", "op": "in", "values": ["a"], "negate": negate}
        flag = {"on": True, "variations": [True, False], "rules": [{"variation": 0, "clauses": [clause]}]}
        flags, _ = imported("launchdarkly", {"flags": {"beta": {**flag, "fallthrough": {"variation": 1}}}})
        assert flags.evaluate("beta", {"targetingKey": "u", "tags": tags}, now=0).value is (met != negate)
        assert flags.evaluate("beta", {"targetingKey": "u"}, now=0).value is False


def test_a_clause_that_may_meet_a_list_is_told_in_words() -> None:
    rule = each(var("age"), all_of([is_number(ITEM), {">=": [ITEM, 65]}]))
    assert condition(rule) == "age is a number and age is at least 65"
    assert condition({"some": [{"merge": 3}, 1]}) == '{"some":[{"merge":3},1]}'


def test_a_file_for_sdks_of_launchdarkly_is_read_too() -> None:
    rollout = {"kind": "experiment", "variations": [{"variation": 0, "weight": 50_000}, {"variation": 1, "weight": 50_000}]}
    flag = {"key": "beta", "on": True, "variations": [True, False], "fallthrough": {"rollout": rollout}, "clientSide": True}
    flags, done = imported("launchdarkly", {"flags": {"beta": flag}, "flagValues": {"limit": 3, "dark": False, "all": [1]}})
    assert [flags.evaluate(key, {"targetingKey": "u"}, now=0).value for key in ("limit", "dark")] == [3, False]
    assert flags.evaluate("beta", {"targetingKey": "u"}, now=0).value in (True, False)
    assert ("beta", "experiment", "/flags/beta/fallthrough/rollout") in notes(done)
    assert ("all", "not_imported", "/flagValues/all") in notes(done)
    assert done["created"] == 3
    wrapped = launchdarkly.read({"path": "/", "data": {"flags": {"beta": flag}}}, None)
    assert [part.key for part in wrapped.flags] == ["beta"]


def with_names(*names: str | None) -> dict[str, Any]:
    variations = [{"value": f"{number}", **({"name": name} if name else {})} for number, name in enumerate(names)]
    return {"items": [{"key": "theme", "variations": variations, "environments": {"production": {"on": False}}}]}


@pytest.mark.parametrize(
    ("given", "names", "renamed"),
    [
        (("A", "B", None), ["A", "B", "v2"], []),
        (("A", "A", "B"), ["A", "v1", "B"], [1]),
        (("v1", None, "v1"), ["v1", "v1-2", "v2"], [2]),
        ((None, "v0"), ["v0-2", "v0"], []),
        (("x" * 65, "B"), ["x" * 64, "B"], [0]),
        (("a\u0007", "B"), ["v0", "B"], [0]),
    ],
)
def test_a_variation_keeps_its_name_or_is_told(given: tuple[str | None, ...], names: list[str], renamed: list[int]) -> None:
    bundle = launchdarkly.read(with_names(*given), None)
    assert list(bundle.flags[0].fields["variants"]) == names
    found = [note.pointer for note in bundle.notes if note.code == "renamed"]
    assert found == [f"/items/0/variations/{number}/name" for number in renamed]


@pytest.mark.parametrize(("mobile", "browser", "told"), [(True, False, True), (False, True, True), (True, True, False)])
def test_one_kind_of_client_keys_is_told_where_there_are_two(mobile: bool, browser: bool, told: bool) -> None:
    document = with_names("A", "B")
    document["items"][0]["clientSideAvailability"] = {"usingMobileKey": mobile, "usingEnvironmentId": browser}
    bundle = launchdarkly.read(document, None)
    assert bundle.flags[0].fields["client_side"] is True
    assert ("client_side" in {note.code for note in bundle.notes}) is told


def test_a_moment_that_is_in_no_calendar_leaves_its_flag_off() -> None:
    clause = {"attribute": "since", "op": "before", "values": [1e308]}
    flag = {"on": True, "variations": [True, False], "rules": [{"variation": 0, "clauses": [clause]}]}
    flags, done = imported("launchdarkly", {"flags": {"beta": {**flag, "fallthrough": {"variation": 1}}}})
    assert flags.evaluate("beta", {"targetingKey": "u"}, now=0).reason == "DISABLED"
    assert ("beta", "unmapped", "/flags/beta/rules/0/clauses/0/values") in notes(done)


# --- Unleash -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flag", "context", "value"),
    [
        ("new-checkout", {"targetingKey": "u-ada"}, True),
        ("new-checkout", {"targetingKey": "u1", "region": "eu", "appVersion": "2.0.0"}, True),
        ("new-checkout", {"targetingKey": "u1", "region": "us", "appVersion": "2.0.0"}, False),
        ("new-checkout", {"targetingKey": "u1", "region": "eu", "appVersion": "1.9.0"}, False),
        ("new-checkout", {"targetingKey": "u1", "remoteAddress": "10.1.2.3"}, True),
        ("payment", {"targetingKey": "u-ada"}, True),
        ("payment", {"targetingKey": "u1"}, False),
        (
            "banner",
            {"targetingKey": "u1", "region": "ch"},
            {"name": "red", "enabled": True, "payload": {"type": "string", "value": "#f00"}},
        ),
    ],
)
def test_unleash_answers_as_before(flag: str, context: dict[str, Any], value: Any) -> None:
    flags, _ = imported("unleash")
    assert flags.evaluate(flag, context, now=0).value == value


def test_shares_of_unleash_stay() -> None:
    flags, _ = imported("unleash")
    found = [flags.evaluate("beta", {"targetingKey": f"u{n}"}, now=0).value for n in range(2000)]
    assert 0.22 < found.count(True) / 2000 < 0.28


def rolled_out(rollout: str, stickiness: str, **strategy: Any) -> dict[str, Any]:
    parameters = {"rollout": rollout, "stickiness": stickiness, "groupId": "x"}
    here = {"featureName": "x", "environment": "production"}
    return {
        "features": [{"name": "x"}],
        "featureStrategies": [{**here, "name": "flexibleRollout", "parameters": parameters, **strategy}],
        "featureEnvironments": [{**here, "enabled": True}],
    }


USERS = [{"targetingKey": f"u{n}", "sessionId": "s"} for n in range(1000)]
SESSIONS = [{"sessionId": f"s{n}"} for n in range(1000)]
BOTH = [{"targetingKey": "u", "sessionId": f"s{n}"} for n in range(1000)]  # one user, who is drawn as one
NOBODY = [{"plan": f"p{n}"} for n in range(1000)]


@pytest.mark.parametrize(
    ("stickiness", "contexts", "share"),
    [
        ("default", USERS, 0.5), ("default", SESSIONS, 0.5), ("default", BOTH, None), ("default", NOBODY, 0),
        ("random", USERS, 0.5), ("random", SESSIONS, 0.5), ("random", NOBODY, 0),
        ("userId", USERS, 0.5), ("userId", SESSIONS, 0),
        ("sessionId", SESSIONS, 0.5), ("sessionId", BOTH, 0.5), ("sessionId", NOBODY, 0),
        ("plan", NOBODY, 0.5), ("plan", USERS, 0),
    ],
)  # fmt: skip
def test_who_is_drawn_by_what_in_unleash(stickiness: str, contexts: list[dict[str, str]], share: float | None) -> None:
    """`default` is the user, or else the session. There who has neither, and with `random` everybody, is drawn each time."""
    variants = [{"name": name, "weight": 500, "stickiness": stickiness} for name in ("red", "blue")]
    for document, value in (
        (rolled_out("50", stickiness), True),
        (rolled_out("100", stickiness, variants=variants), {"name": "red", "enabled": True}),
    ):
        flags, done = imported("unleash", document)
        found = [flags.evaluate("x", context, now=0).value for context in contexts].count(value) / len(contexts)
        assert found in (0, 1) if share is None else abs(found - share) < 0.05 * bool(share) + 1e-9
        assert ("random" in {note["code"] for note in done["notes"]}) is (stickiness in ("default", "random"))


@pytest.mark.parametrize("contexts", [USERS, SESSIONS, NOBODY])
def test_who_gets_all_gets_it_whoever_it_is(contexts: list[dict[str, str]]) -> None:
    flags, done = imported("unleash", rolled_out("100", "default"))
    assert {flags.evaluate("x", context, now=0).value for context in contexts} == {True}
    assert "random" not in {note["code"] for note in done["notes"]}


@pytest.mark.parametrize("rollout", ["NaN", "inf", "1e999", "250", "-1", "x"])
def test_a_share_of_unleash_that_is_none_leaves_its_flag_off(rollout: str) -> None:
    flags, done = imported("unleash", rolled_out(rollout, "default"))
    assert flags.evaluate("x", {"targetingKey": "u"}, now=0).reason == "DISABLED"
    assert ("x", "unmapped", "/featureStrategies/0/parameters/rollout") in notes(done)


def test_what_of_unleash_did_not_map_is_told() -> None:
    flags, done = imported("unleash")
    found = notes(done)
    assert ("vip", "unmapped", "/featureStrategies/5/segments") in found
    assert ("vip", "switched_off", "/features/4") in found
    assert ("beta", "other_buckets", "/featureStrategies/3/parameters/rollout") in found
    assert ("gone", "not_imported", "/features/5") in found
    assert flags.evaluate("vip", {"targetingKey": "u"}, now=0).reason == "DISABLED"
    assert (done["created"], done["left"]) == (5, 0)


def test_a_constraint_of_no_values_is_met_by_nobody() -> None:
    document = sample("unleash")
    document["featureStrategies"][1]["constraints"][0]["values"] = []
    flags, _ = imported("unleash", document)
    assert flags.evaluate("new-checkout", {"targetingKey": "u1", "appVersion": "2.0.0"}, now=0).value is False


def test_one_environment_of_unleash_is_read() -> None:
    def told(environment: str, enabled: bool) -> dict[str, Any]:
        return {"featureName": "beta", "environment": environment, "enabled": enabled}

    document = {"features": [{"name": "beta"}], "featureEnvironments": [told("live", True), told("test", False)]}
    (live,) = unleash.read(document, "live").flags
    assert live.configuration is not None
    assert live.configuration["enabled"] is True
    either = unleash.read(document)
    assert {note.code for note in either.notes} == {"other_environment", "not_configured"}
    assert either.flags[0].configuration is not None
    assert either.flags[0].configuration["enabled"] is False


# --- Flagsmith -----------------------------------------------------------------------------------------------------


def test_flagsmith_answers_as_before_and_tells_the_rest() -> None:
    flags, done = imported("flagsmith")
    context = {"targetingKey": "u1"}
    assert flags.evaluate("new_checkout", context, now=0).value is True
    assert flags.evaluate("page_size", context, now=0).value == 25
    assert flags.evaluate("closed", context, now=0).reason == "DISABLED"
    found = [flags.evaluate("button", {"targetingKey": f"u{n}"}, now=0).value for n in range(2000)]
    assert 0.27 < found.count("green") / 2000 < 0.33
    assert {"blue", "green", "red"} == set(found)
    told = notes(done)
    assert ("button", "other_buckets", "/2/multivariate") in told
    assert ("closed", "off_value", "/3/enabled") in told
    assert ("mixed", "not_imported", "/4") in told
    assert (done["created"], done["left"]) == (4, 0)


def test_an_identity_gets_the_option_that_it_has_and_a_stranger_is_told() -> None:
    flags, done = imported("flagsmith-environment")
    assert flags.evaluate("banner", {"targetingKey": "ada"}, now=0).value == "blue"
    assert flags.evaluate("theme", {"targetingKey": "ada"}, now=0).value == "own"
    told = notes(done)
    at = "/identity_overrides/1/identity_features"
    assert ("banner", "left_out", f"{at}/0/multivariate_feature_state_values") in told
    assert (None, "left_out", f"{at}/1") in told
    assert (None, "left_out", "/project/segments/0/feature_states/1") in told


def test_what_flagsmith_switched_off_is_told_as_it_is() -> None:
    """`kill` is on for one identity: all others get `off`, and nothing is to be told."""
    flags, done = imported("flagsmith-environment")
    assert [flags.evaluate("kill", {"targetingKey": who}, now=0).value for who in ("ada", "eve")] == [True, False]
    assert {flag for flag, code, _ in notes(done) if code == "off_value"} == {"greeting"}


@pytest.mark.parametrize("part", ["1e999", "NaN", 1e308, 250, -5, None])
def test_a_share_that_is_none_leaves_its_flag_off(part: Any) -> None:
    options = [{"percentage_allocation": part, "value": "o"}]
    bundle = flagsmith.read([{"name": "x", "value": "c", "enabled": True, "multivariate": options}])
    assert [flag.configuration["enabled"] for flag in bundle.flags if flag.configuration] == [False]
    assert {"unmapped", "switched_off"} <= {note.code for note in bundle.notes}


def test_an_option_has_no_more_than_those_before_it_leave() -> None:
    options = [{"percentage_allocation": 60, "value": value} for value in ("a", "b")]
    bundle = flagsmith.read([{"name": "x", "value": "c", "enabled": True, "multivariate": options}])
    rules = [flag.configuration["targeting"] for flag in bundle.flags if flag.configuration]
    assert rules == [{"fractional": [["option-1", 60_000], ["option-2", 40_000]]}]
    assert "/0/multivariate/1/percentage_allocation" in {note.pointer for note in bundle.notes if note.code == "rest"}
