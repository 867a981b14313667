"""How a deal's price is parted: whole minor units, rounded to the quantum, never a float.

The rules are numbered as in the escrow rule book of this program (`docs/escrow.md`): 1 split, 2 cap, 3 line, 4 sum,
5 settle. P is the price, q the quantum; rounding is always down to a multiple of q.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .limits import BPS

RELEASE_TO_SELLER = "RELEASE_TO_SELLER"
OFFSET_FULL_CAP = "OFFSET_FULL_CAP"
OFFSET_AS_CLAIMED = "OFFSET_AS_CLAIMED"
# Endings that the engine gives and no menu offers.
OFFSET_AS_AGREED = "OFFSET_AS_AGREED"
OFFSET_SPLIT = "OFFSET_SPLIT"
SHARES_OF_CAP_PERCENT = {"OFFSET_25_OF_CAP": 25, "OFFSET_50_OF_CAP": 50, "OFFSET_75_OF_CAP": 75, OFFSET_FULL_CAP: 100}
MENU_OUTCOMES = (RELEASE_TO_SELLER, *SHARES_OF_CAP_PERCENT, OFFSET_AS_CLAIMED)
OUTCOMES = (*MENU_OUTCOMES, OFFSET_AS_AGREED, OFFSET_SPLIT)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a claim: its reason code, what is claimed, the outcome, and the amount both signed (`agreed`)."""

    code: str
    claimed: int
    outcome: str
    agreed: int | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What each side gets at the end of a claim. `lines` are the offsets granted; `to_buyer` is their sum."""

    lines: tuple[int, ...]
    to_buyer: int
    to_seller: int


def rounded_down(amount: int, quantum: int) -> int:
    """The largest multiple of `quantum` that is not above `amount`."""
    return amount - amount % quantum


def split(price: int, holdback_bps: int, quantum: int) -> tuple[int, int]:
    """(immediate, holdback) of a price, rule 1.

    The payment that cannot be taken back is the one rounded down, so the protection is never below its ratio.
    """
    immediate = rounded_down(price * (BPS - holdback_bps) // BPS, quantum)
    return immediate, price - immediate


def cap(price: int, cap_bps: int, quantum: int) -> int:
    """The most that claims of one reason code can give, rule 2."""
    return rounded_down(price * cap_bps // BPS, quantum)


def offset(line: Line, code_cap: int, left: int, quantum: int) -> int:
    """What one line grants, rule 3: by the cap of its code, and never more than earlier lines `left` of that cap."""
    most = min(line.claimed, code_cap)
    if line.outcome == RELEASE_TO_SELLER:
        granted = 0
    elif line.outcome == OFFSET_AS_CLAIMED:
        granted = most
    elif line.outcome == OFFSET_SPLIT:
        granted = rounded_down(most // 2, quantum)
    elif line.outcome == OFFSET_AS_AGREED:
        granted = min(line.agreed or 0, most)
    else:
        percent = SHARES_OF_CAP_PERCENT[line.outcome]
        granted = min(line.claimed, rounded_down(code_cap * percent // 100, quantum))
    return min(granted, left)


def scaled(amounts: Sequence[int], total: int, quantum: int) -> list[int]:
    """`amounts` scaled to sum to `total` by the largest remainder, rule 4; ties go to the earlier line.

    Every amount and the total are multiples of the quantum and the sum is above `total`.
    """
    whole = sum(amounts)
    shares = [rounded_down(amount * total // whole, quantum) for amount in amounts]
    rests = [amount * total - share * whole for amount, share in zip(amounts, shares, strict=True)]
    missing = (total - sum(shares)) // quantum
    for line in sorted(range(len(amounts)), key=lambda line: (-rests[line], line))[:missing]:
        shares[line] += quantum
    return shares


def settle(
    price: int, holdback_bps: int, caps_bps: Mapping[str, int], quantum: int, lines: Sequence[Line], paid: int
) -> Settlement:
    """What is left in escrow, parted by the outcomes of all lines, rules 2 to 5.

    `paid` is what the seller has had before. Lines of one code share its cap in their order. The buyer never gets
    more than the holdback. `paid + to_buyer + to_seller` is the price.
    """
    _, holdback = split(price, holdback_bps, quantum)
    caps = {code: cap(price, bps, quantum) for code, bps in caps_bps.items()}
    left = dict(caps)
    granted = []
    for line in lines:
        amount = offset(line, caps[line.code], left[line.code], quantum)
        left[line.code] -= amount
        granted.append(amount)
    if sum(granted) > holdback:
        granted = scaled(granted, holdback, quantum)
    to_buyer = sum(granted)
    return Settlement(tuple(granted), to_buyer, price - paid - to_buyer)
