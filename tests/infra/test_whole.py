"""Functions that bring all of ours with them: complete without the layer of the core, and with nothing that is not needed."""

from __future__ import annotations

import importlib.util
import json
import marshal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from functions.evaluate.handler import FLAGS
from infra import elf, packaging
from infra.functions import FUNCTIONS
from slipway.access import Principal
from slipway.adapters.memory import MemoryBlobs, MemoryStore
from slipway.flags.compilation import compiled
from slipway.flags.ofrep import PATIENCE
from slipway.flags.snapshot import path
from slipway.keys import NewKey
from slipway.rollouts import signing
from tests import collecting
from tests.figures import Tell
from tests.flag_rows import configuration, flag, needs, rows, segment
from tests.functions import test_authorize as authorizing
from tests.functions.events import http_event
from tests.functions.test_evaluate import CLIENT, SERVER, Deployment

WHOLE = {spec.name: "dependencies" not in spec.layers for spec in FUNCTIONS if "core" not in spec.layers}
# This machine's own interpreter stands in where there is none of the runtime.
TARGETS = [pytest.param(True, id="local"), *([pytest.param(False, id="aws")] if packaging.compiler() else [])]
ADAPTERS = ["slipway.adapters.attributes", "slipway.adapters.boto", "slipway.adapters.dynamodb", "slipway.adapters.keys"]
BOTO = {"slipway.adapters.boto": "boto3"}  # boto3 comes with the runtime

# Answers events from these files; what could not be imported, and what answering did not load.
ALONE = """
import importlib, json, sys
from pathlib import Path
tree, name = sys.argv[1:]
sys.path.insert(0, tree)
given = json.load(sys.stdin)
function = importlib.import_module(f"functions.{name}.handler")
function.wire()
from slipway.adapters import connect
from slipway.blobs import Blob
from slipway.edge import observe
class Bucket:
    def get(self, key, *, etag=None):
        return Blob(given["files"][key].encode(), "1") if key in given["files"] else None
class Nothing:  # stands in it, and it takes whatever comes: a store, and a lake
    def get(self, *_): return None
    def get_many(self, *_): return []
    def put(self, *_): return None
    add = put
lines = []
observe.sink = lines.append
connect.blobs = lambda *_, **__: Bucket()
connect.store = connect.lake = lambda *_, **__: Nothing()
replies = []
for event in given["events"]:
    try:
        replies.append(function.handler(event, None))
    except Exception as error:
        replies.append(type(error).__name__)
there = {".".join(path.relative_to(tree).with_suffix("").parts).removesuffix(".__init__") for path in Path(tree).rglob("*.pyc")}
unused, missing = there - set(sys.modules), {}
for module in there:
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing[module] = error.name
print(json.dumps({"replies": replies, "lines": lines, "unused": sorted(unused), "missing": missing}))
"""


@dataclass(frozen=True)
class Told:
    replies: list[Any]
    lines: list[str]
    unused: list[str]
    missing: dict[str, str]


Ask = Callable[[str, Mapping[str, str], list[dict[str, Any]]], Told]


