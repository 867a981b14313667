"""Amounts as people type them: in whole units of a currency, kept in minor units."""

import re
from decimal import Decimal

from pilothouse.kernel.base.errors import InvalidInput
from pilothouse.ui.units import UNITS, unit_of

CURRENCIES = tuple(code for code in UNITS if code not in ("CREDIT", "TEST"))
# Digits with at most one point; spaces and commas may group the thousands.
TYPED = re.compile(r"\d{1,3}(?:[ ,]\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?")
TYPED_MAX_CHARACTERS = 30


def minor_amount(text: str, unit: str) -> int:
    """`4,500,000.50` of a currency in its minor units. Raises InvalidInput for anything that could be misread."""
    plain = text.strip().replace("\u00a0", " ").replace("\u202f", " ")
    if len(plain) > TYPED_MAX_CHARACTERS or not TYPED.fullmatch(plain) or not plain.isascii():
        raise InvalidInput(reason="Write the amount in digits, such as 4500000 or 4,500,000.50.")
    exponent = unit_of(unit).exponent
    scaled = Decimal(plain.replace(",", "").replace(" ", "")).scaleb(exponent)
    if scaled != int(scaled):
        raise InvalidInput(reason=f"{unit} has {exponent} digits after the point.")
    return int(scaled)
