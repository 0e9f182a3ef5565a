"""What the door reads from request headers, and nothing more lenient."""

from __future__ import annotations

import re
from collections.abc import Mapping

from slipway.digests import hexdigest
from slipway.edge import observe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from slipway.problems import Malformed

MATCHES_NOTHING = -1  # no version is negative

# As text: `re` compiles them when they are first met, and keeps them.
_TAG = r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"'
_TAGS = rf"\s*{_TAG}\s*(?:,\s*{_TAG}\s*){{0,31}}"
_VERSION = r"0|[1-9][0-9]{0,14}"
_IDEMPOTENCY = r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?"


def if_match(headers: Mapping[str, str]) -> int | None:
    """The version that the caller has read; None for `*`; MATCHES_NOTHING for a weak or foreign tag, which no
    resource has (RFC 9110, 13.1.1). Raises PreconditionRequired, Malformed."""
    value = headers.get("if-match")
    if value is None:
        from slipway.problems import PreconditionRequired

        raise PreconditionRequired('Send If-Match with the ETag that you read, for example If-Match: "3", or *.')
    if value.strip() == "*":
        return None
    if not re.fullmatch(_TAGS, value):
        raise _malformed('If-Match must be a quoted entity tag, for example "3", or *.')
    versions = {int(tag) for weak, tag in re.findall(_TAG, value) if not weak and re.fullmatch(_VERSION, tag)}
    if len(versions) > 1:
        raise _malformed("Send the one entity tag that you read in If-Match, not a list of versions.")
    return versions.pop() if versions else MATCHES_NOTHING


def not_modified(headers: Mapping[str, str], etag: str) -> bool:
    """Whether If-None-Match names the present tag: weak comparison; a header that cannot be read matches nothing."""
    value = headers.get("if-none-match", "")
    if not value:
        return False
    if value.strip() == "*":
        return True
    return bool(re.fullmatch(_TAGS, value)) and etag.removeprefix("W/") in {f'"{tag}"' for _, tag in re.findall(_TAG, value)}


def idempotency_key(headers: Mapping[str, str]) -> str | None:
    """1 to 255 printable ASCII characters. Raises Malformed."""
    value = headers.get("idempotency-key")
    if value is not None and not re.fullmatch(_IDEMPOTENCY, value):
        raise _malformed("Idempotency-Key must have 1 to 255 printable ASCII characters.")
    return value


def correlation_id(headers: Mapping[str, str], nonce: str) -> str:
    """The caller's X-Correlation-Id where it is sane, else one of our own."""
    return observe.sent_correlation_id(headers) or hexdigest(f"correlation\x1f{nonce}".encode())[:32]


def traceparent(headers: Mapping[str, str], nonce: str) -> str:
    """The caller's W3C trace context where it is valid, else the root of a new trace. Of a version to come what 00 knows."""
    if sent := observe.sent_traceparent(headers):
        return sent
    digest = hexdigest(f"trace\x1f{nonce}".encode())
    return f"00-{digest[:32]}-{digest[32:48]}-01"


def media_type(headers: Mapping[str, str]) -> tuple[str, str]:
    """Type and charset of the body, lower case; both empty where there is none."""
    type, *parameters = headers.get("content-type", "").split(";")
    charset = ""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            charset = value.strip().strip('"').lower()
    return type.strip().lower(), charset


def _malformed(detail: str) -> Malformed:
    from slipway.problems import Malformed  # dear to a cold start, and only for what goes wrong

    return Malformed(detail)
