"""What a cold start pays for: few modules, nothing compiled before it is asked for, one answer with mmh3 and without."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from slipway.flags.evaluation import FlagSet
from slipway.flags.snapshot import Snapshot
from slipway.flags.trace import Step

DOCUMENT = json.loads((Path(__file__).parent / "features" / "flags.json").read_text())


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_importing_it_loads_nothing_dear() -> None:
    code = "import sys, json, hashlib; before = set(sys.modules); import slipway.flags.ofrep; print(*set(sys.modules) - before)"
    loaded = set(run(code).split()) - {"mmh3"}
    assert not loaded & {"typing", "dataclasses", "inspect", "decimal", "datetime", "ipaddress", "logging", "pydantic", "uuid"}
    assert {name for name in loaded if not name.startswith("slipway")} <= {
        "__future__",
        "bisect",
        "_bisect",
        "struct",
        "_struct",
    }
    assert not loaded & {f"slipway.flags.{rare}" for rare in ("semver", "extensions", "regex", "trace", "rules", "definition")}


def test_without_mmh3_the_answers_are_the_same() -> None:
    code = """
import json, sys
if {without}: sys.modules["mmh3"] = None
from slipway.flags.evaluation import FlagSet
from slipway.flags.murmur3 import murmur3, pure
assert (murmur3 is pure) == {without}
flags = FlagSet.parse(open({path!r}).read())
for unit in range(50):
    context = {{"targetingKey": f"u{{unit}}", "email": f"{{unit}}@acme.com", "account": unit, "beta": 1, "weight": 9}}
    print([answer.variant for answer in flags.evaluate_all(context, now=0)])
"""
    path = str(Path(__file__).parent / "features" / "flags.json")
    assert run(code.format(without=True, path=path)) == run(code.format(without=False, path=path))


def test_a_flag_is_compiled_when_it_is_asked_for_and_once() -> None:
    flags = FlagSet.parse(DOCUMENT)
    assert flags._ready == {}
    flags.evaluate("op-and", {}, now=0)
    ready = flags._ready["op-and"]
    flags.evaluate("op-and", {}, now=1)
    assert list(flags._ready) == ["op-and"]
    assert flags._ready["op-and"] is ready
    flags.evaluate("made-up", {}, now=0)
    assert list(flags._ready) == ["op-and"], "keys that somebody invents fill no memory"


def test_an_explanation_tells_each_operator_and_how_the_bucket_was_drawn() -> None:
    rule = {"if": [{"$ref": "staff"}, "a", {"fractional": [["a", 10], ["b", 90]]}]}
    document = {
        "$evaluators": {"staff": {"ends_with": [{"var": "email"}, "@acme.com"]}},
        "flags": {"f/1": {"state": "ENABLED", "variants": {"a": 1, "b": 2}, "targeting": rule}},
    }
    flags = FlagSet.parse(document)
    explained = flags.explain("f/1", {"targetingKey": "u1", "email": "bob@home.org"}, now=0)
    assert explained.evaluation == flags.evaluate("f/1", {"targetingKey": "u1", "email": "bob@home.org"}, now=0)
    read, compared, drawn, chosen = explained.trace
    assert read == Step("/if/0/ends_with/0", "var", "bob@home.org")
    assert compared == Step("/if/0", "ends_with", False)
    assert (drawn.pointer, drawn.operator, drawn.result) == ("/if/2", "fractional", "b")
    assert drawn.draw is not None
    assert (drawn.draw.input, drawn.draw.buckets) == (b"\x82cf/1bu1", 100)
    assert 10 <= drawn.draw.bucket < 100
    assert chosen == Step("", "if", "b")
    assert FlagSet.parse(DOCUMENT).explain("plain-string", {}, now=0).trace == ()


def test_a_flag_that_a_publication_did_not_change_is_not_compiled_again() -> None:
    def rule(value: Any) -> Any:
        return {
            "state": "ENABLED",
            "variants": {"a": 1, "b": 2},
            "targeting": {"if": [{"===": [{"var": "x"}, value]}, "a", "b"]},
        }

    def refers(name: str) -> Any:
        return {"state": "ENABLED", "variants": {"a": 1, "b": 2}, "targeting": {"if": [{"$ref": name}, "a", "b"]}}

    def published(version: str, number: Any, shared: str, **more: Any) -> bytes:
        flags = {"same": rule("x"), "number": rule(number), "refers": refers("who"), **more}
        evaluators = {"who": {"==": [{"var": "x"}, shared]}}
        slipway: dict[str, Any] = {"client_side": [], "flags": {}, "evaluators": {}}
        metadata = {"flagSetId": "production", "version": version}
        return json.dumps({"flags": flags, "$evaluators": evaluators, "metadata": metadata, "slipway": slipway}).encode()

    before = Snapshot.read(published("1", 1, "x", gone=rule("x")))
    before.bulk(False)
    after = Snapshot.read(published("2", True, "y", new=rule("x")), before)
    fresh = Snapshot.read(published("2", True, "y", new=rule("x")))
    for context in ({}, {"x": 1}, {"x": True}, {"x": "x"}, {"x": "y"}):
        assert after.bulk(False).answer(context, 0) == fresh.bulk(False).answer(context, 0), context
    kept = {key for key, compiled in after.flags._compiled.items() if compiled is before.flags._compiled.get(key)}
    assert kept == {"same"}, "1 is not true, and a shared rule changed"
    again = Snapshot.read(published("3", True, "y"), after)
    assert again.flags._compiled == {key: after.flags._compiled[key] for key in ("same", "number", "refers")}
