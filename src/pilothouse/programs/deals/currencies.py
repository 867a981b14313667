"""The smallest amount in use of each currency that deals are made in."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Currency:
    """`exponent` decimal digits of the minor unit (ISO 4217); every amount is a multiple of `quantum` minor units.

    The tögrög has möngö on paper (exponent 2) but none in use: its quantum is 100 minor units, one tögrög.
    """

    code: str
    exponent: int
    quantum: int


CURRENCIES = {
    currency.code: currency
    for currency in (
        Currency("EUR", 2, 1),
        Currency("GBP", 2, 1),
        Currency("JPY", 0, 1),
        Currency("MNT", 2, 100),
        Currency("USD", 2, 1),
    )
}
