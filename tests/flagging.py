"""Flags to test with: a control plane over a store in memory, and short words for what is done with it."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from slipway.adapters.memory import MemoryStore
from slipway.flags import jsontext
from slipway.flags.checks import references, size
from slipway.flags.configuration import UNTOUCHED, ConfigurationPatch
from slipway.flags.control import Control
from slipway.flags.environments import EnvironmentPatch, NewEnvironment
from slipway.flags.flag import FlagPatch, NewFlag
from slipway.flags.segments import NewSegment, SegmentPatch
from slipway.ports import Row, Store
from slipway.resources import Stored
from slipway.rollouts.states import LIVE
from slipway.tables import FLAGS
from tests.catalogue import a_call

STAFF = {"in": [{"var": "email"}, ["a@example.com"]]}
BETA = {"if": [{"==": [{"var": "plan"}, "beta"]}, "on", "off"]}


def made(control: Control, key: str = "checkout", seconds: float = 0, **fields: Any) -> Stored:
    new = NewFlag.model_validate({"key": key, "type": "boolean", **fields})
    return control.flags.create(a_call(seconds, operation="flags.create"), new).stored


def edited(control: Control, key: str = "checkout", version: int | None = None, seconds: float = 1, **fields: Any) -> Stored:
    return control.flags.update(a_call(seconds), key, version, FlagPatch.model_validate(fields))


def configured(
    control: Control,
    key: str = "checkout",
    environment: str = "development",
    version: int | None = None,
    seconds: float = 1,
    **fields: Any,
) -> Stored:
    patch = ConfigurationPatch.model_validate(fields)
    return control.configurations.update(a_call(seconds), key, environment, version, patch)


def segment(control: Control, key: str = "staff", rule: Any = None) -> Stored:
    new = NewSegment.model_validate({"key": key, "targeting": rule or STAFF})
    return control.segments.create(a_call(operation="segments.create"), new).stored


def resegmented(control: Control, key: str = "staff", **fields: Any) -> Stored:
    return control.segments.update(a_call(1), key, None, SegmentPatch.model_validate(fields))


def environment(control: Control, name: str, **fields: Any) -> Stored:
    new = NewEnvironment.model_validate({"name": name, **fields})
    return control.environments.create(a_call(operation="environments.create"), new).stored


def ruled(control: Control, name: str, **fields: Any) -> Stored:
    return control.environments.update(a_call(1), name, None, EnvironmentPatch.model_validate(fields))


def relieved(control: Control, name: str, **fields: Any) -> None:
    """As a change request does that takes protection away."""
    call = a_call(1)
    control.environments.planned(call, name, None, fields, "No need").write(call)


def listed(store: Store, name: str) -> list[str]:
    return [str(row["sk"]) for row in store.query(FLAGS, (name,)).rows]


def row(store: Store, pk: str, sk: str) -> Row:
    found = store.get(FLAGS, pk, sk)
    assert found is not None, (pk, sk)
    return found


def revision(store: Store, environment: str) -> int:
    return int(row(store, f"revision#{environment}", "revision")["revision"])


def disagreements(store: MemoryStore) -> list[str]:
    """Where the rows beside (`slipway.flags.ledger`) do not say what the resources do."""
    rows = store.tables.get("flags", {})
    heads = [one for (_, sk), one in rows.items() if sk == "head"]
    data: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in heads:
        data[one["kind"]].append({**one["data"], "id": one["pk"], "created_at": one["created_at"]})
    lists, uses = set[tuple[str, str]](), set[tuple[str, str]]()
    for of in data["flag"]:
        names = ["list#flags"] if of["status"] == "active" else ["list#archived"]
        if of["status"] == "active":
            names += [f"list#tag#{tag}" for tag in of.get("tags", [])]
            names += [f"list#{field}#{of[field]}" for field in ("owner", "product") if field in of]
        lists |= {(name, of["key"]) for name in names}
    lists |= {("list#environments", of["name"]) for of in data["environment"] if of["status"] == "active"}
    lists |= {("list#segments", of["key"]) for of in data["segment"] if of["status"] == "active"}
    lists |= {("list#proposals", of["id"]) for of in data["proposal"] if of["status"] in ("open", "approved")}
    lists |= {("list#schedules", of["id"]) for of in data["schedule"] if of["status"] == "planned"}
    lists |= {("list#rollouts", of["id"]) for of in data["rollout"] if of["state"] in LIVE}
    lists |= {(f"list#rollouts#{of['flag']}#{of['environment']}", f"{of['created_at']}#{of['id']}") for of in data["rollout"]}
    for of in data["configuration"]:
        user = f"{of['flag']}#{of['environment']}"
        lists |= {(f"list#state#{of['environment']}#on", of["flag"])} if of["enabled"] else set()
        uses |= {(f"uses#flag#{one['flag']}", user) for one in of["prerequisites"]}
        uses |= {(f"uses#segment#{key}", user) for key in references(jsontext.read(of["targeting"] or "null"))}
    active = [of for of in data["flag"] if of["status"] == "active"]
    shared = sum(200 + len((of["key"] + of["variants"] + of.get("metadata", "")).encode()) for of in active)
    shared += sum(20 + len(of["key"]) + len(of["targeting"].encode()) for of in data["segment"] if of["status"] == "active")
    wanted: dict[str, Any] = {
        "lists": lists,
        "uses": uses,
        "flags": len(active),
        "bytes": shared,
        **{f"bytes of {name}": shared + _own(data["configuration"], name) for _, name in lists if _ == "list#environments"},
    }
    contents = rows.get(("catalogue", "contents"), {})
    found: dict[str, Any] = {
        "lists": {key for key in rows if key[0].startswith("list#") and not key[0].startswith("list#stale#")},
        "uses": {key for key in rows if key[0].startswith("uses#") and key[1] != "count"},
        "flags": contents.get("flags", 0),
        "bytes": contents.get("bytes", 0),
        **{f"bytes of {name}": rows[f"revision#{name}", "revision"]["bytes"] for _, name in lists if _ == "list#environments"},
    }
    return [f"{what}: {found[what]}, not {wanted[what]}" for what in wanted if found[what] != wanted[what]]


def _own(configurations: list[dict[str, Any]], environment: str) -> int:
    return sum(size(one) - size(UNTOUCHED) for one in configurations if one["environment"] == environment)
