"""The small rows beside the resources of the table `flags`: lists, sizes, and who needs whom.

list#flags, list#archived, list#segments, list#environments, list#templates / <key>     in the order of their keys
list#tag#<tag>, list#owner#<owner>, list#product#<product> / <key>      active flags
list#state#<environment>#on / <key>                                     flags that are switched on there, archived ones too
list#stale#<environment> / <key>                                        see `slipway.flags.staleness`
uses#flag#<key>, uses#segment#<key> / <flag>#<environment>              configurations that need it
uses#flag#<key>, uses#segment#<key> / count                             `changes`: one more with each new or changed use
revision#<environment> / revision                                       `revision`, one more with each change of what the
                                                                        environment answers; `bytes` of what it answers from
graph#<environment> / graph                                             `version`, one more with each new prerequisite
catalogue / contents                                                    `flags` that are active, `bytes` of them and of the
                                                                        segments; `changes`, one more with each change of them
catalogue / environments                                                `version`, one more with each that comes, goes, or asks
                                                                        for something else of those who change flags
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from slipway.flags.beside import Beside
from slipway.ports import Absent, Below, Check, Delete, Equals, Put, Row, Store, Update, every
from slipway.problems import Conflict, Fault, Invalid
from slipway.resources import HEAD, Stored
from slipway.tables import FLAGS

MOST_FLAGS = 5_000
MOST_ENVIRONMENTS = 16
MOST_BYTES = 5_000_000  # of what one environment answers from

Place = tuple[str, str]  # the key of a list's row

ENVIRONMENTS, SEGMENTS, ACTIVE, ARCHIVED = "list#environments", "list#segments", "list#flags", "list#archived"
TEMPLATES = "list#templates"  # of rollouts
CONTENTS, ENVIRONMENT_SET = ("catalogue", "contents"), ("catalogue", "environments")


def switched_on(environment: str) -> str:
    return f"list#state#{environment}#on"


def stale(environment: str) -> str:
    return f"list#stale#{environment}"


def moved(before: Iterable[Place], after: Iterable[Place]) -> list[Beside]:
    """The lists, brought from the one to the other; the resource's own head guards them."""
    old, new = set(before), set(after)
    joined = [Beside(Put(FLAGS, {"pk": pk, "sk": sk, "schema": 1})) for pk, sk in sorted(new - old)]
    return [*joined, *(Beside(Delete(FLAGS, pk, sk)) for pk, sk in sorted(old - new))]


# --- what an environment answers from -------------------------------------------------------------------


def revision(environment: str) -> Place:
    return f"revision#{environment}", "revision"


def revised(environment: str, more: int) -> Beside:
    """One more revision; `more` bytes to answer from."""
    full = Below("bytes", MOST_BYTES - more + 1) if more > 0 else None

    def too_large(row: Row | None) -> Exception:
        stand = 0 if row is None else int(row["bytes"])
        return Invalid(
            f"With this the environment {environment!r} would answer from {stand + more:,} bytes; it has {stand:,}, and "
            f"{MOST_BYTES:,} at most. Archive flags, or shorten their rules."
        )

    add = {"revision": 1, **({"bytes": more} if more else {})}
    return Beside(Update(FLAGS, *revision(environment), set={"schema": 1}, add=add, condition=full), too_large)


def counted(flags: int, more: int, known: int | None = None) -> Beside:
    """So many more active flags, and bytes of the parts that every environment has. `known`: the `changes` that there were
    when all flags were looked at, where another one must not have come between."""
    full = Below("flags", MOST_FLAGS) if flags > 0 else None
    add = {"changes": 1, **({"flags": flags} if flags else {}), **({"bytes": more} if more else {})}
    if known is not None:
        return Beside(Update(FLAGS, *CONTENTS, set={"schema": 1}, add=add, condition=Below("changes", known + 1)))
    return Beside(Update(FLAGS, *CONTENTS, set={"schema": 1}, add=add, condition=full), lambda _: no_room())


def no_room() -> Invalid:
    return Invalid(f"There are {MOST_FLAGS:,} active flags, and no more can be; archive those that are not needed.")


# --- what has been read, and must not have changed when something is written ------------------------------


def unchanged(stored: Stored) -> Beside:
    return Beside(Check(FLAGS, stored.id, HEAD, Equals("version", stored.version)))


def number(store: Store, place: Place, attribute: str) -> int:
    """A count in one of the rows above; 0 where there is none yet."""
    row = store.get(FLAGS, *place)
    return 0 if row is None else int(row.get(attribute, 0))


def still(place: Place, attribute: str, known: int) -> Beside:
    """A count that only grows is what it was."""
    return Beside(Check(FLAGS, *place, Below(attribute, known + 1)))


def advanced(place: Place, known: int) -> Beside:
    """The version in that row grows by one, from the known one (0: there is no row)."""
    pk, sk = place
    row = {"pk": pk, "sk": sk, "schema": 1, "version": known + 1}
    return Beside(Put(FLAGS, row, Absent() if known == 0 else Equals("version", known)))


# --- who needs whom -------------------------------------------------------------------------------------


def uses(kind: str, key: str) -> str:
    return f"uses#{kind}#{key}"


def count_of(kind: str, key: str) -> Place:
    return uses(kind, key), "count"


def needed(kind: str, target: Stored, key: str, user: str) -> list[Beside]:
    """The configuration `user` (`<flag>#<environment>`) needs `target` from now on, or needs something else of it."""
    return [
        Beside(Put(FLAGS, {"pk": uses(kind, key), "sk": user, "schema": 1})),
        Beside(Update(FLAGS, *count_of(kind, key), set={"schema": 1}, add={"changes": 1})),
        unchanged(target),
    ]


def released(kind: str, key: str, user: str) -> Beside:
    return Beside(Delete(FLAGS, uses(kind, key), user))


def users(store: Store, kind: str, key: str, environments: Sequence[str]) -> list[tuple[str, str]]:
    """Every (flag, environment) whose configuration needs it. What was deleted with its environment does not count: its name
    never comes back."""
    rows = every(store, FLAGS, uses(kind, key))
    pairs = [row["sk"].rpartition("#")[::2] for row in rows if row["sk"] != "count"]
    return [(flag, environment) for flag, environment in pairs if environment in environments]


def in_force(store: Store, found: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those of these users whose flag is active: an archived one needs nothing until it is restored."""
    keys = sorted({flag for flag, _ in found})
    places = [(f"flag#{key}", HEAD) for key in keys]
    rows = [row for first in range(0, len(places), 100) for row in store.get_many(FLAGS, places[first : first + 100])]
    active = {row["data"]["key"] for row in rows if row["data"]["status"] == "active"}
    return [one for one in found if one[0] in active]


def refused_while_used(what: str, found: Sequence[tuple[str, str]]) -> None:
    """Raises Conflict, which names the first five."""
    if found:
        named = ", ".join(f"{flag} in {environment}" for flag, environment in found[:5])
        more = f" and {len(found) - 5} more" if len(found) > 5 else ""
        detail = f"{what} is needed by {named}{more}; take it out there first."
        raise Conflict(detail, errors=[Fault("", "in_use", detail)])
