"""The door of everything about feedback, and what its pages work with."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from slipway.adapters import connect
from slipway.adapters.aead import AesGcm
from slipway.edge.http import Api
from slipway.feedback.buckets import Buckets
from slipway.feedback.erasure import Erasure
from slipway.feedback.forms import Forms
from slipway.feedback.gate import Gate
from slipway.feedback.items import Items
from slipway.feedback.people import People
from slipway.feedback.secrets import Secrets
from slipway.feedback.submission import Submissions
from slipway.feedback.switches import Switches
from slipway.feedback.tickets import Tickets
from slipway.ports import Store
from slipway.settings import Feedback as Settings
from slipway.signals.salts import Salts


@dataclass(frozen=True, slots=True)
class Feedback:
    items: Items
    people: People
    submissions: Submissions
    gate: Gate
    erasure: Erasure


def feedback(store: Store, entropy: Callable[[int], bytes] = os.urandom) -> Feedback:
    secrets = Secrets(store, entropy)
    people = People(store, secrets, entropy)
    items = Items(store, people, AesGcm(), entropy)
    gate = Gate(Switches(store), Forms(secrets), Buckets(store), Salts(store, entropy))
    return Feedback(items, people, Submissions(items, gate, Tickets(secrets)), gate, Erasure(items))


def wire() -> Feedback:
    return feedback(connect.store(Settings.load()))


api: Api[Feedback] = Api("feedback", wire)
