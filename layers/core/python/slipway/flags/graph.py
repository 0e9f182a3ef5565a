"""Which flag needs which, in one environment: it has no cycle, and is walked before an edge is added.

The version of the graph's row guards the walk: two changes that would close a cycle only together cannot both be made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from slipway.flags import ledger
from slipway.problems import Fault, Invalid
from slipway.resources import Stored

Reader = Callable[[Sequence[str]], list[Stored]]  # what there is of these ids

MOST_REACHED = 50  # flags that one needs, and those that they need, and so on


def place(environment: str) -> ledger.Place:
    return f"graph#{environment}", "graph"


def reached(read: Reader, key: str, environment: str, wanted: Sequence[str]) -> dict[str, Stored | None]:
    """The configuration (None: untouched) of every flag that `key` needs when it needs the `wanted` ones.

    Raises Invalid, which names the cycle."""
    behind: dict[str, str] = dict.fromkeys(wanted, key)  # by whom each was reached
    found: dict[str, Stored | None] = {}
    asked = list(wanted)
    while asked and key not in behind and len(behind) <= MOST_REACHED:
        standing = read([f"flag#{flag}#{environment}" for flag in asked])
        found |= dict.fromkeys(asked)
        asked = []
        for stored in standing:
            found[stored.data["flag"]] = stored
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
    return found


def _circle(behind: dict[str, str], key: str) -> list[str]:
    path = [key]
    while (before := behind[path[0]]) != key:
        path.insert(0, before)
    return [key, *path]
