"""Many things to be done, of which one that fails keeps no other from its turn."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")


def each(items: Iterable[Item], do: Callable[[Item], object], failed: Callable[[Exception], object] = lambda _: None) -> None:
    """Do it to each of them. Raises the first error, after the others were done; `failed` is told of every one."""
    errors = []
    for item in items:
        try:
            do(item)
        except Exception as error:
            failed(error)
            errors.append(error)
    if errors:
        raise errors[0]
