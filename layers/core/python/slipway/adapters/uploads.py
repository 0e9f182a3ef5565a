"""Forms and links to objects of S3 that whoever holds them may use for some minutes: signed here, no request is made.

Source: "Authenticating Requests: Browser-Based Uploads Using POST" and "... Using Query Parameters", Amazon S3 API Reference.
What the role may do is what they may: without `s3:PutObject` a form is refused when it is sent.
"""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from slipway.adapters.aws import domain, identity, objects_at
from slipway.adapters.sigv4 import Signer, encode_path
from slipway.calls import timestamp
from slipway.digests import hexdigest
from slipway.ports import Form

_ALGORITHM = "AWS4-HMAC-SHA256"


class S3Uploads:
    """`slipway.ports.Uploads` over S3."""

    def __init__(self, bucket: str, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        credentials, region = identity(environ)
        self._bucket, self._signer = bucket, Signer(credentials, region, "s3")
        elsewhere = objects_at(environ).rstrip("/")
        self._root = f"{elsewhere}/{bucket}" if elsewhere else f"https://{bucket}.s3.{region}.{domain(region)}"

    def form(self, key: str, media: str, most: int, now: datetime, lifetime: timedelta) -> Form:
        stamp = _stamp(now)
        fields = {"key": key, "Content-Type": media} | self._by(stamp, {"x-amz-security-token": self._signer.token})
        exact = [{name: value} for name, value in {"bucket": self._bucket, **fields}.items()]
        conditions = [*exact, ["content-length-range", 1, most]]
        policy = json.dumps({"expiration": timestamp(now + lifetime), "conditions": conditions})
        encoded = b64encode(policy.encode()).decode()
        signature = self._signer.signature(encoded, stamp)
        return Form(f"{self._root}/", {**fields, "policy": encoded, "x-amz-signature": signature})

    def link(self, key: str, media: str, name: str, now: datetime, lifetime: timedelta) -> str:
        stamp, url = _stamp(now), f"{self._root}/{encode_path(key)}"
        _, _, rest = url.partition("://")
        host, _, path = rest.partition("/")
        asked = self._by(stamp, {"x-amz-security-token": self._signer.token})
        asked = {f"X-Amz-{header[6:].title()}": value for header, value in asked.items()}
        asked |= {"X-Amz-Expires": str(int(lifetime.total_seconds())), "X-Amz-SignedHeaders": "host"}
        asked |= {"response-content-type": media, "response-content-disposition": f'attachment; filename="{name}"'}
        query = "&".join(f"{name}={quote(value, safe='-_.~')}" for name, value in sorted(asked.items()))
        request = f"GET\n/{path}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD"
        scope = self._signer.credential(stamp).partition("/")[2]
        text = f"{_ALGORITHM}\n{stamp}\n{scope}\n{hexdigest(request.encode())}"
        return f"{url}?{query}&X-Amz-Signature={self._signer.signature(text, stamp)}"

    def _by(self, stamp: str, token: Mapping[str, str | None]) -> dict[str, str]:
        by = {"x-amz-algorithm": _ALGORITHM, "x-amz-credential": self._signer.credential(stamp), "x-amz-date": stamp}
        return by | {name: value for name, value in token.items() if value is not None}


def _stamp(now: datetime) -> str:
    return now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
