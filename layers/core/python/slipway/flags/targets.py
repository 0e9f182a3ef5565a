"""Who is named in a flag of LaunchDarkly, and what each of them gets."""

from __future__ import annotations

from slipway.flags.conditions import KEY, Rule, var
from slipway.flags.fields import OVERRIDES, TARGETING_KEY
from slipway.flags.source import Source


def targets(here: Source, named: list[str]) -> tuple[dict[str, list[str]], list[tuple[Rule, Rule]]]:
    """Who is named: users as overrides, as long as no other kind of context comes first, and others as rules.

    Where `contextTargets` is there it gives the order, and its users stand in `targets`."""
    ordered = here.get("contextTargets").items()
    users: dict[str, list[str]] = {}
    taken: set[str] = set()
    for target in here.get("targets").items():
        variant, keys = variant_of(target.get("variation"), named), target.get("values").texts()
        if target.get("contextKind").text() not in (None, "user"):
            target.get("contextKind").note("left_out", "Those who stand here are users, whatever it says.")
        if ordered and variant in users:
            target.note("left_out", f"It is the second one of {variant!r}, so nobody asked.")
            continue
        users.setdefault(variant, []).extend(keys)
        taken.update(keys)
    overrides: dict[str, list[str]] = {}
    steps: list[tuple[Rule, Rule]] = []
    plain = sum(map(len, users.values())) <= OVERRIDES and all(0 < len(key) <= TARGETING_KEY for key in taken)
    placed: set[str] = set()

    def place(variant: str) -> None:
        keys = [key for key in dict.fromkeys(users.pop(variant, [])) if key not in placed]
        placed.update(keys)
        if keys and plain and not steps:
            overrides[variant] = keys
        elif keys:
            steps.append(({"in": [var(KEY), keys]}, variant))

    for target in ordered:
        kind, variant = target.get("contextKind").text() or "user", variant_of(target.get("variation"), named)
        keys = target.get("values").texts()
        if kind == "user":
            target.leave("values", "Users stand in `targets`.")
            place(variant)
        elif keys:
            steps.append(({"in": [var(f"{kind}.key"), keys]}, variant))
    if ordered and any(users.values()):
        here.get("targets").note("left_out", f"`contextTargets` does not name them, so nobody asked: {', '.join(users)}.")
    else:
        for variant in list(users):
            place(variant)
    return overrides, steps


def variant_of(index: Source, named: list[str]) -> str:
    number = index.number()
    if number is None or not 0 <= number < len(named):
        return f"variation {index.value}"  # there is none of this name: the import tells so
    return named[int(number)]
