"""AWS Signature Version 4 in the Authorization header, for requests without a query string.

Source: "Signature Version 4 signing process", AWS General Reference. S3 signs the path as it is sent, encoded once; other
services encode it again, which changes nothing for DynamoDB's only path, `/`.
"""

from __future__ import annotations

from collections.abc import Iterable

from slipway.digests import hexdigest, hmac
from slipway.values import Value

_UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/"


class Credentials(Value):
    access_key: str
    secret_key: str
    token: str | None = None


def encode_path(path: str) -> str:
    """Percent-encode all but unreserved characters and the slash, as UTF-8."""
    raw = path.encode()
    if not raw.translate(None, _UNRESERVED):
        return path
    return "".join([chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in raw])


class Signer:
    """Signs for one service in one region. Keeps the signing key, which is the same for a whole day."""

    __slots__ = ("_credentials", "_day", "_key", "region", "service")

    def __init__(self, credentials: Credentials, region: str, service: str) -> None:
        self._credentials = credentials
        self.region, self.service = region, service
        self._day, self._key = "", b""

    def sign(
        self, method: str, path: str, headers: Iterable[tuple[str, str]], payload: str, stamp: str
    ) -> list[tuple[str, str]]:
        """The headers to send: those given, `x-amz-date`, the session token, and `authorization` over all of them.

        `path`: encoded as it is sent. `headers`: lower-case names with trimmed values, `host` among them.
        `payload`: the body's SHA-256 in hex. `stamp`: the time as 20260131T235959Z.
        """
        signed = [*headers, ("x-amz-date", stamp)]
        if self._credentials.token is not None:
            signed.append(("x-amz-security-token", self._credentials.token))
        signed.sort()
        names = ";".join([name for name, _ in signed])
        lines = "".join([f"{name}:{value}\n" for name, value in signed])
        request = f"{method}\n{path}\n\n{lines}\n{names}\n{payload}"
        signature = self.signature(f"AWS4-HMAC-SHA256\n{stamp}\n{self._scope(stamp)}\n{hexdigest(request.encode())}", stamp)
        credential = self.credential(stamp)
        signed.append(
            ("authorization", f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}")
        )
        return signed

    def signature(self, text: str, stamp: str) -> str:
        """Of any text, with the key of that day."""
        return hmac(self._signing_key(stamp[:8]), text.encode()).hex()

    def credential(self, stamp: str) -> str:
        """Who signs, and for what."""
        return f"{self._credentials.access_key}/{self._scope(stamp)}"

    @property
    def token(self) -> str | None:
        return self._credentials.token

    def _scope(self, stamp: str) -> str:
        return f"{stamp[:8]}/{self.region}/{self.service}/aws4_request"

    def _signing_key(self, day: str) -> bytes:
        if day != self._day:
            key = ("AWS4" + self._credentials.secret_key).encode()
            for part in (day, self.region, self.service, "aws4_request"):
                key = hmac(key, part.encode())
            self._day, self._key = day, key
        return self._key
