"""Takes out of what people write what they should not have written: addresses, numbers and keys that are somebody's alone.

    [e-mail]   ada@example.com
    [card]     13 to 19 digits that an issuer of cards begins so, of its length, with a right check digit (ISO/IEC 7812-1)
    [phone]    9 to 15 digits after + or 00, as E.164 has them; after 00 only where they are set apart
    [secret]   bearer tokens, JSON Web Tokens, keys that name themselves, and what stands after `api_key=` and the like

Of the address of a page its userinfo and its fragment go, and the value of each parameter that is named like a secret.

Each pattern is bounded, so that a hostile text takes a time in proportion to its length. Doing it again changes nothing.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import quote, unquote

EMAIL, CARD, PHONE, SECRET = "[e-mail]", "[card]", "[phone]", "[secret]"

_KEYS = (
    r"eyJ[\w-]{8,4000}\.[\w-]{4,4000}\.[\w-]{0,4000}",  # a JSON Web Token
    r"slp_[a-z0-9-]{1,32}_[a-z]{5,6}_\w{40,80}",
    r"(?:sk|pk|rk)_(?:live|test)_\w{8,200}",
    r"sk-[\w-]{20,200}",
    r"gh[opsur]_\w{20,255}",
    r"github_pat_\w{20,255}",
    r"glpat-[\w-]{16,64}",
    r"xox[abeoprs]-[\w-]{10,255}",
    r"(?:AKIA|ASIA)[A-Z0-9]{16}",
    r"AIza[\w-]{35}",
    r"whsec_[\w+/=]{16,255}",
    r"npm_\w{36}",
    r"SG\.[\w-]{16,64}\.[\w-]{16,128}",
)
_SIGNS = ("eyJ", "_", "sk-", "glpat-", "xox", "AKIA", "ASIA", "AIza", "SG.")  # without one there is no such key
_LETTER = r"[\w.!$%'*+^`{|}~-]"  # of an address; those that addresses of pages are made of are in hardly any
_NAMED = r"api[_-]?key|access[_-]?key|client[_-]?secret|access[_-]?token|auth[_-]?token|secret|token|password|passwd|pwd"

# In the name of a parameter: anywhere, or as a word of its own.
_HIDDEN = (
    r"token|secret|passw|passphrase|pwd|sess(?:ion|id)|signature|credential|oauth|authori[sz]ation|api-?key|jwt|[cx]srf"
    r"|(?<![a-z])(?:auth|code|key|nonce|otp|pass|pin|sid|sig)(?![a-z])"
)

_IS = r"[\"']?[ ]?[:=][ ]?[\"']?"


@lru_cache(maxsize=1)
def _patterns() -> tuple[re.Pattern[str], ...]:
    """Compiled when they are first needed."""
    key = re.compile(rf"(?<![\w.-])(?:{'|'.join(_KEYS)})(?![\w-])", re.ASCII)
    bearer = re.compile(r"\b(bearer|basic)([ \t]{1,3})([\w.~+/=-]{8,4000})", re.ASCII | re.IGNORECASE)
    named = re.compile(rf"(?<![A-Za-z0-9])((?:{_NAMED}){_IS})([^\s\"'&,;\[\]]{{6,4000}})", re.ASCII | re.IGNORECASE)
    email = re.compile(rf"(?<!{_LETTER}){_LETTER}{{1,64}}@(?:[\w-]{{1,63}}\.){{1,8}}[^\W\d_]{{2,63}}(?![\w-])")
    digits = re.compile(r"(?<![\w.,+-])\d{3,19}(?:[ -]\d{3,7}){0,5}", re.ASCII)  # in groups, as they are printed
    phone = re.compile(r"(?<![\w+])(?:\+|(?<!\d )00(?=[1-9]))[ ]?[1-9](?:[ ().\-/]{0,2}\d){7,13}(?![\w])", re.ASCII)
    return key, bearer, named, email, digits, phone


def scrub(text: str) -> str:
    key, bearer, named, email, digits, phone = _patterns()
    if any(sign in text for sign in _SIGNS):
        text = key.sub(SECRET, text)
    if " " in text or "\t" in text:
        text = bearer.sub(_bearer, text)
    if "=" in text or ":" in text:
        text = named.sub(_named, text)
    if "@" in text:
        text = email.sub(EMAIL, text)
    text = _cards(text, digits)
    if "+" in text or "00" in text:
        text = phone.sub(_phone, text)
    return text


def scrub_address(url: str) -> str:
    """Of a page."""
    scheme, _, rest = url.partition("#")[0].partition("://")
    end = next((place for place, letter in enumerate(rest) if letter in "/?"), len(rest))
    path, asks, query = rest[end:].partition("?")
    asked = "&".join(_parameter(one) for one in query.split("&"))
    return f"{scheme}://{rest[:end].rpartition('@')[2]}{_escaped(path)}{asks}{asked}"


def _parameter(given: str) -> str:
    name, equals, value = given.partition("=")
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", unquote(name)).replace("_", "-").lower()
    return f"{_escaped(name)}{equals}{SECRET if value and re.search(_HIDDEN, plain) else _escaped(value)}"


def _escaped(part: str) -> str:
    """Scrubbed as it reads; where nothing has to go it stays as it was written."""
    plain = unquote(part)
    clean = scrub(plain)
    return part if clean == plain else quote(clean, safe="/[]:;,=@!$()*~'")


def _bearer(found: re.Match[str]) -> str:
    word, space, token = found.groups()
    return f"{word}{space}{SECRET}" if _random(token) else found[0]


def _named(found: re.Match[str]) -> str:
    return f"{found[1]}{SECRET}" if _random(found[2]) or (found[1][:1] in "pP" and _mixed(found[2])) else found[0]


def _mixed(token: str) -> bool:
    return any(letter.isdigit() for letter in token) and any(letter.isalpha() for letter in token)


def _random(token: str) -> bool:
    """Whether it looks drawn, and not written: long, and of letters and digits; or longer than words are."""
    return (len(token) >= 12 and _mixed(token)) or len(token) >= 40


def _cards(text: str, digits: re.Pattern[str]) -> str:
    kept, at, done = list[str](), 0, 0
    while found := digits.search(text, at):
        end = _card(found[0], text[found.end() : found.end() + 2])
        if end is None:  # the number may begin with the next group
            at = found.start() + len(found[0].partition(" ")[0])
            continue
        kept += (text[done : found.start()], CARD)
        at = done = found.start() + end
    return "".join((*kept, text[done:]))


def _card(found: str, rest: str) -> int | None:
    """How long a card's number is that these groups of digits begin with; None where they do not."""
    number = found.replace(" ", "").replace("-", "")
    for length in _lengths(number):
        if length <= len(number) and _checked(number[:length]):
            places = [place for place, letter in enumerate(found) if letter.isdigit()]
            end = places[length - 1] + 1
            if _ends((found[end:] + rest)[:2]):
                return end
    return None


