"""What a file of flags says, in one form for all formats: what an import is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from slipway.flags.stored import used
from slipway.problems import Fault
from slipway.values import Value

MOST_FAULTS = 100  # that are told

Validate = Callable[[Any, Any], Any]  # the model that a value is to be, and the value; raises Invalid


class Note(NamedTuple):
    """What is in the file and will not be in Slipway, or otherwise: where it stands (RFC 6901), a stable code, and why."""

    flag: str | None  # its key, or that of a segment; None where it belongs to the file
    pointer: str
    code: str
    detail: str


class Part(Value):
    """A flag or a segment of the file, at `at`.

    `fields`: of a NewFlag or a NewSegment; `configuration`: of a ConfigurationPatch, for a flag alone. `pinned`: whether the
    file says how the flag puts into buckets. `names`: where fields stand in the file that are not below `at` by their names;
    None where nothing of them is to be found in it.
    """

    key: str
    at: str
    fields: Mapping[str, Any]
    configuration: Mapping[str, Any] | None = None
    pinned: bool = False
    names: Mapping[str, str] | None = None

    def told(self, fault: Fault) -> Fault:
        """The fault of a field, with its place in the file."""
        pointer, code, detail = fault
        if self.names is None:
            return Fault(self.at, code, f"{self.key}: {detail}" + (f" (It would become {pointer}.)" if pointer else ""))
        field, slash, rest = pointer.removeprefix("/").partition("/")
        place = self.names.get(field, f"{self.at}/{field}" if field else self.at)
        return Fault(f"{place}{slash}{rest}", code, detail)

    def drawn_by(self, hash: str) -> Note:
        """Of a flag of the file that is of another hash, and does not say so."""
        detail = f"Without a hash it is of {self.fields['hash']}, but the flag stays {hash}: users fall into other buckets."
        return Note(self.key, f"{self.at}/targeting", "other_buckets", detail)


class Bundle(Value):
    """`notes`: all that did not map."""

    segments: Sequence[Part]
    flags: Sequence[Part]
    notes: Sequence[Note] = ()

    def draws(self, flag: Part) -> bool:
        """Whether its rule puts users into buckets, or a segment of the file does that it refers to."""
        segments = {part.key: part.fields["targeting"] for part in self.segments}
        return "fractional" in used((flag.configuration or {}).get("targeting"), segments)
