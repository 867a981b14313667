"""How an amount in minor units is written: exponent, quantum and sign of each unit that is shown."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import formats
from django.utils.translation import ngettext


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit of money; `code` is ISO 4217 or `CREDIT`.

    `exponent` is the number of decimal digits of the minor unit, `decimals` how many of them are shown: the tögrög
    has möngö on paper (exponent 2) but none in use, so its amounts are written whole.
    """

    code: str
    exponent: int
    decimals: int
    symbol: str
    symbol_first: bool


CREDIT = Unit("CREDIT", 0, 0, "", False)
# The credits of test keys: counted like credits, worth nothing, and never mistaken for them.
TEST = Unit("TEST", 0, 0, "test credits", False)
UNITS = {
    unit.code: unit
    for unit in (
        CREDIT,
        TEST,
        Unit("USD", 2, 2, "$", True),
        Unit("EUR", 2, 2, "€", True),
        Unit("GBP", 2, 2, "£", True),
        Unit("JPY", 0, 0, "¥", True),
        Unit("MNT", 2, 0, "₮", False),
    )
}
ALIASES = {"CREDITS": "CREDIT"}


def unit_of(code: str) -> Unit:
    """The unit with this code; an unknown one is shown with two decimals and its code after the number."""
    key = str(code).upper()
    key = ALIASES.get(key, key)
    return UNITS.get(key) or Unit(key, 2, 2, key, False)


def number_text(amount: int, unit: Unit) -> str:
    """The number alone, grouped as the active language groups: 450000000 in MNT gives `4,500,000`."""
    whole, rest = divmod(abs(amount), 10**unit.exponent)
    text = formats.number_format(whole, decimal_pos=0, use_l10n=True, force_grouping=True)
    # A hidden remainder would be a lie: digits that are usually left out are shown when they are not zero.
    if unit.decimals or rest:
        text += f"{formats.get_format('DECIMAL_SEPARATOR', use_l10n=True)}{rest:0{unit.exponent}d}"
    return f"−{text}" if amount < 0 else text


def unit_word(amount: int, unit: Unit) -> str:
    """What stands after the number: `credit`/`credits`, `₮`, or nothing when the symbol stands before it."""
    if unit.code == "CREDIT":
        return ngettext("credit", "credits", abs(amount))
    return "" if unit.symbol_first else unit.symbol


def share_text(share: float | None) -> str:
    """A share of one as percent with one decimal, `90.5 %`; a dash where there is none."""
    return "—" if share is None else f"{100 * share:.1f} %"


def amount_text(amount: int, code: str, *, signed: bool = False) -> str:
    """A whole amount in words: `90 credits`, `4,500,000 ₮`, `$12.50`; `signed` writes a plus before a gain."""
    unit = unit_of(code)
    number = number_text(amount, unit)
    sign = ""
    if number.startswith("−"):
        sign, number = "−", number[1:]
    elif signed and amount > 0:
        sign = "+"
    head = unit.symbol if unit.symbol_first else ""
    tail = unit_word(amount, unit)
    return f"{sign}{head}{number}" + (f"\u00a0{tail}" if tail else "")
