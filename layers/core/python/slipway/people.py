"""Which person does something, where that takes a second one."""

from __future__ import annotations

from slipway.access import Principal


def person(principal: Principal) -> str | None:
    """`kind:id` of who is behind it, None where nobody knows: a key is no person, but whoever has it is one."""
    return principal.maker if principal.kind == "admin" else f"{principal.kind}:{principal.id}"


def is_second(principal: Principal, first: str) -> bool:
    """Whether that is another person than `first`, as `person` has it; a key is none, and behind one may be anybody."""
    return principal.kind == "member" and person(principal) != first and not first.startswith("admin:")
