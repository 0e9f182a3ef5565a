"""The flag evaluator against its peers, in one process and one run: each is first checked for right answers.

A single answer is measured from the context of a request (a dict) and, kinder to peers that make an object of it, with that
object at hand; what it costs to measure nothing is taken off. A bulk answer goes from the context to the bytes and the ETag
of an OFREP response, for sets with more and less that depends on the context: most flags of a product are switched on or off
for everybody, so the first mix is the likely one, and the last one is hard on us. Each flag with five clauses has literals of
its own, so that no answer is another one's. The handler of all flags goes from an event of the gateway to its answer.
Times are the best of a hundred rounds.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
import time
import timeit
from collections.abc import Callable, Mapping
from typing import Any
from unittest.mock import patch

from bench import environment
from bench.evaluators import NOW, PEERS, Evaluator, expected, flagd_document, keys, kind, slipway
from bench.peers.statsig import Handler
from bench.runtime import Failed
from functions.evaluate.handler import FLAGS, TRACK, documents
from functions.evaluate.handler import Evaluator as Evaluate
from slipway.access import Principal
from slipway.adapters.memory import MemoryBlobs
from slipway.edge import observe
from slipway.flags import ofrep
from slipway.flags.evaluation import FlagSet
from slipway.flags.murmur3 import pure, pure_after
from slipway.flags.ofrep import Bulk
from slipway.flags.snapshot import path
from slipway.rollouts.signing import Secrets
from tests.functions.events import http_event

UNITS = 2_000
ROUNDS, SLICE = 100, 0.002  # rounds, and about the seconds of one
HANDLED = 350  # flags
FIRST = keys(3)
MIXES = {
    "of 50: 45 plain, 4 five, 1 %": ("p" * 11 + "f") * 4 + "%p",
    "of 10: 7 plain, 2 five, 1 %": "ppfppp%pfp",
    "of 4: 2 plain, 1 five, 1 %": "pfp%",
}


def contexts() -> list[dict[str, Any]]:
    return [
        {
            "targetingKey": f"user-{number}",
            "country": "FR" if number % 11 == 0 else "DE",
            "plan": ("pro", "team", "free")[number % 7 % 3],
            "age": 15 + number % 30,
            "email": f"user-{number}@{'home.org' if number % 13 == 0 else 'acme.com'}",
            "device": "tv" if number % 17 == 0 else "phone",
            "number": number * 7_919 % 100,  # what powertools splits users by
        }
        for number in range(UNITS)
    ]


def check(evaluator: Evaluator, given: list[dict[str, Any]]) -> None:
    """Raises Failed for a wrong answer, or a share that is none of 30 %, within 4.5 standard deviations."""
    shared = 0
    for context in given:
        prepared = evaluator.context(context)
        for key in FIRST:
            value, right = evaluator.evaluate(key, prepared), expected(key, context)
            if evaluator.answer(key, prepared)[0] is not value or right not in (None, value):
                raise Failed(f"{evaluator.name}: {key} is {value} for {context}")
            shared += value is True and kind(key) == "percentage"
    if abs(shared - 0.3 * UNITS) > 4.5 * math.sqrt(UNITS * 0.3 * 0.7):
        raise Failed(f"{evaluator.name}: {shared} of {UNITS} units are no 30 %")


def micros(call: Callable[[], Any], clock: Callable[[], float] = time.perf_counter) -> float:
    """The best of many short rounds: other work on the machine lengthens some, and shortens none."""
    timer = timeit.Timer(call, timer=clock)
    calls = max(1, int(SLICE / max(min(timer.repeat(3, 1)), 1e-7)))
    return min(timer.repeat(ROUNDS, calls)) / calls * 1e6


def bulk(evaluator: Evaluator, flags: list[str], context: Mapping[str, Any]) -> tuple[str, bytes]:
    """An OFREP response as somebody would write it over a peer."""
    prepared = evaluator.context(context)
    items = []
    for key in flags:
        value, variant, reason = evaluator.answer(key, prepared)
        items.append({"key": key, "value": value, "variant": variant, "reason": reason, "metadata": {}})
    body = json.dumps({"flags": items, "metadata": {}}, separators=(",", ":")).encode()
    return f'"1-{hashlib.sha256(body).hexdigest()[:32]}"', body


def flags() -> None:
    sys.path.append(str(environment.site("peers")))
    given = contexts()
    context = next(context for context in given if expected(FIRST[1], context))  # all five clauses are asked
    ours = slipway(FIRST)
    found = [ours, *(peer(FIRST) for peer in PEERS)]
    for evaluator in found:
        check(evaluator, given)
    _singles(found, context)
    _bulks(context)
    _handlers(context)
    _loading(context)
    print("\nTargets, from a context: plain at least 10 x the best peer, five clauses and percentage 4 x, bulk 40 x in time;")
    print("the handler of all of 350 at most 1/25 of that over statsig.")


def _singles(found: list[Evaluator], context: dict[str, Any]) -> None:
    print("\nOne answer, in microseconds: from the context of a request | with the peer's own context object at hand\n")
    columns = f"{'':<18}{'plain':>9}{'five':>9}{'30 %':>9}   |{'plain':>9}{'five':>9}{'30 %':>9}"
    print(f"{columns}\n{'-' * len(columns)}")
    nothing = Evaluator("nothing", lambda given: given, _nothing, lambda *_: (None, "", ""))
    floors = [micros(lambda: nothing.evaluate("plain-0", nothing.context(context)))] * 3
    floors += [micros(lambda: nothing.evaluate("plain-0", context))] * 3

    def line(evaluator: Evaluator) -> list[float]:
        prepared = evaluator.context(context)
        cold = [micros(lambda key=key: evaluator.evaluate(key, evaluator.context(context))) for key in FIRST]  # type: ignore[misc]
        warm = [micros(lambda key=key: evaluator.evaluate(key, prepared)) for key in FIRST]  # type: ignore[misc]
        return [spent - floor for spent, floor in zip(cold + warm, floors, strict=True)]

    table = {evaluator.name: line(evaluator) for evaluator in found}
    for name, times in table.items():
        _print(name, [f"{spent:.2f}" for spent in times])
    own = table.pop("slipway")
    best = [min(times) for times in zip(*table.values(), strict=True)]
    _print("best peer : ours", [f"{peer / ours:.1f} x" for peer, ours in zip(best, own, strict=True)])
    with patch("slipway.flags.fractional.murmur3", pure), patch("slipway.flags.fractional.murmur3_after", pure_after):
        spent = line(slipway(FIRST))[2]
    print(f"\nWithout mmh3, 30 % takes us {spent:.2f}: {best[2] / spent:.1f} x, {best[5] / spent:.1f} x.")


def _nothing(key: str, context: Any) -> None:  # noqa: ARG001 - what measuring itself costs
    return None


def _print(name: str, cells: list[str]) -> None:
    padded = [f"{cell:>9}" for cell in cells]
    print(f"{name:<18}{''.join(padded[:3])}   |{''.join(padded[3:])}", flush=True)


def _bulks(context: dict[str, Any]) -> None:
    print("\nAll flags, from a context to an OFREP response, in microseconds")
    print(f"(Ours when its programs are made, {ofrep.PATIENCE} answers after a change of a flag; before that as `first` says.)")
    for mix, initials in MIXES.items():
        columns = f"{mix:<30}{'100 flags':>12}{'x ours':>8}{'1,000 flags':>14}{'x ours':>8}"
        print(f"\n{columns}\n{'-' * len(columns)}")
        hundred, thousand = (_bulk_times(keys(count, initials), context) for count in (100, 1_000))
        for name in hundred:
            few, many = hundred[name], thousand[name]
            ratios = few / hundred["slipway"], many / thousand["slipway"]
            print(f"{name:<30}{few:>12.0f}{ratios[0]:>8.1f}{many:>14.0f}{ratios[1]:>8.1f}", flush=True)


def _bulk_times(chosen: list[str], context: dict[str, Any]) -> dict[str, float]:
    ready = Bulk(FlagSet.parse(flagd_document(chosen)), "1")
    _right(ready.answer(context, NOW)[1], chosen, context)
    for _ in range(ofrep.PATIENCE + len(chosen)):
        ready.answer(context, NOW)
    _right(ready.answer(context, NOW)[1], chosen, context)
    times = {"slipway": micros(lambda: ready.answer(context, NOW))}
    with patch("slipway.flags.ofrep.PATIENCE", math.inf):
        first = Bulk(FlagSet.parse(flagd_document(chosen)), "1")
        times["slipway, first"] = micros(lambda: first.answer(context, NOW))
    for make in PEERS:
        peer = make(chosen)
        _right(bulk(peer, chosen, context)[1], chosen, context)
        times[peer.name] = micros(lambda peer=peer: bulk(peer, chosen, context))  # type: ignore[misc]
    return times


def _right(body: bytes, chosen: list[str], context: dict[str, Any]) -> None:
    answers = {item["key"]: item["value"] for item in json.loads(body)["flags"]}
    if answers.keys() != set(chosen) or any(expected(key, context) not in (None, answers[key]) for key in chosen):
        raise Failed(f"wrong answers among {len(chosen)}: {body[:500]!r}")


def _handlers(context: dict[str, Any]) -> None:
    print(f"\nThe whole handler, from an event to the answer with all of {HANDLED} flags, in microseconds")
    columns = f"{'':<30}{'slipway':>12}{'statsig':>12}{'ours : peer':>14}"
    print(f"\n{columns}\n{'-' * len(columns)}")
    principal = Principal("server", "key_bench", environment="production")
    body = json.dumps({"context": context})
    event = http_event("POST", FLAGS, headers={"content-type": "application/json"}, body=body, principal=principal)
    metadata = {"flagSetId": "production", "version": "1"}
    for mix, initials in MIXES.items():
        chosen = keys(HANDLED, initials)
        blobs = MemoryBlobs()
        ours: dict[str, Any] = {"client_side": [], "flags": {}, "evaluators": {}}
        published = {**json.loads(flagd_document(chosen)), "$evaluators": {}, "metadata": metadata, "slipway": ours}
        blobs.put(path("production"), json.dumps(published).encode(), content_type="application/json")
        copies = documents(blobs)
        own = Evaluate(lambda: copies, lambda: Secrets(blobs))  # noqa: B023 - used in this turn
        peer = Handler(chosen, metadata, {**metadata, "track": TRACK}, "1")
        with patch.object(observe, "sink", len):
            _alike(own(event, None), peer(event, None))
            for _ in range(ofrep.PATIENCE + HANDLED):
                own(event, None)
            _alike(own(event, None), peer(event, None))
            times = [micros(lambda: handler(event, None)) for handler in (own, peer)]  # noqa: B023
        print(f"{mix:<30}{times[0]:>12.0f}{times[1]:>12.0f}{f'1/{times[1] / times[0]:.1f}':>14}", flush=True)


def _alike(own: dict[str, Any], peer: dict[str, Any]) -> None:
    """Raises Failed where the answers differ, but for the order of flags and whom each draws for 30 %."""
    found = []
    for answer in (own, peer):
        document = json.loads(answer["body"])
        items = {item["key"]: item for item in document["flags"]}
        for key in items:
            if kind(key) == "percentage":
                items[key] |= {"value": None, "variant": None}
        found.append((answer["statusCode"], items, document["metadata"], len(answer["headers"]["ETag"])))
    if found[0] != found[1] or len(found[0][1]) != HANDLED:
        raise Failed(f"the handlers differ: {str(own)[:500]} {str(peer)[:500]}")


def _loading(context: dict[str, Any]) -> None:
    """flagd-core reads the same text; the others have forms of their own, or start threads and stores."""
    from openfeature.contrib.tools.flagd.core import FlagdCore

    chosen = keys(1_000)
    text = flagd_document(chosen)

    def eager() -> None:
        flags = FlagSet.parse(text)
        for key in chosen:
            flags.ready(key)
        flags.evaluate("five-1", context, now=NOW)

    def peer() -> None:
        core = FlagdCore()
        core.set_flags(text)
        core.resolve_boolean_value("plain-0", False)

    own = micros(lambda: FlagSet.parse(text).evaluate("five-1", context, now=NOW))
    read, all_at_once, other = micros(lambda: json.loads(text)), micros(eager), micros(peer)
    print(f"\nThe text of 1,000 flags to the first answer: {own:.0f} us, of which JSON {read:.0f}.")
    print(f"All compiled at once {all_at_once:.0f} ({all_at_once / own:.1f} x), flagd-core {other:.0f} ({other / own:.1f} x).")
