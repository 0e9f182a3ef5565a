"""Money: exact, in minor units, with the decimals of its currency."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.money import DECIMALS, MOST, BadMoney, Money, major, minor

currencies = st.sampled_from(sorted(DECIMALS))


@pytest.mark.parametrize(
    ("value", "currency", "amount"),
    [
        ("19.99", "EUR", 1999),
        (" 19.99 ", "EUR", 1999),
        (Decimal("19.99"), "EUR", 1999),
        (Decimal("1.999e1"), "EUR", 1999),
        (20, "EUR", 2000),
        ("20", "EUR", 2000),
        ("19.9", "EUR", 1990),
        ("19.990", "EUR", 1999),
        ("0", "EUR", 0),
        (Decimal("0E-60"), "EUR", 0),
        (Decimal("-0.0"), "EUR", 0),
        ("007.50", "EUR", 750),
        ("1999", "JPY", 1999),
        ("1999.00", "JPY", 1999),
        ("1.234", "BHD", 1234),
        ("1.2345", "CLF", 12345),
        ("9999999999999.99", "EUR", MOST),
    ],
)
def test_major_units_are_read_exactly(value: str | int | Decimal, currency: str, amount: int) -> None:
    assert major(value, currency) == Money(amount, currency)


@pytest.mark.parametrize(
    ("value", "currency", "code"),
    [
        ("19.999", "EUR", "too_many_decimals"),
        (Decimal("0.001"), "EUR", "too_many_decimals"),
        (Decimal("1E-60"), "EUR", "too_many_decimals"),
        ("0.5", "JPY", "too_many_decimals"),
        ("1.2345", "BHD", "too_many_decimals"),
        ("10000000000000", "EUR", "out_of_range"),
        (Decimal("1E+64"), "EUR", "out_of_range"),
        (Decimal("1E+999999999"), "EUR", "out_of_range"),
        (-1, "EUR", "out_of_range"),
        (Decimal("-0.01"), "EUR", "out_of_range"),
        ("-1", "EUR", "not_a_number"),
        ("1,99", "EUR", "not_a_number"),
        ("1e3", "EUR", "not_a_number"),
        ("٣", "EUR", "not_a_number"),
        ("", "EUR", "not_a_number"),
        (".5", "EUR", "not_a_number"),
        (Decimal("NaN"), "EUR", "not_a_number"),
        ("1", "XAU", "unknown_currency"),
        ("1", "eur", "unknown_currency"),
    ],
)
def test_what_is_not_exactly_an_amount_is_refused(value: str | int | Decimal, currency: str, code: str) -> None:
    with pytest.raises(BadMoney) as caught:
        major(value, currency)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("amount", "currency", "pointer"), [(-1, "EUR", "/amount"), (MOST + 1, "EUR", "/amount"), (1, "ZZZ", "/currency")]
)
def test_minor_units_are_bounded_and_of_a_known_currency(amount: int, currency: str, pointer: str) -> None:
    with pytest.raises(BadMoney) as caught:
        minor(amount, currency)
    assert caught.value.pointer == pointer


@given(st.integers(0, MOST), currencies)
def test_what_is_written_in_major_units_reads_back(amount: int, currency: str) -> None:
    money = Money(amount, currency)
    assert major(money.major(), currency) == money
    assert Decimal(money.major()) == Decimal(amount).scaleb(-DECIMALS[currency])


@given(st.decimals(allow_nan=False, allow_infinity=False), currencies)
def test_any_number_is_an_exact_amount_or_refused(value: Decimal, currency: str) -> None:
    try:
        money = major(value, currency)
    except BadMoney:
        return
    assert Decimal(money.amount).scaleb(-DECIMALS[currency]) == value


def test_the_table_has_the_decimals_that_the_standard_gives() -> None:
    assert {decimals: sum(1 for other in DECIMALS.values() if other == decimals) for decimals in (0, 2, 3, 4)} == {
        0: 17,
        2: 139,
        3: 7,
        4: 2,
    }
    assert (DECIMALS["EUR"], DECIMALS["JPY"], DECIMALS["BHD"], DECIMALS["CLF"], DECIMALS["ISK"]) == (2, 0, 3, 4, 0)
    assert not DECIMALS.keys() & {"XAU", "XXX", "XTS", "XDR", "HRK", "ZWL", "SLL", "ANG"}
