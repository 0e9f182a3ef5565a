"""What is taken out of what people write, and what stays: both ways, and in a time in proportion to the text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.feedback.scrub import CARD, EMAIL, PHONE, SECRET, scrub, scrub_address

JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
TAKEN = [
    ("Write to ada@example.com, please.", f"Write to {EMAIL}, please."),
    ("<ada.lovelace+shop@mail.example.co.uk>", f"<{EMAIL}>"),
    ("mailto:ada@example.com?subject=x", f"mailto:{EMAIL}?subject=x"),
    ("Jörg: jörg@bücher.example", f"Jörg: {EMAIL}"),
    ("a@b.co a@b.co", f"{EMAIL} {EMAIL}"),
    ("https://example.com/?email=ada@example.com&x=1", f"https://example.com/?email={EMAIL}&x=1"),
    ("Ring +49 30 1234567 today", f"Ring {PHONE} today"),
    ("+1 (555) 010-9999", PHONE),
    ("+15550109999.", f"{PHONE}."),
    ("+44.20.7946.0958", PHONE),
    ("0049 170 1234567", PHONE),
    ("tel:+442079460958", f"tel:{PHONE}"),
    ("My card 4111 1111 1111 1111 was charged", f"My card {CARD} was charged"),
    ("4111111111111111", CARD),
    ("5555-5555-5555-4444", CARD),
    ("378282246310005", CARD),
    ("6011 1111 1111 1117, 12/27, 123", f"{CARD}, 12/27, 123"),
    ("4111 1111 1111 1111 12/27", f"{CARD} 12/27"),
    ("card 1: 4111 1111 1111 1111", f"card 1: {CARD}"),
    ("no 1 4111 1111 1111 1111", f"no 1 {CARD}"),
    ("3530111333300000", CARD),
    ("30569309025904", CARD),
    ("6200000000000005", CARD),
    ("2223003122003222", CARD),
    ("Authorization: Bearer abcdef0123456789abcdef", f"Authorization: Bearer {SECRET}"),
    ("bearer ya29.A0ARrdaM-k3y_with_digits", f"bearer {SECRET}"),
    ("authorization: Basic YWxhZGRpbjpvcGVuc2VzYW1lMQ==", f"authorization: Basic {SECRET}"),
    (f"my token is {JWT}", f"my token is {SECRET}"),
    ("slp_prod_server_4fJ2mQx0Zt8LwKd_" + "a1" * 24 + "b", SECRET),
    ("sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc", SECRET),
    ("ghp_" + "a1B2" * 9, SECRET),
    ("AKIAIOSFODNN7EXAMPLE", SECRET),
    ("AIza" + "SyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q", SECRET),
    ("xoxb-1234567890-abcdefghij", SECRET),
    ("api_key=9f8e7d6c5b4a3210", f"api_key={SECRET}"),
    ('{"password": "hunter2"}', f'{{"password": "{SECRET}"}}'),
    ("https://example.com/cb?token=Zm9vYmFy0123456789&n=2", f"https://example.com/cb?token={SECRET}&n=2"),
]
KEPT = [
    "It costs 1,999.00 EUR instead of 19.99.",
    "1 299 000 000 people",
    "Since 2026-11-25T21:51:33.287+00:00 it is slow.",
    "2026-11-25 09:30 to 2026-11-26 10:45",
    "25.11.2026, 09:30:15",
    "UTC+02:00",
    "Version 12.4.1-rc.2+build.20261125 fails",
    "Python 3.13.0 and C++11",
    "fbk_2rhhtev7g5pmxdan1gdxbrrbk9",
    "5f0c7f1e-6f0c-4f5e-9a57-1f1f5f0c7f1e",
    "41111111-1111-4111-8111-111111111111",
    "Order 4111111111111112 did not come",
    "Order 1234567890123456",
    "order no. 0012345678901",
    "invoice 2026-0000-1234-5678",
    "ISBN 978-3-16-148410-0",
    "IBAN DE89 3704 0044 0532 0130 00",
    "4.111111111111111",
    "4111111111111111.50",
    "sha 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "0000000000000000",
    "from 1 to 2 to 3 to 4 to 5 to 6 to 7 to 8 to 9 to 10 to 11 to 12 to 13 to 14",
    "+1 for dark mode",
    "+100 %",
    "+1,200,000 users",
    "Rate it 5/5 @ home",
    "@ada please look",
    "user@localhost",
    "a @ b.com",
    "npm i @scope/name@1.2.3",
    "bearer certificates are old",
    "The bearer instruments directive",
    "basic functionality is missing",
    "token: expired",
    "password: forgotten",
    "secret = none",
    "the token=bad thing",
    "skeleton sk-eleton",
    "192.168.100.200 and 2001:db8::8a2e:370:7334",
    "https://example.com/orders/4111?page=2#top",
    "My score: 4 8 15 16 23 42",
]


@pytest.mark.parametrize(("text", "left"), TAKEN)
def test_what_is_somebodys_alone_is_taken_out(text: str, left: str) -> None:
    assert scrub(text) == left


@pytest.mark.parametrize("text", KEPT)
def test_what_is_needed_to_understand_stays(text: str) -> None:
    assert scrub(text) == text


@given(st.text(alphabet="a1 4+@.-:_eyJ=[]€\n", max_size=200))
def test_again_it_changes_nothing(text: str) -> None:
    once = scrub(text)
    assert scrub(once) == once


@given(st.lists(st.sampled_from([text for text, _ in TAKEN] + KEPT), max_size=6))
def test_one_does_not_hide_another(texts: list[str]) -> None:
    separate = [scrub(text) for text in texts]
    assert scrub("\n\n".join(texts)) == "\n\n".join(separate)


LONG = 10_000
HOSTILE = {
    "digits": "4",
    "digits apart": "4 ",
    "digits and dashes": "4111-",
    "at signs": "@",
    "addresses that never end": "a@a.",
    "almost addresses": "a@1.1.",
    "dots": "a.",
    "tokens that never end": "eyJ",
    "tokens and dots": "eyJaaaaaaaa.",
    "pluses": "+",
    "almost phones": "+1 ",
    "zeros": "00",
    "bearer": "bearer ",
    "bearer and letters": "bearer aaaaaaaa",
    "names of keys": "token=",
    "names of keys without end": "api_key",
    "underscores": "sk_live_",
    "brackets": "[secret]",
    "letters": "a",
    "wide letters": "ä",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_text_is_read_whole(text: str) -> None:
    """Every pattern is bounded: ten times the text that an item may have is read at once, whatever it is made of."""
    for size in (LONG, 10 * LONG):
        once = scrub((text * size)[:size])
        assert scrub(once) == once


@given(st.binary(max_size=300))
def test_whatever_it_is_given_it_answers(raw: bytes) -> None:
    text = raw.decode("utf-8", "replace")
    assert isinstance(scrub(text), str)
    assert isinstance(scrub(f"{text} ada@example.com {text}"), str)


ADDRESSES = [
    ("https://u:p@x.de/?token=secret#a", f"https://x.de/?token={SECRET}"),
    ("https://u@x.de", "https://x.de"),
    ("https://a@b:c@x.de:8443/p", "https://x.de:8443/p"),
    ("https://x.de#access_token=1", "https://x.de"),
    ("https://x.de/@ada/x?at=@home", "https://x.de/@ada/x?at=@home"),
    ("https://x.de/u/ada@example.com/edit", f"https://x.de/u/{EMAIL}/edit"),
    ("https://x.de/?mail=ada%40example.com&x=a%20b", f"https://x.de/?mail={EMAIL}&x=a%20b"),
    (
        "https://x.de?apiKey=1&api_key=2&X-Amz-Signature=3&PHPSESSID=4",
        "&".join(f"{name}={SECRET}" for name in ("https://x.de?apiKey", "api_key", "X-Amz-Signature", "PHPSESSID")),
    ),
    (
        "https://x.de/?%74oken=a&sig=b&code=&new-password=c",
        f"https://x.de/?%74oken={SECRET}&sig={SECRET}&code=&new-password={SECRET}",
    ),
    ("https://x.de/?token=a?b=c", f"https://x.de/?token={SECRET}"),
    ("http://x.de/a;b=c?q=caf%C3%A9+au+lait&&y", "http://x.de/a;b=c?q=caf%C3%A9+au+lait&&y"),
    (
        "https://x.de/?keyword=a&author=b&monkey=c&encoded=d&design=e",
        "https://x.de/?keyword=a&author=b&monkey=c&encoded=d&design=e",
    ),
    ("https://x.de/%zz?%", "https://x.de/%zz?%"),
]


@pytest.mark.parametrize(("url", "kept"), ADDRESSES)
def test_of_an_address_stays_what_is_no_secret(url: str, kept: str) -> None:
    assert scrub_address(url) == kept
    assert scrub_address(kept) == kept


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=200))
def test_no_userinfo_or_fragment_stays(rest: str) -> None:
    kept = scrub_address(f"https://{rest}")
    assert "#" not in kept
    assert "@" not in kept.partition("://")[2].partition("?")[0].partition("/")[0]
