"""The small client against a real backend through a network that fails: no effect is lost or doubled, no wait is unbounded."""

from __future__ import annotations

import itertools
import os
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from slipway.adapters.aws import TRIES, AwsClient
from slipway.adapters.client import Backoff, Refused
from slipway.adapters.dynamodb import DynamoStore
from slipway.adapters.s3 import S3Blobs
from slipway.ports import Absent, Blob, Check, ConditionFailed, Delete, Equals, NotModified, Put, StoreUnavailable, Update
from slipway.tables import PRODUCTS
from tests import backends
from tests.adapters.faults import ANSWERS, FAULTS, Fault, Proxy, proxy
from tests.figures import keep

PROVE = os.environ.get("SLIPWAY_PROVE") == "1"
SHORT, LONG = 0.4, 20.0  # seconds that a client waits for an answer that never comes, and for one that does
BUCKET = "slipway-faults"
TEXT = "text/plain"


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with backends.ministack() as url:
        backends.create_table(backends.boto_client("dynamodb", url), PRODUCTS, "products")
        location = {"LocationConstraint": backends.REGION}
        backends.boto_client("s3", url).create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
        yield url


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Iterator[Counter[str]]:
    """Counted by the tests that hold what they count: what is lost or doubled fails its test before it gets here."""
    counted: Counter[str] = Counter()
    yield counted
    keep(request.node, counted)


class World(NamedTuple):
    net: Proxy
    client: AwsClient
    store: DynamoStore
    blobs: S3Blobs
    truth: DynamoStore  # past the faults
    true_blobs: S3Blobs
    slept: list[float]


@pytest.fixture
def world(upstream: str, request: pytest.FixtureRequest) -> Iterator[World]:
    read = SHORT if "SILENT" in request.node.name else LONG
    with proxy(upstream) as net:
        slept: list[float] = []
        backoff = Backoff(sleep=slept.append)
        client = AwsClient({**backends.ENVIRON, "AWS_ENDPOINT_URL": net.url}, read=read, budget=60, backoff=backoff)
        direct = AwsClient({**backends.ENVIRON, "AWS_ENDPOINT_URL": upstream})
        yield World(
            net,
            client,
            DynamoStore(client, {"products": "products"}, backoff),
            S3Blobs(client, BUCKET, backoff),
            DynamoStore(direct, {"products": "products"}),
            S3Blobs(direct, BUCKET),
            slept,
        )
        client.close()
        direct.close()


_numbers = itertools.count()


def row(pk: str, **attributes: Any) -> dict[str, Any]:
    return {"pk": pk, "sk": "head", **attributes}


# Each operation makes its own start, does its one write, and says what stands after it took effect once.


def put(world: World, pk: str) -> dict[str, Any]:
    world.store.put(PRODUCTS, row(pk, n=1), Absent())
    return row(pk, n=1)


def replace(world: World, pk: str) -> dict[str, Any]:
    world.store.put(PRODUCTS, row(pk, n=1))
    return row(pk, n=1)


def update(world: World, pk: str) -> dict[str, Any]:
    world.truth.put(PRODUCTS, row(pk, n=0))
    world.store.update(Update(PRODUCTS, pk, "head", {"n": 1}, condition=Equals("n", 0)))
    return row(pk, n=1)


def add(world: World, pk: str) -> dict[str, Any]:
    world.store.transact([Update(PRODUCTS, pk, "head", add={"n": 1})], f"t-{pk}")
    return row(pk, n=1)


def change(world: World, pk: str) -> dict[str, Any]:
    world.truth.put(PRODUCTS, row(pk, n=0))
    world.truth.put(PRODUCTS, row(f"{pk}-gone"))
    world.store.transact(
        [
            Put(PRODUCTS, row(pk, n=1), Equals("n", 0)),
            Put(PRODUCTS, row(f"{pk}-past"), Absent()),
            Delete(PRODUCTS, f"{pk}-gone", "head"),
            Check(PRODUCTS, f"{pk}-none", "head", Absent()),
        ],
        f"t-{pk}",
    )
    return row(pk, n=1)


