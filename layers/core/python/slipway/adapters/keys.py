"""Which keys can stand in a table, and which part of an order a query means: for the store and its twin alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from slipway.ports import Span
from slipway.tables import Index

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PARTITION_BYTES, SORT_BYTES = 2048, 1024


def names(index: Index | None) -> tuple[Sequence[str], Sequence[str]]:
    """The partition's and the sort attributes."""
    return (("pk",), ("sk",)) if index is None else (index.partition, index.sort)


def can_stand(value: object, most: int = SORT_BYTES) -> bool:
    """Whether a row can have this key. Where not, a read finds nothing: the service would call it a fault of ours."""
    if not isinstance(value, str):
        return False
    try:
        return 0 < len(value.encode()) <= most
    except UnicodeEncodeError:
        return False


def row_can_stand(pk: str, sk: str) -> bool:
    return can_stand(pk, PARTITION_BYTES) and can_stand(sk)


def nothing_within(partition: Sequence[str | int], span: Span) -> bool:
    """Whether a query can find no row, whatever stands: an impossible key, or bounds the wrong way round."""
    return (
        not all(can_stand(value, PARTITION_BYTES) for value in partition)
        or not all(can_stand(value) for value in span.equal)
        or not all(bound is None or bound == "" or can_stand(bound) for bound in (span.low, span.prefix))
        or span.high == ""
        or (span.low is not None and span.high is not None and str(span.low) > str(span.high))
    )


def place(sort: Sequence[Any], span: Span) -> int:
    """Where these sort attributes stand: -1 before the span, 0 in it, 1 after it."""
    lead = tuple(sort[: len(span.equal)])
    if lead != span.equal:
        return -1 if lead < span.equal else 1
    if len(lead) == len(sort):
        return 0
    value = sort[len(lead)]
    if (span.low is not None and value < span.low) or (span.prefix is not None and value < span.prefix):
        return -1
    if (span.high is not None and value > span.high) or (span.prefix is not None and not value.startswith(span.prefix)):
        return 1
    return 0


def check_start(partition: Sequence[str | int], index: Index | None, start: Mapping[str, Any]) -> None:
    """Raises ValueError for a start that is no key of this partition."""
    hash_names, sort_names = names(index)
    if (
        set(start) != {*hash_names, *sort_names, "pk", "sk"}
        or not all(
            can_stand(value, SORT_BYTES if name in {*sort_names, "sk"} else PARTITION_BYTES) for name, value in start.items()
        )
        or tuple(start[name] for name in hash_names) != tuple(partition)
    ):
        raise ValueError("this is not the end of a page of this query")
