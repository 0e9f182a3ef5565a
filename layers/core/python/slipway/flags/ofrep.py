"""Answers in the form of OFREP 0.3.0, as bytes: what a client of any OpenFeature SDK reads.

    answer        200   {"key", "metadata", "reason", "value", "variant"}
                        no `value` where the caller's own default applies (DISABLED, or DEFAULT without a variant)
    error         400   {"errorCode", "errorDetails", "key", "metadata"}; 404 for FLAG_NOT_FOUND
    bulk          200   {"flags": [answers and errors], "metadata": {}}

`variant` is always text ("" for none) and `metadata` always an object: Python's and Java's providers break without them.
A float keeps its fraction (1.0), which they need to tell it from an integer. Equal answers are equal byte for byte.
"""

from __future__ import annotations

import json

from slipway.flags.evaluation import Evaluation
from slipway.flags.limits import Allowance

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping
    from typing import Any

    from slipway.flags.evaluation import Answer, FlagSet
    from slipway.flags.program import One, Program, Rule
    from slipway.flags.shapes import Node

_ERROR = b'{"errorCode":'  # keys are sorted
_set = object.__setattr__


def item(evaluation: Evaluation) -> bytes:
    """One answer or error; made once for each evaluation. A value that is no JSON is an error of the flag."""
    try:
        return evaluation.ofrep
    except AttributeError:
        pass
    try:
        body = _written(evaluation)
    except (ValueError, TypeError, RecursionError):  # NaN, a cycle, what is no JSON value
        body = _written(unwritable(evaluation))
    _set(evaluation, "ofrep", body)
    return body


def single(evaluation: Evaluation) -> tuple[int, bytes]:
    """The HTTP status and the body."""
    body = item(evaluation)
    if evaluation.error_code == "FLAG_NOT_FOUND":
        return 404, body
    return 400 if body.startswith(_ERROR) else 200, body


def unwritable(evaluation: Evaluation) -> Evaluation:
    detail = f"The variant {(evaluation.variant or '')[:100]!r} or the metadata is no JSON."
    return Evaluation(evaluation.key, None, None, "ERROR", "GENERAL", detail, {})


def discreet(evaluation: Evaluation) -> Evaluation:
    """Without a word of the rule: for client keys, whose holder may be anybody."""
    if evaluation.error_code in (None, "FLAG_NOT_FOUND", "INVALID_CONTEXT"):
        return evaluation
    return evaluation.but(error_details="The flag cannot be evaluated for this context; a server key is told why.")


def exposed(evaluation: Evaluation, token: str | None) -> Evaluation:
    """With the token as `exposure` in its metadata."""
    if token is None or evaluation.error_code is not None:
        return evaluation
    return evaluation.but(metadata={**evaluation.metadata, "exposure": token})


def _written(evaluation: Evaluation) -> bytes:
    document: dict[str, Any] = {"key": evaluation.key, "metadata": evaluation.metadata}
    if evaluation.error_code is not None:
        document |= {"errorCode": evaluation.error_code, "errorDetails": evaluation.error_details or ""}
    else:
        document |= {"reason": evaluation.reason, "variant": evaluation.variant or ""}
        if evaluation.has_value:
            document["value"] = evaluation.value
    return _json(document)


_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode


def _json(document: Any) -> bytes:
    return _encode(document).encode()


PATIENCE = 256  # answers from which on a program is worth its making, which takes as long as some hundred save
CHUNK = 25  # flags of one program; one is made with each answer, so that none waits for long


def _discreetly(ready: Evaluation | Answer) -> Evaluation | Answer:
    if isinstance(ready, Evaluation):
        return discreet(ready)
    return lambda context, now, shared=None: discreet(ready(context, now, shared))


