"""`slipway`: what people who run a deployment do with it from a terminal."""

from __future__ import annotations

import json
import os
import secrets
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from typer.core import TyperGroup

from infra.local.home import folder
from ops import backfill as filling
from ops import drill, flags, keys, listen, signing
from ops import replay as sending
from ops import schemas as publishing
from ops.deployment import FAILED, UNREACHABLE, Deployment, Trouble, caller, find, laptop
from slipway import settings
from slipway.access import SYSTEM
from slipway.adapters import connect
from slipway.adapters.client import Refused
from slipway.calls import Call, timestamp
from slipway.members import Members
from slipway.moments import Moment
from slipway.outbox import HOMES
from slipway.ports import Bus, Store, StoreUnavailable
from slipway.problems import Problem
from slipway.tables import ACCESS, FLAGS, PRODUCTS
from slipway.upgrades import Unreadable, newest, upgrader

out, err = Console(soft_wrap=True), Console(stderr=True, soft_wrap=True)

# Which function's settings name the table that a kind lives in.
_READERS: dict[str, tuple[str, type[settings.Settings]]] = {
    PRODUCTS.name: ("products", settings.Products),
    ACCESS.name: ("access", settings.Access),
    FLAGS.name: ("flags", settings.Flags),
}


class Commands(TyperGroup):
    """Commands whose troubles are one line on stderr and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Trouble as trouble:
            message, code = str(trouble), trouble.code
        except StoreUnavailable as refused:
            message, code = f"AWS does not answer: {refused}. Run the command again.", UNREACHABLE
        except Refused as refused:
            message, code = f"AWS refused {refused}.", UNREACHABLE
        except Unreadable as row:
            message, code = f"{row}. Use the version of Slipway that is deployed.", FAILED
        err.print(f"[red]slipway:[/] {escape(message)}", highlight=False)
        raise typer.Exit(code)


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="""Run a deployment of Slipway.

    Region, credentials and endpoint are those of the AWS command line: AWS_REGION, AWS_PROFILE, AWS_ENDPOINT_URL.

    Exit codes: 0 done; 1 not done, or not all of it: the message says what is left; 2 wrong usage; 3 the deployment cannot be
    reached; 130 interrupted.""",
)

app.add_typer(keys.app, name="keys")
app.add_typer(flags.app, name="flags")
app.add_typer(signing.app, name="signing")
app.command()(drill.drill)
app.command()(listen.listen)


@app.callback()
def common(
    ctx: typer.Context,
    stage: Annotated[str, typer.Option(help="The deployment, by its context key `stage`.", envvar="SLIPWAY_STAGE")] = "prod",
    local: Annotated[bool, typer.Option("--local", help="The deployment of `make run` on this machine.")] = False,
) -> None:
    ctx.obj = stage
    if local:
        os.environ.update({**laptop(), **caller()})
    elif "AWS_REGION" in os.environ:  # boto3 knows the older name only
        os.environ.setdefault("AWS_DEFAULT_REGION", os.environ["AWS_REGION"])


def _local(ctx: typer.Context) -> bool:
    return bool(ctx.find_root().params["local"])


def deployment(ctx: typer.Context) -> Deployment:
    """The deployment that `--stage` names. Raises Trouble."""
    return find(str(ctx.obj))


def store_of(deployed: Deployment, kind: str) -> Store:
    """The store that has the table of this kind."""
    return connect.store(_reader(deployed, kind))


def _reader(deployed: Deployment, kind: str) -> settings.Settings:
    function, reader = _READERS[HOMES[kind].name]
    return deployed.settings(function, reader)


def _kind(name: str) -> str:
    if name not in HOMES:
        raise typer.BadParameter(f"{name!r} is none of {', '.join(HOMES)}.")
    return name


def _moment(text: str) -> datetime:
    try:
        moment: datetime = TypeAdapter(Moment).validate_python(text if "T" in text.upper() else f"{text}T00:00:00Z")
    except ValidationError:
        raise typer.BadParameter("Write a day or a moment as RFC 3339 has it: 2026-11-23, 2026-11-23T18:00:00Z.") from None
    return moment


Kind = Annotated[str, typer.Argument(callback=_kind, help=f"What to rewrite: {', '.join(HOMES)}.", metavar="KIND")]


@app.command()
def backfill(
    ctx: typer.Context,
    kind: Kind,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what is to be rewritten, and write nothing.")] = False,
    restart: Annotated[bool, typer.Option("--restart", help="Begin anew where an earlier run stopped half way.")] = False,
) -> None:
    """Rewrite the rows of KIND that still stand in an old shape.

    Readers take every shape, so this is never urgent. Safe beside a running system: a row that somebody writes meanwhile is
    left alone, and no event is sent. After an interruption the next run goes on where this one stopped.
    """
    deployed, table = deployment(ctx), HOMES[kind]
    physical = getattr(_reader(deployed, kind), f"table_{table.name}")
    mark = _Mark(folder() / f"backfill-{physical}-{kind}.json")
    start = None if dry_run or restart else mark.read()
    if start is not None:
        out.print(f"Going on after {start['created_at']}, where an earlier run stopped.")
    tally = filling.Tally()
    with _progress() as progress:
        task = progress.add_task("reading", total=None)
        for tally, position in filling.backfill(
            store_of(deployed, kind), table, kind, newest(kind), upgrader(kind), dry_run=dry_run, start=start
        ):
            if not dry_run:
                mark.write(position)
            progress.update(task, description=f"{tally.read} rows read, {tally.old} old, {tally.written} rewritten")
    done = f"{tally.old} would be rewritten" if dry_run else f"{tally.written} rewritten"
    out.print(f"{tally.read} {kind} rows read, {done}, {tally.passed} written by somebody else meanwhile.")


@app.command()
def replay(
    ctx: typer.Context,
    since: Annotated[str, typer.Option(help="First moment (or day, UTC) of the events, inclusive.")],
    until: Annotated[str | None, typer.Option(help="Last moment (or day, UTC), exclusive; now.")] = None,
    kind: Annotated[list[str] | None, typer.Option(help=f"Only of this kind ({', '.join(HOMES)}); may be repeated.")] = None,
    subject: Annotated[str | None, typer.Option(help="Only of this resource, by its id.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count the events, and send nothing.")] = False,
) -> None:
    """Send the events of a time again, made anew from the rows that carry them.

    For a relay that failed for longer than 12 hours: then it gives records up, into the quarantine bucket. Each event has the
    id that it had or would have had, so that consumers drop what they know: the audit, for one, has every event once, however
    often it is sent.
    """
    first, last = _moment(since), _moment(until) if until else datetime.now(UTC)
    if first >= last:
        raise typer.BadParameter("--since is not before --until.")
    kinds = [_kind(name) for name in kind or HOMES]
    if subject is not None:
        kinds = [_kind_of(subject)]
    deployed = deployment(ctx)
    bus: Bus | None = None if dry_run else connect.bus(deployed.settings("relay", settings.Relay))
    span, broken = (timestamp(first), timestamp(last)), 0
    try:
        for name in kinds:
            store, table, tally = store_of(deployed, name), HOMES[name], sending.Tally()
            with _progress() as progress:
                task = progress.add_task(f"reading {name}", total=None)
                if subject is not None:
                    tally = sending.replay_subject(store, table, subject, *span, bus)
                else:
                    for tally in sending.replay(store, table, name, *span, bus):
                        progress.update(task, description=f"{name}: {tally.events} events found, {tally.sent} sent")
            out.print(f"{name}: {tally.resources} resources, {tally.events} events, {tally.sent} sent, {tally.broken} broken.")
            broken += tally.broken
    except sending.BusRefused as refused:
        raise Trouble(f"The bus did not take {refused}. Run the command again: what was sent already does no harm.") from None
    if broken:
        raise Trouble(f"{broken} events break their contract and were not sent.")


@app.command()
def invite(
    ctx: typer.Context,
    email: Annotated[str, typer.Argument(help="Where the invitation goes.", metavar="EMAIL")],
    role: Annotated[Literal["viewer", "editor", "admin"], typer.Option(help="What the member may do.")] = "admin",
) -> None:
    """Invite a member, with the rights of your own AWS credentials: this is how a deployment gets its first admin.

    The member is written as the API would write it, so that the invitation, the audit and every rule on the bus follow.
    """
    store = store_of(deployment(ctx), "member")
    call = Call(SYSTEM, "members.invite", datetime.now(UTC), secrets.token_hex(16), correlation_id=secrets.token_hex(16))
    try:
        made = Members(store, upgrader("member")).invite(call, email, role)
    except Problem as problem:
        raise Trouble(problem.detail) from None
    goes = "no mail leaves this machine" if _local(ctx) else "a one-time password goes to the address"
    out.print(f"{made.stored.id} is invited as {role}: {goes}.")


@app.command()
def env(ctx: typer.Context) -> None:
    """Print URL and keys, for a shell, of what runs on this machine: eval "$(.venv/bin/slipway --local env)".

    SLIPWAY_URL, and of the demo the keys of its admin (SLIPWAY_KEY), a service (SLIPWAY_SERVER_KEY) and a browser
    (SLIPWAY_CLIENT_KEY).
    """
    if not _local(ctx):
        raise Trouble("A key is shown once, when it is made (`slipway keys create`): only `slipway --local env` knows one.")
    for name, value in caller().items():
        out.out(f"export {name}={shlex.quote(value)}", highlight=False)


@app.command()
def schemas() -> None:
    """Publish the JSON Schema of every event contract that has none yet, in docs/schemas/events."""
    written = publishing.publish()
    for path in written:
        out.print(f"{path}")
    out.print(f"{len(written)} published. A published schema never changes.")


def _kind_of(subject: str) -> str:
    """Of an id, `prd_...`, or of a name within its kind, `flag#checkout`, `flag#checkout#production`."""
    kind, named, rest = subject.partition("#")
    if named and kind in ("flag", "environment", "segment", "template"):
        return "configuration" if kind == "flag" and "#" in rest else kind
    prefixes = {"prd": "product", "key": "key", "mbr": "member", "chg": "proposal", "sch": "schedule", "rol": "rollout"}
    try:
        return prefixes[subject.partition("_")[0]]
    except KeyError:
        begin = ", ".join([*(f"{prefix}_" for prefix in prefixes), "flag#", "environment#", "segment#", "template#"])
        raise typer.BadParameter(f"{subject!r} is no id: it begins with one of {begin}.") from None


@contextmanager
def _progress() -> Iterator[Progress]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        yield progress


class _Mark:
    """Where a run stopped; gone when it came to the end."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[str, Any] | None:
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError:
            raise Trouble(f"{self.path} cannot be read; delete it, or use --restart.") from None
        return dict(found)

    def write(self, position: filling.Position | None) -> None:
        if position is None:
            self.path.unlink(missing_ok=True)
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(dict(position)), encoding="utf-8")
        fresh.replace(self.path)
