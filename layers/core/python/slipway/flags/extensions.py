"""Our own operators. No other flagd provider knows them, so a flag that uses one is evaluated by Slipway alone.

    {"matches":  [text, pattern]}          whether a regular expression matches somewhere (`slipway.flags.regex`); `pattern`
                                           is a literal
    {"in_cidr":  [address, networks]}      whether an IPv4 or IPv6 address is in a network, or in one of a list of them:
                                           "10.0.0.0/8", "2001:db8::/32", "192.0.2.7". An IPv4 address may be mapped to IPv6
    {"in_dates": [moment, from, until]}    whether from <= moment < until
    {"in_range": [number, least, most]}    whether least <= number <= most

A moment is RFC 3339 text ("2026-11-23T18:00:00Z") or a number of Unix seconds, such as `$flagd.timestamp`. A bound that is
null, or a last one that is left out, is no bound. Each gives true or false, or null where an argument is not of its kind.
"""

from __future__ import annotations

from slipway.flags.grammar import BadPattern
from slipway.flags.limits import spend, walked
from slipway.flags.regex import Pattern
from slipway.flags.shapes import Literal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from slipway.flags.shapes import Node

Network = tuple[int, int, int]  # version, first address, bits after the prefix

_MICRO = 1_000_000
_READING = 8  # steps: what reading a network costs, in theirs


def operator(name: str, nodes: Sequence[Node]) -> Node:
    """The closure of one of them."""
    if name == "matches":
        return _matches(nodes)
    if name == "in_cidr":
        return _in_cidr(nodes)
    between = _between(moment, half_open=True) if name == "in_dates" else _between(_number, half_open=False)
    return lambda data, meter: between(*[node(data, meter) for node in nodes])


def _matches(nodes: Sequence[Node]) -> Node:
    if len(nodes) != 2 or type(nodes[1]) is not Literal or not isinstance(nodes[1].value, str):
        return Literal(None)
    try:
        pattern = Pattern(nodes[1].value)
    except BadPattern:
        return Literal(None)
    subject = nodes[0]

    def matches(data: Any, meter: Any) -> Any:
        value = subject(data, meter)
        if not isinstance(value, str):
            return None
        meter.spend(pattern.steps(value))
        return pattern.search(value)

    return matches


def _in_cidr(nodes: Sequence[Node]) -> Node:
    if len(nodes) != 2:
        return Literal(None)
    subject, among = nodes
    known = _networks(among.value) if isinstance(among, Literal) else None

    def in_cidr(data: Any, meter: Any) -> Any:
        value = subject(data, meter)
        networks = _networks(_charged(among(data, meter), meter)) if known is None else known
        found = address(value) if isinstance(value, str) else None
        if found is None or networks is None:
            return None
        version, number = found
        return any(version == of and number >> bits == first >> bits for of, first, bits in networks)

    return in_cidr


def _charged(value: Any, meter: Any) -> Any:
    if isinstance(value, list):
        spend(meter, _READING * len(walked(value)))
    return value


def _networks(value: Any) -> list[Network] | None:
    found = [network(item) for item in (walked(value) if isinstance(value, list) else [value])]
    return None if None in found else found  # type: ignore[return-value]


def address(text: str) -> tuple[int, int] | None:
    """Version and number; None for what is no address."""
    from ipaddress import IPv6Address, ip_address

    try:
        found = ip_address(text) if len(text) < 64 else None
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return None if found is None else (found.version, int(found))


def network(text: Any) -> Network | None:
    """None for what is no network, or has bits set after its prefix."""
    from ipaddress import ip_network

    try:
        found = ip_network(text) if isinstance(text, str) and len(text) < 64 else None
    except ValueError:
        return None
    return None if found is None else (found.version, int(found.network_address), found.max_prefixlen - found.prefixlen)


def _between(read: Callable[[Any], int | float | None], *, half_open: bool) -> Callable[..., bool | None]:
    def between(*values: Any) -> bool | None:
        if not 2 <= len(values) <= 3:
            return None
        value, low, high = (read(value) for value in (*values, None)[:3])
        if value is None or (low is None) != (values[1] is None) or (high is None) != (len(values) < 3 or values[2] is None):
            return None
        above = low is None or low <= value
        return above and (high is None or (value < high if half_open else value <= high))

    return between


def _number(value: Any) -> int | float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) and value == value else None


def moment(value: Any) -> int | float | None:
    """Microseconds since 1970; None for what is no moment. A fraction beyond microseconds is cut off."""
    if not isinstance(value, str):
        seconds = _number(value)
        return None if seconds is None else seconds * _MICRO
    from datetime import UTC, datetime, timedelta

    if not _is_rfc3339(value):
        return None
    try:
        return (datetime.fromisoformat(value.upper()) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        return None


def _is_rfc3339(text: str) -> bool:
    """Whether it has the shape; the numbers are the calendar's affair."""
    if not 20 <= len(text) <= 35 or not text.isascii():
        return False
    shape = "".join(["0" if letter.isdigit() else letter for letter in text.upper()])
    if not shape.startswith("0000-00-00T00:00:00"):
        return False
    rest = shape[19:].removesuffix("Z")
    if rest == shape[19:]:
        rest, zone = shape[19:-6], shape[-6:]
        if zone not in ("+00:00", "-00:00"):
            return False
    return rest == "" or (rest[0] == "." and 2 <= len(rest) <= 10 and set(rest[1:]) == {"0"})
