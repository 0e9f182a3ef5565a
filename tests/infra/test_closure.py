"""What a handler can reach: by imports and names, no less; and of functions that nobody names, nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.closure import Closure


def reached(root: Path, handler: str, **others: str) -> Closure:
    """A handler's text, and those of modules of the package `ours`."""
    modules = {f"ours/{name}": text for name, text in others.items()}
    for name, text in {"handler": handler, "ours/__init__": "", **modules}.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / f"{name}.py").write_text(text)
    return Closure("handler", root)


def ours(closure: Closure) -> set[str]:
    return {name.removeprefix("ours.") for name in closure.modules} - {"handler", "ours"}


@pytest.mark.parametrize(
    "handler",
    [
        "import ours.one",
        "from ours import one",
        "from ours.one import f",
        "def f():\n    import ours.one",
        "class A:\n    def __init__(self):\n        from ours import one as other",
        "class A:\n    def f(self):\n        import ours.one\nA().f",
        "class A:\n    def f(self):\n        import ours.one\ngetattr(A(), 'f')",
        "class A:\n    class B:\n        import ours.one",
        "try:\n    import ours.one\nexcept ImportError:\n    pass",
        "if True:\n    def f():\n        import ours.one",
        "async def f():\n    import ours.one",
        "lambda: __import__ and f()\ndef f():\n    from ours import one",
        "TYPE_CHECKING = False\nif TYPE_CHECKING:\n    import ours.two\nelse:\n    import ours.one",
    ],
)
def test_an_import_counts_wherever_it_stands(tmp_path: Path, handler: str) -> None:
    assert ours(reached(tmp_path, handler, one="def f(): ...", two="")) == {"one"}


@pytest.mark.parametrize(
    "handler",
    [
        "TYPE_CHECKING = False\nif TYPE_CHECKING:\n    import ours.one",
        "class A:\n    def never(self):\n        import ours.one",
        "'import ours.one'",
    ],
)
def test_what_nothing_runs_does_not_count(tmp_path: Path, handler: str) -> None:
    assert ours(reached(tmp_path, handler, one="")) == set()


CONNECT = """
def objects():
    from ours import s3
    return _made(s3)

def rows():
    from ours import dynamodb

def _made(client):
    import ours.tls

@property
def marked():
    from ours import marks
"""
ALL = {"connect", "s3", "dynamodb", "tls", "marks"}


@pytest.mark.parametrize(
    ("handler", "found"),
    [
        ("from ours import connect", {"connect", "marks"}),
        ("from ours import connect\nconnect.objects()", ALL - {"dynamodb"}),
        ("from ours import connect as c\ndef f():\n    return c.rows", ALL - {"s3", "tls"}),
        ("from ours.connect import objects", ALL - {"dynamodb"}),
        ("import ours.connect as c", {"connect", "marks"}),
        ("import ours.connect\nours.connect.rows()", ALL),
        ("import ours.connect as c\nc.rows()", ALL - {"s3", "tls"}),
        ("from ours import connect\nprint(connect)", ALL),  # who has the module has all of it
        ("from ours import connect\ngetattr(connect, 'ro' + 'ws')", ALL),
    ],
)
def test_a_function_counts_where_it_is_named(tmp_path: Path, handler: str, found: set[str]) -> None:
    closure = reached(tmp_path, handler, connect=CONNECT, s3="", dynamodb="", tls="", marks="")
    assert ours(closure) == found
    text = closure.text("ours.connect").decode()
    assert ("def rows" in text) == ("dynamodb" in found)
    assert ("def _made" in text) == ("tls" in found)
    # Lines stay where they are: a log line tells them.
    assert len(text.splitlines()) == len(CONNECT.splitlines())
    assert text.splitlines().index("def marked():") == CONNECT.splitlines().index("def marked():")


SHAPES = """
class Base:
    def __init__(self):
        from ours import base

class Taken(Base):
    from ours import taken

class Left(Base):
    from ours import left

@print
class Marked:
    from ours import marks

made = [Taken]
"""


@pytest.mark.parametrize(
    ("handler", "found"),
    [
        ("import ours.shapes as s", {"base", "taken", "marks"}),
        ("from ours.shapes import Base", {"base", "taken", "marks"}),
        ("from ours import shapes\ndef f():\n    return shapes.Left()", {"base", "taken", "left", "marks"}),
        ("from ours import shapes\nshapes.Right = 1", {"base", "taken", "marks"}),
    ],
)
def test_a_class_counts_where_it_is_named_and_with_it_what_it_derives_from(
    tmp_path: Path, handler: str, found: set[str]
) -> None:
    closure = reached(tmp_path, handler, shapes=SHAPES, base="", taken="", left="", marks="")
    assert ours(closure) == found | {"shapes"}
    assert ("class Left" in closure.text("ours.shapes").decode()) == ("left" in found)


def test_packages_above_count_and_others_are_named(tmp_path: Path) -> None:
    closure = reached(tmp_path, "import ours.one\nimport os.path", one="from json import loads\nfrom mmh3 import hash")
    assert set(closure.modules) == {"handler", "ours", "ours.one"}
    assert closure.others == {"os.path", "json", "mmh3"}


def test_modules_may_need_each_other(tmp_path: Path) -> None:
    assert ours(reached(tmp_path, "import ours.one", one="from ours import two", two="from ours import one")) == {"one", "two"}
