"""Who comes to the split of each rollout that runs in an environment, as evaluation and the collector see it.

Of a published document's `slipway.rollouts`, by flag:

    id, from, to, bucket_by, share, stage, generation, hash     as in the configuration; the flag's hash
    reach                                                       the rule that is true for who comes to the split, once all that
                                                                the flag needs is met; without it all do
    watch                                                       the metrics that count, for the collector
"""

from __future__ import annotations

from slipway.flags.evaluation import FlagSet
from slipway.rollouts.exposure import Exposure, arm, bucket, sign, unit, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_BOTH = {"true": True, "false": False}


class Audience:
    """`flags`: of the environment; `needs`: by flag, what it needs of which."""

    def __init__(
        self, flags: FlagSet, rollouts: Mapping[str, Mapping[str, Any]], evaluators: Mapping[str, Any], needs: Mapping[str, Any]
    ) -> None:
        self.environment, self.rollouts = flags.metadata["flagSetId"], rollouts
        self._flags, self._needs = flags, needs
        asked = {
            flag: {"state": "ENABLED", "variants": _BOTH, "targeting": told["reach"], "metadata": {"hash": told["hash"]}}
            for flag, told in rollouts.items()
            if "reach" in told
        }
        self._reach = FlagSet.parse({"flags": asked, "$evaluators": evaluators})

    def exposure(self, flag: str, context: Mapping[str, Any], secrets: Mapping[int, bytes], now: float) -> Exposure | None:
        """Of who is shown this flag now; None for who does not come to the split, or cannot be counted."""
        rollout = self.rollouts[flag]
        secret = secrets.get(rollout["generation"])
        by = value(context, rollout["bucket_by"])
        if secret is None or by is None:
            return None
        if any(self._flags.evaluate(key, context, now=now).variant not in wanted for key, wanted in self._needs.get(flag, ())):
            return None
        if "reach" in rollout and self._reach.evaluate(flag, context, now=now).variant != "true":
            return None
        try:
            drawn = bucket(flag, rollout["hash"], by)
            who = unit(secret, rollout["id"], by)
        except ValueError:  # half of a surrogate pair
            return None
        side = arm(drawn, rollout["share"])
        return Exposure(rollout["generation"], rollout["id"], rollout["stage"], side, drawn, who)

    def token(self, flag: str, context: Any, secrets: Mapping[int, bytes], now: float) -> str | None:
        """The exposure, signed."""
        shown = self.exposure(flag, context, secrets, now) if isinstance(context, dict) else None
        if shown is None:
            return None
        return sign(secrets[shown.generation], self.environment, flag, shown)
