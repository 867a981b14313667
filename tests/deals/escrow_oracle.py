"""The rules of escrow written a second time, from the rule book alone: fractions, no code of the product."""

from fractions import Fraction
from math import floor


def down(amount, quantum):
    return floor(Fraction(amount) / quantum) * quantum


def oracle(price, holdback, caps, quantum, lines, paid_first):
    """(line offsets, to buyer, to seller at the end, immediate). Ratios are Fractions; lines are
    (code, claimed, outcome, agreed); `paid_first` says whether the immediate part was paid before the claim."""
    immediate = down(price * (1 - holdback), quantum)
    held = price - immediate
    used = dict.fromkeys(caps, 0)
    granted = []
    for code, claimed, outcome, agreed in lines:
        ceiling = down(price * caps[code], quantum)
        if outcome == "RELEASE_TO_SELLER":
            amount = 0
        elif outcome in ("OFFSET_AS_CLAIMED", "OFFSET_FULL_CAP"):
            amount = min(claimed, ceiling)
        elif outcome == "OFFSET_AS_AGREED":
            amount = min(agreed, claimed, ceiling)
        elif outcome == "OFFSET_SPLIT":
            amount = down(Fraction(min(claimed, ceiling), 2), quantum)
        else:
            amount = min(claimed, down(Fraction(ceiling * int(outcome.split("_")[1]), 100), quantum))
        amount = min(amount, ceiling - used[code])
        used[code] += amount
        granted.append(amount)
    total = sum(granted)
    if total > held:
        exact = [Fraction(amount * held, total) for amount in granted]
        granted = [down(share, quantum) for share in exact]
        order = sorted(range(len(granted)), key=lambda n: (granted[n] - exact[n], n))
        for n in order[: (held - sum(granted)) // quantum]:
            granted[n] += quantum
    to_buyer = sum(granted)
    return granted, to_buyer, price - to_buyer - (immediate if paid_first else 0), immediate
