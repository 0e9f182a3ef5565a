"""Flags in and out as files, over HTTP."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from functions.flags.door import api
from slipway import cursors
from slipway.edge.http import JSON, Answer, Request
from slipway.fields import EnvironmentName
from slipway.flags.bundle import Bundle
from slipway.flags.control import Control
from slipway.flags.fields import Reason
from slipway.flags.flagd import FlagdDocument
from slipway.flags.imports import ImportView, Mode
from slipway.paging import Cursor
from slipway.shape import Shape, Writing

Format = Literal["flagd", "launchdarkly", "unleash", "flagsmith"]
Source = Annotated[str, StringConstraints(min_length=1, max_length=128)]


class Exporting(Shape):
    environment: EnvironmentName | None = None
    cursor: Cursor = None


class Importing(Writing):
    environment: EnvironmentName
    mode: Mode = Field(default="create", description="update: change what stands there to what the file says")
    reason: Reason | None = Field(default=None, description="of the change; a protected environment asks for it")
    format: Format = "flagd"
    source: Source | None = Field(
        default=None, description="the environment in a file of LaunchDarkly or Unleash that has several"
    )


@api.get("/v1/flags/export", "flags.export", query=Exporting, answers={200: FlagdDocument})
def export(request: Request[Control, None, Exporting]) -> Answer:
    """Export the flags of an environment as a flagd document.

    Definitions as they are kept: all active flags, and all segments. What flagd has no place for (owner, tags, overrides,
    prerequisites) stands in `slipway`, and there `warnings` tell where other readers of the document would answer otherwise.
    What is imported is exported again just so. A big environment comes in pieces, each a document: follow the `Link` header.
    Each piece needs only itself and those before it. Where prerequisites change between two pieces, begin anew (409). Without
    an `environment` all of them come, one after the other: `metadata.flagSetId` names the one that a piece is of.
    """
    from slipway.flags.exports import Place, exported

    one = request.query.environment
    parts: list[str | None] = ["flags.export", one]
    if request.query.cursor is None:
        place = Place(one or min(request.use.environments.all(request.call).names))
    else:
        at = cursors.decode(request.query.cursor, parts, {"environment": str, "level": int, "after": str, "order": str})
        place = Place(one or str(at["environment"]), int(at["level"]) - 1, str(at["after"]), str(at["order"]))
    document, next = exported(request.use, request.call, place, on=one is None)
    if next is None:
        return Answer(200, document)
    cursor = cursors.encode(parts, {**next._asdict(), "level": next.level + 1})
    query = f"cursor={cursor}" if one is None else f"environment={one}&cursor={cursor}"
    return Answer(200, document, headers={"Link": f'</v1/flags/export?{query}>; rel="next"'})


@api.post(
    "/v1/flags/import",
    "flags.import",
    query=Importing,
    answers={200: ImportView},
    creates=True,
    media=(JSON,),
    raw=True,
    largest=4 * 1024 * 1024,
)
def import_(request: Request[Control, bytes, Importing]) -> Answer:
    """Import flags from a file: up to 1,000 flags and segments, with their configuration in one environment.

    All of it is tried first: where one flag is wrong nothing is imported, and `errors` name every fault. With the mode `create`
    a flag whose key is taken is such a fault (409), with `update` it becomes what the file says. Its type and its hash stay: a
    file that names another one is refused (409), and where it names no hash, `notes` tell of other buckets. One request does up
    to 300 steps: while `left` is not 0, send the same request again. `notes` tell what of a file of LaunchDarkly, Unleash or
    Flagsmith did not map, flag by flag: look at them first, with `validate_only`. The same import again (the same
    `Idempotency-Key`, or without one the same file) goes on where it ended and makes nothing twice.
    """
    from slipway.adapters.rehearsal import Rehearsal  # with the others: rare, and dear to a cold start
    from slipway.edge import json as strict
    from slipway.edge import validation
    from slipway.flags.imports import Order, take

    query, validate = request.query, validation.body
    bundle = _bundle(strict.read(request.body), query)
    digest = hashlib.sha256(request.body).hexdigest()
    order = Order(bundle, query.environment, query.mode, query.reason or None, digest)
    rehearsal = Control(Rehearsal(request.use.store), products=request.use.products)
    done: dict[str, Any] = take(request.use, rehearsal, request.call, order, validate, validate_only=query.validate_only)
    return Answer(200, done, replayed=done["existing"] == done["flags"] + done["segments"])


def _bundle(document: Any, query: Importing) -> Bundle:
    """What the file says. Raises Invalid."""
    from slipway.edge import validation
    from slipway.flags import flagd, flagsmith, launchdarkly, unleash

    if query.format == "launchdarkly":
        return launchdarkly.read(document, query.source)
    if query.format == "unleash":
        return unleash.read(document, query.source)
    return flagsmith.read(document) if query.format == "flagsmith" else flagd.read(document, validation.body)
