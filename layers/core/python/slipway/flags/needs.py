"""What a configuration needs: other flags and segments. They have to be there, and each remembers who needs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slipway.flags import jsontext, ledger
from slipway.flags.beside import Beside, Moved
from slipway.flags.checks import SEGMENTS, in_words, references, wrong
from slipway.flags.segments import Segments
from slipway.problems import Fault
from slipway.resources import Shelf

Data = Mapping[str, Any]


def flags(shelf: Shelf, before: Data, after: Data) -> list[Beside]:
    """What changes beside a configuration that needs other flags, or other variants of them. Raises Invalid."""
    old, new = ({one["flag"]: one["variants"] for one in data["prerequisites"]} for data in (before, after))
    asked = [other for other in new if old.get(other) != new[other]]
    heads = {stored.data["key"]: stored for stored in shelf.read_all([f"flag#{other}" for other in asked])}
    beside = [ledger.released("flag", other, _user(after)) for other in sorted(old.keys() - new.keys())]
    faults = []
    for place, other in enumerate(new):
        if other not in asked:
            continue
        pointer, head = f"/prerequisites/{place}", heads.get(other)
        if head is None or head.data["status"] == "archived":
            faults.append(Fault(f"{pointer}/flag", "unknown_flag", f"There is no active flag {other!r}."))
            continue
        variants = jsontext.read(head.data["variants"])
        if unknown := [variant for variant in new[other] if variant not in variants]:
            detail = f"The flag {other!r} has no variant {in_words(unknown)}; it has {in_words(list(variants))}."
            faults.append(Fault(f"{pointer}/variants", "unknown_variant", detail))
        beside += ledger.needed("flag", head, other, _user(after))
    if faults:
        raise wrong(faults)
    return beside


def segments(segments: Segments, before: Data, after: Data) -> list[Beside]:
    """The same of a rule that uses other segments. Raises Invalid; Moved where one that was there has gone."""
    old, new = (references(jsontext.read(data["targeting"] or "null")) for data in (before, after))
    if len(new) > SEGMENTS:
        detail = f"A rule uses {SEGMENTS} segments at most; this one would use {len(new)}."
        raise wrong([Fault("/targeting", "too_many_segments", detail)])
    joined = {stored.data["key"]: stored for stored in segments.standing(sorted(new - old))}
    if joined.keys() != new - old:
        raise Moved
    beside = [one for key, stored in joined.items() for one in ledger.needed("segment", stored, key, _user(after))]
    return [*beside, *(ledger.released("segment", key, _user(after)) for key in sorted(old - new))]


def _user(data: Data) -> str:
    return f"{data['flag']}#{data['environment']}"
