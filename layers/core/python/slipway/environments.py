"""Environments: what they are called, and in which one a request acts."""

from __future__ import annotations

from slipway.access import Principal

EVERYWHERE = "all"  # in place of an environment, in admin keys
_IN_ENVIRONMENT = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


def is_environment(name: str) -> bool:
    """`[a-z][a-z0-9-]{0,31}`, and not the word that stands in admin keys."""
    return 0 < len(name) <= 32 and "a" <= name[0] <= "z" and _IN_ENVIRONMENT.issuperset(name) and name != EVERYWHERE


def acting_in(principal: Principal, asked: str | None) -> str | None:
    """A key's own environment; for people and admin keys the one that they ask for, if any.

    Raises Forbidden where a key of an environment asks for another."""
    if principal.environment is None:
        return asked
    if asked not in (None, principal.environment):
        from slipway.problems import Forbidden  # dear to a cold start, and only for what goes wrong

        raise Forbidden(f"This key belongs to the environment {principal.environment!r}; leave `environment` out.")
    return principal.environment
