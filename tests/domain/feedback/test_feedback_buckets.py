"""Buckets of tokens, against the plain account of what may be let in."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from slipway.access import Principal
from slipway.adapters.memory import MemoryStore
from slipway.feedback.buckets import EVERY, MOST, Buckets
from slipway.problems import TooManyRequests
from tests.catalogue import START, a_call

CLIENT = Principal("client", "key_c", environment="production")


def taken(buckets: Buckets, milliseconds: int, network: str = "n") -> int:
    """0, or the seconds to wait."""
    call = a_call().but(principal=CLIENT, now=START + timedelta(milliseconds=milliseconds))
    try:
        buckets.take(call, network)
    except TooManyRequests as refused:
        return int(refused.headers["Retry-After"])
    return 0


@given(st.lists(st.integers(0, 3 * EVERY), max_size=80), st.booleans())
def test_a_bucket_lets_in_what_has_dripped_into_it_and_no_more(gaps: list[int], two: bool) -> None:
    store = MemoryStore()
    instances = [Buckets(store) for _ in range(2)]
    now, tokens = 0, MOST * EVERY  # in milliseconds' worth
    for number, gap in enumerate(gaps):
        now, tokens = now + gap, min(MOST * EVERY, tokens + gap)
        wait = taken(instances[number % 2 if two else 0], now)
        assert (wait == 0) == (tokens >= EVERY)
        if wait == 0:
            tokens -= EVERY
        else:
            assert wait == -(-(EVERY - tokens) // 1000), "exactly then, in whole seconds"


@given(st.integers(MOST, 3 * MOST))
def test_the_wait_that_is_told_is_long_enough_and_not_a_second_too_long(burst: int) -> None:
    buckets = Buckets(MemoryStore())
    waits = [taken(buckets, 0) for _ in range(burst + 1)]
    assert waits[:MOST] == [0] * MOST
    assert set(waits[MOST:]) == {waits[-1]}
    assert taken(buckets, (waits[-1] - 1) * 1000) > 0
    assert taken(buckets, waits[-1] * 1000) == 0


def test_each_network_has_a_bucket_of_its_own() -> None:
    buckets = Buckets(MemoryStore())
    assert [taken(buckets, 0, "a") for _ in range(MOST + 1)][-1] > 0
    assert taken(buckets, 0, "b") == 0
