"""`slipway signing`: the secrets that prove exposures, from whoever may deploy."""

from __future__ import annotations

import secrets
from typing import Annotated

import typer
from rich.console import Console

from ops.deployment import Trouble, find
from slipway import settings
from slipway.adapters import connect
from slipway.ports import Row, Store, every
from slipway.resources import HEAD
from slipway.rollouts import signing
from slipway.tables import FLAGS

err = Console(stderr=True, soft_wrap=True)
app = typer.Typer(no_args_is_help=True, help="What signs the exposures of an environment.")


@app.callback()
def whole() -> None:
    """A group, also while it has one command."""


@app.command()
def rotate(
    ctx: typer.Context,
    environment: Annotated[str, typer.Argument(help="Whose secret.")],
    generation: Annotated[
        int | None, typer.Option(help="Only where this is the newest: for a script that may run twice.")
    ] = None,
) -> None:
    """Make the environment's next secret. Rollouts that run go on with theirs; new ones begin with it.

    The two newest are in use. While a rollout runs that began with the older of them, nothing is rotated."""
    store = connect.store(find(str(ctx.obj)).settings("flags", settings.Desk))
    newest = signing.newest(store, environment)
    if newest is None:
        raise Trouble(f"{environment} has no secret: the first rollout there makes one.")
    if generation is not None and generation != newest:
        err.print(f"{environment} has generation {newest} already; nothing is changed.", highlight=False)
        return
    if older := [row["pk"] for row in _under_way(store, environment) if row["data"].get("generation", newest) < newest]:
        needs = "needs" if len(older) == 1 else "need"
        raise Trouble(f"{', '.join(older)} still {needs} the secret that would go: wait for its end, or stop it.")
    made = signing.rotate(store, environment, newest, secrets.token_bytes(signing.SECRET_BYTES))
    err.print(f"{environment} has generation {made}; {newest} is known until the next rotation.", highlight=False)


def _under_way(store: Store, environment: str) -> list[Row]:
    ids = [(row["sk"], HEAD) for row in every(store, FLAGS, "list#rollouts")]
    heads = [head for first in range(0, len(ids), 100) for head in store.get_many(FLAGS, ids[first : first + 100])]
    return [head for head in heads if head["data"]["environment"] == environment]
