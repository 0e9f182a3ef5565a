"""What a cold start imports: counted in modules, which no busy machine changes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.figures import Tell

ROOT = Path(__file__).parents[2]

# More modules than a bare interpreter has. A new import is a decision: raise a number on purpose, with its cost in hand.
BUDGETS = {
    "site": 66,
    "authorize": 48,
    "products": 225,
    "flags": 308,  # of which rollouts are twenty-five
    "access": 225,
    "audit": 215,
    "planner": 240,
    "calendar": 248,
    "relay": 170,
    "record": 165,
    "keyring": 79,
    "snapshot": 112,
    "evaluate": 54,
    "invite": 167,  # contracts by room: two modules more, and the models of one room alone
    "usage": 120,
    "collect": 80,
    "signals": 225,
    "tally": 90,
    "ballots": 80,
    "seed": 260,
    "guard": 245,
    "ramp": 247,  # of which two tell it of a stage that begins
    "hooks": 237,
    "courier": 210,
    "shipping": 205,
    "unsubscribe": 80,
    "triage": 235,
    "public": 84,
    "feedback": 228,  # of a submission: the pages of the team come when they are asked for
    "surveys": 260,
}
# pydantic's search for plugins would load the first four, the packages of Powertools the next ones.
NOWHERE = {
    *("importlib.metadata", "zipfile", "tempfile", "lzma"),
    *("aws_lambda_powertools.logging", "aws_lambda_powertools.metrics", "aws_lambda_powertools.tracing", "asyncio"),
    *("boto3", "botocore", "jwt"),
}
RESOLVER = "aws_lambda_powertools.event_handler.api_gateway"
# Over Powertools' resolver, which the others do without.
DESK = {"products", "flags", "access", "audit", "signals", "feedback", "hooks", "surveys"}
HOT = {"pydantic", "pydantic_core", "typing_extensions", "dataclasses", "inspect"}

CODE = """
import sys
before = set(sys.modules)
import functions.{name}.handler
print(*sorted(set(sys.modules) - before))
"""


@pytest.fixture(scope="module")
def loaded() -> dict[str, set[str]]:
    """The modules that each handler loads in a fresh interpreter, with no environment of its own."""
    return {name: set(_run(CODE.format(name=name)).split()) for name in BUDGETS}


def test_every_function_has_a_budget(loaded: dict[str, set[str]], tell: Tell) -> None:
    tell("modules: " + ", ".join(f"{name} {len(modules)}" for name, modules in loaded.items()))
    assert set(BUDGETS) == {path.parent.name for path in (ROOT / "functions").glob("*/handler.py")}


@pytest.mark.parametrize("name", BUDGETS)
def test_a_handler_stays_in_its_budget(loaded: dict[str, set[str]], name: str) -> None:
    assert len(loaded[name]) <= BUDGETS[name], sorted(loaded[name])
    assert loaded[name] & NOWHERE == set()
    assert (RESOLVER in loaded[name]) == (name in DESK)


@pytest.mark.parametrize("name", ["authorize", "collect", "evaluate", "site"])
def test_the_hot_path_is_standard_library_and_little_of_it(loaded: dict[str, set[str]], name: str) -> None:
    assert loaded[name] & (HOT - {"dataclasses", "inspect"} if name == "site" else HOT) == set()


REQUEST = """
from slipway.adapters.memory import MemoryStore
from slipway.products import Products
from tests.functions.events import call
with functions.products.handler.api.testing(use=Products(MemoryStore())):
    assert call(functions.products.handler.handler, "POST", "/v1/products", {"name": "Mug", "price": "1"}).status == 201
    assert call(functions.products.handler.handler, "GET", "/v1/products/prd_x", query="as_of=x").status == 422
    assert call(functions.products.handler.handler, "PUT", "/v1/products").status == 405
print(*sys.modules)
"""


def test_the_first_requests_do_not_load_what_the_import_avoided() -> None:
    assert set(_run(CODE.format(name="products") + REQUEST).split()) & NOWHERE == set()


SUBMISSION = """
from functions.feedback.door import feedback
from slipway.access import Principal
from slipway.adapters.memory import MemoryStore
from slipway.ports import Put
from slipway.tables import PRODUCTS
from tests.functions.events import call
store = MemoryStore()
store.put(PRODUCTS, {"pk": "key#mug", "sk": "key", "schema": 1, "id": "prd_1"})
told = {"type": "idea", "product": "mug", "title": "Bigger", "targeting_key": "ada"}
server = Principal("server", "key_1", environment="production")
with functions.feedback.handler.api.testing(use=feedback(store)):
    assert call(functions.feedback.handler.handler, "POST", "/v1/feedback", told, principal=server).status == 201
print(*sys.modules)
"""


def test_a_submission_loads_nothing_of_what_the_team_does_with_it() -> None:
    found = set(_run(CODE.format(name="feedback") + SUBMISSION).split())
    pages = {path.stem for path in (ROOT / "functions" / "feedback").glob("*.py")} - {"__init__", "door", "handler"}
    assert pages
    assert found & {f"functions.feedback.{page}" for page in pages} == set()
    assert found & {"slipway.members", "slipway.product", "slipway.flags", "slipway.roster"} == set()


def test_powertools_is_whole_for_who_imports_it_later() -> None:
    code = """
from slipway.edge.resolver import APIGatewayHttpResolver
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver as Theirs
from aws_lambda_powertools.utilities.data_classes import SQSEvent
assert Theirs is APIGatewayHttpResolver
"""
    assert _run(code) == ""


def _run(code: str) -> str:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'core' / 'python'}"}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ).stdout