def _ends(rest: str) -> bool:
    """Whether a number is over there: no digit or letter follows, and no fraction."""
    return not (rest[:1].isalnum() or (rest[:1] in (".", ",") and rest[1:].isdigit()))


def _lengths(number: str) -> tuple[int, ...]:
    """Of the cards of the issuer whose numbers begin so."""
    two, four = int(number[:2]), int(number[:4])
    if number[0] == "4":
        return (19, 16, 13)
    if two in range(51, 56) or four in range(2221, 2721):
        return (16,)
    if two in (34, 37):
        return (15,)
    if two in (36, 38, 39) or four // 10 in range(300, 306):
        return (14,)
    if two == 62:
        return (19, 18, 17, 16)
    if four in range(3528, 3590) or four == 6011 or two == 65 or four // 10 in range(644, 650):
        return (16,)
    return ()


def _checked(number: str) -> bool:
    """H. P. Luhn's check digit."""
    total = 0
    for place, digit in enumerate(map(int, reversed(number))):
        total += digit if place % 2 == 0 else sum(divmod(2 * digit, 10))
    return total % 10 == 0 and len(set(number)) > 1


def _phone(found: re.Match[str]) -> str:
    text = found[0]
    digits = sum(letter.isdigit() for letter in text.removeprefix("00"))
    apart = text.startswith("+") or any(letter in " -/.(" for letter in text)
    return PHONE if 9 <= digits <= 15 and apart else text
