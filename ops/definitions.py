"""A directory of definitions: one JSON file a flag, named after its key.

A file says all of what it names: what it leaves out of a flag, or of an environment that it names, is not there. An environment
that it does not name is left alone.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from ops.deployment import Trouble
from slipway.flags import code
from slipway.flags.code import Definition


def read(directory: Path) -> dict[str, Definition]:
    """By key, in their order. Raises Trouble, which names every fault of every file."""
    paths = sorted(directory.glob("*.json"), key=lambda path: path.stem)
    if not paths:
        raise Trouble(f"{directory} holds no *.json: one file a flag, named after its key.")
    found, faults = {}, list[str]()
    for path in paths:
        try:
            found[path.stem] = code.read(path.stem, path.read_text(encoding="utf-8"))
        except ValidationError as invalid:
            faults += [f"{path.name}: {'/'.join(map(str, one['loc']))}: {one['msg']}" for one in invalid.errors()]
        except ValueError as broken:
            faults.append(f"{path.name}: {broken}")
    if faults:
        raise Trouble("\n".join(faults))
    return found