class Bulk:
    """All flags of a set for one audience. What does not depend on the context is written, and hashed, once; the rules that do
    become programs when they are asked often.

    `version` names the configuration in the ETag; `visible`: the keys that client keys see, all without; `rolled`: those
    with a rollout, which prove an exposure."""

    def __init__(
        self, flags: FlagSet, version: str, *, visible: Container[str] | None = None, rolled: Container[str] = ()
    ) -> None:
        from hashlib import sha256  # who asks for one flag does without

        self._version, self._metadata, self._evaluators = version, flags.metadata, flags.evaluators
        fixed: list[bytes] = []
        self._asked: list[Answer] = []
        self._rolled: list[tuple[str, Answer]] = []
        self._quick: list[Answer] = []
        self._rules: list[Rule] = []
        self._programs: list[Program] = []
        self._served = 0
        for key in flags.keys:
            if visible is not None and key not in visible:
                continue
            ready, parts = flags.ready(key), flags.parts(key)
            if visible is not None:
                ready = _discreetly(ready)
                parts = parts and (parts[0], {name: discreet(found) for name, found in parts[1].items()})
            if isinstance(ready, Evaluation):
                fixed.append(item(ready))
                continue
            if key in rolled:
                self._rolled.append((key, ready))
            elif parts is None:
                self._asked.append(ready)
            else:
                outcomes = {name: item(found) for name, found in parts[1].items()}
                self._rules.append((key, *flags.source(key), outcomes, _quickly(parts[0], outcomes, ready)))
                self._quick.append(ready)
        self._begin = b'{"flags":[' + b",".join(fixed)
        if fixed and (self._asked or self._rules or self._rolled):
            self._begin += b","
        self._end = self._closing({})
        self._hashed = sha256(self._begin)

    def answer(
        self,
        context: Mapping[str, Any] | None,
        now: float,
        metadata: Mapping[str, Any] | None = None,
        token: Callable[[str], str | None] | None = None,
    ) -> tuple[str, bytes]:
        """The ETag, quotes included, and the body. `metadata`: beside that of the flag set; `token`: of a flag's exposure.

        The ETag is that of the answer: it changes with the context when a value does, and stays while none does."""
        shared = Allowance()
        rest = b",".join(self._quickly(context, now, shared) + self._slowly(context, now, shared, token))
        rest += self._closing(metadata) if metadata else self._end
        digest = self._hashed.copy()
        digest.update(rest)
        return f'"{self._version}-{digest.hexdigest()[:32]}"', self._begin + rest

    def _slowly(self, context: Any, now: float, shared: Allowance, token: Callable[[str], str | None] | None) -> list[bytes]:
        items = [item(answer(context, now, shared)) for answer in self._asked]
        return items + [item(exposed(answer(context, now, shared), token and token(key))) for key, answer in self._rolled]

    def _quickly(self, context: Any, now: float, shared: Allowance) -> list[bytes]:
        if type(context) is not dict:
            return [item(answer(context, now, shared)) for answer in self._quick]
        items: list[bytes] = []
        for number, made in enumerate(self._programs):
            try:
                items += made(context, now, shared)
            except Exception:  # one of the rules takes steps, or fails on this context and tells what is wrong
                items += [one(context, now, shared) for *_, one in self._rules[number * CHUNK : (number + 1) * CHUNK]]
        done = len(self._programs) * CHUNK
        if done < len(self._rules):
            items += [one(context, now, shared) for *_, one in self._rules[done:]]
            self._served += 1
            if self._served > PATIENCE:
                from slipway.flags.program import program

                self._programs.append(program(self._rules[done : done + CHUNK], self._evaluators))
        return items

    def _closing(self, metadata: Mapping[str, Any]) -> bytes:
        try:
            return b'],"metadata":' + _json({**self._metadata, **metadata}) + b"}"
        except ValueError:  # NaN or an infinity among the numbers
            return b'],"metadata":{}}'


def _quickly(run: Node, outcomes: dict[str | None, bytes], answer: Answer) -> One:
    """Of a context that is a dict."""

    def one(context: Any, now: float, shared: Allowance) -> bytes:
        try:
            result = run(context, None)
            if type(result) is str or result is None:
                return outcomes[result]
        except Exception:  # noqa: S110 - `answer` meets it again, counts its steps, or tells what is wrong
            pass
        return item(answer(context, now, shared))

    return one
