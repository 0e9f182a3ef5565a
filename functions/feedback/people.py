"""What is known of a person: told to it, and forgotten."""

from __future__ import annotations

from functions.feedback.door import Feedback, api
from slipway.edge.http import Answer, Request
from slipway.feedback.dossier import dossier
from slipway.feedback.erasure import certificate
from slipway.feedback.subject import DossierView, ErasedView, Exporting, Subject, whom


@api.post("/v1/people/export", "people.export", body=Exporting, answers={200: DossierView})
def export(request: Request[Feedback, Exporting, None]) -> Answer:
    """Export everything about one person.

    The person's items with what was written in them, the team's notes on these, and rows beside items, such as votes. Nobody
    checks whose an e-mail address is: by it, of who has a targeting key or is a member only the items that hold it are told.
    There may be several pages: send the same again, with `next_cursor` as `cursor`, until none comes; the last one may be
    empty. What was submitted in the last seconds may be missing.
    """
    use, asked = request.use, request.body
    return Answer(200, dossier(use.items, use.notes, whom(use.store, asked), asked.cursor))


@api.post("/v1/people/erase", "people.erase", body=Subject, answers={200: ErasedView})
def erase(request: Request[Feedback, Subject, None]) -> Answer:
    """Forget a person: nobody can read any more what that person told.

    Items and votes stay, `erased` and of nobody. The certificate of each person names every store, and when its last copy
    expires. Nobody checks whose an e-mail address is: where it was given in the name of a targeting key or a member, nobody is
    erased by it, and 409 names these people. Again it finds nobody; by the id of the `person` it does what was broken off, and
    answers the same certificate. An environment that there never was is answered 422; one that was deleted
    will do.
    """
    use = request.use
    found = use.erasure.erase(request.call, whom(use.store, request.body))
    return Answer(200, {"certificates": [certificate(stored) for stored in found]})
