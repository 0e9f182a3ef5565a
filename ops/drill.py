"""`slipway drill`: people who are made up meet a rollout, so that one sees what its guards do about harm.

They ask as an SDK asks, tell what happened as an application does, and are counted as anybody is.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Annotated, Any, Final, NamedTuple
from urllib.parse import quote

import typer
from rich.console import Console

from ops.api import Api, Refused, from_environment
from ops.deployment import UNREACHABLE, Trouble
from slipway.credentials import parse

out = Console(soft_wrap=True, highlight=False)

SERVER_KEY: Final = "SLIPWAY_SERVER_KEY"
MORE_IS_WORSE = ("bad_units", "slow_units")
KINDS = (*MORE_IS_WORSE, "conversion")
UNDER_WAY, ACTED = ("running", "advancing"), ("paused", "rolled_back")
WAVE = 25  # people at a time: three events each are one batch
AT_ONCE = 8  # requests
ANSWERED, SETTLED, BACK = 20.0, 10.0, 30.0  # seconds: until it is answered, judged, and answered as before


class Met(NamedTuple):
    """Of one variant: how many got it, and how many of them came to harm."""

    people: int = 0
    harmed: int = 0


class Drill:
    """`harm`: by variant, how likely somebody comes to it."""

    def __init__(
        self, admin: Api, service: Api, rollout: Mapping[str, Any], guard: Mapping[str, Any], harm: Mapping[str, float]
    ):
        self._admin, self._service, self._rollout, self._guard, self._harm = admin, service, rollout, guard, harm
        self._name, self._random = f"drill-{secrets.token_hex(4)}", Random()  # noqa: S311 - who comes to harm
        self._treated: str | None = None
        self.met = {rollout["from"]: Met(), rollout["to"]: Met()}
        self.harmed = 0.0  # when the first of those with the new variant was, as far as it was told

    def waves(self, people: int) -> Iterator[Mapping[str, Any]]:
        """The rollout after each wave, until it has moved or everybody has come. Raises Trouble."""
        if not _until(lambda: self._asked(range(5)), ANSWERED):
            raise Trouble(f"Nobody is shown {self._rollout['id']} yet: does a rule keep everybody from it?")
        rollout = self._rollout
        for first in range(0, people, WAVE):
            self._wave(range(first, min(first + WAVE, people)))
            yield (rollout := self._read())
            if rollout["state"] not in UNDER_WAY:
                return
        _until(lambda: self._read()["state"] not in UNDER_WAY, SETTLED)
        yield self._read()

    def back(self) -> bool:
        """Wait until those who got the new variant are answered as before."""
        return _until(lambda: self._treated is None or self._ask(self._treated) == (self._rollout["from"], None), BACK)

    # --- inside ---

    def _wave(self, numbers: range) -> None:
        events = [event for who, variant, proof in self._asked(numbers) for event in self._happened(who, variant, proof)]
        if events:
            if not _until(lambda: self._told(events), ANSWERED):
                raise Trouble("What happened cannot be told: nobody takes it.")
            self.harmed = self.harmed or (time.monotonic() if self.met[self._rollout["to"]].harmed else 0.0)

    def _told(self, events: list[dict[str, Any]]) -> bool:
        """Whether all of it is written down; else it is to be sent again."""
        try:
            self._service.write("POST", "/v1/events", {"events": events})
        except Refused as refused:
            if refused.status != 503:
                raise
            return False
        return True

    def _asked(self, numbers: range) -> list[tuple[str, str, str]]:
        """Who was shown the rollout, with what, and the proof of it."""
        names = [f"{self._name}-{number}" for number in numbers]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(self._ask, names))
        return [(who, variant, proof) for who, (variant, proof) in zip(names, answers, strict=True) if proof is not None]

    def _ask(self, who: str) -> tuple[str, str | None]:
        context = {"targetingKey": who, self._rollout["bucket_by"]: who}
        try:
            answer, _ = self._service.write("POST", f"/ofrep/v1/evaluate/flags/{self._rollout['flag']}", {"context": context})
        except Refused:  # it is not known there yet
            return "", None
        proof = answer.get("metadata", {}).get("exposure")
        return answer.get("variant", ""), proof if proof is not None and self._rollout["id"] in proof else None

    def _happened(self, who: str, variant: str, proof: str) -> Iterator[dict[str, Any]]:
        harmed = self._random.random() < self._harm[variant]
        people, before = self.met[variant]
        self.met[variant] = Met(people + 1, before + harmed)
        if variant == self._rollout["to"]:
            self._treated = who
        yield {"id": f"{who}-x", "type": "exposure", "flag": self._rollout["flag"], "exposure": proof, "targetingKey": who}
        yield {"id": f"{who}-d", "type": "outcome", "name": "drill", "targetingKey": who}  # whoever does anything is alive
        if harmed == (self._guard["kind"] in MORE_IS_WORSE):
            slow = {} if self._guard["threshold"] is None else {"value": 2 * self._guard["threshold"] + 1}
            yield {"id": f"{who}-m", "type": "outcome", "name": self._guard["metric"], "targetingKey": who, **slow}

    def _read(self) -> Mapping[str, Any]:
        here = _rollouts(self._rollout["flag"], self._rollout["environment"])
        return dict(self._admin.read(f"{here}/{self._rollout['id']}"))


def begun(admin: Api, service: Api, environment: str, flag: str, metric: str | None, harm: float, usual: float) -> Drill:
    """The drill of the rollout that is under way. Raises Trouble."""
    if admin.read(f"/v1/environments/{environment}")["protected"]:
        raise Trouble(f"{environment} is protected: who is made up there would be counted among the people who are not.")
    found = admin.pages(f"{_rollouts(flag, environment)}?limit=10")
    rollout = next((one for one in found if one["state"] in UNDER_WAY), None)
    if rollout is None:
        raise Trouble(f"No rollout of {flag} is under way in {environment}, the environment of {SERVER_KEY}.")
    guards = [guard for guard in rollout["guards"] if guard["kind"] in KINDS and metric in (None, guard["metric"])]
    if not guards:
        what = "no metric" if metric is None else f"no {metric}"
        raise Trouble(f"{rollout['id']} has {what} among its guards of {', '.join(KINDS)}.")
    return Drill(admin, service, rollout, guards[0], {rollout["from"]: usual, rollout["to"]: harm})


def drill(
    flag: Annotated[str, typer.Argument(metavar="FLAG", help="Whose rollout is under way.")],
    metric: Annotated[str | None, typer.Option(help="Of which guard; by default its first that counts.")] = None,
    harm: Annotated[int, typer.Option(help="Percent of those with the new variant who come to harm.", min=0, max=100)] = 60,
    usual: Annotated[int, typer.Option(help="Percent of the others who do.", min=0, max=100)] = 1,
    people: Annotated[int, typer.Option(help="At most so many come.", min=1, max=100_000)] = 1000,
) -> None:
    """Send made-up people to the rollout of FLAG, and see what its guards do about harm.

    They read the flag, tell that they were shown it and what came of it, with the server key in SLIPWAY_SERVER_KEY, in its
    environment, which must not be protected: they are counted as anybody is. Begin another rollout when the drill is over. Exit
    codes: 0 a guard has acted; 1 none has; 3 the API cannot be reached.
    """
    admin, service = from_environment(), from_environment(SERVER_KEY)
    key = parse(os.environ[SERVER_KEY])
    if key is None or key.kind != "server":
        raise Trouble(f"{SERVER_KEY} is no server key.", UNREACHABLE)
    run = begun(admin, service, key.environment, flag, metric, harm / 100, usual / 100)
    begin, rollout = time.monotonic(), dict[str, Any]()
    out.print(" seconds" + "".join(f"{variant:>14} {'harmed':>7}" for variant in run.met))
    for told in run.waves(people):
        rollout = dict(told)
        row = "".join(f"{met.people:>14} {met.harmed:>7}" for met in run.met.values())
        out.print(f"{time.monotonic() - begin:8.1f}{row}")
    out.print(f"{rollout['state']}: {rollout['why']['detail']}", markup=False)
    if rollout["state"] not in ACTED:
        raise Trouble("No guard has acted. The rollout's evidence says what each of them knows.")
    if rollout["share"] == 0 and run.harmed and run.back():
        out.print(f"Everybody is answered as before, {time.monotonic() - run.harmed:.1f} s after the first harm was told.")


def _rollouts(flag: str, environment: str) -> str:
    return f"/v1/flags/{quote(flag, safe='')}/environments/{environment}/rollouts"


def _until(found: Callable[[], object], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not found():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True
