"""The door with a small room behind it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from pydantic import BaseModel, ConfigDict, Field

from slipway.edge.http import Answer, Api, Request
from slipway.ports import StoreUnavailable
from slipway.problems import KeyTaken
from tests.functions.events import EDITOR, VIEWER, call

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


class NewThing(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(max_length=10)
    size: int = 1
    parts: list[int] = []


class Writing(BaseModel):
    model_config = ConfigDict(extra="forbid")
    validate_only: bool = False
    limit: int = Field(50, ge=1, le=100)
    tag: list[str] = []


class Anything(BaseModel):
    a: object


class Room:
    def __init__(self) -> None:
        self.requests: list[Request[Room, NewThing | None, Writing | None]] = []
        self.raises: Exception | None = None


def build() -> Api[Room]:
    api: Api[Room] = Api("things", Room)

    @api.post("/v1/products", "products.create", body=NewThing, query=Writing, answers={201: NewThing}, creates=True)
    def create(request: Request[Room, NewThing, Writing]) -> Answer:
        request.use.requests.append(request)
        if request.use.raises is not None:
            raise request.use.raises
        return Answer(201, request.body, location="/v1/products/prd_1", etag='"1"', replayed=True)

    @api.get("/v1/products", "products.list", query=Writing)
    def list_things(request: Request[Room, None, Writing]) -> Answer:
        return Answer(200, {"items": [NewThing(name="a")]}, next="CURSOR")

    @api.get("/v1/products/{id}", "products.read")
    def read(request: Request[Room, None, None]) -> Answer:
        return Answer(200, {"id": request.path["id"]}, etag='"3"')

    @api.patch("/v1/products/{id}", "products.update", body=NewThing)
    def update(request: Request[Room, NewThing, None]) -> Answer:
        return Answer(200, {"read": request.if_match})

    @api.delete("/v1/products/{id}", "products.archive")
    def archive(request: Request[Room, None, None]) -> Answer:
        return Answer(204)

    return api


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.fixture
def api(room: Room) -> Iterator[Api[Room]]:
    api = build()
    with api.testing(use=room, now=NOW):
        yield api


def test_a_created_thing_answers_with_its_place_and_tag(api: Api[Room], room: Room) -> None:
    reply = call(api, "POST", "/v1/products", {"name": "a"}, principal=EDITOR, headers={"Idempotency-Key": "k1"})
    assert reply.status == 201
    assert reply.json == {"name": "a", "size": 1, "parts": []}
    assert reply.headers["location"] == "/v1/products/prd_1"
    assert reply.headers["etag"] == '"1"'
    assert reply.headers["idempotency-replayed"] == "true"
    made = room.requests[0].call
    assert (made.principal, made.operation, made.now, made.idempotency_key) == (EDITOR, "products.create", NOW, "k1")
    assert len(made.digest) == 64


def test_the_digest_is_of_the_value_not_of_its_text(api: Api[Room], room: Room) -> None:
    for body in ('{"name":"a","size":2}', '{ "size": 2, "name": "a" }', '{"name":"b","size":2}'):
        call(api, "POST", "/v1/products", body, headers={"Idempotency-Key": "k", "Content-Type": "application/json"})
    first, second, other = (request.call.digest for request in room.requests)
    assert first == second != other


def test_a_page_carries_its_next_cursor_twice(api: Api[Room]) -> None:
    reply = call(api, "GET", "/v1/products", query="limit=2&tag=x&tag=y&cursor", principal=VIEWER)
    assert reply.status == 422
    reply = call(api, "GET", "/v1/products", query="limit=2&tag=x&tag=y", principal=VIEWER)
    assert reply.json["next_cursor"] == "CURSOR"
    assert reply.headers["link"] == '</v1/products?limit=2&tag=x&tag=y&cursor=CURSOR>; rel="next"'


def test_the_same_tag_again_is_304_without_a_body(api: Api[Room]) -> None:
    reply = call(api, "GET", "/v1/products/prd_1", headers={"If-None-Match": 'W/"3", "9"'})
    assert (reply.status, reply.body, reply.headers["etag"]) == (304, b"", '"3"')
    assert call(api, "GET", "/v1/products/prd_1", headers={"If-None-Match": '"4"'}).status == 200


@pytest.mark.parametrize(("sent", "read"), [('"3"', 3), ("*", None), ('W/"3"', -1), ('"x"', -1), ('W/"2", "3"', 3)])
def test_if_match(api: Api[Room], sent: str, read: int | None) -> None:
    reply = call(api, "PATCH", "/v1/products/prd_1", {"name": "a"}, headers={"If-Match": sent})
    assert reply.json == {"read": read}


@pytest.mark.parametrize(
    ("method", "path", "sent", "status", "code"),
    [
        ("PATCH", "/v1/products/prd_1", {}, 428, "precondition_required"),
        ("PATCH", "/v1/products/prd_1", {"If-Match": "3"}, 400, "malformed"),
        ("PATCH", "/v1/products/prd_1", {"If-Match": '"3", "4"'}, 400, "malformed"),
        ("PATCH", "/v1/products/prd_1", {"If-Match": "*", "Content-Type": "application/json"}, 415, "unsupported_media_type"),
        ("POST", "/v1/products", {"Content-Type": "multipart/form-data"}, 415, "unsupported_media_type"),
        ("POST", "/v1/products", {"Content-Type": "application/json; charset=latin1"}, 415, "unsupported_media_type"),
        ("POST", "/v1/products", {"Idempotency-Key": ""}, 400, "malformed"),
        ("POST", "/v1/products", {"Idempotency-Key": "x" * 256}, 400, "malformed"),
        ("PUT", "/v1/products", {}, 405, "method_not_allowed"),
        ("HEAD", "/v1/products", {}, 405, "method_not_allowed"),
        ("GET", "/v1/nothing", {}, 404, "not_found"),
        ("GET", "/v1/products/a/b/c", {}, 404, "not_found"),
        ("PATCH", "/v1/products/a\x00b", {}, 404, "not_found"),
        ("PATCH", "/v1/products/a\nb", {}, 404, "not_found"),
    ],
)
def test_problems(api: Api[Room], method: str, path: str, sent: dict[str, str], status: int, code: str) -> None:
    reply = call(api, method, path, {"name": "a"}, headers=sent)
    assert (reply.status, reply.json["code"]) == (status, code)
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json["instance"] == path
    assert reply.json["request_id"] == reply.headers["x-request-id"]
    if status == 405:
        assert reply.headers["allow"] == "GET, POST"


@pytest.mark.parametrize(("principal", "status"), [(None, 401), (VIEWER, 403), (EDITOR, 201)])
def test_who_may(api: Api[Room], principal: object, status: int) -> None:
    assert call(api, "POST", "/v1/products", {"name": "a"}, principal=principal).status == status  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("body", "status", "pointers"),
    [
        ('{"name": "a", "size": NaN}', 400, []),
        ('{"name": "a", "name": "b"}', 400, [""]),
        ('{"name": "a", "parts": [{"x": 1, "x": 2}]}', 400, ["/parts/0"]),
        ('{"name": "\\ud800"}', 422, ["/name"]),
        ('{"na\\u0000me": "a"}', 422, [""]),
        ('{"name": "a\\u0000"}', 422, ["/name"]),
        ('{"name": "a", "size": %s}' % ("9" * 5000), 422, ["/size"]),
        ('{"name": "a", "size": 1e999999}', 422, ["/size"]),
        ("[" * 100_000, 400, []),
        ('{"a":' * 5000, 400, []),
        ('"' + '\\"' * 100_000, 400, []),
        ("", 400, []),
        ("nothing", 400, []),
        ("[]", 422, [""]),
        ("{}", 422, ["/name"]),
        ('{"name": "12345678901", "wrong/na~me": 1, "parts": [1, "x"]}', 422, ["/name", "/parts/1", "/wrong~1na~0me"]),
    ],
)
def test_bodies_that_are_refused(api: Api[Room], room: Room, body: str, status: int, pointers: list[str]) -> None:
    reply = call(api, "POST", "/v1/products", body, headers={"Content-Type": "application/json"})
    assert reply.status == status
    assert sorted(error["pointer"] for error in reply.json.get("errors", [])) == sorted(pointers)
    assert room.requests == []


def test_who_sends_nothing_is_told_the_least_that_will_do(api: Api[Room]) -> None:
    reply = call(api, "POST", "/v1/products", "", headers={"Content-Type": "application/json"})
    assert reply.json["detail"] == "The body is empty: send a JSON object, if only `{}`."


def test_a_body_that_is_not_utf8_or_too_large(api: Api[Room]) -> None:
    sent = {"Content-Type": "application/json"}
    assert call(api, "POST", "/v1/products", b'{"name": "\xff"}', headers=sent).status == 400
    assert call(api, "POST", "/v1/products", b'{"name": "%s"}' % (b"x" * 300_000), headers=sent).status == 413


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("limit=0", 422, "too_small"),
        ("limit=101", 422, "too_large"),
        ("limit=1e1", 422, "type"),
        ("limit=1&limit=1", 422, "repeated"),
        ("validate_only=yes", 422, "type"),
        ("what=1", 422, "unknown"),
        ("limit=%ff", 400, None),
        ("&".join(f"tag={n}" for n in range(100)), 400, None),
    ],
)
def test_query_strings_that_are_refused(api: Api[Room], query: str, status: int, code: str | None) -> None:
    reply = call(api, "GET", "/v1/products", query=query)
    assert reply.status == status
    assert [error["code"] for error in reply.json.get("errors", [])] == ([code] if code else [])


def test_what_a_use_case_raises(api: Api[Room], room: Room) -> None:
    room.raises = KeyTaken("Another product has it.")
    assert call(api, "POST", "/v1/products", {"name": "a"}).json["code"] == "key_taken"
    room.raises = StoreUnavailable("secret")
    reply = call(api, "POST", "/v1/products", {"name": "a"})
    assert (reply.status, reply.headers["retry-after"]) == (503, "1")
    assert b"secret" not in reply.body
    room.raises = RuntimeError("secret")
    reply = call(api, "POST", "/v1/products", {"name": "a"})
    assert (reply.status, reply.json["code"]) == (500, "internal")
    assert b"secret" not in reply.body


def test_ids_are_taken_when_sane_and_made_when_not(api: Api[Room]) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    reply = call(api, "GET", "/v1/products/1", headers={"X-Correlation-Id": "order-1", "traceparent": trace})
    assert (reply.headers["x-correlation-id"], reply.headers["traceparent"]) == ("order-1", trace)
    reply = call(api, "GET", "/v1/products/1", headers={"X-Correlation-Id": "a\nb", "traceparent": "00-" + "0" * 32})
    assert len(reply.headers["x-correlation-id"]) == 32
    assert len(reply.headers["traceparent"]) == 55


TRACE = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (f"00-{TRACE}", True),
        (f"01-{TRACE}", True),  # of a version to come, what this one knows
        (f"cc-{TRACE}-what-may-follow", True),
        (f"00-{TRACE}-more", False),
        (f"ff-{TRACE}", False),
        (f"01-{TRACE}more", False),
        (f"00-{TRACE.upper()}", False),
    ],
)
def test_a_trace_of_any_version_goes_on_as_the_one_we_know(api: Api[Room], sent: str, kept: bool) -> None:
    reply = call(api, "GET", "/v1/products/1", headers={"traceparent": sent})
    assert (reply.headers["traceparent"] == f"00-{TRACE}") is kept
    assert reply.headers["traceparent"].startswith("00-")


def test_no_content_has_no_body(api: Api[Room]) -> None:
    reply = call(api, "DELETE", "/v1/products/1", headers={"If-Match": "*"})
    assert (reply.status, reply.body) == (204, b"")
    assert "content-type" not in reply.headers


def test_one_line_a_request_says_who_and_how_it_ended(api: Api[Room], room: Room, log_lines: list[dict[str, object]]) -> None:
    call(api, "POST", "/v1/products", {"name": "a"}, principal=EDITOR)
    call(api, "GET", "/v1/nothing", headers={"X-Correlation-Id": "slp_live_admin_secret"})
    done, lost = log_lines
    assert (done["service"], done["route"], done["status"]) == ("things", "POST /v1/products", 201)
    assert (done["principal_kind"], done["level"]) == ("member", "INFO")
    assert done["principal"] != EDITOR.id
    assert (lost["route"], lost["status"], lost["error_code"], lost["Errors4xx"]) == ("none", 404, "not_found", 1)
    assert "secret" not in str(lost)


def test_a_fault_of_ours_is_logged_with_its_frames_and_without_values(
    api: Api[Room], room: Room, log_lines: list[dict[str, object]]
) -> None:
    room.raises = RuntimeError("secret")
    call(api, "POST", "/v1/products", {"name": "secret"})
    (line,) = log_lines
    assert (line["level"], line["error_type"], line["error_code"], line["Errors5xx"]) == (
        "ERROR",
        "RuntimeError",
        "internal",
        1,
    )
    assert "functions/test_door.py" in str(line["stack"])
    assert "secret" not in str(line)


def test_who_may_send_it_again_without_harm_is_told_so_and_who_may_not_is_told_to_look(api: Api[Room], room: Room) -> None:
    room.raises = StoreUnavailable()
    bare = call(api, "POST", "/v1/products", {"name": "a"}, principal=EDITOR).json
    keyed = call(api, "POST", "/v1/products", {"name": "a"}, principal=EDITOR, headers={"idempotency-key": "k"}).json
    assert "Look whether it happened" in bare["detail"]
    assert "may be sent again" in keyed["detail"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1", "1.0", True),
        ("1.5", "1.50", True),
        ("15e-1", "1.5", True),
        ("1.5", '"1.5"', False),
        ("1.5", "1.6", False),
        ("1", '"1"', False),
        ("true", "1", False),
    ],
)
def test_one_value_has_one_digest_however_it_is_written(one: str, other: str, same: bool) -> None:
    room = Room()

    def digest(text: str) -> str:
        open_room: Api[Room] = Api("open", Room)

        @open_room.post("/v1/products", "products.create", body=Anything, creates=True)
        def create(request: Request[Room, Anything, None]) -> Answer:
            request.use.requests.append(request)  # type: ignore[arg-type]
            return Answer(201)

        with open_room.testing(use=room, now=NOW):
            sent = {"content-type": "application/json", "idempotency-key": "k"}
            assert call(open_room, "POST", "/v1/products", f'{{"a": {text}}}', principal=EDITOR, headers=sent).status == 201
        return room.requests[-1].call.digest

    assert (digest(one) == digest(other)) is same


def test_no_variable_makes_powertools_print_events(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("POWERTOOLS_DEV", "POWERTOOLS_DEBUG", "POWERTOOLS_EVENT_HANDLER_DEBUG"):
        monkeypatch.setenv(name, "true")
    api = build()
    with api.testing(use=Room(), now=NOW):
        call(api, "GET", "/v1/products/1", headers={"Authorization": "Bearer secret"})
    assert "secret" not in capsys.readouterr().out


def later() -> tuple[Api[Room], list[str]]:
    """A door of which one operation stands in a page of its own, and what was loaded."""
    api: Api[Room] = Api("things", Room)
    loaded: list[str] = []

    @api.post("/v1/products", "products.create", body=NewThing)
    def create(request: Request[Room, NewThing, None]) -> Answer:
        return Answer(200, {})

    @api.later
    def rest() -> None:
        loaded.append("rest")

        @api.get("/v1/products/{id}", "products.read")
        def read(request: Request[Room, None, None]) -> Answer:
            return Answer(200, {"id": request.path["id"]})

    return api, loaded


def test_what_is_registered_later_is_loaded_once_and_not_before_it_is_asked_for() -> None:
    api, loaded = later()
    with api.testing(use=Room(), now=NOW):
        assert call(api, "POST", "/v1/products", {"name": "a"}).status == 200
        assert loaded == []
        assert [call(api, "GET", f"/v1/products/{id}").json for id in "ab"] == [{"id": "a"}, {"id": "b"}]
        assert call(api, "POST", "/v1/products", {"name": "a"}).status == 200
    assert loaded == ["rest"]


@pytest.mark.parametrize(
    ("path", "status", "allowed"), [("/v1/products", 405, "POST"), ("/v1/products/a", 405, "GET"), ("/v1/things", 404, None)]
)
def test_what_is_not_here_is_looked_for_among_what_is_registered_later(path: str, status: int, allowed: str | None) -> None:
    api, loaded = later()
    answer = call(api, "PUT", path)
    assert (answer.status, answer.headers.get("allow"), loaded) == (status, allowed, ["rest"])


def test_all_operations_are_those_that_are_registered_later_as_well() -> None:
    assert [operation.name for operation in later()[0].operations] == ["products.create", "products.read"]
