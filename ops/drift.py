"""What stands between definitions in files and the flags that there are, and its making up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args
from urllib.parse import urlencode

from ops.api import Api, Refused
from ops.definitions import Definitions
from ops.deployment import Trouble
from slipway.flags.code import Definition
from slipway.flags.configuration import UNTOUCHED
from slipway.flags.flagd import ASKED_FIRST
from slipway.flags.jsontext import written
from slipway.flags.segments import NewSegment

FIXED = ("type", "hash")  # of a flag: a change of them is none that files make
_MOVES = {"restore": {"status": "active"}, "archive": {"status": "archived"}}

Verb = Literal["create segment", "create", "restore", "update", "update segment", "configure", "take variants out", "archive"]
Change = tuple[str, Any, Any]  # field, from, to
Resource = tuple[bool, str]  # whether it is a segment, and its key


@dataclass(frozen=True, slots=True)
class Step:
    """One request. `flag`: its key, or that of a segment. `version`: of the flag, its configuration or the segment, that it is
    made on; 0 for what is not there yet."""

    verb: Verb
    flag: str
    version: int
    changes: tuple[Change, ...] = ()
    body: Mapping[str, Any] = field(default_factory=dict)
    environment: str | None = None

    @property
    def of_segment(self) -> bool:
        return self.verb.endswith("segment")

    @property
    def resource(self) -> Resource:
        """The flag, or the segment."""
        return self.of_segment, self.flag


@dataclass(frozen=True, slots=True)
class Plan:
    """`steps` in the order in which they can be made; `missing`: active flags that no file defines, and
    `missing_segments`."""

    steps: list[Step]
    missing: list[str]
    missing_segments: list[str]
    environments: dict[str, dict[str, Any]]  # as the API has them


def planned(api: Api, wanted: Definitions, *, archive_missing: bool = False) -> Plan:
    """Nothing is written. Raises Trouble."""
    environments = {one["name"]: one for one in api.pages("/v1/environments?limit=100")}
    statuses = ("active", "archived")
    standing = {one["key"]: one for status in statuses for one in api.pages(f"/v1/flags?limit=100&status={status}")}
    segments = {one["key"]: one for one in api.pages("/v1/segments?limit=100")}
    steps = list(_segments(segments, wanted.segments))
    answering = _Answering(api, wanted.flags, standing, environments)
    for key, definition in wanted.flags.items():
        steps += _flag(definition.flag(), standing.get(key))
        steps += answering.steps(definition)
    missing = [key for key, one in standing.items() if one["status"] == "active" and key not in wanted.flags]
    if archive_missing:
        steps += [Step("archive", key, standing[key]["version"]) for key in missing]
    # Segments and flags before what needs them, and nothing is taken away that something still needs.
    order = get_args(Verb)
    unnamed = [key for key in segments if key not in wanted.segments]
    return Plan(sorted(steps, key=lambda step: order.index(step.verb)), missing, unnamed, environments)


def _segments(standing: Mapping[str, Mapping[str, Any]], wanted: Mapping[str, NewSegment]) -> Iterator[Step]:
    for key, segment in wanted.items():
        fields = segment.model_dump()
        if key not in standing:
            yield Step("create segment", key, 0, body=fields)
        elif changes := _changes(standing[key], fields, ("description", "targeting")):
            yield Step("update segment", key, standing[key]["version"], changes, {name: value for name, _, value in changes})


def _flag(wanted: dict[str, Any], standing: Mapping[str, Any] | None) -> Iterator[Step]:
    key = wanted["key"]
    if standing is None:
        yield Step("create", key, 0, body=wanted)
        return
    for name in FIXED:
        if wanted[name] != standing[name]:
            how = "a rehash alone changes it" if name == "hash" else f"a flag that is a {wanted[name]} is another one"
            raise Trouble(f"{key}: its {name} is {standing[name]} and stays so; {how}.")
    version = standing["version"]
    if standing["status"] == "archived":
        yield Step("restore", key, version)
    changes = _changes(standing, wanted, tuple(name for name in wanted if name not in FIXED))
    gone = {name: None for name in standing["variants"] if name not in wanted["variants"]}
    body = {name: value for name, _, value in changes}
    if "variants" in body:
        more = {
            name: value
            for name, value in wanted["variants"].items()
            if written(standing["variants"].get(name)) != written(value)
        }
        body = {**body, "variants": more} if more else {name: value for name, value in body.items() if name != "variants"}
    if body:
        yield Step("update", key, version, tuple(change for change in changes if change[0] in body), body)
    if gone:
        yield Step(
            "take variants out",
            key,
            version,
            (("variants", list(standing["variants"]), list(wanted["variants"])),),
            {"variants": gone},
        )


class _Answering:
    """What flags answer in the environments, compared with what they shall.

    An environment is read as its export: a request for every 500 flags. Where that differs the configuration itself is read,
    and its version with it."""

    def __init__(
        self,
        api: Api,
        wanted: Mapping[str, Definition],
        standing: Mapping[str, Mapping[str, Any]],
        environments: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self._api, self._standing, self._environments = api, standing, environments
        named: set[str] = set()
        for key, definition in wanted.items():
            if unknown := definition.environments.keys() - environments.keys():
                there = ", ".join(environments)
                raise Trouble(f"{key}: there is no environment {', '.join(sorted(unknown))}; there are {there}.")
            named |= definition.environments.keys() if key in standing else set()
        self._exported = {name: _exported(api, name) for name in sorted(named)}

    def steps(self, definition: Definition) -> Iterator[Step]:
        key = definition.key
        differing = {}
        for environment, answering in definition.environments.items():
            wanted = answering.configuration()
            exported = self._exported.get(environment, {}).get(key, UNTOUCHED)
            archived = self._standing.get(key, {}).get("status") == "archived"  # and so in no export
            if archived or _changes(exported, wanted, tuple(UNTOUCHED)):
                differing[environment] = wanted
        if not differing:
            return
        views = self._api.read(f"/v1/flags/{key}/environments")["items"] if key in self._standing else []
        standing = {one["environment"]: one for one in views}
        for environment, wanted in differing.items():
            before = standing.get(environment, {**UNTOUCHED, "version": 1})
            if changes := _changes(before, wanted, tuple(UNTOUCHED)):
                body = {name: value for name, _, value in changes}
                if "overrides" in body:  # a patch merges them
                    body["overrides"] = {**dict.fromkeys(before["overrides"]), **wanted["overrides"]}
                yield Step("configure", key, before["version"], changes, body, environment)


def _exported(api: Api, environment: str) -> dict[str, dict[str, Any]]:
    """Configurations of the active flags, by key."""
    found = {}
    for document in api.pieces(f"/v1/flags/export?environment={environment}"):
        own = document.get("slipway", {}).get("flags", {})
        for key, flag in document["flags"].items():
            beside = {name: own[key][name] for name in ASKED_FIRST if name in own.get(key, {})}
            found[key] = {
                **UNTOUCHED,
                **beside,
                "enabled": flag["state"] == "ENABLED",
                "default_variant": flag.get("defaultVariant"),
                "targeting": flag.get("targeting"),
            }
    return found


def _changes(before: Mapping[str, Any], after: Mapping[str, Any], names: tuple[str, ...]) -> tuple[Change, ...]:
    return tuple((name, before[name], after[name]) for name in names if written(before[name]) != written(after[name]))


class Applying:
    """Makes the steps of a plan, each on the version that the plan saw."""

    def __init__(self, api: Api, plan: Plan, reason: str | None) -> None:
        self._api, self._plan, self._reason = api, plan, reason
        self._etags: dict[Resource, str] = {}  # of what a step has changed
        self._waiting: dict[Resource, str] = {}  # change requests by what waits for them

    def check(self) -> None:
        """Raises Trouble where a change will be refused without a reason, before any is made."""
        if self._reason:
            return
        for step in self._plan.steps:
            place = self._plan.environments.get(step.environment or "", {})
            if place.get("protected") or place.get("approval"):
                raise Trouble(f"A change in {step.environment} asks for its reason: give --reason. Nothing was changed.")
            if step.environment is None and not step.verb.startswith("create"):
                try:
                    self._change(step, "?validate_only=true")
                except Refused as refused:
                    if refused.codes & {"approval_needed", "required"}:
                        raise Trouble(f"{refused}\nGive --reason. Nothing was changed.") from None

    def make(self, step: Step) -> str | None:
        """The id of the change request that waits for a second person, None where the step is made. Raises Trouble."""
        if step.resource in self._waiting:  # what comes after it builds on it
            return self._waiting[step.resource]
        if step.environment is not None:
            if self._plan.environments[step.environment]["approval"]:
                return self._propose(step, step.body)
            body = {**step.body, **({"reason": self._reason} if self._reason else {})}
            path = f"/v1/flags/{step.flag}/environments/{step.environment}"
            self._api.write("PATCH", path, body, etag=f'"{step.version}"')
            return None
        try:
            self._change(step)
        except Refused as refused:
            if "approval_needed" not in refused.codes:
                raise
            return self._propose(step, _MOVES.get(step.verb, step.body))
        return None

    def _change(self, step: Step, query: str = "") -> None:
        """Make the step of a flag or a segment, or only look at it."""
        path = f"/v1/{'segments' if step.of_segment else 'flags'}"
        if step.verb in ("create", "create segment"):
            _, made = self._api.write("POST", path, step.body)
        elif step.verb in _MOVES:
            why = query or (f"?{urlencode({'reason': self._reason})}" if self._reason else "")
            _, made = self._api.write("POST", f"{path}/{step.flag}/{step.verb}{why}", etag=self._etag(step))
        else:
            body = {**step.body, **({"reason": self._reason} if self._reason else {})}
            _, made = self._api.write("PATCH", f"{path}/{step.flag}{query}", body, etag=self._etag(step))
        if not query:
            self._etags[step.resource] = made

    def _etag(self, step: Step) -> str:
        return self._etags.get(step.resource, f'"{step.version}"')

    def _propose(self, step: Step, change: Mapping[str, Any]) -> str | None:
        """Make what was agreed to; else ask for it, unless that was done before."""
        kind = "configuration" if step.environment else "segment" if step.of_segment else "flag"
        names = {"segment" if step.of_segment else "flag": step.flag} | (
            {"environment": step.environment} if step.environment else {}
        )
        base = str(step.version) if step.environment else self._etag(step).strip('"')
        query = urlencode({"limit": 100, **names})
        for status in ("approved", "open"):
            for one in self._api.pages(f"/v1/proposals?{query}&status={status}"):
                if (one["kind"], str(one["base"]), one["change"]) != (kind, base, change):
                    continue
                if status == "open":
                    return self._waits(step, str(one["id"]))
                try:
                    self._api.write("POST", f"/v1/proposals/{one['id']}/apply", etag=f'"{one["version"]}"')
                except Refused as refused:
                    if "changed_since" in refused.codes:
                        continue
                    raise
                if not step.environment:
                    self._etags[step.resource] = f'"{one["base"] + 1}"'
                return None
        asked = {**names, "change" if step.environment else f"{kind}_change": change, "reason": self._reason}
        return self._waits(step, str(self._api.write("POST", "/v1/proposals", asked)[0]["id"]))

    def _waits(self, step: Step, id: str) -> str:
        if not step.environment:
            self._waiting[step.resource] = id
        return id