WRITES = [put, replace, update, add, change]
SEQUENCES = [
    *([fault] for fault in FAULTS),
    *([first, second] for first, second in itertools.product(FAULTS, FAULTS) if PROVE),
    [Fault.DROPPED_AFTER, Fault.ERROR_BEFORE, Fault.HALF_BODY],
    [Fault.WRONG_CRC, Fault.SILENT_AFTER],
    [Fault.HALF_CHUNK, Fault.DROPPED_AFTER, Fault.ERROR_AFTER],
]

KEEP = (Fault.ERROR_BEFORE, Fault.ERROR_AFTER, Fault.THROTTLED, Fault.SLOW_DOWN, Fault.WRONG_CRC)  # the connection goes on


def named(value: Any) -> str:
    return "+".join(fault.name for fault in value) if isinstance(value, list) else value.__name__


@pytest.mark.parametrize("write", WRITES, ids=named)
@pytest.mark.parametrize("faults", SEQUENCES, ids=named)
def test_a_write_takes_effect_once(world: World, write: Any, faults: list[Fault], figures: Counter[str]) -> None:
    pk = f"w{next(_numbers)}"
    world.net.faults.extend(faults)
    try:
        expected = write(world, pk)
    except ConditionFailed as failed:
        # Its own earlier try took effect: the caller sees its own row there.
        assert write in (put, update)
        assert any(fault.applied for fault in faults)
        expected = failed.row
    assert expected == row(pk, n=1)
    assert world.truth.get(PRODUCTS, pk, "head") == expected
    figures.update(writes=1, **{"spoiled tries": len(faults)})
    assert (world.client.counts.calls, world.client.counts.retries) == (1, len(world.net.seen) - 1)
    if Fault.SILENT_BEFORE in faults or Fault.SILENT_AFTER in faults:
        return  # a busy machine may be taken for one more silent try
    assert len(world.net.seen) == len(faults) + 1
    # Every try but the first is waited for, unless a connection that was in use before ended without a word.
    free = sum(b in (Fault.DROPPED_BEFORE, Fault.DROPPED_AFTER) and a in KEEP for a, b in itertools.pairwise(faults))
    assert len(world.slept) == len(faults) - free
    assert all(0 <= slept <= 1 for slept in world.slept)


@pytest.mark.parametrize("faults", SEQUENCES, ids=named)
def test_a_read_gives_the_same_answer(world: World, faults: list[Fault], figures: Counter[str]) -> None:
    pk = f"r{next(_numbers)}"
    world.truth.put(PRODUCTS, row(pk, n=1, blob=b"\x00"))
    expected = row(pk, n=1, blob=b"\x00")
    world.net.spoil(faults)
    assert world.store.get(PRODUCTS, pk, "head") == expected
    world.net.spoil(faults)
    assert world.store.get_many(PRODUCTS, [(pk, "head"), (pk, "none")]) == [expected]
    world.net.spoil(faults)
    assert world.store.query(PRODUCTS, (pk,)).rows == [expected]
    figures.update(reads=3, **{"spoiled tries": 3 * len(faults)})


