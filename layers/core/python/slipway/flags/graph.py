"""Which flag needs which, in one environment: it has no cycle, and is walked before an edge is added.

The version of the graph's row guards the walk: two changes that would close a cycle only together cannot both be made.
"""

from __future__ import annotations

from collections.abc import Sequence

from slipway.flags import ledger
from slipway.flags.beside import Beside
from slipway.problems import Fault, Invalid
from slipway.resources import Shelf

MOST_REACHED = 50  # flags that one needs, and those that they need, and so on


def acyclic(configured: Shelf, key: str, environment: str, wanted: Sequence[str]) -> Beside:
    """What to write with a change after which `key` needs the `wanted` flags. Raises Invalid, which names the cycle."""
    place = (f"graph#{environment}", "graph")
    version = ledger.number(configured.store, place, "version")
    behind: dict[str, str] = dict.fromkeys(wanted, key)  # by whom each was reached
    asked = list(wanted)
    while asked and key not in behind and len(behind) <= MOST_REACHED:
        found = configured.read_all([f"flag#{flag}#{environment}" for flag in asked[:100]])
        asked = asked[100:]
        for stored in found:
            for one in stored.data["prerequisites"]:
                if one["flag"] not in behind:
                    behind[one["flag"]] = stored.data["flag"]
                    asked.append(one["flag"])
    if key in behind:
        detail = f"The flags would need each other in a circle: {' -> '.join(_circle(behind, key))}."
        raise Invalid(detail, errors=[Fault("/prerequisites", "cycle", detail)])
    if len(behind) > MOST_REACHED:
        detail = f"With what they need themselves these would be more than {MOST_REACHED} flags."
        raise Invalid(detail, errors=[Fault("/prerequisites", "too_long", detail)])
    return ledger.advanced(place, version)


def _circle(behind: dict[str, str], key: str) -> list[str]:
    path = [key]
    while (before := behind[path[0]]) != key:
        path.insert(0, before)
    return [key, *path]
