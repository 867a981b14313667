"""The oracle is no echo: each rule of the arithmetic, deleted from a copy of the product alone, makes it disagree.

The mutations tried are the keys of MUTATIONS, by the rule of docs/escrow.md that each deletes.
"""

import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from escrow_oracle import oracle
from test_arithmetic import random_deal

from pilothouse.programs.deals import arithmetic

pytestmark = pytest.mark.unit
SOURCE = Path(arithmetic.__file__).read_text()
DEALS_COUNT = 4_000
MUTATIONS = {
    "1 the immediate part is not rounded to the quantum": (
        "immediate = rounded_down(price * (BPS - holdback_bps) // BPS, quantum)",
        "immediate = price * (BPS - holdback_bps) // BPS",
    ),
    "1 the holdback is the part that is rounded down": (
        "immediate = rounded_down(price * (BPS - holdback_bps) // BPS, quantum)",
        "immediate = price - rounded_down(price * holdback_bps // BPS, quantum)",
    ),
    "2 a cap is not rounded to the quantum": (
        "return rounded_down(price * cap_bps // BPS, quantum)", "return price * cap_bps // BPS"
    ),
    "2 a cap is of the holdback, not of the price": (
        "caps = {code: cap(price, bps, quantum)", "caps = {code: cap(holdback, bps, quantum)"
    ),
    "3 a claim is not bound by its cap": ("most = min(line.claimed, code_cap)", "most = line.claimed"),
    "3 more than was claimed": ("most = min(line.claimed, code_cap)", "most = code_cap"),
    "3 a release gives the buyer what was claimed": ("granted = 0", "granted = most"),
    "3 a split is not halved": ("granted = rounded_down(most // 2, quantum)", "granted = most"),
    "3 a split is not rounded to the quantum": ("granted = rounded_down(most // 2, quantum)", "granted = most // 2"),
    "3 what both signed is not bound by the claim": ("min(line.agreed or 0, most)", "line.agreed or 0"),
    "3 a share of the cap goes beyond the claim": (
        "granted = min(line.claimed, rounded_down(code_cap * percent // 100, quantum))",
        "granted = rounded_down(code_cap * percent // 100, quantum)",
    ),
    "3 a share of the cap is not rounded to the quantum": (
        "rounded_down(code_cap * percent // 100, quantum)", "code_cap * percent // 100"
    ),
    "3 a share is of the claim, not of the cap": ("code_cap * percent", "most * percent"),
    "3 each line has the whole cap of its code": ("return min(granted, left)", "return granted"),
    "3 a cap is used up by the line's claim, not by its grant": (
        "left[line.code] -= amount", "left[line.code] = max(0, left[line.code] - line.claimed)"
    ),
    "4 the sum goes beyond the holdback": ("if sum(granted) > holdback:", "if False:"),
    "4 the sum is scaled even where it fits": ("if sum(granted) > holdback:", "if sum(granted):"),
    "4 shares are not rounded to the quantum": (
        "rounded_down(amount * total // whole, quantum)", "amount * total // whole"
    ),
    "4 the missing quanta go nowhere": ("[:missing]", "[:0]"),
    "4 the missing quanta go by the line alone": ("(-rests[line], line)", "line"),
    "4 the missing quanta go to the smallest remainders": ("(-rests[line], line)", "(rests[line], line)"),
    "4 ties go to the later line": ("(-rests[line], line)", "(-rests[line], -line)"),
    "5 what was paid before is paid again": ("price - paid - to_buyer", "price - to_buyer"),
    "5 the seller pays the offset twice": ("price - paid - to_buyer", "price - paid - 2 * to_buyer"),
}  # fmt: skip


def copy_of(source: str) -> ModuleType:
    """The arithmetic as a module of its own."""
    module = ModuleType("pilothouse.programs.deals.arithmetic_copy")
    module.__package__ = "pilothouse.programs.deals"
    sys.modules[module.__name__] = module
    try:
        exec(compile(source, "arithmetic_copy.py", "exec"), module.__dict__)
    finally:
        del sys.modules[module.__name__]
    return module


def disagreements(module: Any) -> Iterator[int]:
    """The seeds of the deals on which a module and the oracle say different amounts."""
    for seed in range(DEALS_COUNT):
        price, quantum, holdback, caps, lines, paid_first = random_deal(seed)
        ratios = {code: Fraction(bps, 10_000) for code, bps in caps.items()}
        told = [(line.code, line.claimed, line.outcome, line.agreed) for line in lines]
        granted, to_buyer, to_seller, immediate = oracle(
            price, Fraction(holdback, 10_000), ratios, quantum, told, paid_first
        )
        found = module.settle(price, holdback, caps, quantum, lines, immediate if paid_first else 0)
        said = (list(found.lines), found.to_buyer, found.to_seller, module.split(price, holdback, quantum)[0])
        if said != (granted, to_buyer, to_seller, immediate):
            yield seed


def test_the_copy_itself_agrees() -> None:
    assert next(disagreements(copy_of(SOURCE)), None) is None


@pytest.mark.parametrize("rule", MUTATIONS)
def test_the_oracle_sees_each_rule_that_is_deleted(rule: str) -> None:
    old, new = MUTATIONS[rule]
    assert SOURCE.count(old) == 1, "the product says this rule in other words now"
    seed = next(disagreements(copy_of(SOURCE.replace(old, new))), None)
    assert seed is not None, "nobody noticed"