@pytest.fixture(params=TARGETS)
def ask(request: pytest.FixtureRequest, tmp_path: Path) -> Ask:
    """Events to a function in an interpreter that has the standard library, and what is in its zip."""

    def asked(name: str, files: Mapping[str, str], events: list[dict[str, Any]]) -> Told:
        with zipfile.ZipFile(packaging.whole(name, wheels=WHOLE[name], local=request.param).path) as archive:
            archive.extractall(tmp_path / name)
        python = sys.executable if request.param else packaging.compiler()
        assert python is not None
        variables = (
            "TABLE_ACCESS",
            "TABLE_SIGNALS",
            "BUCKET_FLAGS",
            "BUCKET_KEYS",
            "LAKE",
            "ISSUER",
            "USER_POOL_CLIENT",
            "STAGE",
        )
        # Where nobody listens.
        aws = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
        aws["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9"
        done = subprocess.run(
            [python, "-I", "-S", "-c", ALONE, str(tmp_path / name), name],
            input=json.dumps({"files": files, "events": events}),
            capture_output=True,
            text=True,
            check=False,
            env=aws | {f"SLIPWAY_{variable}": "https://example.com/x" for variable in variables},
        )
        assert not done.stderr
        return Told(**json.loads(done.stdout))

    return asked


def texts(blobs: MemoryBlobs, *names: str) -> dict[str, str]:
    found = {name: blobs.get(name) for name in names}
    return {name: blob.body.decode() for name, blob in found.items() if blob is not None}


# --- complete, and no more ------------------------------------------------------------------------------

RULES: dict[str, Any] = {
    "plan": {"if": [{"==": [{"var": "plan"}, "pro"]}, "on", None]},
    "half": {"fractional": [["on", 50], ["off", 50]]},
    "newer": {"if": [{"sem_ver": [{"var": "version"}, "^", "2.0.0"]}, "on", "off"]},
    "ours": {"if": [{"matches": [{"var": "email"}, "^[a-z]+@example[.]com$"]}, "on", "off"]},
    "office": {"if": [{"$ref": "office"}, "on"]},
    "listed": {"if": [{"some": [{"var": "list"}, {"in": [{"var": ""}, ["a", "b"]]}]}, {"cat": ["o", "n"]}, "off"]},
    "wrong": {"var": "plan"},
}

WHO = {"targetingKey": "ada", "plan": "pro", "version": "2.1.0", "email": "a@example.com", "ip": "10.1.2.3", "list": ["b"]}


def published() -> Any:
    running = {**collecting.running(), "watch": "[]"}
    return rows(
        [flag(key, client_side=True) for key in RULES] + [flag("gated"), flag("rolled"), flag("old", hash="v2")],
        [configuration(key, targeting=rule) for key, rule in RULES.items()]
        + [
            configuration("gated", prerequisites=needs("plan", "on"), targeting={"if": [True, "on"]}),
            configuration("rolled", rollout=running),
            configuration("old", targeting=RULES["half"]),
        ],
        [segment("office", {"in_cidr": [{"var": "ip"}, "10.0.0.0/8"]})],
    )


def request(path: str, body: Any = None, who: Principal | None = SERVER, **headers: str) -> dict[str, Any]:
    text = body if body is None or isinstance(body, str) else json.dumps(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named |= {"x-correlation-id": "one", "traceparent": f"00-{'1' * 32}-{'2' * 16}-01"}
    return http_event("GET" if body is None else "POST", path, body=text, headers=named, principal=who)


def test_evaluate_answers_as_it_does_here(ask: Ask) -> None:
    """Every kind of rule, all of them until they are programs, rollouts, the document, and what goes wrong."""
    here = Deployment(published())
    here.now = time.time()
    store = MemoryStore()
    signing.begin(store, "production", collecting.SECRET)
    signing.publish(store, here.keys, "production")
    context = {"context": WHO}
    events = [request(f"{FLAGS}/{key}", context) for key in (*RULES, "gated", "rolled", "old", "nobody")]
    events += [request(FLAGS, context)] * (PATIENCE + 2)
    events += [request(FLAGS, context, CLIENT, accept_encoding="gzip"), request(f"{FLAGS}/plan", {"context": 1})]
    events += [request(f"{FLAGS}/plan", "{"), request(f"{FLAGS}/plan", context, None), request(f"{FLAGS}/plan", "x" * 300_000)]
    events += [request("/v1/environments/production/snapshot"), request("/v1/environments/beta/snapshot")]
    told = ask("evaluate", texts(here.blobs, path("production")) | texts(here.keys, signing.path("production")), events)
    for event, reply in zip(events, told.replies, strict=True):
        assert without_etag(reply) == without_etag(here.handler(event, None))
    assert {reply["statusCode"] for reply in told.replies} == {200, 400, 401, 403, 404}
    assert told.missing == BOTO
    assert told.unused == ["slipway.adapters.boto", "slipway.edge.compression"]


def without_etag(reply: dict[str, Any]) -> dict[str, Any]:
    return {**reply, "headers": {name: value for name, value in reply["headers"].items() if name != "ETag"}}


def test_authorize_answers_as_it_does_here(ask: Ask) -> None:
    here = authorizing.Deployment()
    secret = here.key(NewKey(kind="server", name="shop", environment="production"))
    admin = here.key(NewKey(kind="admin", name="script", role="viewer"))
    tokens = (secret, f"{secret[:-1]}0", "nothing", admin, "x.y.z")
    events = [authorizing.authorizer_event(f"Bearer {token}") for token in tokens]
    told = ask("authorize", texts(here.blobs, "keys/production.json"), events)
    assert told.replies[0]["context"]["kind"] == "server"
    assert told.replies[:3] == [here.handler(event, None) for event in events[:3]]
    # No key of an admin stands in its table there; and for people's tokens alone it needs the layer of wheels.
    assert told.replies[3:] == [{"isAuthorized": False, "context": {}}, "ModuleNotFoundError"]
    assert told.missing == BOTO | {"slipway.tokens": "jwt"}
    assert told.unused == [*ADAPTERS, "slipway.tokens"]


def test_collect_answers_as_it_does_here(ask: Ask) -> None:
    here = collecting.Deployment()
    here.flags.put(path("production"), compiled(published()).body, content_type="application/json")
    shown = [{"id": key, "type": "exposure", "flag": key, "context": WHO} for key in (*RULES, "gated", "rolled", "old")]
    bodies = [{"events": [*shown, collecting.outcome("ada")]}, {"events": []}, {"events": [1]}, '{"events": [], "events": []}']
    events = [request("/v1/events", body, content_type="application/json") for body in bodies]
    told = ask("collect", texts(here.flags, path("production")) | texts(here.keys, signing.path("production")), events)
    assert [reply["statusCode"] for reply in told.replies] == [202, 422, 202, 400]
    assert told.replies == [here.handler(event, None) for event in events]
    assert told.missing == BOTO
    # It never asks for all flags, but no reading of its sources can tell.
    assert told.unused == ["slipway.adapters.boto", "slipway.flags.program"]


def test_a_log_line_tells_where_it_happened(ask: Ask) -> None:
    """By file and line, without the sources."""
    told = ask("authorize", {}, [authorizing.authorizer_event("Bearer x.y.z")])
    [line] = map(json.loads, told.lines)
    file, _, number = line["stack"][0].partition(" ")[0].partition(":")
    assert file == "authorize/handler.py"
    assert "self._use.principal(" in (packaging.ROOT / "functions" / file).read_text().splitlines()[int(number) - 1]


# --- what is in it --------------------------------------------------------------------------------------


def entries(name: str, local: bool) -> dict[str, bytes]:
    with zipfile.ZipFile(packaging.whole(name, wheels=WHOLE[name], local=local).path) as archive:
        return {entry: archive.read(entry) for entry in archive.namelist()}


@pytest.mark.parametrize("local", TARGETS)
def test_it_holds_bytecode_the_roots_and_machine_code_with_its_licence(local: bool) -> None:
    for name, wheels in WHOLE.items():
        others = [entry for entry in entries(name, local) if not entry.endswith(".pyc")]
        roots = [entry for entry in others if entry.startswith("slipway/adapters/amazon-roots/")]
        assert len(roots) == 5
        machine_code = [entry for entry in others if entry.startswith("mmh3")]
        assert len(machine_code) == (2 if wheels else 0)
        assert sorted(others) == sorted(roots + machine_code)


@pytest.mark.parametrize("local", TARGETS)
def test_its_bytecode_is_bare(local: bool) -> None:
    version = sys.implementation.cache_tag if local else "cpython-313"
    for entry, content in entries("evaluate", local).items():
        if entry.endswith(".pyc"):
            assert int.from_bytes(content[4:8], "little") == 0b01  # by hash, and never checked
            if version == sys.implementation.cache_tag:
                assert content[:4] == importlib.util.MAGIC_NUMBER
                code = marshal.loads(content[16:])
                assert code.co_filename == f"/var/task/{entry.removesuffix('c')}"
                assert all(end is None for code in codes(code) for _, _, _, end in code.co_positions())
                assert "__doc__" not in code.co_names


def codes(code: CodeType) -> list[CodeType]:
    return [code, *(each for const in code.co_consts if isinstance(const, CodeType) for each in codes(const))]


def test_what_a_cold_start_of_evaluation_fetches_fits_150_kb(tell: Tell) -> None:
    for name, wheels in WHOLE.items():
        size = packaging.whole(name, wheels=wheels, local=packaging.compiler() is None).path.stat().st_size
        tell(f"{name}: a zip of {size / 1000:.0f} KB")
        assert size <= (200_000 if name == "collect" else 150_000)
    assert not next(spec for spec in FUNCTIONS if spec.name == "evaluate").layers


def test_equal_inputs_give_equal_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = packaging.whole("authorize", wheels=False)
    monkeypatch.setattr(packaging, "CACHE", tmp_path)
    second = packaging.whole("authorize", wheels=False)
    assert first.path != second.path
    assert (first.digest, first.path.read_bytes()) == (second.digest, second.path.read_bytes())


def test_a_package_of_python_needs_the_layer() -> None:
    with pytest.raises(packaging.PackagingError, match="functions/authorize can reach jwt: give it the layer of wheels"):
        packaging.whole("authorize", wheels=True)


def test_without_an_interpreter_of_the_runtime_the_sources_are_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled_names = {entry.removesuffix("c") for entry in entries("authorize", True)}
    monkeypatch.setattr(packaging, "compiler", lambda: None)
    assert set(entries("authorize", False)) == compiled_names


def test_machine_code_is_cut_where_the_loader_stops_to_read(tmp_path: Path) -> None:
    """The extension of this machine still loads, and gives the same hash; another kind of file stays as it is."""
    spec = importlib.util.find_spec("mmh3")
    assert spec is not None
    assert spec.origin is not None
    whole = Path(spec.origin).read_bytes()
    bare = elf.bare(whole)
    assert elf.bare(bare) == bare
    assert elf.bare(b"\xcf\xfa\xed\xfe" + whole[4:]) == b"\xcf\xfa\xed\xfe" + whole[4:]
    if sys.platform == "linux":
        assert len(bare) < len(whole)
    (tmp_path / Path(spec.origin).name).write_bytes(bare)
    code = "import sys; sys.path.insert(0, sys.argv[1]); import mmh3; print(mmh3.__file__, mmh3.mmh3_32_uintdigest(b'foo'))"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(tmp_path / Path(spec.origin).name), "4138058784"]
