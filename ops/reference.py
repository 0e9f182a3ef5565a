"""The reference page, `/docs`: the OpenAPI document as one page of plain HTML. No script, no third party."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from slipway.problems import Problem, tree

Document = Mapping[str, Any]

# What each problem means and what to do about it, beyond its title.
MEANING = {
    "internal": "A fault of ours. It is in our logs under the `request_id`; the request may be repeated.",
    "malformed": "The body is not JSON in UTF-8, or a header has no form that we know. `detail` says where. Mend it; repeating "
    "it as it is does not help.",
    "bad_cursor": "A cursor belongs to the filters that it was made with. Repeat the list without `cursor`, or with the same "
    "filters.",
    "unauthenticated": "Send `Authorization: Bearer` with an API key or an access token.",
    "forbidden": "The credentials are good, but the operation needs a higher role or another kind of key. Each operation "
    "names who it is open to.",
    "not_found": "No path, or no resource of that id, as far as these credentials can see.",
    "method_not_allowed": "The path exists; the `Allow` header lists what it takes.",
    "conflict": "The request is sound, but the resource is in a state that forbids it. Read it, then decide.",
    "key_taken": "A key belongs to one resource, archived ones included. Choose another.",
    "move_not_allowed": "States change along fixed moves only; `detail` names those that are possible from here.",
    "precondition_failed": "Somebody changed the resource since you read it. The `ETag` header has its present version: read "
    "it, apply your change to that, and send it with the new tag.",
    "too_large": "Send less at a time. Each operation that takes more than 256 KB says so.",
    "unsupported_media_type": "Set `Content-Type` to one that the operation lists; for PATCH `application/merge-patch+json`.",
    "invalid": "The request can be read, but values in it are wrong. `errors` names each by its JSON pointer (parameters stand "
    "under `/query/`), with a stable `code` and what to do.",
    "idempotency_mismatch": "The `Idempotency-Key` was used before with another request. A new request needs a new key.",
    "precondition_required": "Send `If-Match` with the `ETag` that you read, or `*` to change whatever stands there.",
    "too_many_requests": "Wait for the seconds in `Retry-After`, then go on more slowly.",
    "unavailable": "Something behind the API did not answer in time. Wait for the seconds in `Retry-After` and repeat; with an "
    "`Idempotency-Key` or an `If-Match` nothing happens twice.",
}


def page(document: Document) -> str:
    groups = _by_tag(document)
    names = {tag["name"]: tag["x-displayName"] for tag in document["tags"]}
    body = "\n".join(
        [
            _introduction(document),
            *(_group(tag, names[tag], operations, document) for tag, operations in groups.items()),
            _problems(document),
            _schemas(document),
        ]
    )
    return _PAGE.format(navigation=_navigation(groups, names), body=body, version=escape(document["info"]["version"]))


def _by_tag(document: Document) -> dict[str, list[tuple[str, str, Document]]]:
    groups: dict[str, list[tuple[str, str, Document]]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            groups[operation["tags"][0]].append((method.upper(), path, operation))
    return groups


def _navigation(groups: Mapping[str, list[tuple[str, str, Document]]], names: Mapping[str, str]) -> str:
    parts = []
    for tag, operations in groups.items():
        items = "".join(
            f'<li><a href="#{operation["operationId"]}">{_badge(method)} {escape(operation["summary"])}</a></li>'
            for method, _, operation in operations
        )
        parts.append(f'<li><a href="#{tag}">{escape(names[tag])}</a><ul>{items}</ul></li>')
    return "".join(parts)


def _introduction(document: Document) -> str:
    bearer = document["components"]["securitySchemes"]["bearer"]["description"]
    return f"""<section aria-labelledby="start"><h2 id="start">Start</h2>
