"""What everybody reads, and files on their way, on the deployed stack: IAM, the bucket's own checks, and the demo page."""

from __future__ import annotations

import http.client
import secrets
import urllib.request
from datetime import UTC, datetime
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

import pytest

from slipway.feedback.stripping import stripped
from tests.e2e.stack import Response, Stack, until
from tests.pictures import TELLING

pytestmark = pytest.mark.e2e

ANY = {"If-Match": "*", "Content-Type": "application/merge-patch+json"}


@pytest.fixture(scope="module")
def product(stack: Stack) -> str:
    key = f"shown-{secrets.token_hex(4)}"
    assert stack.call("POST", "/v1/products", {"key": key, "name": "Mug & saucer", "price": "9.99"}).status == 201
    return key


def changed(stack: Stack, path: str, body: dict[str, Any]) -> Response:
    answer = stack.call("PATCH", path, body, headers=ANY)
    assert answer.status == 200, answer.body
    return answer


def told(stack: Stack, product: str, **more: Any) -> str:
    body = {"type": "idea", "product": product, "title": "A lid", **more}
    answer = stack.call("POST", "/v1/feedback", body, token="client")
    assert answer.status == 201, answer.body
    return str(answer.json()["id"])


def public(stack: Stack, product: str, name: str, **headers: str) -> Response:
    return stack.call("GET", f"/public/{product}/{name}", token=None, headers=headers)


def test_everybody_reads_what_the_board_shows(stack: Stack, product: str) -> None:
    assert public(stack, product, "roadmap").status == public(stack, "no-such-product", "roadmap").status == 404
    item, plain = told(stack, product), told(stack, product, title="As it was written")
    changed(stack, f"/v1/feedback/{plain}", {"status": "in_progress"})
    changed(stack, f"/v1/feedback/{item}", {"status": "planned", "headline": "A <lid> for it", "reply": "In spring."})
    entry = {"product": product, "title": "It holds more", "text": "By half.", "status": "published"}
    assert stack.call("POST", "/v1/changelog", entry).status == 201
    changed(stack, f"/v1/boards/{product}", {"roadmap": True, "changelog": True})

    def shown() -> list[str]:
        answer = public(stack, product, "roadmap.json")
        return [wish["title"] for wish in answer.json()["items"]] if answer.status == 200 else []

    # An instance remembers for half a minute that there is nothing.
    titles = ["As it was written", "A <lid> for it"]
    until(lambda: shown() == titles, within=120, what="the roadmap has both", every=1.0)
    page = public(stack, product, "roadmap")
    assert b"A &lt;lid&gt; for it" in page.body
    assert page.headers["Cache-Control"] == "public, max-age=60, stale-while-revalidate=300"
    assert public(stack, product, "roadmap", **{"If-None-Match": page.etag}).status == 304
    site = stack.setting("public", "SLIPWAY_SITE")
    feed = public(stack, product, "changelog.atom")
    assert feed.headers["Content-Type"] == "application/atom+xml; charset=utf-8"
    assert f'href="{site}/public/{product}/changelog.atom"'.encode() in feed.body
    assert [one["title"] for one in public(stack, product, "changelog.json").json()["items"]] == ["It holds more"]


def test_the_demo_page_has_the_widget(stack: Stack) -> None:
    page = stack.call("GET", "/demo", token=None)
    assert page.status == 200
    assert f'data-client-key="{stack.key("client")}"'.encode() in page.body
    assert "require-trusted-types-for 'script'" in page.headers["Content-Security-Policy"]
    widget = stack.call("GET", "/widget.js", token=None, headers={"Origin": "https://shop.example.com"})
    assert widget.headers["Access-Control-Allow-Origin"] == "*"
    assert widget.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    for name in ("roadmap", "changelog"):
        assert public(stack, "booking", name).status == 200


def sent(form: dict[str, Any], file: bytes, **changes: str) -> int:
    """As a browser sends a form; the status of the answer."""
    mark = secrets.token_hex(16)
    fields = {**form["fields"], **changes}
    parts = [f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()]
    head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    body = "".join([*parts, head]).encode() + file + f"\r\n--{mark}--\r\n".encode()
    there = urlsplit(form["url"])
    connection = http.client.HTTPConnection("127.0.0.1", there.port or 80, timeout=30)
    try:
        headers = {"Content-Type": f"multipart/form-data; boundary={mark}", "Host": there.netloc}
        connection.request("POST", there.path, body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def form(stack: Stack) -> dict[str, Any]:
    answer = stack.call("POST", "/v1/feedback/attachments", {"type": "image/png"}, token="client")
    assert answer.status == 200, answer.body
    return dict(answer.json())


def test_a_form_takes_one_file_as_it_was_asked_for(stack: Stack) -> None:
    picture = TELLING["image/png"]
    asked = form(stack)
    bucket = stack.setting("feedback", "SLIPWAY_BUCKET_ATTACHMENTS")
    assert sent(asked, picture, key="clean/fbk_1/att_1") == 403
    assert sent(asked, picture, **{"Content-Type": "text/html"}) == 403
    assert sent(asked, picture, policy=asked["fields"]["policy"][:-4] + "AAAA") in (400, 403)
    assert sent(asked, b"") == 400
    assert sent(asked, picture + bytes(asked["largest"])) == 400
    assert sent(asked, picture) in (200, 204)
    stored = stack.client("s3").get_object(Bucket=bucket, Key=f"incoming/{asked['id']}")
    assert (stored["Body"].read(), stored["ContentType"]) == (picture, "image/png")


def test_a_file_is_read_once_it_is_clean_and_goes_with_its_person(stack: Stack, product: str) -> None:
    asked = form(stack)
    assert sent(asked, TELLING["image/png"]) in (200, 204)
    who = f"visitor-{secrets.token_hex(4)}"
    item, id = told(stack, product, title="See here", targeting_key=who, attachments=[asked["id"]]), asked["id"]
    bucket = stack.setting("feedback", "SLIPWAY_BUCKET_ATTACHMENTS")

    def listed() -> dict[str, Any]:
        [one] = stack.call("GET", f"/v1/feedback/{item}").json()["attachments"]
        return dict(one)

    until(lambda: listed()["state"] == "ready", within=60, what="the file is cleaned")
    link = stack.call("GET", f"/v1/feedback/{item}/attachments/{id}").json()
    assert datetime.fromisoformat(link["expires_at"]) > datetime.now(UTC)
    with urllib.request.urlopen(link["url"]) as file:
        assert file.read() == stripped("image/png", TELLING["image/png"])
        assert file.headers["Content-Disposition"] == f'attachment; filename="{id}.png"'
        assert file.headers["Content-Type"] == "image/png"
    with pytest.raises(HTTPError) as refused:
        urllib.request.urlopen(link["url"].replace(f"clean/{item}/{id}", f"incoming/{id}"))
    with refused.value as answer:
        assert answer.code == 403
    subject = {"targeting_key": who, "environment": "development"}
    assert stack.call("POST", "/v1/people/erase", subject).status == 200
    left = [one["Key"] for one in stack.client("s3").list_objects_v2(Bucket=bucket).get("Contents", ())]
    assert not [one for one in left if id in one]
