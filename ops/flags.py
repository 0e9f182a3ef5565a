"""`slipway flags`: flags as code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from ops import definitions
from ops.api import from_environment
from ops.deployment import UNREACHABLE, Trouble
from ops.drift import Applying, Plan, Step, planned

out = Console(soft_wrap=True, highlight=False)
app = typer.Typer(
    no_args_is_help=True,
    help="""Flags as code: a directory of JSON files, one a flag, named after its key, and segments below `segments`.

    They ask the API, with SLIPWAY_URL and an admin key in SLIPWAY_KEY. Exit codes: 0 there is nothing to change (any more);
    2 there is: what `plan` shows, or what waits for a second person after `apply`; 1 a fault; 3 the API cannot be reached.""",
)

DRIFT = 2
_MARKS = {"create segment": "[green]+", "create": "[green]+", "archive": "[red]-", "take variants out": "[red]-"}

Directory = Annotated[Path, typer.Argument(metavar="DIR", exists=True, file_okay=False, help="Where the definitions are.")]
ArchiveMissing = Annotated[bool, typer.Option("--archive-missing", help="Archive every flag that no file in DIR defines.")]


@app.command()
def plan(directory: Directory, archive_missing: ArchiveMissing = False) -> None:
    """Show what `apply` would change."""
    found = planned(from_environment(), definitions.read(directory), archive_missing=archive_missing)
    for step in found.steps:
        _show(step)
    _sum_up(found, archive_missing)
    if found.steps:
        raise typer.Exit(DRIFT)


@app.command()
def apply(
    directory: Directory,
    archive_missing: ArchiveMissing = False,
    reason: Annotated[str | None, typer.Option(help="Why; protected environments ask for it.")] = None,
) -> None:
    """Make the flags what the files say.

    Each change is made on the version that was read, or not at all; what was made before is not made again. One that is refused
    is told, the others are made, and the next run sees what is left. No flag and no segment is deleted, ever, and no flag
    archived unless told. Where a change takes a second person it becomes a change request, and once that is approved the next
    `apply` makes it.
    """
    api = from_environment()
    found = planned(api, definitions.read(directory), archive_missing=archive_missing)
    applying = Applying(api, found, reason)
    applying.check()
    waiting, refused = list[str](), list[Step]()
    for step in found.steps:
        _show(step)
        if any(_same(step, before) for before in refused):
            refused.append(step)
            out.print("    [red]left out, because of what was refused before")
            continue
        try:
            proposal = applying.make(step)
        except Trouble as trouble:
            if trouble.code == UNREACHABLE:
                raise
            refused.append(step)
            out.print(f"    [red]refused:[/] {escape(str(trouble))}")
            continue
        if proposal is not None:
            waiting.append(proposal)
            out.print(f"    [yellow]waits for a second person: {proposal}")
    _sum_up(found, archive_missing)
    if refused:
        of, one = _counted(len(found.steps), "change"), len(refused) == 1
        raise Trouble(f"{len(refused)} of {of} {'is' if one else 'are'} not made; run it again for {'it' if one else 'them'}.")
    if waiting:
        raise typer.Exit(DRIFT)


def _same(step: Step, refused: Step) -> bool:
    """Whether it goes on from that one: one of the same flag, unless each configures another environment."""
    both = step.environment is not None and refused.environment is not None
    return step.resource == refused.resource and not both


def _show(step: Step) -> None:
    where = f"{step.flag} in {step.environment}" if step.environment else step.flag
    out.print(f"{_MARKS.get(step.verb, '[yellow]~')} {step.verb}[/] [bold]{escape(where)}")
    for name, before, after in step.changes:
        out.print(f"    {name}: [red]{_text(before)}[/] -> [green]{_text(after)}[/]")


def _text(value: Any) -> str:
    return escape(json.dumps(value, ensure_ascii=False))


def _sum_up(found: Plan, archive_missing: bool) -> None:
    out.print(f"{_counted(len(found.steps), 'change')}." if found.steps else "The flags are what the files say.")
    flags = [] if archive_missing else found.missing
    alone = [_counted(len(keys), one) for one, keys in (("flag", flags), ("segment", found.missing_segments)) if keys]
    if alone:
        one = len(flags) + len(found.missing_segments) == 1
        out.print(f"{' and '.join(alone)} {'has' if one else 'have'} no file here and {'is' if one else 'are'} left alone.")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
