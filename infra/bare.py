"""Makes of the sources in a tree the bytecode that stands in their place: what runs, and the lines that log lines tell. No
docstrings, no assertions, no annotations of functions, no columns.

    python -X no_debug_ranges infra/bare.py <tree> <where it will lie>

The runtime's own Python runs it, so it needs nothing of ours. It is `compileall -b -o 2` but for the annotations.
"""

from __future__ import annotations

import ast
import marshal
import sys
from importlib.util import MAGIC_NUMBER, source_hash
from pathlib import Path

_UNCHECKED = (0b01).to_bytes(4, "little")  # by hash, and never compared with the source


def bytecode(source: bytes, name: str) -> bytes:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
    code = compile(tree, name, "exec", dont_inherit=True, optimize=2)
    return MAGIC_NUMBER + _UNCHECKED + source_hash(source) + marshal.dumps(code)


def main(tree: Path, mount: str) -> None:
    for path in sorted(tree.rglob("*.py")):
        path.with_suffix(".pyc").write_bytes(bytecode(path.read_bytes(), f"{mount}/{path.relative_to(tree).as_posix()}"))
        path.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
