"""A directory of definitions: one JSON file a flag, and one a segment below `segments/`, each named after its key.

A file says all of what it names: what it leaves out of a flag, or of an environment that it names, is not there. An environment
that it does not name is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from ops.deployment import Trouble
from slipway.flags import code
from slipway.flags.code import Definition
from slipway.flags.segments import NewSegment

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Definitions:
    """By key, in their order."""

    flags: Mapping[str, Definition]
    segments: Mapping[str, NewSegment]


def read(directory: Path) -> Definitions:
    """Raises Trouble, which names every fault of every file."""
    faults: list[str] = []
    flags = _read(directory, "", code.read, faults)
    segments = _read(directory / "segments", "segments/", code.read_segment, faults)
    if faults:
        raise Trouble("\n".join(faults))
    if not flags and not segments:
        raise Trouble(f"{directory} holds no *.json: one file a flag, named after its key.")
    return Definitions(flags, segments)


def _read(directory: Path, prefix: str, parse: Callable[[str, str], T], faults: list[str]) -> dict[str, T]:
    found = {}
    for path in sorted(directory.glob("*.json"), key=lambda path: path.stem):
        try:
            found[path.stem] = parse(path.stem, path.read_text(encoding="utf-8"))
        except ValidationError as invalid:
            faults += [f"{prefix}{path.name}: {'/'.join(map(str, one['loc']))}: {one['msg']}" for one in invalid.errors()]
        except ValueError as broken:
            faults.append(f"{prefix}{path.name}: {broken}")
    return found
