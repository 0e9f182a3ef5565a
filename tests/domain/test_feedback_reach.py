"""Where a webhook may lead, and where not."""

from __future__ import annotations

import pytest

from slipway.feedback.reach import check, may_reach, place

THERE = place("https://hooks.example.com/in?token=1")
LOCAL = place("http://127.0.0.1:8080/in")

NOWHERE = (
    *("127.0.0.1", "127.8.9.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
    *("169.254.169.254", "169.254.1.1", "100.64.0.1", "192.0.0.192", "198.18.0.1", "192.0.2.1", "203.0.113.9"),
    *("224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:93.184.216.34", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::"),
    *("2001:0:1::1", "no address"),
)


@pytest.mark.parametrize("address", NOWHERE)
def test_nothing_goes_behind_the_walls(address: str) -> None:
    assert not may_reach(THERE, address, loopback=False)
    assert not may_reach(THERE, address, loopback=True)


@pytest.mark.parametrize("address", ["93.184.216.34", "8.8.8.8", "2606:2800:220:1:248:1893:25c8:1946"])
def test_the_public_internet_may_be_reached(address: str) -> None:
    assert may_reach(THERE, address, loopback=False)


def test_this_machine_only_where_that_is_allowed_and_nothing_else_by_http() -> None:
    assert may_reach(LOCAL, "127.0.0.1", loopback=True)
    assert not may_reach(LOCAL, "127.0.0.1", loopback=False)
    assert not may_reach(LOCAL, "93.184.216.34", loopback=True)
    assert not may_reach(place("http://hooks.example.com"), "93.184.216.34", loopback=True)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://hooks.example.com/in",
            "https://localhost/in",
            "https://printer.local",
            "https://db.internal",
            "https://intranet",
        ),
        *("https://127.0.0.1", "https://169.254.169.254/latest", "https://10.0.0.1:8443", "http://127.0.0.1:8080"),
        *("https://user:word@hooks.example.com", "https://hooks.example.com/#x", "https://hooks.example.com:0"),
        *("https://hooks.example.com:65536", "https://hooks.example.com/a b", "ftp://hooks.example.com", "https://[::1]/", "x"),
        *("https://a..de/", f"https://{'a' * 64}.example.com", f"https://{'a.' * 126}de", f"https://{'a.' * 127}de"),
        *(
            "https://127.1",
            "https://0177.0.0.1",
            "https://2130706433",
            "https://0x7f.1",
            "https://127.0.0.0x1",
            "https://1.2.3.999",
        ),
        *("https://hooks.example.com/\r\nhost: x", "https://hooks.example.com/" + "a" * 1000, "https://höoks.example.com"),
    ],
)
def test_what_can_be_told_at_once_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match=r"[A-Z].*\."):
        check(url, loopback=False)


def test_what_is_sound_is_taken_apart() -> None:
    check("https://hooks.example.com/in?token=1", loopback=False)
    check("http://localhost:8080/in", loopback=True)
    check(f"https://{'a' * 63}.example.com", loopback=False)
    check("https://93.184.216.34/in", loopback=False)
    assert (THERE.secure, THERE.host, THERE.port, THERE.path) == (True, "hooks.example.com", 443, "/in?token=1")
    assert place("https://Hooks.example.com:8443?a=1").path == "/?a=1"
