"""Where a webhook may lead: to hosts of the public internet, by https, and nowhere behind the deployment's own walls.

A name is resolved when something is delivered, and the connection goes to an address that was looked at then: a name that leads
elsewhere a moment later leads nowhere. `loopback`: for the laptop, http to this machine as well.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from slipway.values import Value

URL = r"^https://[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(:[0-9]{1,5})?([/?][!#-;=?-\[\]_a-z~]*)?$"
MOST_URL, MOST_LABEL = 1_000, 63  # characters

_FORM = re.compile(r"(https?)://([A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9.-]{0,251}[A-Za-z0-9])(?::([0-9]{1,5}))?([/?][!-\"$-~]*)?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # a name that ends so is read as an address by resolvers: 127.1, 0x7f.1
_LOCAL = ("localhost", "127.0.0.1")
# Beside what is private, loopback, link-local (metadata), shared, reserved or multicast: what carries another address in it.
_CARRIERS = tuple(IPv6Network(one) for one in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96"))
_RESERVED = tuple(IPv4Network(one) for one in ("192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "240.0.0.0/4"))


class Place(Value):
    """An address taken apart; `path` is never empty."""

    secure: bool
    host: str
    port: int
    path: str


def place(url: str) -> Place:
    """Raises ValueError, which says how to mend it."""
    found = _FORM.fullmatch(url)
    if found is None or len(url) > MOST_URL:
        raise ValueError("Send an https:// address of at most 1,000 characters, without spaces, credentials or a fragment.")
    scheme, host, port, path = found.groups()
    number = int(port or (443 if scheme == "https" else 80))
    if not 0 < number < 65_536:
        raise ValueError("A port is a number from 1 to 65535.")
    return Place(scheme == "https", host.lower(), number, path if path and path[0] == "/" else f"/{path or ''}")


def check(url: str, *, loopback: bool) -> None:
    """What can be told before anything is resolved. Raises ValueError."""
    there = place(url)
    if loopback and there.host in _LOCAL:
        return
    if not there.secure:
        raise ValueError("Send an https:// address: what is delivered is not for everybody on the way.")
    try:
        address = ip_address(there.host)
    except ValueError:
        _check_name(there.host)
        return
    if not public(address):
        raise ValueError("That is no address of the public internet.")


def _check_name(host: str) -> None:
    labels = host.split(".")
    if not all(0 < len(label) <= MOST_LABEL for label in labels):
        raise ValueError(f"No host has this name: between its dots are 1 to {MOST_LABEL} characters.") from None
    if _NUMBER.fullmatch(labels[-1]):
        raise ValueError("Write an address as four numbers from 0 to 255, without zeros before them.") from None
    if len(labels) == 1 or labels[-1] in ("localhost", "local", "internal"):
        raise ValueError("Name a host of the public internet.") from None


def may_reach(there: Place, address: str, *, loopback: bool) -> bool:
    """Whether a connection may go to this address, which the host was resolved to."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if loopback and there.host in _LOCAL:
        return found.is_loopback
    return there.secure and public(found)


def public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None or address.is_site_local or any(address in one for one in _CARRIERS):
            return False
    elif any(address in one for one in _RESERVED):
        return False
    return address.is_global and not address.is_multicast
