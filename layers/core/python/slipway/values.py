"""Immutable values with named fields, for what a hot path imports."""

# `dataclasses` loads `inspect`, which costs a cold start three times what all of a hot path's own code does; `typing` costs
# as much as `hashlib`. A class here declares its fields as a dataclass does, and type checkers read it as a frozen one:
#
#     class Span(Value):
#         low: int
#         high: int = 0

from __future__ import annotations

TYPE_CHECKING = False  # what `typing` calls so, without importing it
if TYPE_CHECKING:
    from typing import Any, ClassVar, Self, dataclass_transform
else:

    def dataclass_transform(**_):
        return lambda decorated: decorated


@dataclass_transform(frozen_default=True)
class _Fields(type):
    _defaults: dict[str, object]
    _names: frozenset[str]

    def __new__(mcls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], *, kw_only: bool = False) -> _Fields:  # noqa: ARG004
        # `kw_only` speaks to type checkers: a field without a default may then follow one that has it.
        own = [field for field, kind in namespace.get("__annotations__", {}).items() if not kind.startswith("ClassVar")]
        defaults = {field: namespace.pop(field) for field in own if field in namespace}
        inherited = [field for base in bases for field in getattr(base, "__match_args__", ())]
        made = super().__new__(mcls, name, bases, {**namespace, "__slots__": (*own,), "__match_args__": (*inherited, *own)})
        made._names = frozenset([*inherited, *own])
        made._defaults = {field: value for base in bases for field, value in getattr(base, "_defaults", {}).items()} | defaults
        return made


_set = object.__setattr__


class Value(metaclass=_Fields):
    """Equal when of one class with equal fields; hashable when its fields are; no field can be set again."""

    if TYPE_CHECKING:
        __match_args__: ClassVar[tuple[str, ...]]
        _defaults: ClassVar[dict[str, Any]]
        _names: ClassVar[frozenset[str]]

    def __init__(self, *values: Any, **named: Any) -> None:
        fields = self.__match_args__
        if not named and len(values) == len(fields):
            for field, value in zip(fields, values, strict=True):
                _set(self, field, value)
            return
        given = {**self._defaults, **named}
        if values:
            if len(values) > len(fields) or not named.keys().isdisjoint(fields[: len(values)]):
                raise TypeError(f"{type(self).__name__} takes {', '.join(fields)}")
            given.update(zip(fields, values, strict=False))
        if given.keys() != self._names:
            raise TypeError(f"{type(self).__name__} takes {', '.join(fields) or 'nothing'}")
        for field, value in given.items():
            _set(self, field, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be set: it is a value")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be deleted: it is a value")

    def but(self, **named: Any) -> Self:
        """The same value with these fields changed."""
        return type(self)(**{**dict(zip(self.__match_args__, self._values(), strict=True)), **named})

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, field) for field in self.__match_args__)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash((type(self), *self._values()))

    def __repr__(self) -> str:
        shown = (f"{name}={value!r}" for name, value in zip(self.__match_args__, self._values(), strict=True))
        return f"{type(self).__name__}({', '.join(shown)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._values()
