"""Requests that nobody sends in good faith: a fixed corpus for every operation, and generated ones from a seed."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from random import Random
from typing import Any, NamedTuple

from functions.collect.handler import OPERATIONS as COLLECTED
from infra.routes import ROUTES, Route
from ops import openapi
from slipway import cursors
from slipway.access import Principal
from slipway.calls import derived_id
from tests.contracts.rooms import ATTACHMENT, DELIVERY, caller
from tests.functions.events import ADMIN, EDITOR, VIEWER, http_event

# `evaluate` answers as OFREP has it, not with problems: its own attacks are in `tests/functions/test_evaluate.py`.
OPERATIONS = [route for route in ROUTES if not route.public and route.function != "evaluate"]
_MOVES = ("start", "pause", "resume", "advance", "stop", "roll_back")
_MEDIA = {operation.name: operation.media[0] for api in openapi.apis() for operation in api.operations}
_MEDIA |= dict.fromkeys(COLLECTED.values(), "application/json")


SIGNALS = [
    {
        "id": "1",
        "type": "exposure",
        "flag": "checkout",
        "context": {"targetingKey": "u1", "plan": "beta"},
        "previous_key": "u0",
    },
    {"id": "2", "type": "outcome", "name": "errors", "value": 2.5, "targetingKey": "u1", "at": "2026-11-23T12:00:00Z"},
    {"id": "3", "type": "exposure", "flag": "checkout", "exposure": "1.1.rol_x.0.t.1.unit.mac", "targetingKey": "u1"},
]


class Attack(NamedTuple):
    name: str
    event: dict[str, Any]


# Bodies that no operation can take, whatever it expects.
BODIES: dict[str, bytes] = {
    "empty": b"",
    "space": b" \n\t ",
    "not JSON": b"name=espresso&price=1",
    "half a document": b'{"name": "a"',
    "two documents": b"{}{}",
    "a trailing comma": b'{"name": "a",}',
    "a comment": b'{"name": "a"} // please',
    "single quotes": b"{'name': 'a'}",
    "a byte order mark": b'\xef\xbb\xbf{"name": "a"}',
    "UTF-16": '{"name": "a"}'.encode("utf-16"),
    "UTF-32": '{"name": "a"}'.encode("utf-32"),
    "Latin-1": '{"name": "é"}'.encode("latin-1"),
    "an overlong encoding": b'{"name": "\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"name": "\xed\xa0\x80"}',
    "a raw U+0000": b'{"name": "a\x00"}',
    "a raw newline in text": b'{"name": "a\nb"}',
    "an escaped U+0000": b'{"name": "a\\u0000b"}',
    "a lone high surrogate": b'{"name": "\\ud800"}',
    "a lone low surrogate": b'{"name": "\\udc00x"}',
    "surrogates the wrong way round": b'{"name": "\\udc00\\ud800"}',
    "a lone surrogate in a name": b'{"\\ud800": 1}',
    "U+0000 in a name": b'{"\\u0000": 1}',
    "100,000 arrays": b"[" * 100_000,
    "100,000 closed arrays": b"[" * 100_000 + b"]" * 100_000,
    "5,000 objects": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "65 deep": b"[" * 65 + b"]" * 65,
    "5,000 digits": b'{"price": ' + b"9" * 5_000 + b"}",
    "5,000 digits of a fraction": b'{"price": 0.' + b"9" * 5_000 + b"}",
    "an exponent": b'{"price": 1e999999999}',
    "a negative exponent": b'{"price": 1e-999999999}',
    "NaN": b'{"name": "a", "price": NaN}',
    "Infinity": b'{"name": "a", "price": Infinity}',
    "minus Infinity": b'{"name": "a", "price": -Infinity}',
    "a leading zero": b'{"name": "a", "price": 007}',
    "hexadecimal": b'{"name": "a", "price": 0x10}',
    "a repeated name": b'{"name": "a", "name": "b"}',
    "a name repeated in two spellings": b'{"name": "a", "n\\u0061me": "b"}',
    "a repeated name, deep": b'{"metadata": {"x": [{"y": 1, "y": 2}]}}',
    "an unfinished text of quotes": b'"' + b'\\"' * 60_000,
    "an array": b"[]",
    "null": b"null",
    "true": b"true",
    "a number": b"1",
    "a text": b'"text"',
    "an unknown field": b'{"__proto__": {"admin": true}}',
    "10,000 unknown fields": json.dumps({f"x{n}": n for n in range(10_000)}).encode(),
    "a name of 200 KB": json.dumps({"x" * 200_000: 1}).encode(),
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xabV\xcaK\xccMU\xb2RJT\xaa\x05\x00",
    "multipart": b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\na\r\n--x--\r\n',
    "7 MB": b'{"name": "' + b"x" * 7_000_000 + b'"}',
    "7 MB of numbers": b"[" + b"1," * 3_500_000 + b"1]",
}

MEDIA = (
    "",
    "application",
    "text/plain",
    "application/xml",
    "multipart/form-data",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded",
    "application/json; charset=utf-16",
    "application/json; charset=",
    "application/json;charset=\x00",
    "application/json, application/json",
    "*/*",
    "application/jsonp",
    "x" * 8_000,
)

QUERIES = (
    *(f"environment=development&format={name}" for name in ("launchdarkly", "unleash", "flagsmith")),
    "%",
    "%ff",
    "%00=1",
    "limit=%00",
    "limit",
    "limit=",
    "limit=abc",
    "limit=1.0",
    "limit=1e2",
    "limit=٣",
    "limit=99999999999999999999999999",
    "limit=1&limit=2",
    "limit[]=1",
    "cursor=",
    "cursor=x",
    "cursor=" + "A" * 8_000,
    "cursor=%00",
    "cursor=W10",
    "cursor=bnVsbA",
    "cursor=1&cursor=2",
    "validate_only=1",
    "validate_only=TRUE",
    "as_of=",
    "as_of=yesterday",
    "as_of=9999-99-99T99:99:99Z",
    "as_of=2026-11-23T12:00:00%2B99:99",
    "updated_after=0000-00-00",
    "status=nothing",
    "stage=",
    "name_prefix=%ED%A0%80",
    "name_prefix=" + "x" * 8_000,
    "__proto__=1",
    "&".join(f"a{n}=1" for n in range(2_000)),
    "&" * 5_000,
    "=" * 5_000,
    ";".join("ab"),
    "environment=../../x",
    "state=on",
    "stale=maybe&environment=staging",
    "environment=nowhere&state=off",
    "prefix=%23",
)

HEADERS: tuple[dict[str, str], ...] = (
    {"If-Match": ""},
    {"If-Match": "3"},
    {"If-Match": '"'},
    {"If-Match": '"3'},
    {"If-Match": 'W/"3"'},
    {"If-Match": '"3", "4"'},
    {"If-Match": '"' + "9" * 5_000 + '"'},
    {"If-Match": '"-1"'},
    {"If-Match": '"0"'},
    {"If-Match": '"3",' * 2_000},
    {"If-Match": "**"},
    {"If-Match": '"\u0663"'},
    {"If-None-Match": '"' * 5_000},
    {"If-None-Match": "W/"},
    {"Idempotency-Key": ""},
    {"Idempotency-Key": "x" * 256},
    {"Idempotency-Key": "x" * 9_000},
    {"Idempotency-Key": "a\x00b"},
    {"Idempotency-Key": "é"},
    {"Idempotency-Key": " "},
    {"traceparent": "00-" + "0" * 32 + "-" + "0" * 16 + "-01"},
    {"traceparent": "x" * 9_000},
    {"X-Correlation-Id": "a\r\nSet-Cookie: x=1"},
    {"X-Correlation-Id": "x" * 9_000},
    {"Accept": "x" * 9_000},
    {"Accept": "text/html;q=nan, */*;q=-1"},
    {"Content-Length": "-1"},
    {"Content-Encoding": "gzip"},
    {"Transfer-Encoding": "chunked"},
    {"X-HTTP-Method-Override": "DELETE"},
    {"Host": "evil.example"},
)

IDS = (
    "%00",
    "%2e%2e",
    "..",
    ".",
    "%ff",
    "%ED%A0%80",
    "a%2Fb",
    "a b",
    "-",
    "~",
    "'",
    '"',
    "<script>",
    "key#x",
    "key%23x",
    "v%230000000001",
    "prd_",
    "prd_" + "z" * 26,
    "prd_" + "0" * 2_000,
    "é",
    "\u202e",
    "verifiers#live",
    "list#flags",
    "flag%23x%23y",
    "x" * 5_000,
    "{id}",
    "null",
    "*",
    "%25",
    "%",
    "%zz",
)


_ASKED: dict[str | None, str] = dict.fromkeys(
    ("flags.export", "flags.import", "flags.adoption", "metrics.read"), "environment=development"
)  # what has to be
_ASKED["feedback.import"] = "source=canny&product=grinder"
_ASKED["feedback.similar"] = "product=grinder&text=it+squeaks"


def sound(route: Route, id: str) -> Attack:
    """A request that the operation takes; `id` is of a resource that is there."""
    second = Principal("member", "mbr_second", "editor")  # a change request takes another person than the first
    return Attack("sound", _event(route, id, principal=second if route.operation == "proposals.approve" else caller(route)))


def corpus(route: Route, target: str) -> Iterator[Attack]:
    """All attacks on one operation. Each breaks one thing and leaves the rest as sound as it can be."""
    for name, broken in _broken_parts(route, target):
        yield Attack(name, _attacked(route, target, broken))


def pairs(route: Route, target: str, count: int, seed: int) -> Iterator[Attack]:
    """`count` times two attacks of the corpus in one request; the same for the same seed."""
    random = Random(f"pairs {seed} {route.method} {route.path}")
    parts = [(name, broken) for name, broken in _broken_parts(route, target) if name not in _LARGEST]
    made = 0
    while made < count:
        (first, one), (second, other) = random.sample(parts, 2)
        both = {**one, **other}
        if "headers" in both:
            both["headers"] = {**one.get("headers", {}), **other.get("headers", {})}
        if both not in (one, other):  # two of one kind, of which the second would be alone
            made += 1
            yield Attack(f"{first}; {second}", _attacked(route, target, both))


_LARGEST = [f"body: {name}" for name in list(BODIES)[-2:]]  # 7 MB: once each is enough


def _broken_parts(route: Route, target: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """What breaks one thing: the arguments of `_event` that it changes, or as `event` a part of the event itself."""
    for name, body in BODIES.items():
        yield f"body: {name}", {"body": body}
    for media in MEDIA:
        yield f"media type: {media[:40]}", {"headers": {"Content-Type": media}}
    for query in (*QUERIES, *_forged_cursors(route, target)):
        yield f"query: {query[:60]}", {"query": query}
    for headers in HEADERS:
        yield f"header: {str(headers)[:60]}", {"headers": headers}
    if "{" in route.path:
        for id in IDS:
            yield f"path: {id[:40]}", {"id": id}
    for principal in (None, VIEWER, Principal("client", "key_c", None, "live"), Principal("server", "key_s", None, "live"),
                      Principal("member", "mbr_x", "owner"), Principal("root", "x", "admin")):  # type: ignore[arg-type]  # fmt: skip
        yield f"principal: {principal}", {"principal": principal}
    yield "base64 that is none", {"event": {"body": "@@@", "isBase64Encoded": True}}
    yield "base64 beyond ASCII", {"event": {"body": "é", "isBase64Encoded": True}}
    yield "base64 of nothing", {"event": {"body": "", "isBase64Encoded": True}}
    yield "a body with a lone surrogate", {"event": {"body": '{"name": "\ud800"}'}}


def _attacked(route: Route, target: str, broken: Mapping[str, Any]) -> dict[str, Any]:
    changed = {name: value for name, value in broken.items() if name != "event"}
    return {**_event(route, changed.pop("id", target), **changed), **broken.get("event", {})}


def generated(route: Route, target: str, count: int, seed: int) -> Iterator[Attack]:
    """`count` requests, each a sound one with one to four things broken; the same for the same seed."""
    random = Random(f"{seed} {route.method} {route.path}")
    forged = (*QUERIES, *_forged_cursors(route, target))
    for number in range(count):
        value: Any = json.loads(_sound(route))
        query, id = _ASKED.get(route.operation, ""), target
        headers: dict[str, str] = {}
        who = caller(route)
        principal: Principal | None = random.choice((who, who, who, EDITOR, VIEWER, None))
        body: bytes | None = None
        for _ in range(random.randint(1, 4)):
            what = random.randrange(8)
            if what <= 2:
                value = _broken(value, random)
            elif what == 3:
                body = _scrambled(json.dumps(value).encode("utf-8", "surrogatepass"), random)
            elif what == 4:
                query = random.choice((random.choice(forged), _text(random)))
            elif what == 5:
                headers = headers | random.choice(HEADERS)
            elif what == 6:
                id = random.choice((random.choice(IDS), _text(random).replace("/", "")))
            else:
                body = random.choice(list(BODIES.values())[:-2])  # the 7 MB ones stand in the corpus
        if body is None:
            body = json.dumps(value, ensure_ascii=random.random() < 0.5).encode("utf-8", "surrogatepass")
        event = _event(route, id, body=body, query=query, headers=headers, principal=principal)
        yield Attack(f"generated {number} of seed {seed}", event)


def _event(
    route: Route,
    id: str,
    *,
    body: bytes | None = None,
    query: str | None = None,
    headers: Mapping[str, str] = {},
    principal: Principal | None = ADMIN,
) -> dict[str, Any]:
    principal = caller(route) if principal is ADMIN else principal
    query = _ASKED.get(route.operation, "") if query is None else query
    if body is None and route.method in ("POST", "PATCH", "PUT"):
        body = _sound(route)
    sent = {"Content-Type": _MEDIA[str(route.operation)], "If-Match": "*", "Idempotency-Key": "hostile", **headers}
    path = _path(route, id)
    return http_event(route.method, path, query=query, headers=sent, body=body, principal=principal)


def _path(route: Route, id: str) -> str:
    """`id` in the place of the last variable that the area names its own with."""
    if "/rollouts/{id}" in route.path:
        flag = {"rollouts.start": "cortado", "rollouts.resume": "lungo"}.get(str(route.operation), "doppio")
        return route.path.replace("{key}", flag).replace("{environment}", "development").replace("{id}", id)
    named = re.sub(r"(/v[01]/[a-z-]+/|/manifest/flags/)\{[a-z]+\}", lambda found: found[1] + id, route.path)
    return named.replace("{environment}", "development").replace("{delivery}", DELIVERY).replace("{attachment}", ATTACHMENT)


def _sound(route: Route) -> bytes:
    product = {
        "name": "Espresso machine",
        "price": {"amount": 1999, "currency": "EUR"},
        "key": "espresso",
        "tags": ["kitchen"],
        "metadata": {"sku": "ESP-2", "weight": 2.5, "new": True},
        "links": [{"label": "Datasheet", "url": "https://example.com/x.pdf"}],
    }
    configuration = {
        "enabled": True,
        "default_variant": "off",
        "targeting": {"if": [{"==": [{"var": "plan"}, "beta"]}, "on", {"fractional": [["on", 20], ["off", 80]]}]},
        "overrides": {"on": ["ada"]},
        "prerequisites": [{"flag": "hopper", "variants": ["on"]}],
        "reason": "Everybody waits for it",
    }
    change = {name: value for name, value in configuration.items() if name != "reason"}
    later = {"flag": "crema", "environment": "staging", "change": change, "reason": "The season begins"}
    ladder = [{"share": 0.5, "hold": {"minutes": 10, "units": 500, "approval": True}}, {"share": 97.5}]
    guards = [
        {"metric": "errors", "kind": "bad_units", "margin": 0.1},
        {"metric": "ms", "kind": "slow_units", "threshold": 250},
    ]
    bodies: dict[str | None, Any] = {
        "products.create": product,
        "products.update": {"name": "Mocha pot", "metadata": {"sku": None}, "price": 19.99},
        "products.batch": {"items": [product | {"key": "second"}, {"name": "Mocha pot", "price": "9.99"}]},
        "products.import": {"key": "third", "name": "Kettle", "price": "9.99"},
        "flags.create": {
            "metadata": {"team": "coffee", "share": 0.5, "new": True},
            "key": "espresso",
            "type": "string",
            "variants": {"hot": "yes", "cold": "no"},
            "tags": ["kitchen"],
            "owner": "team-coffee",
            "product": "grinder",
            "client_side": True,
        },
        "flags.import": {
            "flags": {
                "latte": {
                    "state": "ENABLED",
                    "variants": {"big": 1.0, "small": 0.5},
                    "defaultVariant": "small",
                    "targeting": {"if": [{"$ref": "regulars"}, {"fractional": [["big", 20], ["small", 80]]}]},
                    "metadata": {"hash": "v2", "team": "coffee"},
                }
            },
            "$evaluators": {"regulars": {">": [{"var": "visits"}, 3]}},
            "slipway": {"flags": {"latte": {"tags": ["kitchen"], "overrides": {"big": ["ada"]}}}},
        },
        "manifest.create": {"key": "ristretto", "type": "float", "defaultValue": 0.5, "name": "Ristretto", "description": None},
        "manifest.update": {"key": "crema", "type": "boolean", "defaultValue": True, "description": "On top"},
        "flags.update": {"description": "Warm milk", "variants": {"tepid": True}, "tags": None},
        "flags.revert": {"version": 1},
        "flags.rehash": {"hash": "v2", "reason": "Java, too"},
        "configurations.update": configuration,
        "configurations.revert": {"version": 1, "reason": "It was better"},
        "configurations.copy": {"from": "staging", "reason": "Tried there"},
        "configurations.explain": {"context": {"targetingKey": "u1", "plan": "beta", "weight": 2.5, "roles": [1, None]}},
        "configurations.preview": {"change": configuration, "contexts": [{"targetingKey": "u1"}, {"plan": "beta"}]},
        "configurations.off": {"reason": "It burns"},
        "proposals.open": later,
        "schedules.plan": later | {"at": f"{date.today() + timedelta(days=30)}T09:00:00Z"},
        "rollouts.create": {
            "from": "off",
            "to": "on",
            "bucket_by": "company.id",
            "start": True,
            "reason": "Everybody waits for it",
            "template": "standard",
            "ladder": ladder,
            "guards": guards,
            "alpha": 0.01,
            "holdback": 2.5,
            "early": True,
        },
        "rollouts.dry_run": {"guards": [], "alpha": 0.1},
        **{f"rollouts.{move}": {"reason": "It is time"} for move in _MOVES},
        "templates.create": {"key": "weekend", "description": "Slowly", "ladder": ladder, "guards": guards, "holdback": 2.5},
        "templates.update": {"guards": guards, "alpha": None, "early": True},
        "segments.create": {"key": "barista", "targeting": {"ends_with": [{"var": "email"}, "@example.com"]}},
        "segments.update": {"targeting": {"in": [{"var": "email"}, ["ada@example.com"]]}, "description": "They work here"},
        "environments.create": {"name": "preview", "description": "For a day", "protected": True},
        "environments.update": {"protected": False, "approval": True},
        **{operation: {"events": SIGNALS} for operation in COLLECTED.values()},
        "feedback.submit": {
            "type": "csat",
            "product": "grinder",
            "title": "Loud",
            "text": "It wakes the cat.",
            "rating": 2,
            "email": "ada@example.com",
            "consent": True,
            "targeting_key": "u1",
            "environment": "production",
            "context": {"url": "https://example.com/", "device": "Phone", "session": "s1", "release": "1.2", "locale": "en-GB"},
            "submission_id": "1",
        },
        "webhooks.create": {
            "url": "https://hooks.example.com/in",
            "events": ["feedback.*", "feedback.notice"],
            "enabled": True,
        },
        "attachments.form": {"type": "image/png"},
        "webhooks.update": {"events": ["*"], "description": "Into the chat", "enabled": False},
        "webhooks.rotate": {"overlap": 60},
        "changelog.create": {
            "product": "grinder",
            "title": "Quieter",
            "text": "By half.",
            "status": "published",
            "feedback": ["fbk_" + "0" * 26],
            "flags": ["crema"],
        },
        "changelog.update": {"title": "Quieter still", "flags": None, "status": "draft"},
        "feedback.vote": {"email": "ada@example.com"},
        "feedback.withdraw": {"targeting_key": "u1", "environment": "production"},
        "feedback.merge": {"into": derived_id("fbk_", "key_admin", "feedback.submit", "submission whistle")},
        "feedback.form": {"product": "grinder"},
        "surveys.create": {
            "product": "grinder",
            "environment": "production",
            "kind": "csat",
            "question": "How was it?",
            "targeting": {"==": [{"var": "plan"}, "team"]},
            "sampling": 12.5,
            "cap": 100,
            "quiet_days": 7,
            "starts_at": "2026-11-01T00:00:00Z",
            "ends_at": "2027-11-01T00:00:00Z",
            "enabled": True,
        },
        "surveys.update": {"question": "How is it?", "targeting": None, "sampling": None, "cap": 200, "enabled": False},
        "surveys.prompt": {"product": "grinder", "view": "v1", "context": {"targetingKey": "u1", "plan": "team"}},
        "people.export": {"targeting_key": "u1", "environment": "production"},
        "people.erase": {"email": "ada@example.com"},
        "feedback.update": {
            "status": "planned",
            "tags": ["noise"],
            "reply": "Soon!",
            "headline": "Quieter",
            "sentiment": "negative",
        },
        "feedback.bulk": {"ids": [f"fbk_{'0' * 26}"], "change": {"status": "planned", "add_tags": ["noise"]}},
        "feedback.note": {"text": "She called."},
        "boards.update": {"roadmap": True, "form": {"seconds": 5}, "labels": {"shipped": "Done"}, "notify": {"email": True}},
        "keys.create": {"kind": "admin", "role": "editor", "name": "ci"},
        "keys.rotate": {"overlap_seconds": 60},
        "members.invite": {"email": "ada@example.com", "role": "viewer"},
        "members.update": {"role": "editor"},
    }
    if route.operation == "feedback.import":
        return b'["title",\n1,2]'  # CSV that is JSON as well
    return json.dumps(bodies.get(route.operation, {})).encode()


def _forged_cursors(route: Route, target: str) -> Iterator[str]:
    """Cursors whose check is right, as anybody can compute it, but whose position is not one that we gave."""
    lists: dict[str | None, tuple[list[Any], tuple[str, ...]]] = {
        "products.list": (["products.list", *[None] * 7], ("at", "id")),
        "products.versions": (["products.versions", target], ("version",)),
        "audit.list": (["audit", *[None] * 5], ("day", "pk", "sk")),
        "deliveries.list": (["deliveries.list", target], ("id",)),
        "changelog.list": (["changelog.list", None, None], ("created_at", "pk")),
        "feedback.votes": (["feedback.votes", target], ("person",)),
        "keys.list": (["keys", None, None, None], ("created_at", "pk")),
        "members.list": (["members"], ("created_at", "pk")),
        "flags.list": (["flags.list", None, None, None, None, "active", None, None, None], ("key",)),
        "flags.versions": (["flags.versions", target], ("version",)),
        "flags.export": (["flags.export", "development"], ("environment", "level", "after", "order")),
        "configurations.versions": (["configurations.versions", target, "development"], ("version",)),
        "rollouts.list": (["rollouts.list", target, "development", None], ("place",)),
        "rollouts.versions": (["rollouts.versions", "doppio", "development", target], ("version",)),
        "templates.list": (["templates.list", None], ("key",)),
        "templates.versions": (["templates.versions", target], ("version",)),
        "segments.list": (["segments.list", None], ("key",)),
        "segments.versions": (["segments.versions", target], ("version",)),
        "environments.versions": (["environments.versions", target], ("version",)),
        "environments.list": (["environments.list"], ("key",)),
        "proposals.list": (["proposals.list", None, None, None, None], ("created_at", "pk")),
        "schedules.list": (["schedules.list", None, None, None, None], ("created_at", "pk")),
        "surveys.list": (["surveys.list", None, None, None], ("created_at", "pk")),
        "surveys.versions": (["surveys.versions", target], ("version",)),
        "feedback.list": (["feedback.list", None, None, "visible", *[None] * 10], ("created_at", "pk")),
        "feedback.versions": (["feedback.versions", target], ("version",)),
        "feedback.notes": (["feedback.notes", target], ("sk",)),
        "feedback.export": (["feedback.export", "jsonl", None], ("created_at", "pk")),
        "boards.list": (["boards.list"], ("created_at", "pk")),
    }
    if route.operation not in lists:
        return
    query, names = lists[route.operation]
    for value in ("", "x", "\x00", "\ud800", "key#x", "9" * 1_500, 0, -1, 10**30, "2026-11-23T12:00:00.000Z", "2026-11-23"):
        try:
            position = dict.fromkeys(names, value) | dict.fromkeys({"level"} & set(names), 1)
            yield f"{_ASKED.get(route.operation, '')}&cursor={cursors.encode(query, position)}"
        except UnicodeEncodeError:
            continue
    empty = base64.urlsafe_b64encode(json.dumps([hashlib.sha256(b"").hexdigest()[:16], []]).encode()).decode()
    yield f"cursor={empty}"


_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 1e308, 10**37, 10**39, "", " ", "x" * 5_000, "\x00", "\ud800", "\u202eevil", "=1+1", "٣",
    "\u0301" * 300, [], {}, [[]], [None] * 300, {"": ""}, {"a": {"b": {"c": {}}}}, "NaN", "1e400", "<script>", "../../etc",
    {"amount": 1}, {"amount": "1", "currency": "EUR"}, {"amount": -1, "currency": "XXX"}, {"amount": 10**36, "currency": "JPY"},
    "javascript:alert(1)", "http://[::1", "2026-11-23T12:00:00Z", "prd_x", "19.999", "1,99", "-0.0", "idea", "retired",
)  # fmt: skip


def _broken(value: Any, random: Random) -> Any:
    """The value with one thing inside it changed."""
    if isinstance(value, dict) and value and random.random() < 0.85:
        name = random.choice(list(value))
        fate = random.random()
        if fate < 0.15:
            return {other: item for other, item in value.items() if other != name}
        if fate < 0.3:
            return {**value, random.choice(("extra", "", "\x00", "é" * 100, "Name", "id", "version")): random.choice(_VALUES)}
        return {**value, name: _broken(value[name], random)}
    if isinstance(value, list) and value and random.random() < 0.7:
        place = random.randrange(len(value))
        return [*value[:place], _broken(value[place], random), *value[place + 1 :]]
    if random.random() < 0.05:
        for _ in range(random.choice((10, 31, 33, 63))):
            value = {"a": value}
        return value
    return copy.deepcopy(random.choice(_VALUES))


def _scrambled(raw: bytes, random: Random) -> bytes:
    """The bytes with a few of them gone, doubled or changed."""
    found = bytearray(raw)
    for _ in range(random.randint(1, 5)):
        place = random.randrange(len(found) + 1)
        found[place : place + random.randrange(3)] = random.randbytes(random.randrange(3))
    return bytes(found)


def _text(random: Random) -> str:
    alphabet = "abc019 _-=&%;:/?#+\"'\\<>{}[]\u00e9\u202e\x7f"
    return "".join(random.choice(alphabet) for _ in range(random.randrange(40)))


def elsewhere(count: int, seed: int) -> Iterator[Attack]:
    """Paths and methods that are no route."""
    random = Random(seed)
    known = ["", "docs", "openapi.json", "v1", "products", "keys", "me", *IDS]
    for number in range(count):
        path = "/" + "/".join(random.choice((random.choice(known), _text(random))) for _ in range(random.randrange(5)))
        method = random.choice(("GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "TRACE", "CONNECT", "BREW", "get", "\u00e9"))
        headers = random.choice(HEADERS)
        body = random.choice((None, *list(BODIES.values())[:-2]))
        event = http_event(method, path, query=_text(random), headers=headers, body=body, principal=None)
        yield Attack(f"elsewhere {number} of seed {seed}", event)
