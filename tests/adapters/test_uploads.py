"""Forms and links for S3: byte for byte what AWS's own library signs, and what a service makes of them."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from slipway.adapters.uploads import S3Uploads
from slipway.settings import BadSettings

NOW = datetime(2026, 11, 23, 12, 30, 5, 999_000, tzinfo=UTC)
KEY, MEDIA, MINUTES = "incoming/att_1", "image/png", timedelta(minutes=10)
ENVIRONMENT = {"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret"}
TOKENS = (None, "session/token+=")


@pytest.fixture(params=TOKENS, ids=["key", "session"])
def token(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str | None:
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: NOW.replace(tzinfo=None))
    found: str | None = request.param
    return found


def uploads(token: str | None, **more: str) -> S3Uploads:
    return S3Uploads("bucket", ENVIRONMENT | ({"AWS_SESSION_TOKEN": token} if token else {}) | more)


def test_a_form_is_what_the_library_of_aws_signs(token: str | None) -> None:
    form = uploads(token).form(KEY, MEDIA, 5_000, NOW, MINUTES)
    assert form.url == "https://bucket.s3.eu-central-1.amazonaws.com/"
    policy = json.loads(base64.b64decode(form.fields["policy"]))
    assert policy["expiration"] == "2026-11-23T12:40:05.999Z"
    assert [name for name in policy["conditions"] if name == ["content-length-range", 1, 5_000]]
    named = {name: value for one in policy["conditions"] if isinstance(one, dict) for name, value in one.items()}
    sent = {name: value for name, value in form.fields.items() if name not in ("policy", "x-amz-signature")}
    assert named == {"bucket": "bucket", **sent}, "whatever is sent is said by the policy, and nothing else"
    assert (named["key"], named["Content-Type"]) == (KEY, MEDIA)
    request = AWSRequest("POST", form.url)
    given = [one for one in policy["conditions"] if not isinstance(one, dict) or not next(iter(one)).startswith("x-amz")]
    request.context["s3-presign-post-fields"] = {"key": KEY, "Content-Type": MEDIA}
    request.context["s3-presign-post-policy"] = {"expiration": policy["expiration"], "conditions": given}
    botocore.auth.S3SigV4PostAuth(Credentials("AKID", "secret", token), "s3", "eu-central-1").add_auth(request)
    theirs = request.context["s3-presign-post-fields"]
    assert theirs.keys() == form.fields.keys()
    signer = botocore.auth.S3SigV4PostAuth(Credentials("AKID", "secret", token), "s3", "eu-central-1")
    request.context["timestamp"] = form.fields["x-amz-date"]
    assert form.fields["x-amz-signature"] == signer.signature(form.fields["policy"], request)
    assert {name: theirs[name] for name in sent} == sent


def test_a_link_is_what_the_library_of_aws_signs(token: str | None) -> None:
    url = uploads(token).link("clean/fbk_1/att_1", MEDIA, "att_1.png", NOW, timedelta(minutes=5))
    parts = urlsplit(url)
    asked = dict(parse_qsl(parts.query))
    assert asked["response-content-disposition"] == 'attachment; filename="att_1.png"'
    assert (asked["response-content-type"], asked["X-Amz-Expires"]) == (MEDIA, "300")
    assert (parts.hostname, parts.path) == ("bucket.s3.eu-central-1.amazonaws.com", "/clean/fbk_1/att_1")
    told = {name: asked[name] for name in ("response-content-disposition", "response-content-type")}
    request = AWSRequest("GET", f"https://{parts.hostname}{parts.path}", params=told)
    credentials = Credentials("AKID", "secret", token)
    botocore.auth.S3SigV4QueryAuth(credentials, "s3", "eu-central-1", expires=300).add_auth(request)
    assert dict(parse_qsl(urlsplit(request.url).query))["X-Amz-Signature"] == asked["X-Amz-Signature"]


def test_elsewhere_the_bucket_is_part_of_the_path() -> None:
    there = uploads(None, AWS_ENDPOINT_URL="http://127.0.0.1:4566/")
    assert there.form(KEY, MEDIA, 1, NOW, MINUTES).url == "http://127.0.0.1:4566/bucket/"
    assert there.link(KEY, MEDIA, "x", NOW, MINUTES).startswith("http://127.0.0.1:4566/bucket/incoming/att_1?X-Amz-Algorithm=")


def test_a_missing_region_is_named() -> None:
    with pytest.raises(BadSettings, match="AWS_REGION"):
        S3Uploads("bucket", {})
