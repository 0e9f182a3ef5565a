"""`slipway keys`: API keys, from whoever may deploy."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console

from ops.deployment import Trouble, find
from slipway import settings
from slipway.access import SYSTEM
from slipway.adapters import connect
from slipway.calls import Call
from slipway.keys import NAME, Keys, NewKey
from slipway.problems import Problem
from slipway.text import BadText, line
from slipway.upgrades import upgrader

out, err = Console(soft_wrap=True), Console(stderr=True, soft_wrap=True)
app = typer.Typer(no_args_is_help=True, help="API keys.")


class Role(StrEnum):
    viewer = "viewer"
    editor = "editor"
    admin = "admin"


class Kind(StrEnum):
    client = "client"
    server = "server"
    admin = "admin"


@app.command()
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Option(help="What the key is for.")] = "made from a terminal",
    kind: Annotated[
        Kind, typer.Option(help="client and server keys need an --environment, an admin key a --role.")
    ] = Kind.server,
    admin: Annotated[bool, typer.Option("--admin", help="The same as --kind admin --role admin.")] = False,
    environment: Annotated[str | None, typer.Option(help="Of a client or server key, which must have one.")] = None,
    role: Annotated[Role | None, typer.Option(help="Of an admin key, which must have one.")] = None,
) -> None:
    """Make an API key and print it, once, on stdout: it is kept nowhere."""
    deployed = find(str(ctx.obj))
    keys = Keys(connect.store(deployed.settings("access", settings.Access)), secrets.token_bytes, upgrader("key"))
    given = Role.admin if admin else role
    try:
        wish = NewKey(line(name, NAME), "admin" if admin else kind.value, environment, given.value if given else None)
        call = Call(SYSTEM, "keys.create", datetime.now(UTC), secrets.token_hex(16), correlation_id=secrets.token_hex(16))
        issued = keys.create(call, wish)
    except Problem as problem:
        raise Trouble(" ".join([problem.detail, *(fault.detail for fault in problem.errors)])) from None
    except BadText as bad:
        raise Trouble(f"--name: {bad}") from None
    err.print(f"{issued.stored.id}. Keep the key: it is not shown again.", highlight=False)
    out.out(issued.secret, highlight=False)
