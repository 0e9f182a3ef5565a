"""What a handler can reach, read from the sources: by every import, those inside functions too.

A function or a class counts where something that counts names it: `connect.blobs` leads to S3, not to the other services that
`slipway.adapters.connect` can reach. So does a method, of whatever class that counts; a text that is its name is enough. What
the type checker alone reads does not count.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_Part = tuple[str, str]  # a module, and a function or class of it; "" is what else runs when it is imported
_ALL = "*"  # its functions and classes
_Method = tuple[str, ast.FunctionDef]  # its module, and itself


@dataclass(frozen=True, slots=True)
class _Module:
    path: Path
    named: dict[str, ast.FunctionDef | ast.ClassDef]  # those that are for nothing but who names them
    rest: list[ast.stmt]
    bound: dict[str, set[str]]  # the modules that a name may mean


class Closure:
    """From the module `handler` on, through the modules below `roots`; `others`: names of all else that is imported."""

    def __init__(self, handler: str, *roots: Path) -> None:
        self._roots = roots
        self._modules: dict[str, _Module] = {}
        self._named: set[str] = set()
        self._methods: defaultdict[str, list[_Method]] = defaultdict(list)  # by name: of those that nothing named yet
        self._waiting: list[_Part] = [(handler, _ALL)]
        self._done: set[_Part] = set()
        self.others: set[str] = set()
        while self._waiting:
            part = self._waiting.pop()
            if part not in self._done:
                self._done.add(part)
                self._reach(*part)

    @property
    def modules(self) -> dict[str, Path]:
        """Where each lies."""
        return {name: module.path for name, module in sorted(self._modules.items())}

    def text(self, name: str) -> bytes:
        """The source of a module, with empty lines for the functions and classes that are not reached."""
        module = self._modules[name]
        lines = module.path.read_bytes().splitlines(keepends=True)
        for part, node in module.named.items():
            if (name, part) not in self._done:
                assert node.end_lineno is not None
                lines[node.lineno - 1 : node.end_lineno] = [b"\n"] * (node.end_lineno - node.lineno + 1)
        return b"".join(lines)

    # --- inside ---

    def _reach(self, name: str, part: str) -> None:
        if name not in self._modules and not self._load(name):
            self.others.add(name)
            return
        module = self._modules[name]
        if part == _ALL:
            self._waiting += [(name, each) for each in module.named]
        elif part in module.named:
            self._run(name, module.named[part])

    def _load(self, name: str) -> bool:
        path = self._path(name)
        if path is None:
            return False
        self._modules[name] = module = self._parsed(path)
        if "." in name:
            self._waiting.append((name.rpartition(".")[0], ""))
        for node in module.rest:
            self._run(name, node)
        return True

    def _run(self, name: str, node: ast.stmt) -> None:
        """Of a class its methods count by their names."""
        if not isinstance(node, ast.ClassDef):
            self._read(name, [node])
            return
        for each in ast.iter_child_nodes(node):
            if not isinstance(each, ast.FunctionDef):
                self._read(name, [each])
                continue
            self._read(name, [*each.decorator_list, each.args])
            if each.name in self._named or each.name.startswith("__"):
                self._read(name, [each])
            else:
                self._methods[each.name].append((name, each))

    def _read(self, name: str, code: Iterable[ast.AST]) -> None:
        """What this code of a module leads to."""
        bound = self._modules[name].bound
        looked_into: set[int] = set()  # names whose attribute was seen
        for node in (node for tree in code for node in _walk(tree)):
            match node:
                case ast.Import():
                    # `import a.b` binds `a`: of what is read through it, nothing is looked at.
                    self._waiting += [(alias.name, "" if alias.asname else _ALL) for alias in node.names]
                case ast.ImportFrom():
                    self._waiting += [self._meant(node, alias) for alias in node.names]
                case ast.Attribute(value=ast.Name() as owner):
                    looked_into.add(id(owner))
                    self._name(node.attr)
                    self._waiting += [(of, node.attr) for of in bound.get(owner.id, ())]
                case ast.Attribute():
                    self._name(node.attr)
                case ast.Name():
                    self._name(node.id)  # a method, within its class
                    self._waiting.append((name, node.id))
                    if id(node) not in looked_into:
                        self._waiting += [(of, _ALL) for of in bound.get(node.id, ())]
                case ast.Constant(value=str(text)):
                    self._name(text)

    def _name(self, name: str) -> None:
        self._named.add(name)
        for module, method in self._methods.pop(name, ()):
            self._read(module, [method])

    def _meant(self, node: ast.ImportFrom, alias: ast.alias) -> _Part:
        assert node.module is not None, "imports are absolute"
        below = f"{node.module}.{alias.name}"
        return (below, "") if self._path(below) else (node.module, alias.name)

    def _parsed(self, path: Path) -> _Module:
        module = _Module(path, {}, [], defaultdict(set))
        body = ast.parse(path.read_bytes()).body
        for node in body:
            if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.decorator_list or node.name in module.named:
                module.rest.append(node)
            else:
                module.named[node.name] = node
        for each in (each for tree in body for each in _walk(tree)):
            if isinstance(each, ast.Import):
                for alias in each.names:
                    module.bound[alias.asname or alias.name.partition(".")[0]].add(alias.name)
            elif isinstance(each, ast.ImportFrom):
                for alias in each.names:
                    meant, function = self._meant(each, alias)
                    if not function:
                        module.bound[alias.asname or alias.name].add(meant)
        return module

    def _path(self, name: str) -> Path | None:
        places = (root.joinpath(*name.split(".")) for root in self._roots)
        files = (path for place in places for path in (place.with_suffix(".py"), place / "__init__.py"))
        return next((path for path in files if path.is_file()), None)


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """Itself and all below, the higher first; of `if TYPE_CHECKING` what is read without."""
    yield node
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        below: Iterable[ast.AST] = node.orelse
    else:
        below = ast.iter_child_nodes(node)
    for each in below:
        yield from _walk(each)
