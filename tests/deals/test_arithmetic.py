"""The parts of a price: the worked examples of the rule book, and 100,000 random deals against an oracle."""

import random
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from pilothouse.programs.deals.arithmetic import OUTCOMES, Line, cap, scaled, settle, split

sys.path.insert(0, str(Path(__file__).parent))
from escrow_oracle import oracle

pytestmark = pytest.mark.unit
MNT = 100
CAPS = {
    "COSMETIC_DAMAGE": 300,
    "MISSING_ACCESSORY": 200,
    "MISSING_DOCUMENTS": 500,
    "UNDISCLOSED_DEFECT": 1000,
    "MILEAGE_MISMATCH": 1500,
    "LEGAL_ENCUMBRANCE": 1500,
}
RANDOM_DEALS_COUNT = 100_000


def tugrik(amount: int) -> int:
    return amount * 100


def test_example_a_without_an_issue() -> None:
    assert split(tugrik(30_000_000), 1500, MNT) == (tugrik(25_500_000), tugrik(4_500_000))


@pytest.mark.parametrize(
    ("outcome", "to_buyer", "total_seller"),
    [("OFFSET_AS_CLAIMED", 3_000_000, 27_000_000), ("OFFSET_50_OF_CAP", 1_500_000, 28_500_000)],
)
@pytest.mark.parametrize("paid", [0, 25_500_000])
def test_examples_a2_and_a3(outcome: str, to_buyer: int, total_seller: int, paid: int) -> None:
    line = Line("UNDISCLOSED_DEFECT", tugrik(5_000_000), outcome)
    found = settle(tugrik(30_000_000), 1500, CAPS, MNT, [line], tugrik(paid))
    assert found.to_buyer == tugrik(to_buyer)
    assert found.to_seller + tugrik(paid) == tugrik(total_seller)


def test_example_a4_the_caps() -> None:
    expected = [900_000, 600_000, 1_500_000, 3_000_000, 4_500_000, 4_500_000]
    assert [cap(tugrik(30_000_000), bps, MNT) for bps in CAPS.values()] == [tugrik(each) for each in expected]


def test_example_b_rounds_the_payment_that_cannot_be_taken_back() -> None:
    price = tugrik(12_345_678)
    assert split(price, 1500, MNT) == (tugrik(10_493_826), tugrik(1_851_852))
    assert [cap(price, bps, MNT) for bps in (1500, 1000, 300)] == [
        tugrik(1_851_851), tugrik(1_234_567), tugrik(370_370)
    ]  # fmt: skip


def test_example_b2_scales_three_full_caps_to_the_holdback() -> None:
    lines = [
        Line(code, tugrik(9_999_999), "OFFSET_FULL_CAP")
        for code in ("MILEAGE_MISMATCH", "COSMETIC_DAMAGE", "UNDISCLOSED_DEFECT")
    ]
    paid, _ = split(tugrik(12_345_678), 1500, MNT)
    found = settle(tugrik(12_345_678), 1500, CAPS, MNT, lines, paid)
    assert found.lines == (tugrik(992_064), tugrik(198_413), tugrik(661_375))
    assert (found.to_buyer, found.to_seller) == (tugrik(1_851_852), 0)


def test_examples_c_d_and_e() -> None:
    assert split(tugrik(101), 1500, MNT) == (tugrik(85), tugrik(16))
    assert split(tugrik(1), 1500, MNT) == (0, tugrik(1))
    assert split(10_001, 1500, 1) == (8_500, 1_501)
    found = settle(10_001, 1500, {"X": 1000}, 1, [Line("X", 701, "OFFSET_SPLIT")], 8_500)
    assert found.to_buyer == 350
    assert split(9_999, 1500, 1) == (8_499, 1_500)


def test_lines_of_one_code_share_its_cap_in_their_order() -> None:
    lines = [Line("COSMETIC_DAMAGE", tugrik(600_000), "OFFSET_AS_CLAIMED")] * 2
    found = settle(tugrik(30_000_000), 1500, CAPS, MNT, lines, 0)
    assert found.lines == (tugrik(600_000), tugrik(300_000))


def test_ties_of_the_largest_remainder_go_to_the_earlier_line() -> None:
    assert scaled([30, 30, 30], 50, 10) == [20, 20, 10]


def random_deal(seed: int) -> tuple[int, int, int, dict[str, int], list[Line], bool]:
    of = random.Random(seed)
    quantum = of.choice((1, 10, 100))
    price = of.randint(1, of.choice((200, 10_000, 40_000_000))) * quantum
    holdback = of.randint(0, 10_000)
    caps = {name: of.randint(0, holdback) for name in ("A", "B", "C")}
    lines = []
    for _ in range(of.randint(1, 6)):
        claimed = of.randint(1, max(1, price // quantum)) * quantum
        # What was signed may be more than was claimed, or than its cap.
        agreed = of.randint(0, 2 * claimed // quantum) * quantum
        lines.append(Line(of.choice("ABC"), claimed, of.choice(OUTCOMES), agreed))
    return price, quantum, holdback, caps, lines, of.random() < 0.5


def test_random_deals_agree_with_the_oracle() -> None:
    """Every amount is right to the minor unit, nothing is negative, nothing is lost, no cap is passed."""
    scaled_count = shared_count = 0
    for seed in range(RANDOM_DEALS_COUNT):
        price, quantum, holdback, caps, lines, paid_first = random_deal(seed)
        ratios = {code: Fraction(bps, 10_000) for code, bps in caps.items()}
        told = [(line.code, line.claimed, line.outcome, line.agreed) for line in lines]
        granted, to_buyer, to_seller, immediate = oracle(
            price, Fraction(holdback, 10_000), ratios, quantum, told, paid_first
        )
        paid = immediate if paid_first else 0
        found = settle(price, holdback, caps, quantum, lines, paid)
        assert split(price, holdback, quantum)[0] == immediate, seed
        assert (list(found.lines), found.to_buyer, found.to_seller) == (granted, to_buyer, to_seller), seed
        assert paid + found.to_buyer + found.to_seller == price, seed
        assert min(found.to_buyer, found.to_seller, *found.lines) >= 0, seed
        assert found.to_buyer <= price - immediate, seed
        for code, bps in caps.items():
            of_code = [grant for grant, line in zip(found.lines, lines, strict=True) if line.code == code]
            assert sum(of_code) <= cap(price, bps, quantum), seed
            shared_count += len(of_code) > 1
        scaled_count += sum(granted) == price - immediate > 0
    assert scaled_count > 1_000, "the random deals reach the scaling rule"
    assert shared_count > 10_000, "the random deals reach shared caps"
