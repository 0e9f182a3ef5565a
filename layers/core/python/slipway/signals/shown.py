"""What an exposure proves."""

from __future__ import annotations

from slipway.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.rollouts import exposure as proof


class Shown(Value):
    """`unit` and what follows only where the flag has a rollout; `uncounted`: the rollout that knows no unit; `who`, `variant`:
    for the adoption of the flag, where they are known; `version`: of the flag's configuration, where it is proven to be shown
    to whom the targeting key belongs; 0: of one before."""

    unit: proof.Exposure | None
    uncounted: str | None
    who: str | None
    variant: str | None
    version: int | None = None
