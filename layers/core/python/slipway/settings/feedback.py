"""The environment of the functions around feedback, apart: the hot path fetches none of it."""

from __future__ import annotations

from slipway.settings import Collect, Settings, Stream


class Triage(Collect, kw_only=True):
    table_feedback: str
    bucket_attachments: str
    schedule_prefix: str
    schedule_role: str
    triage: str  # ARN of the function that its one-shots wake, which is itself
    sentiment: str = "lexicon"  # what says how a text sounds, or "comprehend"


class Ballots(Stream, kw_only=True):
    table_feedback: str


class Feedback(Settings, kw_only=True):
    table_feedback: str
    table_products: str  # whether a product is there that feedback is about
    table_signals: str  # what the day's hashes of networks are made with
    table_access: str  # whether a member is there to whom an item is assigned
    table_flags: str  # whether a flag is there that an item is linked to
    bucket_attachments: str


class Public(Settings, kw_only=True):
    table_feedback: str
    table_products: str  # what a product is called
    site: str  # the root of the API, for links in a feed


class Surveys(Settings, kw_only=True):
    table_feedback: str
    table_products: str  # whether a product is there that a survey asks about


class Courier(Settings, kw_only=True):
    table_feedback: str
    schedule_prefix: str
    schedule_role: str
    courier: str  # ARN of the function that its one-shots wake, which is itself
    site: str  # the root of the API, for links in letters
    sender: str = ""  # whom letters come from; none: there are no letters
    loopback: bool = False  # for the laptop: webhooks may lead to this machine


class Hooks(Settings, kw_only=True):
    table_feedback: str
    table_products: str  # whether a product is there that an entry of the changelog is about
    schedule_prefix: str
    schedule_role: str
    courier: str
    loopback: bool = False


class Unsubscribe(Settings, kw_only=True):
    table_feedback: str


class Shipping(Settings, kw_only=True):
    table_feedback: str
    table_flags: str
