"""The OpenAPI document of the whole API, from what the functions registered: `python -m ops.openapi`.

The one copy is `functions/site/openapi.json`. The reference page is written beside it, so that neither costs a request.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import functions
from infra.routes import ROUTES
from ops import examples, ofrep, reference, signals
from slipway.access import OPERATIONS, ROLES
from slipway.edge.answer import JSON, PROBLEM
from slipway.edge.http import Api
from slipway.edge.operation import Operation
from slipway.flags.manifest import ManifestError
from slipway.problems import BadCursor, IdempotencyMismatch, KeyTaken, MoveNotAllowed, Problem, tree

SITE = Path(__file__).parents[1] / "functions" / "site"
VERSION = "1.0.0"  # of the contract: a breaking change is a new one, and a new first segment of every path
_SCHEMAS = "#/components/schemas/"

# What the gateway answers by itself, before any function runs.
GATEWAY = {
    401: ("Unauthorized", "the Authorization header is missing"),
    403: ("Forbidden", "the credentials are not valid"),
    413: ("Request Too Long", "the request is larger than 10 MB"),
    429: ("Too Many Requests", "the deployment's rate limit is reached"),
    503: ("Service Unavailable", "the function could not be reached, or took too long"),
}
# As the table of routes has them.
_ORDER = {route.operation: number for number, route in enumerate(ROUTES)}
_KINDS = {
    status: [kind for kind in tree() if kind.status == status] for status in sorted({kind.status for kind in tree()} - {500})
}
# Of what the first part of a path alone does not tell, or tells in another way than one reads it.
_AREAS = {
    "me": "You",
    "ofrep": "OFREP",
    "openfeature": "OpenFeature manifest",
    "rollout-templates": "Rollout templates",
}
# Problems that some operations alone can answer; any other may come from each that answers its status.
_ONLY: dict[type[Problem], Callable[[Operation], bool]] = {
    BadCursor: lambda operation: "cursor" in _fields(operation.query),
    IdempotencyMismatch: lambda operation: operation.creates,
    # Of an environment the name is its key.
    KeyTaken: lambda operation: operation.raw or bool({"key", "email", "approval"} & _fields(operation.body)),
    MoveNotAllowed: lambda operation: (
        (operation.method == "PATCH" and "stage" in _fields(operation.body))
        or (operation.method == "POST" and operation.path.startswith(("/v1/proposals/", "/v1/schedules")))
        or (operation.method == "POST" and "/rollouts/" in operation.path)
    ),
}


def apis() -> Iterator[Api[Any]]:
    """Every function that speaks HTTP, by name."""
    for found in sorted(pkgutil.iter_modules(functions.__path__), key=lambda found: found.name):
        handler = importlib.import_module(f"functions.{found.name}.handler").handler
        if isinstance(handler, Api):
            yield handler


def document() -> dict[str, Any]:
    operations = [operation for api in apis() for operation in api.operations]
    schemas = _Schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schemas)
    for path, methods in (ofrep.PATHS | signals.PATHS).items():
        for method, known in methods.items():
            description = f"{known['description']}\n\n{_who(known['operationId'])}"
            paths.setdefault(path, {})[method] = {**known, "description": description}
    described = [operation for path in paths.values() for operation in path.values()]
    areas = list(dict.fromkeys(one["tags"][0] for one in sorted(described, key=lambda each: _ORDER[each["operationId"]])))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Slipway",
            "version": VERSION,
            "summary": "The product-engineering loop as one serverless deployment.",
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "tags": [{"name": area, "x-displayName": _AREAS.get(area, area.capitalize())} for area in areas],
        "paths": {path: paths[path] for path in sorted(paths)},
        "components": {
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key (`slp_...`), or an access token of a person who signed in.",
                }
            },
            "schemas": dict(sorted((schemas.components | ofrep.SCHEMAS | signals.SCHEMAS | _problem_schemas()).items())),
            "parameters": _PARAMETERS,
            "headers": _HEADERS,
            "responses": {
                _response_name(kinds): _problem_response(kinds)
                for kinds in (_refusal(operation, status) for status in _KINDS for operation in operations)
            },
        },
    }


def text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _operation(operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    first, _, rest = inspect.cleandoc(operation.run.__doc__ or operation.name).partition("\n")
    summary, _, more = first.partition(". ")
    found: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [_area(operation)],
        "summary": summary.rstrip("."),
        "description": f"{_unwrapped(f'{more}{rest}')}\n\n{_who(operation.name)}".strip(),
        "parameters": [*_path_parameters(operation), *schemas.query(operation), *_header_parameters(operation)],
    }
    if operation.body is not None or operation.raw:
        schema = schemas.body(operation)
        content = {media: _content(schema, schemas) for media in operation.media}
        found["requestBody"] = {"required": not operation.spares, "content": content}
    found["responses"] = {
        **{str(status): _success(operation, status, schemas) for status in operation.answers},
        **{str(status): _told(operation, status) for status in _refusals(operation)},
    }
    if operation.method == "GET" and "{" in operation.path:
        found["responses"]["304"] = {"description": "It still has the ETag that you hold."}
    return found


def _told(operation: Operation, status: int) -> dict[str, Any]:
    """How the operation refuses: as everywhere, or in the form of another standard."""
    kinds = _refusal(operation, status)
    kind = kinds[0]
    if operation.told is None or status == 429:
        return {"$ref": f"#/components/responses/{_response_name(kinds)}"}
    ours = {"$ref": f"{_SCHEMAS}ManifestError"}
    schema = {"anyOf": [ours, {"$ref": f"{_SCHEMAS}GatewayMessage"}]} if status in GATEWAY else ours
    found: dict[str, Any] = {
        "description": f"{kind.title}.",
        "content": {JSON: {"schema": schema, "example": operation.told(kind()).body}},
    }
    return {**found, "headers": {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}} if status == 503 else found


def _success(operation: Operation, status: int, schemas: _Schemas) -> dict[str, Any]:
    model = operation.answers[status]
    names = ["X-Request-Id", "X-Correlation-Id", "traceparent"]
    if operation.told is not None:
        names += ["X-Manifest-Capabilities"]
    elif status == 201 and not operation.path.endswith("/batch"):
        names += ["Location", "ETag"]
    elif operation.versioned or (operation.method == "GET" and "{" in operation.path):
        names += ["ETag"]
    if operation.creates:
        names += ["Idempotency-Replayed"]
    if isinstance(model, list):
        names += ["Link"]
    found: dict[str, Any] = {
        "description": _DESCRIPTIONS.get(status, "Done."),
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
    }
    if isinstance(model, tuple):
        found["content"] = {media: {"schema": {"type": "string"}} for media in model}
    elif model is not None:
        found["content"] = {JSON: _content(schemas.answer(model), schemas)}
    return found


def _content(schema: dict[str, Any], schemas: _Schemas) -> dict[str, Any]:
    return {"schema": schema, "example": examples.of(schema, schemas.components)}


def _refusals(operation: Operation) -> list[int]:
    """The statuses of the problems that an operation may answer."""
    statuses = {400, 401, 403, 422, 429, 503}
    if "{" in operation.path or _wants_environment(operation):
        statuses.add(404)
    if operation.method != "GET":
        statuses.add(409)
    if operation.versioned:
        statuses |= {412, 428}
    if operation.body is not None or operation.raw:
        statuses |= {413, 415}
    return sorted(statuses - {422} if operation.told else statuses)


def _wants_environment(operation: Operation) -> bool:
    """Whether its query names one that it is about, and that may not be there."""
    fields: Mapping[str, Any] = getattr(operation.query, "model_fields", {})
    return "environment" in fields and (fields["environment"].is_required() or operation.name in ("flags.export", "flags.list"))


def _refusal(operation: Operation, status: int) -> list[type[Problem]]:
    """The problems of this status that the operation may answer."""
    return [kind for kind in _KINDS[status] if kind not in _ONLY or _ONLY[kind](operation)]


def _response_name(kinds: list[type[Problem]]) -> str:
    return ".".join(kind.code for kind in kinds)


def _fields(model: Any) -> set[str]:
    """Of a model, and of what it is a list of."""
    if model is None:
        return set()
    items = model.model_fields.get("items")
    inner = [] if items is None else [part for part in get_args(items.annotation) if hasattr(part, "model_fields")]
    return set(model.model_fields) | {name for part in inner for name in part.model_fields}


def _problem_response(kinds: list[type[Problem]]) -> dict[str, Any]:
    kind, status = kinds[0], kinds[0].status
    description = f"{kind.title}: {', '.join(f'`{kind.code}`' for kind in kinds)}."
    example = kind().body(instance="/v1/products", request_id="JKJaXmPLvHcESHA=")
    content: dict[str, Any] = {PROBLEM: {"schema": {"$ref": f"{_SCHEMAS}Problem"}, "example": example}}
    if status in GATEWAY:
        message, why = GATEWAY[status]
        description += f" The gateway's own answer has only a message. It comes when {why}."
        content[JSON] = {"schema": {"$ref": f"{_SCHEMAS}GatewayMessage"}, "example": {"message": message}}
    found: dict[str, Any] = {"description": description, "content": content}
    if status in (429, 503):
        found["headers"] = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
    return found


def _problem_schemas() -> dict[str, Any]:
    string = {"type": "string"}
    fault = {"pointer": {**string, "description": "RFC 6901; /query/<name> for a parameter"}, "code": string, "detail": string}
    codes = [kind.code for kind in tree()]
    problem = {
        "type": {**string, "description": "Where the code is explained, relative to the API's root"},
        "title": string,
        "status": {"type": "integer"},
        "detail": {**string, "description": "What is wrong, and how to mend it"},
        "instance": string,
        "code": {**string, "examples": codes},
        "request_id": string,
        "errors": {"type": "array", "items": {"$ref": f"{_SCHEMAS}Fault"}},
    }
    required = [name for name in problem if name != "errors"]
    return {
        "Fault": {"type": "object", "properties": fault, "required": list(fault)},
        "Problem": {"type": "object", "description": "RFC 9457", "properties": problem, "required": required},
        "GatewayMessage": {
            "type": "object",
            "description": "What the gateway answers by itself",
            "properties": {"message": {"type": ["string", "null"]}},
            "required": ["message"],
        },
    }


class _Schemas:
    """JSON Schemas of every model that the operations name, under unique names."""

    def __init__(self, operations: list[Operation]) -> None:
        from pydantic.json_schema import models_json_schema

        read = [operation.body for operation in operations if operation.body is not None]
        told = [_plain(model) for operation in operations for model in operation.answers.values() if _is_model(model)]
        wanted: list[Any] = [(model, "validation") for model in dict.fromkeys(read)]
        wanted += [(model, "serialization") for model in (*dict.fromkeys(told), ManifestError)]
        self._names, definitions = models_json_schema(wanted, ref_template=_SCHEMAS + "{model}")
        self.components: dict[str, Any] = definitions.get("$defs", {})

    def body(self, operation: Operation) -> dict[str, Any]:
        if operation.body is None:
            return {"type": "string"}
        return dict(self._names[(operation.body, "validation")])

    def answer(self, model: Any) -> dict[str, Any]:
        schema = dict(self._names[(_plain(model), "serialization")])
        if not isinstance(model, list):
            return schema
        name = f"{schema['$ref'].removeprefix(_SCHEMAS)}Page"
        self.components[name] = {
            "type": "object",
            "properties": {
                "items": {"type": "array", "items": schema},
                "next_cursor": {"type": "string", "description": "Missing at the end"},
            },
            "required": ["items"],
        }
        return {"$ref": _SCHEMAS + name}

    def query(self, operation: Operation) -> list[dict[str, Any]]:
        if operation.query is None:
            return []
        schema: Mapping[str, Any] = operation.query.model_json_schema(ref_template=_SCHEMAS + "{model}")  # type: ignore[attr-defined]
        self.components.update(schema.get("$defs", {}))
        return [_query_parameter(name, dict(field), schema) for name, field in schema.get("properties", {}).items()]


def _query_parameter(name: str, field: dict[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    # A parameter cannot be null: it is there or it is not.
    options = [option for option in field.pop("anyOf", []) if option != {"type": "null"}]
    field.pop("title", None)
    if field.get("default", 0) is None:
        del field["default"]
    merged = {**options[0], **field} if len(options) == 1 else {**field, "anyOf": options} if options else field
    found: dict[str, Any] = {"name": name, "in": "query", "required": name in schema.get("required", ())}
    if "description" in merged:
        found["description"] = merged.pop("description")
    return {**found, "schema": merged}


def _is_model(model: Any) -> bool:
    return model is not None and not isinstance(model, tuple)


def _plain(model: Any) -> Any:
    return model[0] if isinstance(model, list) else model


def _area(operation: Operation) -> str:
    if "/rollouts" in operation.path:
        return "rollouts"
    first, second = operation.path.split("/")[1:3]
    return second if first == "v1" else first


def _unwrapped(text: str) -> str:
    """Paragraphs of one line each."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n"))


