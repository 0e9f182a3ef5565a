"""Money: whole minor units and a currency, never a float.

19.99, "19.99"                              major units in the currency of the deployment
{"amount": 1999, "currency": "EUR"}         minor units; how it is kept and answered
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import NamedTuple

# How many decimals the minor unit of a currency has. Source: ISO 4217, list of current currencies and funds (table A.1),
# state of March 2025. Codes without a minor unit (gold, drawing rights, test codes) are no prices and not in here.
_DECIMALS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW "
    "CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS "
    "INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN "
    "NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC "
    "SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
DECIMALS = {code: decimals for decimals, codes in _DECIMALS.items() for code in codes.split()}

MOST = 999_999_999_999_999  # minor units: exact in every client's numbers

MAJOR = r"^[\t\n\r ]*[0-9]{1,15}(\.[0-9]{1,15})?[\t\n\r ]*$"


class BadMoney(ValueError):
    """`pointer` leads to the wrong part within the price; the message tells how to mend it."""

    def __init__(self, code: str, detail: str, pointer: str = "") -> None:
        super().__init__(detail)
        self.code, self.pointer = code, pointer


class Money(NamedTuple):
    amount: int
    currency: str

    def major(self) -> str:
        """The amount in major units: `19.99`, `1999` (JPY), `1.999` (BHD)."""
        decimals = DECIMALS[self.currency]
        if not decimals:
            return str(self.amount)
        digits = str(self.amount).rjust(decimals + 1, "0")
        return f"{digits[:-decimals]}.{digits[-decimals:]}"


def minor(amount: int, currency: str) -> Money:
    """Whole minor units. Raises BadMoney."""
    if currency not in DECIMALS:
        raise BadMoney("unknown_currency", "Name a currency by its ISO 4217 code, such as EUR.", "/currency")
    if not 0 <= amount <= MOST:
        raise BadMoney("out_of_range", f"The amount must be from 0 to {MOST}, in minor units.", "/amount")
    return Money(amount, currency)


def major(value: int | Decimal | str, currency: str) -> Money:
    """Major units, exactly: more decimals than the currency has are refused, not rounded. Raises BadMoney."""
    if currency not in DECIMALS:
        raise BadMoney("unknown_currency", "Name a currency by its ISO 4217 code, such as EUR.")
    if isinstance(value, str):
        if not re.fullmatch(MAJOR, value):
            raise BadMoney("not_a_number", "Write the price as digits with a point, such as 19.99.")
        value = Decimal(value.strip())
    sign, digits, exponent = Decimal(value).as_tuple()
    if not isinstance(exponent, int):
        raise BadMoney("not_a_number", "Write the price as digits with a point, such as 19.99.")
    decimals = DECIMALS[currency]
    coefficient, shift = int("".join(map(str, digits))), exponent + decimals
    if not coefficient:
        return Money(0, currency)
    # Magnitude before powers of ten: an exponent may be astronomic.
    if sign or len(digits) + shift > len(str(MOST)):
        raise BadMoney("out_of_range", f"The price must be from 0 to {Money(MOST, currency).major()}.")
    if shift >= 0:
        return Money(coefficient * 10**shift, currency)
    amount, rest = divmod(coefficient, 10**-shift) if -shift <= len(digits) else (0, coefficient)
    if rest:
        raise BadMoney("too_many_decimals", f"{currency} has {decimals or 'no'} decimals; round the price first.")
    return Money(amount, currency)
