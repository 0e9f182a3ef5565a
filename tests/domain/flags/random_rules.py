"""Random rules and contexts: mostly sensible, sometimes wrong in kind or number of arguments, always JSON."""

from __future__ import annotations

from random import Random
from typing import Any

VARIANTS = {"a": "A", "b": "B", "true": "yes", "false": "no", "1": "one"}
NAMES = ("n", "s", "t", "flag", "list", "deep", "people", "version", "when")
PATHS = (*NAMES, "deep.x", "deep.y.z", "list.0", "list.length", "people.0.age", "s.1", "gone", "", "targetingKey", "deep.")
TEXTS = ("", "a", "b", "ab", "abc", "1", "2", "1.5", "-3", " 7 ", "1e2", "true", "null", "ä", "1.2.3", "v1.2", "2.0.0-rc.1")
ODD_TEXTS = ("1_0", "inf", "Infinity", "nan", "١٢", "0x10", "[object Object]", "1,2")
NUMBERS = (0, 1, 2, 3, -1, -7, 10, 100, 0.5, 1.0, -0.0, 2.5, 1e15, 1e21, -1e-7, 2**53, 2**64, -(2**63))
VERSIONS = (
    "1",
    "1.2",
    "v1.2.3",
    "V2",
    "1.2.3-rc.1",
    "1.2.3-rc.2",
    "1.2.3-rc.10",
    "1.2.3-a.b",
    "1.2.3+build.7",
    "01.2.3",
    "x",
    "1..2",
)
COMPARISONS = ("=", "!=", "<", "<=", ">", ">=", "^", "~", "==")


def scalar(random: Random) -> Any:
    chosen = random.random()
    if chosen < 0.5:
        return random.choice(TEXTS)
    if chosen < 0.8:
        return random.choice(NUMBERS)
    return random.choice((True, False, None, *ODD_TEXTS))


def value(random: Random, depth: int = 2) -> Any:
    chosen = random.random()
    if depth == 0 or chosen < 0.7:
        return scalar(random)
    if chosen < 0.9:
        return [value(random, depth - 1) for _ in range(random.randrange(4))]
    return {name: value(random, depth - 1) for name in random.sample(("x", "y", "age", "targetingKey"), random.randrange(3))}


def context(random: Random) -> dict[str, Any]:
    found: dict[str, Any] = {name: value(random) for name in NAMES if random.random() < 0.8}
    if random.random() < 0.5:
        found["people"] = [{"age": random.choice(NUMBERS), "name": scalar(random)} for _ in range(random.randrange(4))]
    if random.random() < 0.5:
        found["deep"] = {"x": scalar(random), "y": {"z": value(random)}}
    if random.random() < 0.5:
        found["version"] = random.choice(VERSIONS)
    if random.random() < 0.8:
        found["targetingKey"] = random.choice(("u1", "u2", "ünit", "x" * 40, "y" * 300, ""))
    return found


def rule(random: Random, depth: int = 4) -> Any:
    if depth == 0 or random.random() < 0.2:
        return scalar(random) if random.random() < 0.5 else {"var": random.choice(PATHS)}
    name = random.choice(list(SHAPES))
    return {name: SHAPES[name](random, depth - 1)}


def _some(low: int, high: int) -> Any:
    def args(random: Random, depth: int) -> Any:
        count = random.randint(low, high) if random.random() < 0.95 else random.randrange(5)
        found = [rule(random, depth) for _ in range(count)]
        return found[0] if count == 1 and random.random() < 0.5 else found

    return args


def _var(random: Random, depth: int) -> Any:
    chosen = random.random()
    if chosen < 0.6:
        return random.choice(PATHS)
    if chosen < 0.8:
        return [random.choice(PATHS), rule(random, depth)]
    return rule(random, depth) if chosen < 0.95 else random.choice((0, 1, 1.0, None, [], "$flagd.flagKey", "$flagd.timestamp"))


def _in(random: Random, depth: int) -> Any:
    if random.random() < 0.5:
        return [rule(random, depth), [scalar(random) for _ in range(random.randrange(5))]]
    return [rule(random, depth), rule(random, depth)]


def _walk(random: Random, depth: int) -> Any:
    source = {"var": random.choice(("list", "people", "s"))} if random.random() < 0.6 else value(random)
    found = [source, rule(random, depth)]
    return found[:1] if random.random() < 0.05 else found


def _reduce(random: Random, depth: int) -> Any:
    step = {
        random.choice(("+", "cat", "max", "merge", "*")): [
            {"var": "accumulator"},
            {"var": random.choice(("current", "current.age"))},
        ]
    }
    return [
        {"var": random.choice(("list", "people"))},
        step if random.random() < 0.8 else rule(random, depth),
        rule(random, depth),
    ]


def _sem_ver(random: Random, depth: int) -> Any:
    one = {"var": "version"} if random.random() < 0.7 else rule(random, depth)
    other = random.choice(VERSIONS) if random.random() < 0.9 else rule(random, depth)
    return [one, random.choice(COMPARISONS), other][: 3 if random.random() < 0.95 else 2]


def _fractional(random: Random, depth: int) -> Any:
    def weight() -> Any:
        chosen = random.random()
        if chosen < 0.8:
            return random.choice((0, 1, 10, 50, 99, -5))
        return rule(random, depth) if chosen < 0.9 else random.choice((2**31 - 1, 2**31, 1.5, 2.0, True, "5", None))

    def part() -> Any:
        variant = random.choice(list(VARIANTS)) if random.random() < 0.8 else rule(random, depth)
        return [variant, weight()] if random.random() < 0.85 else [variant] if random.random() < 0.9 else [variant, 1, 1]

    parts = [part() for _ in range(random.randint(1, 4))]
    chosen = random.random()
    if chosen < 0.5:
        return parts
    return [rule(random, depth) if chosen < 0.7 else {"cat": [{"var": "$flagd.flagKey"}, {"var": "s"}]}, *parts]


SHAPES: dict[str, Any] = {
    "var": _var,
    "missing": lambda random, depth: [random.choice(PATHS) for _ in range(3)] if random.random() < 0.8 else rule(random, depth),
    "missing_some": lambda random, depth: [random.choice((1, 2, "1")), [random.choice(PATHS) for _ in range(3)]],
    "if": _some(1, 5),
    "?:": _some(3, 3),
    **{name: _some(2, 2) for name in ("==", "===", "!=", "!==", "%", "/", "starts_with", "ends_with")},
    **{name: _some(2, 3) for name in ("<", "<=", ">", ">=", "substr")},
    **{name: _some(1, 4) for name in ("+", "*", "max", "min", "and", "or", "cat", "merge")},
    "-": _some(1, 2),
    "!": _some(1, 1),
    "!!": _some(1, 1),
    "in": _in,
    **dict.fromkeys(("map", "filter", "all", "some", "none"), _walk),
    "reduce": _reduce,
    "sem_ver": _sem_ver,
    "fractional": _fractional,
    "nonsense": _some(0, 2),
}


def targeting(random: Random) -> dict[str, Any]:
    """An object, as a flag has it; half of the time one that names variants."""
    if random.random() < 0.5:
        condition = (
            {"and": [rule(random, 2) for _ in range(random.randint(1, 5))]} if random.random() < 0.5 else rule(random, 3)
        )
        return {"if": [condition, random.choice(("a", "b", True, None)), random.choice(("a", "b", "gone", None))]}
    found = rule(random)
    return found if isinstance(found, dict) else {"if": [found]}
