"""What a client of one OpenAPI document would miss in the next: the breaking changes, each in a line.

A request may be taken more widely than before, never more narrowly; an answer may tell more, never less. Unknown request
fields and parameters are refused here, so that taking one away breaks whoever sends it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Part = Mapping[str, Any]

_FLOORS = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_CEILINGS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_ANY = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})


def breaks(old: Part, new: Part) -> list[str]:
    return list(_Comparison(old, new).document())


class _Comparison:
    def __init__(self, old: Part, new: Part) -> None:
        self.old, self.new = old, new
        self._under_way: set[tuple[int, int, bool]] = set()  # schemas that contain themselves

    def document(self) -> Iterator[str]:
        for path, operations in self.old["paths"].items():
            for method, operation in operations.items():
                place = f"{method.upper()} {path}"
                found = self.new["paths"].get(path, {}).get(method)
                if found is None:
                    yield f"{place}: is gone"
                else:
                    yield from self._operation(place, operation, found)

    def _operation(self, place: str, old: Part, new: Part) -> Iterator[str]:
        if old["operationId"] != new["operationId"]:
            yield f"{place}: its operationId was {old['operationId']}"
        yield from self._parameters(place, self._by_name(self.old, old), self._by_name(self.new, new))
        yield from self._body(f"{place} body", old.get("requestBody"), new.get("requestBody"))
        for status, answer in old["responses"].items():
            if not status.startswith("2"):
                continue
            if status not in new["responses"]:
                yield f"{place}: no longer answers {status}"
            else:
                yield from self._answer(
                    f"{place} {status}", self._seen(self.old, answer), self._seen(self.new, new["responses"][status])
                )

    def _parameters(self, place: str, old: Mapping[str, Part], new: Mapping[str, Part]) -> Iterator[str]:
        for name, parameter in old.items():
            if name not in new:
                yield f"{place}: the parameter {name} is gone"
            else:
                yield from self._request(f"{place} {name}", parameter["schema"], new[name]["schema"])
        for name, parameter in new.items():
            if parameter.get("required") and not old.get(name, {}).get("required"):
                yield f"{place}: the parameter {name} is now required"

    def _body(self, place: str, old: Part | None, new: Part | None) -> Iterator[str]:
        if old is None or new is None:
            if new is not None and new.get("required"):
                yield f"{place}: is now required"
            if old is not None:
                yield f"{place}: is no longer taken"
            return
        for media, content in old["content"].items():
            if media not in new["content"]:
                yield f"{place}: {media} is no longer taken"
            else:
                yield from self._request(place, content["schema"], new["content"][media]["schema"])

    def _answer(self, place: str, old: Part, new: Part) -> Iterator[str]:
        for header in old.get("headers", {}):
            if header not in new.get("headers", {}):
                yield f"{place}: the header {header} is gone"
        for media, content in old.get("content", {}).items():
            if media not in new.get("content", {}):
                yield f"{place}: {media} is no longer answered"
            else:
                yield from self._told(place, content["schema"], new["content"][media]["schema"])

    # --- schemas ---

    def _request(self, place: str, old: Part, new: Part) -> Iterator[str]:
        """Whatever the old schema took, the new one takes."""
        yield from self._schema(place, self._seen(self.old, old), self._seen(self.new, new), told=False)

    def _told(self, place: str, old: Part, new: Part) -> Iterator[str]:
        """Whatever the new schema tells, a reader of the old one understands."""
        yield from self._schema(place, self._seen(self.old, old), self._seen(self.new, new), told=True)

    def _schema(self, place: str, old: Part, new: Part, *, told: bool) -> Iterator[str]:
        pair = (id(old), id(new), told)
        if pair in self._under_way:
            return
        self._under_way.add(pair)
        try:
            # In an answer the roles are turned: what the new one may tell must fit the old one.
            wide, narrow = (new, old) if told else (old, new)
            if "anyOf" in wide or "anyOf" in narrow:
                yield from self._options(place, old, new, told=told)
                return
            yield from self._values(place, wide, narrow)
            yield from self._members(place, old, new, told=told)
            if "items" in old and "items" in new:
                yield from (self._told if told else self._request)(f"{place}[]", old["items"], new["items"])
        finally:
            self._under_way.discard(pair)

    def _options(self, place: str, old: Part, new: Part, *, told: bool) -> Iterator[str]:
        """Each option on the one side fits some option on the other."""
        olds = [self._seen(self.old, option) for option in old.get("anyOf", [old])]
        news = [self._seen(self.new, option) for option in new.get("anyOf", [new])]
        for option in news if told else olds:
            pairs = [(known, option) for known in olds] if told else [(option, offered) for offered in news]
            found = [list(self._schema(place, *pair, told=told)) for pair in pairs]
            if all(found):
                yield min(found, key=len)[0]

    def _values(self, place: str, wide: Part, narrow: Part) -> Iterator[str]:
        """Every value of `wide` is one of `narrow`, as far as type, enum, pattern and bounds tell."""
        lost = _types(wide) - _types(narrow) - ({"integer"} if "number" in _types(narrow) else set())
        if lost:
            yield f"{place}: the type {', '.join(sorted(lost))} does not fit any more"
        values, known = _enum(wide), _enum(narrow)
        if known is not None and (values is None or not set(values) <= set(known)):
            yield f"{place}: the values {sorted(set(values or ['any']) - set(known))} do not fit any more"
        if "pattern" in narrow and narrow["pattern"] != wide.get("pattern"):
            yield f"{place}: the pattern is another"
        for name in _FLOORS:
            if name in narrow and wide.get(name, float("-inf")) < narrow[name]:
                yield f"{place}: {name} {narrow[name]} does not fit any more"
        for name in _CEILINGS:
            if name in narrow and wide.get(name, float("inf")) > narrow[name]:
                yield f"{place}: {name} {narrow[name]} does not fit any more"

    def _members(self, place: str, old: Part, new: Part, *, told: bool) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name, member in before.items():
            if name in after:
                yield from (self._told if told else self._request)(f"{place}.{name}", member, after[name])
            elif told or new.get("additionalProperties") is False:
                yield f"{place}: the field {name} is gone"
        required, demanded = set(old.get("required", ())), set(new.get("required", ()))
        for name in sorted(required - demanded if told else demanded - required):
            yield f"{place}: the field {name} {'may be missing now' if told else 'is now required'}"
        if not told and new.get("additionalProperties") is False and old.get("additionalProperties", True) is not False:
            yield f"{place}: other fields are no longer taken"

    @staticmethod
    def _seen(document: Part, part: Part) -> Part:
        while "$ref" in part:
            _, _, group, name = part["$ref"].split("/")
            part = document["components"][group][name]
        return part

    def _by_name(self, document: Part, operation: Part) -> dict[str, Part]:
        found = [self._seen(document, parameter) for parameter in operation.get("parameters", ())]
        return {f"{parameter['in']}:{parameter['name']}": parameter for parameter in found}


def _types(schema: Part) -> frozenset[str]:
    kinds = schema.get("type")
    if kinds is None:
        return frozenset(_type(value) for value in _enum(schema) or ()) or _ANY
    return frozenset([kinds] if isinstance(kinds, str) else kinds)


def _enum(schema: Part) -> list[Any] | None:
    values: list[Any] | None = [schema["const"]] if "const" in schema else schema.get("enum")
    return values


def _type(value: Any) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")