@pytest.mark.parametrize("faults", SEQUENCES, ids=named)
def test_an_object_is_written_once_and_read_whole(world: World, faults: list[Fault], figures: Counter[str]) -> None:
    key = f"o{next(_numbers)}"
    world.net.spoil(faults)
    try:
        world.blobs.put(key, b"body", content_type=TEXT, absent=True)
    except ConditionFailed:
        assert any(fault.applied for fault in faults)
    stands = world.true_blobs.get(key)
    assert stands is not None
    assert stands.body == b"body"
    world.net.spoil(faults)
    assert world.blobs.get(key) == stands
    world.net.spoil(faults)
    with pytest.raises(NotModified):
        world.blobs.get(key, etag=stands.etag)
    world.net.spoil(faults)
    assert world.blobs.get("none") is None
    figures.update(writes=1, reads=3, **{"spoiled tries": 4 * len(faults)})


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda fault: fault.name)
def test_an_unusual_answer_is_an_answer(world: World, answer: Fault) -> None:
    pk = f"u{next(_numbers)}"
    for number in range(4):
        world.net.faults.append(answer)
        world.store.put(PRODUCTS, row(f"{pk}-{number}"), Absent())
        world.net.faults.append(answer)
        assert world.store.get(PRODUCTS, f"{pk}-{number}", "head") == row(f"{pk}-{number}")
    world.net.faults.append(answer)
    etag = world.blobs.put(pk, b"x" * 100_000, content_type=TEXT, absent=True)
    world.net.faults.append(answer)
    assert world.blobs.get(pk) == Blob(b"x" * 100_000, etag, TEXT)
    assert world.client.counts.calls == 10
    assert world.slept == []
    if answer in (Fault.CHUNKED, Fault.CONTINUED):
        assert (world.net.connections, world.client.counts.retries) == (1, 0)
    elif answer is Fault.CLOSES:
        assert (world.net.connections, world.client.counts.retries) == (10, 0)
    else:
        assert world.net.connections == 10  # noticed before or while writing: never an error, never a wait


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_that_lasts_is_an_error_after_a_few_tries(world: World, fault: Fault) -> None:
    pk = f"l{next(_numbers)}"
    world.net.faults.extend([fault] * 20)
    with pytest.raises(StoreUnavailable, match="TransactWriteItems"):
        world.store.transact([Update(PRODUCTS, pk, "head", add={"n": 1})], pk)
    assert len(world.net.seen) == TRIES
    assert len(world.slept) == TRIES - 1
    world.net.faults.clear()
    # The write may have happened; the same token says it again without doing it again.
    world.store.transact([Update(PRODUCTS, pk, "head", add={"n": 1})], pk)
    assert world.truth.get(PRODUCTS, pk, "head") == row(pk, n=1)


@pytest.mark.parametrize("fault", [Fault.DROPPED_BEFORE, Fault.DROPPED_AFTER], ids=lambda fault: fault.name)
def test_an_idle_connection_that_the_peer_ends_is_replaced_at_once(world: World, fault: Fault) -> None:
    pk = f"i{next(_numbers)}"
    world.store.put(PRODUCTS, row(f"{pk}-0"))
    world.net.faults.append(fault)
    world.store.transact([Update(PRODUCTS, pk, "head", add={"n": 1})], pk)
    assert world.truth.get(PRODUCTS, pk, "head") == row(pk, n=1)
    assert (world.net.connections, world.client.counts.retries, world.slept) == (2, 1, [])


def test_one_connection_serves_all_calls_to_a_host(world: World) -> None:
    for number in range(20):
        world.store.put(PRODUCTS, row(f"c{number}"))
    assert world.net.connections == 1
    assert (world.client.counts.calls, world.client.counts.retries) == (20, 0)


def test_threads_do_not_share_a_connection(world: World) -> None:
    pk = f"p{next(_numbers)}"
    failures: list[BaseException] = []

    def work(worker: int) -> None:
        try:
            for number in range(20):
                name = f"{pk}-{worker}-{number}"
                world.store.put(PRODUCTS, row(name, n=name), Absent())
                assert world.store.get(PRODUCTS, name, "head") == row(name, n=name)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert world.net.connections <= 8


@pytest.mark.parametrize("hours", [-30, -1, 1, 300])
def test_the_service_s_clock_is_taken_over(world: World, hours: int) -> None:
    real = world.net.clock
    world.net.clock = lambda: real() + hours * 3600
    world.store.put(PRODUCTS, row(f"k{hours}"), Absent())
    assert (len(world.net.seen), world.client.counts.retries) == (2, 1)
    world.store.get(PRODUCTS, f"k{hours}", "head")
    assert len(world.net.seen) == 3  # known from now on


