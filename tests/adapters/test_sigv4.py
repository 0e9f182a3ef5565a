"""Signatures: AWS's published vectors, and botocore as the second opinion."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slipway.adapters.sigv4 import Credentials, Signer, encode_path

EXAMPLES = 2000 if os.environ.get("SLIPWAY_PROVE") == "1" else 100
SUITE = json.loads((Path(__file__).parent / "sigv4_vectors.json").read_text())


@pytest.mark.parametrize("vector", SUITE["vectors"], ids=lambda vector: vector["name"])
def test_a_published_vector(vector: dict[str, Any]) -> None:
    signer = Signer(
        Credentials(SUITE["access_key"], SUITE["secret_key"], vector.get("token")), SUITE["region"], SUITE["service"]
    )
    payload = sha256(vector["body"].encode()).hexdigest()
    headers = [*vector["headers"].items()] + ([("x-amz-content-sha256", payload)] if vector.get("sign_body") else [])
    signed = dict(signer.sign(vector["method"], encode_path(vector["path"]), headers, payload, SUITE["stamp"]))
    assert signed["authorization"].rpartition("Signature=")[2] == vector["signature"]
    assert signed.get("x-amz-security-token") == vector.get("token")


TOKENS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=40)
NAMES = st.from_regex(r"x-[a-z0-9-]{1,20}", fullmatch=True).filter(lambda name: not name.startswith("x-amz"))
VALUES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=30)
PATHS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(2099, 1, 1))


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    service=st.sampled_from(["dynamodb", "s3"]),
    method=st.sampled_from(["GET", "PUT", "POST"]),
    key=PATHS,
    headers=st.dictionaries(NAMES, VALUES, max_size=5),
    body=st.binary(max_size=200),
    access=TOKENS,
    secret=TOKENS,
    token=st.none() | TOKENS,
    moments=st.lists(MOMENTS, min_size=1, max_size=3),
    region=st.sampled_from(["eu-west-1", "us-east-1", "cn-north-1"]),
)
def test_botocore_signs_the_same(
    monkeypatch: pytest.MonkeyPatch,
    service: str,
    method: str,
    key: str,
    headers: dict[str, str],
    body: bytes,
    access: str,
    secret: str,
    token: str | None,
    moments: list[datetime],
    region: str,
) -> None:
    path = encode_path(f"/{key}") if service == "s3" else "/"
    payload = sha256(body).hexdigest()
    signer = Signer(Credentials(access, secret, token), region, service)
    kind = botocore.auth.S3SigV4Auth if service == "s3" else botocore.auth.SigV4Auth
    for moment in moments:  # one signer, several days: its key follows
        ours = dict(
            signer.sign(
                method,
                path,
                [("host", "host.example"), *headers.items(), *([("x-amz-content-sha256", payload)] if service == "s3" else [])],
                payload,
                moment.strftime("%Y%m%dT%H%M%SZ"),
            )
        )
        monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda moment=moment: moment.replace(tzinfo=UTC))
        request = botocore.awsrequest.AWSRequest(method, f"http://host.example{path}", dict(headers), body)
        kind(botocore.credentials.Credentials(access, secret, token), service, region).add_auth(request)
        assert ours["authorization"] == request.headers["Authorization"]


def test_a_path_keeps_what_is_unreserved_and_its_slashes() -> None:
    assert encode_path("/a-b_c.d~e/%2F?&=+ü ") == "/a-b_c.d~e/%252F%3F%26%3D%2B%C3%BC%20"
