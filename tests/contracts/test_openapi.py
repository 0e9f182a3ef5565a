"""The OpenAPI document: it is what the code does, it is valid, and it breaks no published contract."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import validate

from infra.routes import ROUTES
from ops import ofrep, openapi, reference, signals
from slipway.access import OPERATIONS
from slipway.problems import tree
from tests.contracts import rooms
from tests.contracts.breaking import breaks
from tests.functions.events import http_event

PUBLISHED = Path(__file__).parent / "published" / "openapi-v1.json"
REBUILD = "make openapi"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi.document()


def test_the_committed_document_is_what_the_code_says(document: dict[str, Any]) -> None:
    assert (openapi.SITE / "openapi.json").read_text() == openapi.text(document), REBUILD
    assert (openapi.SITE / "docs.html").read_text() == reference.page(document), REBUILD


def test_it_is_valid_openapi(document: dict[str, Any]) -> None:
    validate(document)


def test_it_breaks_nothing_that_was_published(document: dict[str, Any]) -> None:
    published = json.loads(PUBLISHED.read_text())
    assert breaks(published, document) == [], "a breaking change needs a new version of the contract"


def test_every_route_is_served_and_nothing_else() -> None:
    served = {
        (operation.method, operation.path, api.name, operation.name) for api in openapi.apis() for operation in api.operations
    }
    served |= {
        (method.upper(), path, function, operation["operationId"])
        for function, paths in (("evaluate", ofrep.PATHS), ("collect", signals.PATHS))
        for path, methods in paths.items()
        for method, operation in methods.items()
    }
    assert served == {(route.method, route.path, route.function, route.operation) for route in ROUTES if not route.public}


def test_every_operation_tells_what_it_does_and_who_may(document: dict[str, Any]) -> None:
    for operations in document["paths"].values():
        for operation in operations.values():
            assert operation["summary"]
            assert operation["summary"] != operation["operationId"]
            assert "Open to:" in operation["description"]
            assert operation["operationId"] in OPERATIONS


def test_every_example_fits_its_schema(document: dict[str, Any]) -> None:
    checked = 0
    for place, content in _contents(document, "#"):
        if "example" in content:
            schema = {**content["schema"], "components": document["components"]}
            jsonschema.Draft202012Validator(schema).validate(content["example"])
            checked += 1
        assert "schema" in content, place
    assert checked > len(document["paths"])


def test_what_the_reference_shows_to_send_is_taken(document: dict[str, Any]) -> None:
    shown = {
        path: content["example"]
        for path, operations in document["paths"].items()
        for content in [operations.get("post", {}).get("requestBody", {}).get("content", {}).get("application/json")]
        if content is not None and "{" not in path and "201" in operations["post"]["responses"]
    }
    assert len(shown) >= 8
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:00Z")
    for path, example in shown.items():
        with rooms.opened():
            needed = ["/v1/flags"] if example.get("flag") == shown["/v1/flags"]["key"] else []
            needed += ["/v1/products"] if path.startswith(("/v1/feedback", "/v1/changelog", "/v1/surveys")) else []
            for place in (*needed, path):
                body = {**shown[place], **({"at": tomorrow} if "at" in shown[place] else {})}
                sent = {"content-type": "application/json"}
                made = rooms.gateway(http_event("POST", place, headers=sent, body=json.dumps(body)))
                assert made.status == 201, (place, made.body)


def _contents(part: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(part, dict):
        for name, member in part.items():
            if name == "content" and isinstance(member, dict):
                yield from ((f"{place}/{media}", content) for media, content in member.items())
            yield from _contents(member, f"{place}/{name}")
    elif isinstance(part, list):
        for number, item in enumerate(part):
            yield from _contents(item, f"{place}/{number}")


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.loaded: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if found.get("id"):
            self.ids.append(str(found["id"]))
        if tag == "a":
            self.targets.append(str(found["href"]))
        if tag in ("script", "style") or any(name == "style" or name.startswith("on") for name in found):
            self.inline.append(tag)
        self.loaded += [str(found[name]) for name in ("src", "href") if name in found and tag != "a"]


@pytest.mark.parametrize("name", ["index.html", "docs.html"])
def test_a_page_needs_no_script_no_inline_style_and_no_other_host(name: str) -> None:
    page = _Anchors()
    page.feed((openapi.SITE / name).read_text())
    assert page.inline == []
    assert page.loaded
    assert all(target.startswith("/") for target in page.loaded)


@pytest.mark.parametrize("name", ["index.html", "docs.html"])
def test_a_page_leads_to_no_other_host(name: str) -> None:
    page = _Anchors()
    page.feed((openapi.SITE / name).read_text())
    assert page.targets
    assert [target for target in page.targets if not re.match(r"#|/(?!/)", target)] == []


def test_products_come_first(document: dict[str, Any]) -> None:
    assert document["tags"][0] == {"name": "products", "x-displayName": "Products"}
    names = {tag["name"]: tag["x-displayName"] for tag in document["tags"]}
    headings = {"ofrep": "OFREP", "openfeature": "OpenFeature manifest", "rollout-templates": "Rollout templates"}
    assert {tag: names[tag] for tag in headings} == headings
    rollouts = [one for path, methods in document["paths"].items() for one in methods.values() if "/rollouts" in path]
    assert {tag for one in rollouts for tag in one["tags"]} == {"rollouts"}
    page = reference.page(document)
    assert all(f'<h2 id="{tag}">{name}</h2>' in page for tag, name in names.items())
    sections = re.findall(r'<section aria-labelledby="(\w+)"', reference.page(document))
    assert sections[:2] == ["start", "products"]


def test_who_may_is_told_in_few_words(document: dict[str, Any]) -> None:
    told = {
        operation["operationId"]: operation["description"].rpartition("Open to: ")[2]
        for operations in document["paths"].values()
        for operation in operations.values()
    }
    assert told["keys.create"] == "role admin."
    assert told["products.create"] == "role editor or above."
    assert told["me.read"] == "role viewer or above, client keys, server keys."


def test_an_operation_names_the_problems_that_it_can_answer(document: dict[str, Any]) -> None:
    named = {
        operation["operationId"]: {
            answer["$ref"].rpartition("/")[2] for answer in operation["responses"].values() if "$ref" in answer
        }
        for operations in document["paths"].values()
        for operation in operations.values()
    }
    assert "malformed.bad_cursor" in named["products.list"]
    assert {"malformed", "invalid"} <= named["me.read"]
    for operation in ("products.create", "products.batch", "products.import"):
        assert {"conflict.key_taken", "invalid.idempotency_mismatch"} <= named[operation]
    assert "conflict.key_taken.move_not_allowed" in named["products.update"]
    assert {"conflict", "invalid"} <= named["keys.revoke"]


def test_every_link_of_the_reference_leads_somewhere_and_every_problem_has_its_place() -> None:
    page = _Anchors()
    page.feed((openapi.SITE / "docs.html").read_text())
    assert len(page.ids) == len(set(page.ids))
    assert {target.removeprefix("#") for target in page.targets if target.startswith("#")} <= set(page.ids)
    assert {f"problem-{kind.code}" for kind in tree()} <= set(page.ids)


# --- the comparison itself: each breaking change is found, and what only adds is let through ---


def _products(document: dict[str, Any]) -> dict[str, Any]:
    return document["components"]["schemas"]  # type: ignore[no-any-return]


def _post(document: dict[str, Any]) -> dict[str, Any]:
    return document["paths"]["/v1/products"]["post"]  # type: ignore[no-any-return]


def _query(document: dict[str, Any], name: str) -> dict[str, Any]:
    found = document["paths"]["/v1/products"]["get"]["parameters"]
    return next(parameter for parameter in found if parameter.get("name") == name)


BREAKING: dict[str, Callable[[dict[str, Any]], object]] = {
    "a path is gone": lambda d: d["paths"].pop("/v1/products/{id}"),
    "an operation is gone": lambda d: d["paths"]["/v1/products"].pop("post"),
    "an operation has another id": lambda d: _post(d).update(operationId="products.make"),
    "a request field is gone": lambda d: _products(d)["NewProduct"]["properties"].pop("name"),
    "a request field is new and required": lambda d: _products(d)["NewProduct"]["required"].append("owner"),
    "a request field is shorter": lambda d: _products(d)["NewProduct"]["properties"]["name"].update(maxLength=3),
    "a request field has another type": lambda d: _products(d)["NewProduct"]["properties"].update(name={"type": "integer"}),
    "a request value is gone": lambda d: _query(d, "status")["schema"]["enum"].pop(),
    "a request media type is gone": lambda d: _post(d)["requestBody"].update(content={}),
    "a parameter is gone": lambda d: _post(d)["parameters"].pop(0),
    "a parameter is required": lambda d: _query(d, "stage").update(required=True),
    "an answer is gone": lambda d: _post(d)["responses"].pop("201"),
    "an answer's field is gone": lambda d: _products(d)["ProductView"]["properties"].pop("name"),
    "an answer's field may be missing": lambda d: _products(d)["ProductView"]["required"].remove("name"),
    "an answer's field has another type": lambda d: _products(d)["ProductView"]["properties"].update(name={"type": "integer"}),
    "an answer's field may be null": lambda d: _products(d)["ProductView"]["properties"].update(
        name={"anyOf": [{"type": "string"}, {"type": "null"}]}
    ),
    "an answer's header is gone": lambda d: _post(d)["responses"]["201"]["headers"].pop("Location"),
}

ADDING: dict[str, Callable[[dict[str, Any]], object]] = {
    "nothing changes": lambda d: None,
    "a path": lambda d: d["paths"].update({"/v1/new": {}}),
    "an optional request field": lambda d: _products(d)["NewProduct"]["properties"].update(colour={"type": "string"}),
    "a longer request field": lambda d: _products(d)["NewProduct"]["properties"]["name"].update(maxLength=10_000),
    "a wider request type": lambda d: _products(d)["NewProduct"]["properties"].update(
        name={"anyOf": [_products(d)["NewProduct"]["properties"]["name"], {"type": "integer"}]}
    ),
    "a request value": lambda d: _query(d, "status")["schema"]["enum"].append("draft"),
    "an optional parameter": lambda d: _post(d)["parameters"].append({"name": "x", "in": "query", "schema": {}}),
    "an answer's field": lambda d: _products(d)["ProductView"]["properties"].update(colour={"type": "string"}),
    "a summary": lambda d: _post(d).update(summary="Make one"),
}


@pytest.mark.parametrize("change", BREAKING)
def test_a_breaking_change_is_found(document: dict[str, Any], change: str) -> None:
    changed = copy.deepcopy(document)
    BREAKING[change](changed)
    assert breaks(document, changed) != []


@pytest.mark.parametrize("change", ADDING)
def test_what_only_adds_is_let_through(document: dict[str, Any], change: str) -> None:
    changed = copy.deepcopy(document)
    ADDING[change](changed)
    assert breaks(document, changed) == []