def test_a_refused_signature_with_the_clocks_in_step_is_not_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(request: object) -> tuple[int, list[tuple[str, str]], bytes]:
        return 400, [("Date", "Mon, 23 Nov 2026 17:57:15 GMT")], b'{"__type":"x#InvalidSignatureException"}'

    monkeypatch.setattr(world.net, "forward", refuse)
    client = AwsClient({**backends.ENVIRON, "AWS_ENDPOINT_URL": world.net.url}, clock=lambda: 1795456635.0)
    monkeypatch.setattr(world.net, "clock", lambda: 1795456635.0)
    with pytest.raises(Refused, match="InvalidSignatureException"):
        client.call("GetItem", {})
    assert len(world.net.seen) == 1
    client.close()


def test_what_the_service_refuses_is_not_tried_again(world: World) -> None:
    for call in (
        lambda: world.client.call("GetItem", {"TableName": "no-such-table", "Key": {"pk": {"S": "a"}, "sk": {"S": "b"}}}),
        lambda: world.client.get_object("no-such-bucket", "key", unless=None),
        lambda: world.client.put_object("no-such-bucket", "key", b"", content_type=TEXT, absent=False, match=None),
    ):
        before = len(world.net.seen)
        with pytest.raises(Refused):
            call()
        assert len(world.net.seen) == before + 1
    assert world.slept == []


def test_the_whole_call_is_bounded(world: World) -> None:
    """Every try is answered, with an error; the waits between them use up the budget."""
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += 4

    client = AwsClient(
        {**backends.ENVIRON, "AWS_ENDPOINT_URL": world.net.url},
        budget=8,
        backoff=Backoff(sleep=sleep),
        monotonic=lambda: now,
    )
    world.net.faults.extend([Fault.ERROR_BEFORE] * 9)
    with pytest.raises(StoreUnavailable):
        client.call("GetItem", {})
    assert (len(world.net.seen), now) == (2, 8)
    client.close()


def test_a_refused_connection_is_tried_again_and_told() -> None:
    slept: list[float] = []
    client = AwsClient(
        {**backends.ENVIRON, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{backends.free_port()}"},
        backoff=Backoff(sleep=slept.append),
    )
    with pytest.raises(StoreUnavailable, match="no connection"):
        client.call("GetItem", {})
    assert len(slept) == TRIES - 1


def test_waits_grow_have_a_cap_and_full_jitter() -> None:
    slept: list[float] = []
    fractions = iter([1.0] * 8 + [0.0, 0.5])
    backoff = Backoff(0.05, 1.0, sleep=slept.append, fraction=lambda: next(fractions))
    for tried in range(8):
        backoff.wait(tried)
    assert slept == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0]
    backoff.wait(3)
    backoff.wait(3)
    assert slept[-2:] == [0.0, 0.2]


def test_nothing_secret_is_in_an_error(world: World) -> None:
    environ = {**backends.ENVIRON, "AWS_SECRET_ACCESS_KEY": "canary-secret", "AWS_SESSION_TOKEN": "canary-token"}
    client = AwsClient({**environ, "AWS_ENDPOINT_URL": world.net.url}, backoff=Backoff(sleep=lambda _: None))
    for fault in FAULTS:
        if "SILENT" not in fault.name:
            world.net.faults.extend([fault] * TRIES)
            with pytest.raises(StoreUnavailable) as failed:
                client.call("PutItem", {"TableName": "products", "Item": {"pk": {"S": "canary-item"}, "sk": {"S": "s"}}})
            assert "canary" not in repr(failed.value)
            assert "canary" not in str(failed.value)
            world.net.faults.clear()
    client.close()
