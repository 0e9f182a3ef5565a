"""What somebody has to pass who tells something with a client key, which anybody can read in a page: a form, and a bucket.

Whoever holds another kind of key, or has signed in, answers for it. No request is let in and then forgotten: each of these
refuses before anything of the item is written, and says when or how it will be taken.
"""

from __future__ import annotations

from slipway.feedback.buckets import TELLING
from slipway.signals.network import network
from slipway.signals.salts import source
from slipway.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.calls import Call
    from slipway.feedback.buckets import Buckets, Size
    from slipway.feedback.forms import Forms
    from slipway.feedback.switches import Switches
    from slipway.signals.salts import Salts


class Visit(Value):
    """`scrub`: whether what is told is scrubbed; `network`: of a client key, the day's hash of whence it comes, else ""."""

    scrub: bool
    network: str


class Gate:
    def __init__(self, switches: Switches, forms: Forms, buckets: Buckets, salts: Salts) -> None:
        self._switches, self._forms, self.buckets, self._salts = switches, forms, buckets, salts

    def opened(self, call: Call, product: str) -> tuple[str, int]:
        """The token of a form, and for how many seconds it is not taken yet."""
        switched = self._switches.of(product, call.now.timestamp())
        return self._forms.token(call, call.principal.environment or "", product), switched.seconds

    def visit(self, call: Call, product: str, form: str | None, address: str, *, asked: bool = False) -> Visit:
        """Before the bucket. `asked`: by a survey, whose token is as good as a form's. Raises Invalid for a form that is not
        taken."""
        now = call.now.timestamp()
        switched = self._switches.of(product, now)
        environment = call.principal.environment
        if call.principal.kind != "client" or environment is None:
            return Visit(switched.scrub, "")
        if switched.token and not asked:
            self._forms.check(call, environment, product, form, switched.seconds)
        return Visit(switched.scrub, source(self._salts.of(environment, now), network(address)))

    def voted(self, call: Call, product: str, address: str) -> bool:
        """Whether votes are taken there; a vote takes a token as feedback does, and needs no form. Raises TooManyRequests."""
        self.let(call, address)
        return self._switches.of(product, call.now.timestamp()).voting

    def let(self, call: Call, address: str, size: Size = TELLING) -> None:
        """What needs no form takes a token all the same. Raises TooManyRequests."""
        now, environment = call.now.timestamp(), call.principal.environment
        if call.principal.kind == "client" and environment is not None:
            self.buckets.take(call, source(self._salts.of(environment, now), network(address)), size=size)
