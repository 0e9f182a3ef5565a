"""What a configuration needs: other flags and segments. They have to be there, and each remembers who needs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from slipway.flags import graph, jsontext, ledger
from slipway.flags.beside import Beside, Moved
from slipway.flags.checks import SEGMENTS, in_words, references, wrong
from slipway.flags.segments import Segments
from slipway.ports import Store
from slipway.problems import Conflict, Fault
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


def restored(store: Store, heads: Shelf, configurations: Shelf, environments: Sequence[str], key: str) -> list[Beside]:
    """What changes beside an archived flag that comes back: what it needed may have gone. Raises Conflict, Invalid."""
    if ledger.number(store, ledger.CONTENTS, "flags") >= ledger.MOST_FLAGS:
        raise ledger.no_room()
    standing = configurations.read_all([f"flag#{key}#{name}" for name in environments])
    beside, gone = [], []
    for stored in standing:
        needed, place = stored.data["prerequisites"], stored.data["environment"]
        if not needed:
            continue
        beside.append(ledger.advanced(graph.place(place), ledger.number(store, graph.place(place), "version")))
        graph.reached(graph.reader(configurations, None), key, place, [one["flag"] for one in needed])
        found = {one.data["key"]: one for one in heads.read_all([f"flag#{one['flag']}" for one in needed])}
        for one in needed:
            other = found[one["flag"]]
            missing = [name for name in one["variants"] if name not in jsontext.read(other.data["variants"])]
            if other.data["status"] == "archived":
                gone.append(f"In {place} it needs the flag {one['flag']!r}, which is archived; restore that one first.")
            elif missing:
                gone.append(f"In {place} it needs {in_words(missing)} of the flag {one['flag']!r}, which has no such variant.")
    if gone:
        raise Conflict("What the flag needs has gone.", errors=[Fault("", "needs_gone", detail) for detail in gone])
    return beside


def segments(segments: Segments, before: Data, after: Data) -> list[Beside]:
    """The same of a rule that uses other segments, or the same ones otherwise: who changes a segment looks at its users. Raises
    Invalid; Moved where one that was there has gone."""
    if all(before[name] == after[name] for name in ("targeting", "overrides")):
        return []
    old, new = (references(jsontext.read(data["targeting"] or "null")) for data in (before, after))
    if len(new) > SEGMENTS:
        detail = f"A rule uses {SEGMENTS} segments at most; this one would use {len(new)}."
        raise wrong([Fault("/targeting", "too_many_segments", detail)])
    used = {stored.data["key"]: stored for stored in segments.standing(sorted(new))}
    if used.keys() != new:
        raise Moved
    beside = [one for key, stored in used.items() for one in ledger.needed("segment", stored, key, _user(after))]
    return [*beside, *(ledger.released("segment", key, _user(after)) for key in sorted(old - new))]


def _user(data: Data) -> str:
    return f"{data['flag']}#{data['environment']}"