<p>Every path below takes <code>Authorization: Bearer</code>. {_text(bearer)}</p>
<pre tabindex="0"><code>curl -H "Authorization: Bearer $SLIPWAY_KEY" "$SLIPWAY_URL/v1/products"</code></pre>
<p><code>SLIPWAY_URL</code> is where this page stands, without <code>/docs</code>; <code>SLIPWAY_KEY</code> is your key.</p>
<p>The same in machine-readable form: <a href="/openapi.json">openapi.json</a> (OpenAPI 3.1, contract version
{escape(document["info"]["version"])}).</p>
<dl>
<dt>Changing a resource</dt><dd>Send the <code>ETag</code> that you read as <code>If-Match</code>. Nobody's change is lost.</dd>
<dt>Creating safely</dt><dd>Send an <code>Idempotency-Key</code>. The same request again gives the same resource, with
<code>Idempotency-Replayed: true</code>.</dd>
<dt>Lists</dt><dd>Follow <code>next_cursor</code>, or the <code>Link</code> header, until there is none. A page may
be short.</dd>
<dt>Query parameters</dt><dd>An unknown or repeated one is refused with 422, so that a typing error does not change what you
ask. Evaluation and the two paths that take signals pass over it: SDKs and what stands between send some of their own.</dd>
</dl></section>"""


def _group(tag: str, name: str, operations: list[tuple[str, str, Document]], document: Document) -> str:
    inside = "\n".join(_operation(method, path, operation, document) for method, path, operation in operations)
    return f'<section aria-labelledby="{tag}"><h2 id="{tag}">{escape(name)}</h2>\n{inside}\n</section>'


def _operation(method: str, path: str, operation: Document, document: Document) -> str:
    id = operation["operationId"]
    parts = [f'<article aria-labelledby="{id}"><h3 id="{id}"><a href="#{id}">{escape(operation["summary"])}</a></h3>']
    parts.append(f'<p class="path">{_badge(method)} <code>{escape(path)}</code></p>{_paragraphs(operation["description"])}')
    parameters = [_resolved(parameter, document) for parameter in operation["parameters"]]
    rows = "".join(
        _row(found["name"], found["in"], _kind(found["schema"]), found.get("description", ""), required=found["required"])
        for found in parameters
    )
    parts.append(_table("Parameters", ("Name", "In", "Type", "Meaning"), rows, of=operation["summary"]))
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<h4>Request <code>{escape(media)}</code></h4><p>{_kind(content['schema'])}</p>")
        parts.append(_example(content["example"]))
    parts.append("<h4>Answers</h4><ul class=answers>")
    parts += [_answer(status, _resolved(answer, document)) for status, answer in operation["responses"].items()]
    return "".join(parts) + "</ul></article>"


def _answer(status: str, answer: Document) -> str:
    text = f"<strong>{status}</strong> {_text(answer['description'])}"
    for media, content in answer.get("content", {}).items():
        if status.startswith("2"):
            text += f" <code>{escape(media)}</code> {_kind(content['schema'])}"
            if "example" in content:
                text += f"<details><summary>Example</summary>{_example(content['example'])}</details>"
    return f"<li>{text}</li>"


def _problems(document: Document) -> str:
    gateway = "".join(
        f"<tr><th scope=row>{answer_status}</th><td>{_text(answer['description'].split('. ', 1)[1])}</td></tr>"
        for answer_status, answer in _with_gateway(document)
    )
    return f"""<section aria-labelledby="problems"><h2 id="problems">Problems</h2>
