"""Access tokens: what Cognito makes is taken, whatever else is sent is not. All keys are made here."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import math
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.ports import StoreUnavailable
from slipway.tokens import AGAIN, KEPT, LONGEST, SKEW, PoolKeys, Tokens

NOW = 1_795_435_200.0
ISSUER = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_pool"
CLIENT = "client-1"
OURS = rsa.generate_private_key(65537, 2048)
THEIRS = rsa.generate_private_key(65537, 2048)
CURVE = ec.generate_private_key(ec.SECP256R1())


def jwk(key: rsa.RSAPrivateKey, kid: str, **more: Any) -> dict[str, Any]:
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    return {**public, "kid": kid, "alg": "RS256", "use": "sig", **more}


def claims(**changed: Any) -> dict[str, Any]:
    fresh = {
        "sub": "6f1c",
        "iss": ISSUER,
        "client_id": CLIENT,
        "token_use": "access",
        "username": "mbr_ada",
        "scope": "openid",
        "iat": int(NOW) - 60,
        "exp": int(NOW) + 3600,
    }
    return {name: value for name, value in {**fresh, **changed}.items() if value is not None}


def token(key: Any = OURS, algorithm: str = "RS256", headers: dict[str, Any] | None = None, **changed: Any) -> str:
    return jwt.encode(claims(**changed), key, algorithm=algorithm, headers={"kid": "one", **(headers or {})})


class Pool:
    def __init__(self, *keys: dict[str, Any]) -> None:
        self.keys = list(keys)
        self.asked = 0
        self.down = False

    def __call__(self) -> bytes:
        self.asked += 1
        if self.down:
            raise ConnectionError("down")
        return json.dumps({"keys": self.keys}).encode()


@pytest.fixture
def pool() -> Pool:
    return Pool(jwk(OURS, "one"))


@pytest.fixture
def tokens(pool: Pool) -> Tokens:
    return Tokens(ISSUER, CLIENT, PoolKeys(pool))


def test_a_good_token_names_its_user(tokens: Tokens) -> None:
    assert tokens.username(token(), NOW) == "mbr_ada"


def encoded(part: Any) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unsigned(algorithm: str) -> str:
    return f"{encoded({'alg': algorithm, 'kid': 'one', 'typ': 'JWT'})}.{encoded(claims())}."


def unproven(**changed: Any) -> str:
    """Whatever the claims are, with the signature of others."""
    return f"{encoded({'alg': 'RS256', 'kid': 'one'})}.{encoded(claims(**changed))}.{token().rpartition('.')[2]}"


def confused() -> str:
    """HS256 with the public key as the secret."""
    public = OURS.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    signed = f"{encoded({'alg': 'HS256', 'kid': 'one'})}.{encoded(claims())}"
    return f"{signed}.{encoded(hmac.new(public, signed.encode(), hashlib.sha256).digest())}"


def resigned() -> str:
    """Good parts, another payload under the old signature."""
    head, _, signature = token().split(".")
    return f"{head}.{encoded(claims(username='mbr_root'))}.{signature}"


OWN = {"jwk": jwk(THEIRS, "one"), "jku": "https://evil.example/jwks.json", "x5u": "https://evil.example/cert.pem"}

ATTACKS = {
    "alg none": unsigned("none"),
    "alg None": unsigned("None"),
    "alg nOnE": unsigned("nOnE"),
    "HS256 with the public key": confused(),
    "RS384": token(algorithm="RS384"),
    "PS256": token(algorithm="PS256"),
    "ES256": token(CURVE, "ES256"),
    "another key": token(THEIRS),
    "another key of its own header": token(THEIRS, headers=OWN),
    "another payload": resigned(),
    "no signature": token().rpartition(".")[0] + ".",
    "kid unknown": token(headers={"kid": "two"}),
    "kid a path": token(headers={"kid": "../../dev/null"}),
    "kid a query": token(headers={"kid": "' OR 1=1 --"}),
    "crit": token(headers={"crit": ["exp"]}),
    "wrong issuer": token(iss="https://evil.example"),
    "issuer with a slash": token(iss=ISSUER + "/"),
    "another pool": token(iss=ISSUER + "2"),
    "no issuer": token(iss=None),
    "another client": token(client_id="client-2"),
    "client as audience only": token(client_id=None, aud=CLIENT),
    "ID token": token(token_use="id", aud=CLIENT),
    "no use": token(token_use=None),
    "expired": token(exp=int(NOW)),
    "no expiry": token(exp=None),
    "expiry in words": jwt.encode({**claims(), "exp": "never"}, OURS, "RS256", {"kid": "one"}),
    "expiry true": jwt.encode({**claims(), "exp": True}, OURS, "RS256", {"kid": "one"}),
    **{
        f"{name} {words}": unproven(**{name: number})
        for name in ("exp", "nbf", "iat")
        for words, number in {"huge": 10**400, "negative": -(10**400), "no number": math.nan, "infinite": math.inf}.items()
    },
    "begins later": token(nbf=int(NOW) + SKEW + 1),
    "made later": token(iat=int(NOW) + SKEW + 1),
    "no name": token(username=None),
    "empty name": token(username=""),
    "name a list": token(username=["mbr_ada"]),
    "long name": token(username="m" * 129),
    "oversized": token(padding="x" * LONGEST),
    "JWE": "a.b.c.d.e",
    "empty parts": "..",
    "no object": f"{encoded([])}.{encoded([])}.{encoded(b'x')}",
    "null bytes": f"{encoded(b'{}' + bytes(3))}.{encoded(claims())}.x",
    "deep": f"{encoded(b'[' * 3000)}.{encoded(b'[' * 3000)}.x",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_names_nobody(attack: str, tokens: Tokens, pool: Pool) -> None:
    assert tokens.username(ATTACKS[attack], NOW) is None
    assert pool.asked <= 1


@pytest.mark.parametrize("attack", [name for name in ATTACKS if not name.startswith(("another key", "another payload", "kid"))])
def test_what_is_plainly_wrong_is_refused_before_any_key_is_fetched(attack: str, tokens: Tokens, pool: Pool) -> None:
    tokens.username(ATTACKS[attack], NOW)
    assert pool.asked == (1 if attack == "no signature" else 0)


def test_a_token_of_a_key_of_another_use_is_refused() -> None:
    pool = Pool(jwk(OURS, "one", use="enc"), jwk(OURS, "one", alg="RS512"), jwk(THEIRS, "two"))
    assert Tokens(ISSUER, CLIENT, PoolKeys(pool)).username(token(), NOW) is None


@settings(deadline=None)
@given(st.text(max_size=300))
def test_no_text_is_too_odd(text: str) -> None:
    pool = Pool(jwk(OURS, "one"))
    assert Tokens(ISSUER, CLIENT, PoolKeys(pool)).username(text, NOW) is None
    assert pool.asked == 0


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_one_wrong_character_names_nobody(data: st.DataObject) -> None:
    good = token()
    # The last character of a base64url part may hold bits that nobody reads.
    place = data.draw(st.integers(0, len(good) - 1).filter(lambda i: good[i] != "." and good[i + 1 : i + 2] not in ("", ".")))
    other = data.draw(
        st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.").filter(lambda c: c != good[place])
    )
    assert (
        Tokens(ISSUER, CLIENT, PoolKeys(Pool(jwk(OURS, "one")))).username(good[:place] + other + good[place + 1 :], NOW) is None
    )


def test_a_token_lives_to_the_second(tokens: Tokens) -> None:
    text = token(exp=int(NOW) + 10)
    assert tokens.username(text, NOW + 9.9) == "mbr_ada"
    assert tokens.username(text, NOW + 10) is None


# --- the pool's keys ------------------------------------------------------------------------------------


def test_keys_are_fetched_once_an_hour(tokens: Tokens, pool: Pool) -> None:
    text = token(exp=int(NOW) + 3 * KEPT)
    for second in range(0, KEPT, 60):
        assert tokens.username(text, NOW + second)
    assert pool.asked == 1
    assert tokens.username(text, NOW + KEPT)
    assert pool.asked == 2


def test_a_new_key_of_the_pool_is_found_within_a_minute(tokens: Tokens, pool: Pool) -> None:
    assert tokens.username(token(), NOW)
    pool.keys = [jwk(THEIRS, "two")]
    text = token(THEIRS, headers={"kid": "two"})
    assert tokens.username(text, NOW + AGAIN) == "mbr_ada"
    assert tokens.username(token(), NOW + AGAIN) is None


def test_made_up_key_ids_ask_the_pool_once_a_minute(tokens: Tokens, pool: Pool) -> None:
    for number in range(120):
        assert tokens.username(token(headers={"kid": f"k{number}"}), NOW + number) is None
    assert pool.asked == 2


def test_keys_at_hand_outlive_an_outage(tokens: Tokens, pool: Pool) -> None:
    assert tokens.username(token(), NOW)
    pool.down = True
    text = token(exp=int(NOW) + 10 * KEPT)
    for hour in range(1, 5):
        assert tokens.username(text, NOW + hour * KEPT) == "mbr_ada"


def test_without_any_key_an_outage_is_told_and_not_hammered(tokens: Tokens, pool: Pool) -> None:
    pool.down = True
    for tenth in range(100):
        with pytest.raises(StoreUnavailable):
            tokens.username(token(), NOW + tenth / 10)
    assert pool.asked <= 6
    pool.down = False
    assert tokens.username(token(), NOW + 20) == "mbr_ada"


@pytest.mark.parametrize(
    "document", [b"", b"{}", b"[]", b'{"keys":[]}', b'{"keys":[{"kty":"oct","k":"AA","kid":"one"}]}', b'{"keys":7}']
)
def test_a_broken_document_is_an_outage(document: bytes) -> None:
    with pytest.raises(StoreUnavailable):
        Tokens(ISSUER, CLIENT, PoolKeys(lambda: document)).username(token(), NOW)
