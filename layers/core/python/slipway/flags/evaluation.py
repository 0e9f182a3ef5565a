"""What a flag answers: flagd's definitions, evaluated.

flags = FlagSet.parse(document)                            never raises; a bad flag stands in `flags.errors`
flags.evaluate("checkout", {"targetingKey": "u1"}, now=0)  never raises; an Evaluation
"""

# A flag is compiled when it is first asked for, to closures; what does not depend on the context is answered from memory.
#
#     reason            when                                                        variant    value
#     STATIC            there is no targeting                                       default    its value
#     TARGETING_MATCH   the targeting names a variant, `fractional` included        named      its value
#     DEFAULT           the targeting gives null                                    default    its value
#     DEFAULT           the default is wanted, and there is none                    None       None: the caller's own
#     DISABLED          the flag is switched off                                    None       None: the caller's own
#     ERROR             see `error_code`                                            None       None
#
#     FLAG_NOT_FOUND    there is no such flag
#     PARSE_ERROR       the document or the flag cannot be read, or an operator is reached that does not exist
#     INVALID_CONTEXT   the context is no JSON object
#     GENERAL           a variant is named that does not exist, or the rule cannot be answered within the limits
#
# Two keys of a flag's metadata mean something: `hash` ("v2" | "v3", see `slipway.flags.fractional`) and `type`: "float" makes
# its whole numbers floats, 1 -> 1.0. So does a variant with a fraction beside them.
#
# A flag with `prerequisites`, [[flag, [variants]]], answers its default, DEFAULT, unless each of those flags answers one of its
# variants: one that errs, is off or is not there does not. No document of flagd has them; `slipway.flags.snapshot` adds them.
#
# Operators that only Slipway knows (`extensions` tells which flags use them) are described in `slipway.flags.extensions`.

from __future__ import annotations

import json

from slipway.flags.form import HASHES, fault, is_metadata, values
from slipway.flags.limits import Meter, Unanswerable
from slipway.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from slipway.flags.compiler import Compiled
    from slipway.flags.limits import Allowance
    from slipway.flags.shapes import Node
    from slipway.flags.trace import Explanation

    Answer = Callable[..., "Evaluation"]  # of the context, now, and the Allowance of the request, if any
    Parts = tuple[Node, dict[str | None, "Evaluation"]]


class _Kept:
    """Beside the fields: where `slipway.flags.ofrep` keeps the bytes that it made of this evaluation."""

    __slots__ = ("ofrep",)

    ofrep: bytes


class Evaluation(_Kept, Value):
    """`value` and `metadata` are shared between evaluations: they are not to be changed."""

    key: str
    value: Any
    variant: str | None
    reason: str
    error_code: str | None
    error_details: str | None
    metadata: Mapping[str, Any]

    @property
    def has_value(self) -> bool:
        """False where the caller's own default applies."""
        return self.variant is not None


