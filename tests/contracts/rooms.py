"""Every function that speaks HTTP, in this process, over one store in memory, behind a gateway of the route table."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import date, timedelta
from typing import Any
from unittest.mock import patch

from functions.access.handler import access
from functions.access.handler import api as access_api
from functions.audit.handler import api as audit_api
from functions.collect.handler import Collecting
from functions.evaluate.handler import Evaluator, documents
from functions.feedback.door import feedback
from functions.feedback.handler import api as feedback_api
from functions.flags.handler import api as flags_api
from functions.hooks.door import hooks
from functions.hooks.handler import api as hooks_api
from functions.products.handler import api as products_api
from functions.public.handler import Pages
from functions.signals.handler import api as signals_api
from functions.site.handler import handler as site
from functions.surveys.handler import api as surveys_api
from functions.surveys.handler import room as surveys
from infra.routes import ROUTES, Route
from slipway.access import Principal
from slipway.adapters.memory import MemoryBlobs, MemoryLake, MemorySchedules, MemoryStore, MemoryUploads
from slipway.feedback.attachments import Attachments
from slipway.feedback.deliveries import noticed
from slipway.feedback.public import Public
from slipway.flags.compilation import compiled
from slipway.flags.control import Control
from slipway.flags.snapshot import path
from slipway.ports import Delete, Put, Row, Update
from slipway.products import Products
from slipway.rollouts.signing import Secrets
from slipway.signals.collection import Collector
from slipway.signals.collection import documents as collected_from
from tests.catalogue import a_call
from tests.flag_rows import configuration, flag, rows
from tests.functions.events import ADMIN, Context, Handler, Reply, http_event, reply

_FLAGS = MemoryBlobs()
_FLAGS.put(
    path("production"),
    compiled(rows([flag("checkout", client_side=True)], [configuration("checkout")])).body,
    content_type="application/json",
)
_COPIES = documents(_FLAGS)
evaluate = Evaluator(lambda: _COPIES, lambda: Secrets(_FLAGS))
_HANDLERS: dict[str, Handler] = {
    "products": products_api,
    "flags": flags_api,
    "access": access_api,
    "audit": audit_api,
    "evaluate": evaluate,
    "signals": signals_api,
    "hooks": hooks_api,
    "feedback": feedback_api,
    "surveys": surveys_api,
    "site": site,
}


@contextmanager
def opened() -> Iterator[MemoryStore]:
    """Within, every function works on this store."""
    store = LimitedStore()
    with ExitStack() as stack:
        stack.enter_context(products_api.testing(use=Products(store)))
        stack.enter_context(flags_api.testing(use=Control(store)))
        stack.enter_context(access_api.testing(use=access(store)))
        stack.enter_context(audit_api.testing(use=store))
        stack.enter_context(signals_api.testing(use=store))
        stack.enter_context(hooks_api.testing(use=hooks(store, MemorySchedules())))
        stack.enter_context(
            feedback_api.testing(use=feedback(store, files=lambda: Attachments(MemoryUploads(), MemoryBlobs())))
        )
        stack.enter_context(surveys_api.testing(use=surveys(store)))
        collector = Collector(store, MemoryLake(), collected_from(_FLAGS), Secrets(MemoryBlobs()), os.urandom)
        pages = Pages(lambda: (Public(store), "https://api.example.com"))
        stack.enter_context(patch.dict(_HANDLERS, {"collect": Collecting(lambda: collector), "public": pages}))
        yield store


def furnished() -> dict[str, str]:
    """A product, a flag and what belongs to it, a key and a member to aim at; their ids by area."""
    _made("flags", {"key": "hopper", "type": "boolean"})
    bodies: dict[str, dict[str, object]] = {
        "flags": {"key": "crema", "type": "boolean", "tags": ["kitchen"]},
        "segments": {"key": "staff", "targeting": {"in": [{"var": "email"}, ["ada@example.com"]]}},
        "environments": {"name": "kitchen"},
        "products": {"name": "Grinder", "price": "9.99", "key": "grinder"},
        "keys": {"kind": "admin", "role": "viewer", "name": "robot"},
        "members": {"email": "grace@example.com", "role": "viewer"},
    }
    bodies["surveys"] = {"product": "grinder", "environment": "production", "kind": "nps", "question": "Well?", "enabled": True}
    bodies["webhooks"] = {"url": "https://hooks.example.com/in", "events": ["*"]}
    bodies["changelog"] = {"product": "grinder", "title": "Quieter"}
    bodies["feedback"] = {"type": "bug", "product": "grinder", "title": "It squeaks"}
    made = {area: _made(area, body) for area, body in bodies.items()}
    _made("feedback", {"type": "bug", "product": "grinder", "title": "It whistles", "submission_id": "whistle"})
    ids = {area: str(next(found[name] for name in ("id", "key", "name") if name in found)) for area, found in made.items()}
    later: dict[str, object] = {"flag": "hopper", "environment": "development", "change": {"enabled": True}, "reason": "Spring"}
    at = f"{date.today() + timedelta(days=30)}T09:00:00Z"
    ids |= {"proposals": _made("proposals", later)["id"], "schedules": _made("schedules", later | {"at": at})["id"]}
    approved = _made("proposals", later)["id"]
    second = Principal("member", "mbr_second", "editor")
    event = http_event("POST", f"/v1/proposals/{approved}/approve", headers={"if-match": "*"}, principal=second)
    assert gateway(event).status == 200
    _delivered(ids["webhooks"])
    _attached(ids["feedback"])
    return ids | {"proposals.apply": approved, "metrics": "errors", "boards": "grinder"} | _rolled_out()


DELIVERY = "dlv_" + "0" * 26


ATTACHMENT = "att_" + "0" * 26


def _attached(item: str) -> None:
    """A file of the item that is clean, to aim at."""
    use = feedback_api._use
    assert use is not None
    ready = {"id": ATTACHMENT, "state": "ready", "type": "image/png", "bytes": 1}
    use.items.update(a_call(), item, None, lambda data: {**data, "attachments": [ready]})


def _delivered(webhook: str) -> None:
    """Something that was sent to the webhook, to aim at."""
    use = hooks_api._use
    assert use is not None
    row = noticed(webhook, "ntc_" + "0" * 26, 1, "2026-11-23T10:00:00.000Z")
    use.deliveries.enter({**row, "sk": f"delivery#{DELIVERY}", "state": "delivered"})


def _rolled_out() -> dict[str, str]:
    """Flags to roll out, and rollouts of them to aim at, by operation."""
    ids = {"rollout-templates": _made("rollout-templates", {"key": "slow", "ladder": LADDER})["key"]}
    for key, operation, start in (
        ("mocha", "rollouts.create", None),
        ("doppio", "rollouts.read", True),
        ("cortado", "rollouts.start", False),
        ("lungo", "rollouts.resume", True),
    ):
        _made("flags", {"key": key, "type": "boolean"})
        here, sent = f"/v1/flags/{key}/environments/development", {"if-match": "*"}
        on = json.dumps({"enabled": True, "default_variant": "off"})
        merge = sent | {"content-type": "application/merge-patch+json"}
        assert gateway(http_event("PATCH", here, headers=merge, body=on)).status == 200
        ids[operation] = key
        if start is not None:
            begun = _made(
                f"{here.removeprefix('/v1/')}/rollouts", {"from": "off", "to": "on", "ladder": LADDER, "start": start}
            )
            ids[operation] = begun["id"]
    pause = f"/v1/flags/lungo/environments/development/rollouts/{ids['rollouts.resume']}/pause"
    sent = {"if-match": "*", "content-type": "application/json"}
    assert gateway(http_event("POST", pause, headers=sent, body="{}")).status == 200
    others = ("versions", "evidence", "dry_run", "pause", "advance", "stop", "roll_back")
    return ids | dict.fromkeys((f"rollouts.{name}" for name in others), ids["rollouts.read"])


LADDER = [{"share": 5, "hold": {"minutes": 10}}, {"share": 50, "hold": {"minutes": 10}}, {"share": 100}]


def _made(area: str, body: dict[str, object]) -> dict[str, Any]:
    sent = {"content-type": "application/json"}
    made = gateway(http_event("POST", f"/v1/{area}", headers=sent, body=json.dumps(body)))
    assert made.status == 201, made.body
    return dict(made.json)


def gateway(event: dict[str, Any]) -> Reply:
    """As the gateway does: the function of the route, `$default` for everything else; a public route has no authorizer."""
    method, asked = event["requestContext"]["http"]["method"], event["rawPath"]
    route = next((route for route in ROUTES if fits(route, method, asked)), None)
    if route is None or route.public:
        event["requestContext"].pop("authorizer", None)
    return reply(_HANDLERS["site" if route is None else route.function](event, Context()))


def caller(route: Route) -> Principal:
    """One who may call it."""
    of_an_application = route.function == "collect" or route.operation == "surveys.prompt"
    return Principal("server", "key_s", environment="production") if of_an_application else ADMIN


def fits(route: Route, method: str, path: str) -> bool:
    """A literal segment goes before a variable: the table lists them so."""
    parts, steps = route.path.split("/"), path.split("/")
    return (
        method == route.method
        and len(parts) == len(steps)
        and all(part == step or (part.startswith("{") and step != "") for part, step in zip(parts, steps, strict=True))
    )


class LimitedStore(MemoryStore):
    """With DynamoDB's limit of an item's size, beside those that the store in memory knows."""

    def _written(self, write: Put | Update | Delete) -> Row | None:
        row = super()._written(write)
        if row is not None and _size(row) > 400 * 1024:
            raise ValueError("an item has at most 400 KB")
        return row


def _size(value: Any) -> int:
    if isinstance(value, Mapping):
        return 3 + sum(len(name.encode()) + 1 + _size(item) for name, item in value.items())
    if isinstance(value, list):
        return 3 + sum(1 + _size(item) for item in value)
    return len(str(value).encode()) + 1