<p>Whatever is not a success is <code>application/problem+json</code> (RFC 9457). <code>code</code> is stable,
<code>detail</code> is for people, <code>type</code> leads here.</p>
{"".join(_problem(kind) for kind in tree())}
<h3 id="gateway">The gateway's own answers</h3>
<p>The gateway in front of the API answers a few requests itself, as <code>{{"message": "..."}}</code>.</p>
{_table("The gateway's own answers", ("Status", "When"), gateway)}
</section>"""


def _with_gateway(document: Document) -> Iterator[tuple[int, Document]]:
    by_code = {kind.code: kind.status for kind in tree()}
    told = set()
    for name, answer in document["components"]["responses"].items():
        status = by_code[name.partition(".")[0]]
        if "application/json" in answer["content"] and status not in told:
            told.add(status)
            yield status, answer


def _problem(kind: type[Problem]) -> str:
    id = f"problem-{kind.code}"
    return (
        f'<article aria-labelledby="{id}"><h3 id="{id}"><a href="#{id}"><code>{kind.code}</code></a></h3>'
        f"<p><strong>{kind.status}</strong> {escape(kind.title)}.</p><p>{_text(MEANING[kind.code])}</p></article>"
    )


def _schemas(document: Document) -> str:
    parts = ['<section aria-labelledby="schemas"><h2 id="schemas">Schemas</h2>']
    for name, schema in document["components"]["schemas"].items():
        parts.append(f'<article aria-labelledby="schema-{name}"><h3 id="schema-{name}">{name}</h3>')
        parts.append(_paragraphs(schema.get("description", "")))
        rows = "".join(
            _row(field, _kind(member), member.get("description", ""), required=field in schema.get("required", ()))
            for field, member in schema.get("properties", {}).items()
        )
        parts.append(_table(f"Fields of {name}", ("Name", "Type", "Meaning"), rows) if rows else f"<p>{_kind(schema)}</p>")
        parts.append("</article>")
    return "".join(parts) + "</section>"


def _table(caption: str, heads: tuple[str, ...], rows: str, *, of: str = "") -> str:
    """`of`: what tells this table's caption from that of others, for whoever hears the page."""
    if not rows:
        return ""
    head = "".join(f"<th scope=col>{name}</th>" for name in heads)
    label = escape(f"{caption}: {of}" if of else caption)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{label}"><table><caption>{caption}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(name: str, *cells: str, required: bool) -> str:
    """The last cell is text, those before it are HTML."""
    mark = ' <span class="required">required</span>' if required else ""
    inside = "".join(f"<td>{cell}</td>" for cell in [*cells[:-1], _text(cells[-1])])
    return f"<tr><th scope=row><code>{escape(name)}</code>{mark}</th>{inside}</tr>"


def _kind(schema: Document) -> str:
    """The type in a few words, with links to other schemas."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#schema-{name}">{name}</a>'
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return " or ".join(_kind(option) for option in schema[word])
    if "enum" in schema:
        return "one of " + ", ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    if "const" in schema:
        return f"<code>{escape(json.dumps(schema['const']))}</code>"
    kinds = schema.get("type", "anything")
    text = " or ".join(kinds) if isinstance(kinds, list) else kinds
    if text == "array":
        text = f"list of {_kind(schema.get('items', {}))}"
    limits = [f"{label} {schema[key]}" for key, label in _LIMITS.items() if key in schema]
    if schema.get("default") is not None:
        limits.append(f"default <code>{escape(json.dumps(schema['default']))}</code>")
    return ", ".join([text, *limits])


_LIMITS = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
    "minLength": "min. length",
    "maxLength": "max. length",
    "minItems": "min. items",
    "maxItems": "max. items",
}


def _example(value: Any) -> str:
    shown = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    return f'<pre tabindex="0"><code>{escape(shown)}</code></pre>'


def _resolved(part: Document, document: Document) -> Document:
    if "$ref" not in part:
        return part
    _, _, group, name = part["$ref"].split("/")
    found: Document = document["components"][group][name]
    return found


def _badge(method: str) -> str:
    return f'<span class="method {method.lower()}">{method}</span>'


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{_text(paragraph)}</p>" for paragraph in text.split("\n\n") if paragraph)


def _text(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Slipway API reference</title>
<meta name="description" content="Every operation, schema and problem of the Slipway API.">
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/style.css">
</head>
<body class="reference">
<a class="skip" href="#content">Skip to the reference</a>
<header><a class="home" href="/">Slipway</a> <span>API reference, version {version}</span></header>
<nav aria-label="Operations" tabindex="0"><details><summary>Contents</summary>
<ul><li><a href="#start">start</a></li>{navigation}<li><a href="#problems">problems</a></li>
<li><a href="#schemas">schemas</a></li></ul></details></nav>
<main id="content" tabindex="-1">
<h1>API reference</h1>
{body}
</main>
</body>
</html>
"""
