"""What a cold start imports: counted in modules, which no busy machine changes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# More modules than a bare interpreter has. A new import is a decision: raise a number on purpose, with its cost in hand.
BUDGETS = {
    "site": 64,
    "authorize": 52,
    "products": 375,
    "access": 375,
    "audit": 365,
    "relay": 170,
    "record": 165,
    "keyring": 78,
    "invite": 165,
}
# Powertools looks whether botocore is there, and loads no more of it.
NOWHERE = {"boto3", "botocore.session", "jwt"}
DESK = {"products", "access", "audit"}  # over Powertools' resolver, which the others do without
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
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'core' / 'python'}"}
    found = {}
    for name in BUDGETS:
        command = [sys.executable, "-c", CODE.format(name=name)]
        run = subprocess.run(command, capture_output=True, text=True, check=True, env=environ)
        found[name] = set(run.stdout.split())
    print(json.dumps({name: len(modules) for name, modules in found.items()}))
    return found


def test_every_function_has_a_budget() -> None:
    assert set(BUDGETS) == {path.parent.name for path in (ROOT / "functions").glob("*/handler.py")}


@pytest.mark.parametrize("name", BUDGETS)
def test_a_handler_stays_in_its_budget(loaded: dict[str, set[str]], name: str) -> None:
    assert len(loaded[name]) <= BUDGETS[name], sorted(loaded[name])
    assert loaded[name] & NOWHERE == set()
    assert ("aws_lambda_powertools" in loaded[name]) == (name in DESK)


@pytest.mark.parametrize("name", ["authorize", "site"])
def test_the_hot_path_is_standard_library_and_little_of_it(loaded: dict[str, set[str]], name: str) -> None:
    assert loaded[name] & (HOT - {"dataclasses", "inspect"} if name == "site" else HOT) == set()


def test_the_first_request_does_not_load_what_the_import_avoided() -> None:
    code = CODE.format(name="products") + (
        "from slipway.edge import validation\n"
        "from slipway.product import NewProduct\n"
        "validation.body(NewProduct, {'name': 'Mug', 'price': '1'})\n"
        "print(*sys.modules)"
    )
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'core' / 'python'}"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ)
    assert set(run.stdout.splitlines()[-1].split()) & NOWHERE == set()
