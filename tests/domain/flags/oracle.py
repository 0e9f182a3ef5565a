"""flagd-core 2.0.0 as an oracle: what it makes of a rule, and of a flag, at a fixed time."""

from __future__ import annotations

import copy
import logging
from typing import Any

from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.contrib.tools.flagd.core.targeting import targeting as targeting_module  # the function, by its package
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import OpenFeatureError

NOW = 1_795_435_200
KEY = "a-flag"

logging.getLogger("openfeature.contrib").setLevel(logging.CRITICAL)


class Escaped(Exception):
    """An exception that is none of OpenFeature's: the caller of flagd-core gets it in the face."""


def given(context: dict[str, Any]) -> EvaluationContext:
    attributes = {name: value for name, value in context.items() if name != "targetingKey"}
    return EvaluationContext(context.get("targetingKey"), attributes)


def value(rule: Any, context: dict[str, Any]) -> Any:
    """What the rule gives. Raises ReferenceError for an unknown operator, Escaped."""
    try:
        return targeting_module(KEY, rule, given(context))
    except ReferenceError:
        raise
    except Exception as error:
        raise Escaped(type(error).__name__) from error


def resolved(flag: dict[str, Any], context: dict[str, Any]) -> tuple[Any, ...]:
    """Value, variant, reason and error code. Raises Escaped."""
    core = FlagdCore()
    core.set_flags({"flags": {KEY: copy.deepcopy(flag)}})
    try:
        details = core._resolve(KEY, None, given(context))
    except OpenFeatureError as error:
        return None, None, "ERROR", error.error_code.value
    except Exception as error:
        raise Escaped(type(error).__name__) from error
    return details.value, details.variant, str(details.reason), None
