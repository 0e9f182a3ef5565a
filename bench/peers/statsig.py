"""The handler of all flags as somebody would write it over statsig-python-core: the same event in, the same OFREP answer out.

It is made kindly: it has its flags already and never asks for news, believes the authorizer without a look at what the key may
do, and writes no line of a log.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from bench.evaluators import kind, statsig


class Handler:
    """`flags`: as in `bench.evaluators`; `metadata`: of each flag; `about`: of the answer; `version`: for the ETag."""

    def __init__(self, flags: Sequence[str], metadata: dict[str, Any], about: dict[str, Any], version: str) -> None:
        self._evaluator = statsig(flags)
        self._flags = [(key, "STATIC" if kind(key) == "plain" else "TARGETING_MATCH") for key in flags]
        self._metadata, self._about, self._version = metadata, about, version

    def __call__(self, event: dict[str, Any], context: object) -> dict[str, Any]:
        del context
        given = json.loads(event["body"])["context"]
        user, evaluate = self._evaluator.context(given), self._evaluator.evaluate
        items = []
        for key, reason in self._flags:
            value = evaluate(key, user)
            variant = "on" if value else "off"
            items.append({"key": key, "metadata": self._metadata, "reason": reason, "value": value, "variant": variant})
        body = json.dumps({"flags": items, "metadata": self._about}, separators=(",", ":"))
        etag = f'"{self._version}-{hashlib.sha256(body.encode()).hexdigest()[:32]}"'
        headers = {name.lower(): value for name, value in event["headers"].items()}
        answered = {"Content-Type": "application/json", "Cache-Control": "no-store", "ETag": etag}
        if headers.get("if-none-match") == etag:
            return {"statusCode": 304, "headers": answered, "body": ""}
        return {"statusCode": 200, "headers": answered, "body": body}
