"""What was told already, over HTTP: asked while somebody writes."""

from __future__ import annotations

from functions.feedback.door import Feedback, api
from slipway.edge.http import Answer, Request
from slipway.feedback.buckets import SUGGESTIONS
from slipway.feedback.suggestions import Asked, SimilarList


@api.get("/v1/feedback/similar", "feedback.similar", query=Asked, answers={200: SimilarList})
def similar(request: Request[Feedback, None, Asked]) -> Answer:
    """Find feedback that says the same in other words.

    By words, other words for them, and spelling; the nearest first, and nothing that is too far. Duplicates lead to what they
    are duplicates of. The team sees titles as they were written; a client or server key the public ones where there are any,
    of bugs those alone, and only where the product's board has `suggestions` on. Ask when the typing pauses; a new title is
    found within seconds. Of one network, a client key may ask 120 times at once and twice a second from then on (429).
    """
    use, call = request.use, request.call
    use.suggestions.allow(call.principal, request.query.product, call.now)
    use.gate.let(call, request.address, SUGGESTIONS)
    return Answer(200, {"items": use.suggestions.find(call.principal, request.query, call.now)})
