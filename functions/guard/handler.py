"""The counters' stream, and alarms that ring -> the verdict on each rollout that they are about.

It writes the rollout, the flag's configuration and the environment's revision itself, in one transaction: to step back it
needs neither the bus, nor the console, nor the collector. A record says only that something was counted; what is judged is what
stands in the counters now, so repeats and order do not matter.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from slipway.access import Principal
from slipway.adapters import connect
from slipway.calls import Call
from slipway.edge import observe, verdicts
from slipway.edge.stream import Change, Stream, Wired
from slipway.flags.control import Control
from slipway.ports import QUIET, Heard, StoreError
from slipway.rollouts import rollout
from slipway.rollouts.course import METRIC
from slipway.rollouts.judging import NOTE, judged
from slipway.rollouts.rollouts import Rollouts
from slipway.settings import Guard as Settings
from slipway.sweep import each

GUARD = Principal("system", "guard")


@dataclass(frozen=True, slots=True)
class Use:
    rollouts: Rollouts
    now: Callable[[], datetime]

    def call(self) -> Call:
        return Call(GUARD, "rollouts.judge", self.now(), os.urandom(16).hex())


def wire() -> Wired[Use]:
    settings = Settings.load()
    return Wired(
        Use(Control(connect.store(settings)).rollouts, lambda: datetime.now(UTC)),
        connect.blobs(settings, settings.bucket_quarantine),
        raise_failures=settings.raise_failures,
    )


def decode(change: Change) -> str | None:
    """The rollout whose counts have changed."""
    row = change.new
    return str(row["pk"]) if row is not None and row["sk"] != NOTE and row["pk"].startswith("rol_") else None


def judge(use: Use, ids: Sequence[str]) -> dict[int, Exception | None]:
    """Each rollout once; the indexes of those that could not be judged, with the error of those that never can be."""
    failed: dict[str, Exception | None] = {}
    for id in dict.fromkeys(ids):
        try:
            _judge(use, id)
        except StoreError as error:
            observe.line().failure(error, "unjudged")
            failed[id] = None
        except Exception as error:  # a row that is not as it should be: it keeps no other rollout from its verdict
            failed[id] = error
    return {index: failed[id] for index, id in enumerate(ids) if id in failed}


class Rang(NamedTuple):
    """An alarm whose state has changed."""

    alarm: str
    state: str
    at: datetime


def ring(use: Use, rang: Rang) -> None:
    """Judge every rollout that it is news for. Raises the first error, after the others were judged."""

    def hear(id: str) -> None:
        stored = use.rollouts.shelf.find(id)
        if stored is not None and rollout.hears(stored.data, rang.alarm, rang.at):
            _judge(use, id, Heard({rang.alarm}))

    each(use.rollouts.under_way(), hear, lambda error: observe.line().failure(error, "unjudged"))


def _judge(use: Use, id: str, alarms: Heard = QUIET) -> None:
    after = judged(use.rollouts, use.call(), id, alarms, noting=True)
    if after is not None:
        verdicts.told(observe.line(), after.data["state"])


def read(record: Mapping[str, Any]) -> Rang | None:
    """What a message tells; None for one that is not of CloudWatch."""
    try:
        told = json.loads(record["Sns"]["Message"])
        alarm, state, at = told["AlarmName"], told["NewStateValue"], datetime.fromisoformat(told["StateChangeTime"])
    except (ValueError, RecursionError, TypeError, KeyError):
        return None
    return Rang(alarm, state, at) if isinstance(alarm, str) and isinstance(state, str) and at.tzinfo is not None else None


class Guard:
    """The Lambda entry point: records of the counters' stream, or of the topic that alarms are sent to."""

    def __init__(self, wire: Callable[[], Wired[Use]]) -> None:
        self.stream = Stream("guard", wire, decode, judge, wave=100, delay="PublishDelay")

    def __call__(self, event: Mapping[str, Any], context: object) -> dict[str, Any]:
        if "Sns" not in event["Records"][0]:
            return self.stream(event, context)
        request = {"request_id": getattr(context, "aws_request_id", "none"), "trace_id": "", "correlation_id": ""}
        with observe.Line("guard", **request, source="aws.sns", event_type="alarm", records=len(event["Records"])) as line:
            use = self.stream.ready().use

            def hear(record: Mapping[str, Any]) -> None:
                rang = read(record)
                if rang is None:
                    line.level, line["error_code"] = "WARN", "no_alarm"  # nor will it be one when it comes again
                    return
                if re.fullmatch(METRIC, rang.alarm):
                    line["alarm"] = rang.alarm  # another name may be anything, also what is nobody's business
                if rang.state == "ALARM":
                    ring(use, rang)

            each(event["Records"], hear)
        return {}

    @contextmanager
    def testing(self, wired: Wired[Use]) -> Iterator[None]:
        """Work with this for a while."""
        with self.stream.testing(wired):
            yield


handler = Guard(wire)