class FlagSet:
    """The flags of one document, which is not to be changed afterwards."""

    def __init__(
        self, flags: Mapping[str, Any], evaluators: Mapping[str, Any], metadata: Mapping[str, Any], hash: str, trouble: str = ""
    ) -> None:
        self.metadata, self.hash = metadata, hash
        self._flags, self.evaluators, self._trouble = flags, evaluators, trouble
        self._ready: dict[str, Evaluation | Answer] = {}
        self._compiled: dict[str, Compiled] = {}
        self._parts: dict[str, Parts] = {}

    @classmethod
    def parse(cls, document: Any, hash: str = "v3") -> FlagSet:
        """Of a flagd document: a dict, or JSON as str or bytes. `hash`: for flags whose metadata pins none.

        Raises ValueError for another hash than those; for no document."""
        if hash not in HASHES:
            raise ValueError(f"the hash is one of {', '.join(HASHES)}")
        try:
            return cls._read(document, hash)
        except (ValueError, RecursionError):
            return cls({}, {}, {}, hash, "The document is no JSON.")
        except Exception as error:  # values of classes that are no JSON's
            return cls({}, {}, {}, hash, f"The document cannot be read ({type(error).__name__}).")

    @classmethod
    def _read(cls, document: Any, hash: str) -> FlagSet:
        if isinstance(document, (str, bytes)):
            document = json.loads(document)
        flags = document.get("flags") if isinstance(document, dict) else None
        if isinstance(flags, list):
            flags = {flag["key"]: flag for flag in flags if isinstance(flag, dict) and isinstance(flag.get("key"), str)}
        if not isinstance(flags, dict):
            return cls({}, {}, {}, hash, "The document has no `flags`: an object of flags by key.")
        evaluators, metadata = document.get("$evaluators") or {}, document.get("metadata") or {}
        trouble = ""
        if not isinstance(evaluators, dict):
            evaluators, trouble = {}, "`$evaluators` is no object."
        if not is_metadata(metadata):
            metadata, trouble = {}, "`metadata` is no object of texts, numbers and truth values."
        return cls(flags, evaluators, metadata, hash, trouble)

    @property
    def keys(self) -> list[str]:
        return list(self._flags)

    @property
    def errors(self) -> dict[str, str]:
        """What is wrong with each flag that answers everybody with an error, and under "" with the document.

        Compiles every flag."""
        bad = {"": self._trouble} if self._trouble else {}
        for key in self._flags:
            ready = self.ready(key)
            if isinstance(ready, Evaluation) and ready.error_code is not None:
                bad[key] = ready.error_details or ""
        return bad

    def extensions(self, key: str) -> frozenset[str]:
        """The names of the operators in this flag's targeting that no other flagd provider knows."""
        self.ready(key)
        return self._compiled[key].extensions if key in self._compiled else frozenset()

    def succeed(self, before: FlagSet) -> None:
        """Take over what that set compiled, where it would be the same."""
        shared = _alike(self.evaluators, before.evaluators)
        for key, compiled in before._compiled.items():
            flag, other = self._flags.get(key), before._flags[key]
            if (shared or not compiled.refers) and isinstance(flag, dict) and _alike(flag, other):
                self._compiled[key] = compiled

    def evaluate(
        self, key: str, context: Mapping[str, Any] | None = None, *, now: float, shared: Allowance | None = None
    ) -> Evaluation:
        """`context`: a dict of JSON values, with the unit's id as `targetingKey`; `now`: Unix seconds; `shared`: the steps
        that others of the same request take as well."""
        try:
            ready = self._ready.get(key) or self.ready(key)
            return ready if type(ready) is Evaluation else ready(context, now, shared)  # type: ignore[operator]
        except Exception:  # a key that is no text, or a stack that was used up before we were called
            return self._error(key, "GENERAL", "The flag could not be evaluated.")

    def evaluate_all(self, context: Mapping[str, Any] | None = None, *, now: float) -> list[Evaluation]:
        """Every flag of the document, in its order."""
        return [self.evaluate(key, context, now=now) for key in self._flags]

    def explain(self, key: str, context: Mapping[str, Any] | None = None, *, now: float) -> Explanation:
        """As `evaluate`, with what led to it."""
        from slipway.flags.trace import explained

        return explained(self, key, context, now)

    def ready(self, key: str) -> Evaluation | Answer:
        """What `evaluate` asks: the Evaluation itself where the context does not matter, else a function of context and now."""
        if key in self._ready:
            return self._ready[key]
        if key not in self._flags:
            if self._trouble and not self._flags:
                return self._error(key, "PARSE_ERROR", self._trouble)
            return self._error(key, "FLAG_NOT_FOUND", "There is no such flag.")
        ready: Evaluation | Answer
        try:
            ready = self._made(key, self._flags[key])
        except Unanswerable as wrong:
            ready = self._error(key, wrong.code, wrong.detail)
        except Exception as error:  # what cannot be foreseen of one flag is no harm to the others
            ready = self._error(key, "PARSE_ERROR", f"The flag cannot be read ({type(error).__name__}).")
        self._ready[key] = ready
        return ready

    def parts(self, key: str) -> Parts | None:
        """What answers many flags at once: the rule as a function of a context that is a dict, and the evaluations of the
        texts that it gives and of null. For everything else, and where there is None, `ready` has the answer."""
        self.ready(key)
        return self._parts.get(key)

    def source(self, key: str) -> tuple[str, Any]:
        """The hash and the targeting of a flag that has one."""
        return self._hash(key), self._flags[key]["targeting"]

    # --- inside ---

    def _error(self, key: str, code: str, detail: str) -> Evaluation:
        return Evaluation(key, None, None, "ERROR", code, detail, self.metadata)

    def _hash(self, key: str) -> str:
        return str((self._flags[key].get("metadata") or {}).get("hash", self.hash))

    def _made(self, key: str, flag: Any) -> Evaluation | Answer:
        wrong = fault(flag)
        if wrong:
            raise Unanswerable("PARSE_ERROR", wrong)
        metadata = {**self.metadata, **(flag.get("metadata") or {})}
        if flag["state"] == "DISABLED":
            return Evaluation(key, None, None, "DISABLED", None, None, metadata)
        if not flag.get("targeting"):  # one that needs others has always one
            return _default(key, flag, metadata, "STATIC")
        if key not in self._compiled:
            from slipway.flags.compiler import Compiler  # a flag without a rule is answered without

            self._compiled[key] = Compiler(key, self._hash(key), self.evaluators).compiled(flag["targeting"])
        return self.answering(key, self._compiled[key], Meter)

    def answering(self, key: str, compiled: Compiled, meter: Callable[[Allowance | None], Meter]) -> Answer:
        # A flag's answer by the closure of its targeting.
        flag = self._flags[key]
        answer = self._targeted(key, flag, compiled, meter)
        if not flag.get("prerequisites"):
            return answer
        from slipway.flags.prerequisites import asking

        self._parts.pop(key, None)
        default = _default(key, flag, {**self.metadata, **(flag.get("metadata") or {})}, "DEFAULT")
        return asking(self, flag["prerequisites"], answer, default)

    def _targeted(self, key: str, flag: Any, compiled: Compiled, meter: Callable[[Allowance | None], Meter]) -> Answer:
        run, whole = compiled.run, compiled.whole
        metadata = {**self.metadata, **(flag.get("metadata") or {})}
        found = values(flag)
        outcomes = {name: Evaluation(key, found[name], name, "TARGETING_MATCH", None, None, metadata) for name in found}
        default = _default(key, flag, metadata, "DEFAULT")

        def error(code: str, detail: str) -> Evaluation:
            return Evaluation(key, None, None, "ERROR", code, detail, metadata)

        def named(result: Any) -> Evaluation:
            if result is None:
                return default
            if not isinstance(result, (str, bool, int, float)):
                return error("GENERAL", "The targeting gives a list or an object, not the name of a variant.")
            from slipway.flags.coercion import text

            name = text(result)
            return outcomes.get(name) or error("GENERAL", f"The targeting names {name[:100]!r}, which is no variant.")

        def careful(context: Any, now: float, shared: Allowance | None = None) -> Evaluation:
            if context is not None and not isinstance(context, dict):
                return error("INVALID_CONTEXT", "The context is no JSON object.")
            try:
                data = context or {}
                if whole:
                    own = {"flagKey": key, "timestamp": int(now)}
                    data = {**data, "targetingKey": data.get("targetingKey"), "$flagd": own}
                return named(run(data, meter(shared)))
            except Unanswerable as wrong:
                return error(wrong.code, wrong.detail)
            except Exception as failed:
                return error("GENERAL", f"The targeting fails on this context ({type(failed).__name__}).")

        def answer(context: Any, now: float, shared: Allowance | None = None) -> Evaluation:
            if type(context) is dict:
                try:
                    result = run(context, None)
                    return outcomes[result] if type(result) is str else named(result)
                except Exception:
                    return careful(context, now, shared)  # counts its steps, or tells what is wrong
            return careful(context, now, shared)

        if whole or compiled.walks or meter is not Meter:
            return careful
        texts: dict[str | None, Evaluation] = {None: default}
        texts.update(outcomes)
        self._parts[key] = run, texts
        return answer


def _alike(one: Any, other: Any) -> bool:
    # As JSON: 1, 1.0 and true, which are equal, are three.
    return one == other and repr(one) == repr(other)


def _default(key: str, flag: Any, metadata: Mapping[str, Any], reason: str) -> Evaluation:
    name = flag.get("defaultVariant")
    if isinstance(name, bool):
        name = "true" if name else "false"
    if not name:
        return Evaluation(key, None, None, "DEFAULT", None, None, metadata)
    if name not in flag["variants"]:
        detail = f"The default {name[:100]!r} is no variant."
        return Evaluation(key, None, None, "ERROR", "GENERAL", detail, metadata)
    return Evaluation(key, values(flag)[name], name, reason, None, None, metadata)
