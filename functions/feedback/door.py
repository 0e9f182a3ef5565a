"""The door of everything about feedback, and what its pages work with."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from slipway.adapters import connect
from slipway.adapters.aead import AesGcm
from slipway.edge.http import Api
from slipway.feedback.items import Items
from slipway.feedback.people import People
from slipway.feedback.secrets import Secrets
from slipway.feedback.submission import Submissions
from slipway.ports import Store
from slipway.settings import Feedback as Settings


@dataclass(frozen=True, slots=True)
class Feedback:
    items: Items
    people: People
    submissions: Submissions


def feedback(store: Store, entropy: Callable[[int], bytes] = os.urandom) -> Feedback:
    secrets, aead = Secrets(store, entropy), AesGcm()
    people = People(store, secrets, entropy, aead)
    items = Items(store, people, aead, entropy)
    return Feedback(items, people, Submissions(items))


def wire() -> Feedback:
    return feedback(connect.store(Settings.load()))


api: Api[Feedback] = Api("feedback", wire)
