"""Large bodies on their way out: compressed where that is taken, and refused where Lambda would not hand them over."""

from __future__ import annotations

from zlib import compressobj

LARGEST = 6_000_000  # of what Lambda hands over, with 0.2 MB for what stands around it


class TooLong(Exception):
    """How long it is, and what to do."""


def fitted(body: bytes, accepted: str, otherwise: str) -> tuple[dict[str, str], bytes]:
    """The headers that tell of its form, and the body in it. `accepted`: the Accept-Encoding of the request; `otherwise`: what
    to do where it does not fit. Raises TooLong."""
    if takes_gzip(accepted):
        gzip = compressobj(wbits=31)
        headers, body, mend = {"Content-Encoding": "gzip"}, gzip.compress(body) + gzip.flush(), otherwise
        size = len(body) * 4 // 3  # it goes out as base64
    else:
        headers, mend = {}, f"send Accept-Encoding: gzip, or {otherwise}"
        size = len(body) if len(body) <= LARGEST // 2 else len(body) + body.count(b'"') + body.count(b"\\")  # in a text
    if size > LARGEST:
        raise TooLong(f"The answer takes {size:,} bytes of {LARGEST:,} at most; {mend}.")
    return headers, body


def takes_gzip(accepted: str) -> bool:
    for part in accepted.lower().split(","):
        name, _, quality = part.partition(";")
        if name.strip() == "gzip":
            return quality.replace(" ", "").rstrip("0.") not in ("q=", "q")
    return False
