"""Environments: in which one a request acts."""

from __future__ import annotations

from slipway.access import Principal
from slipway.problems import Forbidden


def acting_in(principal: Principal, asked: str | None) -> str | None:
    """A key's own environment; for people and admin keys the one that they ask for, if any.

    Raises Forbidden where a key of an environment asks for another."""
    if principal.environment is None:
        return asked
    if asked not in (None, principal.environment):
        raise Forbidden(f"This key belongs to the environment {principal.environment!r}; leave `environment` out.")
    return principal.environment
