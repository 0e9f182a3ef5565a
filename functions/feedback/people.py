"""What is known of a person: told to it, and forgotten."""

from __future__ import annotations

from functions.feedback.door import Feedback, api
from slipway.edge.http import Answer, Request
from slipway.feedback.dossier import dossier
from slipway.feedback.erasure import certificate
from slipway.feedback.subject import DossierView, ErasedView, Subject


@api.post("/v1/people/export", "people.export", body=Subject, answers={200: DossierView})
def export(request: Request[Feedback, Subject, None]) -> Answer:
    """Export everything about one person.

    Items that the person opened with what was written in them, and rows beside items, such as votes. An e-mail address means
    all who gave it. What was submitted in the last seconds may be missing.
    """
    return Answer(200, dossier(request.use.items, request.body.who()))


@api.post("/v1/people/erase", "people.erase", body=Subject, answers={200: ErasedView})
def erase(request: Request[Feedback, Subject, None]) -> Answer:
    """Forget a person: nobody can read any more what that person told.

    Items and votes stay, `erased` and of nobody. The certificate of each person names every store, and when its last copy
    expires. An e-mail address means all who gave it. Again it finds nobody, and does nothing.
    """
    found = request.use.erasure.erase(request.call, request.body.who())
    return Answer(200, {"certificates": [certificate(stored) for stored in found]})
