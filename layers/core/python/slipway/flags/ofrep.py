"""Answers in the form of OFREP 0.3.0, as bytes: what a client of any OpenFeature SDK reads.

    answer        200   {"key", "metadata", "reason", "value", "variant"}
                        no `value` where the caller's own default applies (DISABLED, or DEFAULT without a variant)
    error         400   {"errorCode", "errorDetails", "key", "metadata"}; 404 for FLAG_NOT_FOUND
    bulk          200   {"flags": [answers and errors], "metadata": {}}

`variant` is always text ("" for none) and `metadata` always an object: Python's and Java's providers break without them.
A float keeps its fraction (1.0), which they need to tell it from an integer. Equal answers are equal byte for byte.
"""

from __future__ import annotations

import hashlib
import json

from slipway.flags.evaluation import Evaluation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping
    from typing import Any

    from slipway.flags.evaluation import Answer, FlagSet
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


def _discreetly(ready: Evaluation | Answer) -> Evaluation | Answer:
    return discreet(ready) if isinstance(ready, Evaluation) else lambda context, now: discreet(ready(context, now))


class Bulk:
    """All flags of a set for one audience. What does not depend on the context is written, and hashed, once.

    `version` names the configuration in the ETag; `visible`: the keys that client keys see, all without; `rolled`: those
    with a rollout, which prove an exposure."""

    def __init__(
        self, flags: FlagSet, version: str, *, visible: Container[str] | None = None, rolled: Container[str] = ()
    ) -> None:
        self._version, self._metadata = version, flags.metadata
        fixed: list[bytes] = []
        self._asked: list[Answer] = []
        self._rolled: list[tuple[str, Answer]] = []
        self._quick: list[tuple[Node, dict[str | None, bytes], Answer]] = []
        for key in flags.keys:
            if visible is not None and key not in visible:
                continue
            ready, parts = flags.ready(key), flags.parts(key)
            if visible is not None:
                ready = _discreetly(ready)
                parts = parts and (parts[0], {name: discreet(found) for name, found in parts[1].items()})
            if isinstance(ready, Evaluation):
                fixed.append(item(ready))
            elif key in rolled:
                self._rolled.append((key, ready))
            elif parts is None:
                self._asked.append(ready)
            else:
                self._quick.append((parts[0], {name: item(found) for name, found in parts[1].items()}, ready))
        self._begin = b'{"flags":[' + b",".join(fixed)
        if fixed and (self._asked or self._quick or self._rolled):
            self._begin += b","
        self._end = self._closing({})
        self._hashed = hashlib.sha256(self._begin)

    def answer(
        self,
        context: Mapping[str, Any] | None,
        now: float,
        metadata: Mapping[str, Any] | None = None,
        token: Callable[[str], str | None] | None = None,
    ) -> tuple[str, bytes]:
        """The ETag, quotes included, and the body. `metadata`: beside that of the flag set; `token`: of a flag's exposure.

        The ETag is that of the answer: it changes with the context when a value does, and stays while none does."""
        items = self._quickly(context, now) + [item(answer(context, now)) for answer in self._asked]
        items += [item(exposed(answer(context, now), token and token(key))) for key, answer in self._rolled]
        rest = b",".join(items)
        rest += self._closing(metadata) if metadata else self._end
        digest = self._hashed.copy()
        digest.update(rest)
        return f'"{self._version}-{digest.hexdigest()[:32]}"', self._begin + rest

    def _quickly(self, context: Any, now: float) -> list[bytes]:
        if type(context) is not dict:
            return [item(answer(context, now)) for *_, answer in self._quick]
        items = []
        for run, written, answer in self._quick:
            try:
                result = run(context, None)
                if type(result) is str or result is None:
                    items.append(written[result])
                    continue
            except Exception:  # noqa: S110 - `answer` meets it again, and tells what is wrong
                pass
            items.append(item(answer(context, now)))
        return items

    def _closing(self, metadata: Mapping[str, Any]) -> bytes:
        try:
            return b'],"metadata":' + _json({**self._metadata, **metadata}) + b"}"
        except ValueError:  # NaN or an infinity among the numbers
            return b'],"metadata":{}}'
