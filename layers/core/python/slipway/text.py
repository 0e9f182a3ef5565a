"""Text as it is kept: trimmed, NFC, bounded, nothing in it that hides or reorders what is shown.

`LINE`, `PROSE` and `PASSAGE` are the patterns of what is taken, for the API's document: ECMA-262, Rust and Python read them
alike. No pattern is compiled before it is needed: a cold start meets few of them.
"""

from __future__ import annotations

import re
import unicodedata

# Control characters, line and paragraph separators, and the controls that override the direction of what follows.
# (Marks such as U+200F stay: right-to-left text needs them.)
_FORBIDDEN = r"\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069"
# What `str.strip` takes off; engines do not agree on what `\s` is.
_SPACE = r"\u0009-\u000d\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
# What shows nothing: a text of these alone is empty.
_BLANK = rf"{_SPACE}\u00ad\u200b-\u200f\u2060-\u2064\ufeff"

_LINE = rf"[^\t\n{_FORBIDDEN}]*[^{_BLANK}{_FORBIDDEN}][^\t\n{_FORBIDDEN}]*"
_PROSE = rf"[^{_FORBIDDEN}]*"

_PASSAGE = rf"[^{_FORBIDDEN}]*[^{_BLANK}{_FORBIDDEN}][^{_FORBIDDEN}]*"

LINE = rf"^[{_SPACE}]*{_LINE}[{_SPACE}]*$"
PROSE = rf"^[{_SPACE}]*([^{_FORBIDDEN}]|\r)*[{_SPACE}]*$"
PASSAGE = rf"^[{_SPACE}]*([^{_FORBIDDEN}]|\r)*[^{_BLANK}{_FORBIDDEN}]([^{_FORBIDDEN}]|\r)*[{_SPACE}]*$"


class BadText(ValueError):
    """`code` is stable; the message tells how to mend the text."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def line(raw: str, most: int) -> str:
    """One line of 1 to `most` characters. Raises BadText."""
    kept = _kept(raw, most)
    if not kept:
        raise BadText("empty", "Write at least one visible character.")
    if not re.fullmatch(_PROSE, kept) or "\n" in kept or "\t" in kept:
        raise BadText("forbidden_character", "Leave out line breaks, control characters and direction overrides.")
    if not re.fullmatch(_LINE, kept):
        raise BadText("empty", "Write at least one visible character.")
    return kept


def prose(raw: str, most: int) -> str:
    """Text of up to `most` characters that may have line breaks (kept as U+000A) and tabs. Raises BadText."""
    kept = _kept(raw.replace("\r\n", "\n").replace("\r", "\n"), most)
    if not re.fullmatch(_PROSE, kept):
        raise BadText("forbidden_character", "Leave out control characters and direction overrides.")
    return kept


def passage(raw: str, most: int) -> str:
    """Prose that says something. Raises BadText."""
    kept = prose(raw, most)
    if not re.fullmatch(_PASSAGE, kept):
        raise BadText("empty", "Write at least one visible character.")
    return kept


def folded(name: str) -> str:
    """The form in which names are compared: without case, NFC. Folding it again changes nothing."""
    before, after = "", name
    while after != before:  # a folded letter may compose with the mark after it
        before, after = after, unicodedata.normalize("NFC", unicodedata.normalize("NFD", after).casefold())
    return after


def sorting(name: str) -> str:
    """What an index sorts a name by (it takes 1 KB): the first 100 characters of its folded form, which are folded, too."""
    return folded(name)[:100]


def _kept(raw: str, most: int) -> str:
    # The length is checked first: putting thousands of combining marks in order takes quadratic time.
    if len(raw) > most:
        raise BadText("too_long", f"Write at most {most:,} characters.")
    kept = unicodedata.normalize("NFC", raw.strip()).strip()
    if any("\ud800" <= letter <= "\udfff" for letter in kept):
        raise BadText("forbidden_character", "Leave out halves of surrogate pairs: they are no characters.")
    if len(kept) > most:
        raise BadText("too_long", f"Write at most {most:,} characters (it grows when normalised to NFC).")
    return kept
