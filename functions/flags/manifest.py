"""The OpenFeature manifest API: what the `openfeature` command pulls and pushes. Its errors have a form of their own."""

from __future__ import annotations

from typing import Any

from functions.flags.door import Reasoning, api
from slipway.edge.http import Answer, Request
from slipway.flags import manifest
from slipway.flags.control import Control
from slipway.flags.manifest import ArchivedView, ChangedView, ManifestFlag, ManifestView
from slipway.problems import Problem

ALL, FLAGS, ONE = "/openfeature/v0/manifest", "/openfeature/v0/manifest/flags", "/openfeature/v0/manifest/flags/{key}"


def told(problem: Problem) -> Answer:
    """A ManifestError. What is not valid is a 400 there."""
    status = 400 if problem.status == 422 else problem.status
    details = [{"field": _field(pointer), "code": code, "message": detail} for pointer, code, detail in problem.errors]
    message = problem.detail.replace("`errors`", "`details`")  # as they are called here
    error = {"message": message, "status": status, **({"details": details} if details else {})}
    return Answer(status, {"error": error}, headers=problem.headers)


def _field(pointer: str) -> str:
    """The name that the manifest has for it."""
    name = pointer.split("/")[-1] if pointer.startswith("/query/") else pointer.partition("/")[2].partition("/")[0]
    return {"variants": "defaultValue", "metadata": "name"}.get(name, name)


@api.standard("GET", ALL, "manifest.read", told, answers={200: ManifestView})
def read(request: Request[Control, None, None]) -> Answer:
    """Read the OpenFeature manifest.

    Every active flag with its type, and the value that code falls back to: that of the flag's variant `default`; without one
    false for a boolean flag, and for others the first variant by name. `X-Manifest-Capabilities` tells what the caller may
    do: `read`, `write`, `delete`.
    """
    return _answer(request, 200, manifest.manifest(request.use))


@api.standard("POST", FLAGS, "manifest.create", told, body=ManifestFlag, answers={201: ChangedView})
def create(request: Request[Control, ManifestFlag, None]) -> Answer:
    """Create a flag from a manifest.

    It is off in every environment. A key that is or was there is a conflict (409).
    """
    from slipway.edge import validation

    return _answer(request, 201, manifest.create(request.use, request.call, request.body, validation.body))


@api.standard("PUT", ONE, "manifest.update", told, body=ManifestFlag, query=Reasoning, answers={200: ChangedView})
def update(request: Request[Control, ManifestFlag, Reasoning]) -> Answer:
    """Change what the manifest says of a flag.

    That is its description, its name, and the variant `default`; all else stays. A type cannot change, and an archived flag
    has to be restored first (409). Where a protected environment answers from the flag, a change of the name or the default
    asks for a `reason`, and where that takes a second person for a change request of Slipway's (409).
    """
    from slipway.edge import validation

    key, reason = request.path["key"], request.query.reason
    return _answer(request, 200, manifest.update(request.use, request.call, key, request.body, reason, validation.body))


@api.standard("DELETE", ONE, "manifest.archive", told, query=Reasoning, answers={200: ArchivedView})
def archive(request: Request[Control, None, Reasoning]) -> Answer:
    """Archive a flag of the manifest.

    One that is archived already, or that another flag needs, is a conflict (409). Protected environments ask for what they do
    of any change.
    """
    key, reason = request.path["key"], request.query.reason
    return _answer(request, 200, manifest.archive(request.use, request.call, key, reason))


def _answer(request: Request[Control, Any, Any], status: int, body: dict[str, Any]) -> Answer:
    capabilities = manifest.capabilities(request.call.principal)
    return Answer(status, body, headers={"X-Manifest-Capabilities": capabilities})