def _who(name: str) -> str:
    rule = OPERATIONS[name]
    who = [f"role {rule.role}{'' if rule.role == ROLES[-1] else ' or above'}"] if rule.role else []
    who += [f"{kind} keys" for kind in sorted(rule.keys)]
    return f"Open to: {', '.join(who)}."


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    schema = {"type": "string", "minLength": 1}
    return [{"name": name, "in": "path", "required": True, "schema": schema} for name in names]


def _header_parameters(operation: Operation) -> list[dict[str, Any]]:
    names = ["If-Match"] if operation.versioned else []
    names += ["Idempotency-Key"] if operation.creates else []
    names += ["If-None-Match"] if operation.method == "GET" and "{" in operation.path else []
    return [{"$ref": f"#/components/parameters/{name}"} for name in [*names, "X-Correlation-Id", "traceparent"]]


def _header(name: str, description: str, example: str, *, required: bool = False, **schema: Any) -> dict[str, Any]:
    schema = {"type": "string", **schema}
    return {
        "name": name,
        "in": "header",
        "required": required,
        "description": description,
        "schema": schema,
        "example": example,
    }


_PARAMETERS = {
    header["name"]: header
    for header in (
        _header("If-Match", "The ETag that you read, or `*` to change whatever stands there.", '"3"', required=True),
        _header("If-None-Match", "ETags that you hold: 304 when one is still right.", '"3"'),
        _header(
            "Idempotency-Key",
            "Makes the request safe to repeat: the same key and request give the same resource, however often.",
            "8e03978e-40d5-43dd-bc93-6894a57f9324",
            minLength=1,
            maxLength=255,
            pattern="^[!-~]([ -~]{0,253}[!-~])?$",
        ),
        _header("X-Correlation-Id", "Your own id of what this is part of; kept with its events.", "order-42"),
        _header("traceparent", "W3C trace context.", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    )
}
_HEADERS = {
    name: {"description": description, "schema": {"type": "string"}}
    for name, description in {
        "ETag": "The version, quoted: for If-Match and If-None-Match.",
        "Location": "Where the new resource stands.",
        "Link": 'The next page, `rel="next"`; missing at the end.',
        "Idempotency-Replayed": "`true` where an earlier request with this key made it.",
        "Retry-After": "Seconds to wait.",
        "X-Manifest-Capabilities": "What the caller may do: of `read`, `write` and `delete`.",
        "X-Request-Id": "Names this request in the logs.",
        "X-Correlation-Id": "Yours, or one that was made.",
        "traceparent": "Yours, or one that was made.",
    }.items()
}
_DESCRIPTIONS = {
    200: "Done.",
    201: "Created.",
    202: "Taken.",
    204: "Done; there is no body.",
    207: "Some of it may not have been done: each item tells.",
}


def write(site: Path = SITE) -> None:
    made = document()
    (site / "openapi.json").write_text(text(made), encoding="utf-8")
    (site / "docs.html").write_text(reference.page(made), encoding="utf-8")


if __name__ == "__main__":
    write()
