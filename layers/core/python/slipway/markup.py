"""HTML and XML put together from parts: a text is escaped by being put in, and there is no other way to put one in."""

from __future__ import annotations

import re

_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})
_UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what XML 1.0 has no place for


class Markup(str):
    """What `tag` made; any other text is escaped."""

    __slots__ = ()


def tag(name: str, /, *inside: str | None, **attributes: str | None) -> Markup:
    """One element. None is nothing, of an attribute as well; `class_` is `class`, `xml_lang` is `xml:lang`."""
    named = "".join(f' {_attribute(key)}="{escaped(value)}"' for key, value in attributes.items() if value is not None)
    body = "".join(part if isinstance(part, Markup) else escaped(part) for part in inside if part is not None)
    return Markup(f"<{name}{named}>{body}</{name}>")


def void(name: str, /, **attributes: str | None) -> Markup:
    """An element that has nothing inside, in HTML and in XML."""
    return Markup(tag(name, **attributes).removesuffix(f"></{name}>") + " />")


def many(*parts: str | None) -> Markup:
    """One after the other."""
    return Markup("".join(part if isinstance(part, Markup) else escaped(part) for part in parts if part is not None))


def escaped(text: str) -> str:
    return _UNFIT.sub("\ufffd", text).translate(_ESCAPED)


def _attribute(key: str) -> str:
    return key.rstrip("_").replace("xml_", "xml:").replace("_", "-")
