"""`slipway.feedback.sealing.Aead` by OpenSSL, which is loaded when something is first sealed or opened."""

from __future__ import annotations


class AesGcm:
    """AES-256-GCM."""

    def seal(self, key: bytes, nonce: bytes, plain: bytes, about: bytes) -> bytes:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(key).encrypt(nonce, plain, about)

    def open(self, key: bytes, nonce: bytes, sealed: bytes, about: bytes) -> bytes:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            return AESGCM(key).decrypt(nonce, sealed, about)
        except InvalidTag:
            raise ValueError("not sealed with this key for this item") from None
