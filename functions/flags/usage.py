"""How flags are used, over HTTP."""

from __future__ import annotations

from functions.flags.door import api
from slipway.edge.http import Answer, Request
from slipway.flags.control import Control
from slipway.flags.usage import UsageView, usage


@api.get("/v1/flags/{key}/usage", "flags.usage", answers={200: UsageView})
def read(request: Request[Control, None, None]) -> Answer:
    """Read how often a flag is asked for in each environment, and whether it is stale there.

    The day of the last evaluation is known within minutes, the counts once a day. Both are lossy: they are for cleaning up, not
    for statistics. An answer with all flags counts for each of them, since nobody can tell which one was wanted. What is in the
    snapshot that flagd and its providers read is evaluated by themselves, and not counted.
    """
    control = request.use
    return Answer(200, {"items": usage(control.environments, request.call, control.flags.read(request.path["key"]))})
