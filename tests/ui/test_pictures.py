"""Bars whose parts never leave the whole, amounts that never hide a digit, countdowns that never lie."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.ui.pictures import MONEY_KINDS, WORK_KINDS, countdown_share, countdown_stage, segments_of, state_tone
from pilothouse.ui.units import UNITS, amount_text, unit_of

pytestmark = pytest.mark.unit
START = datetime(2026, 1, 24, 10, tzinfo=UTC)


def percent(text: str) -> float:
    return float(text.removesuffix("%"))


@given(
    settled=st.integers(0, 10**15), refunded=st.integers(0, 10**15), in_flight=st.integers(0, 10**15),
    gap=st.integers(-5, 5),
)  # fmt: skip
def test_segments_lie_side_by_side_inside_the_bar(settled: int, refunded: int, in_flight: int, gap: int) -> None:
    amounts = {"settled": settled, "refunded": refunded, "in_flight": in_flight}
    parts = segments_of(max(0, sum(amounts.values()) + gap), amounts, MONEY_KINDS, unit_of("CREDIT"))
    end = 0.0
    for part in parts:
        assert percent(part.start) == pytest.approx(end, abs=0.01)
        end = percent(part.start) + percent(part.width)
        assert (percent(part.width) > 0) == (part.amount > 0), "what is there can be seen, what is not cannot"
    assert end <= 100.01


def test_worked_example_is_drawn_to_scale() -> None:
    settled, refunded, in_flight = segments_of(
        100, {"settled": 90, "refunded": 10, "in_flight": 0}, MONEY_KINDS, unit_of("CREDIT")
    )
    assert (settled.start, settled.width, settled.number) == ("0.000%", "90.000%", "90")
    assert (refunded.start, refunded.width, refunded.number) == ("90.000%", "10.000%", "10")
    assert (in_flight.width, in_flight.number) == ("0.000%", "")


def test_a_number_that_would_not_fit_is_left_to_the_legend() -> None:
    big, small = segments_of(
        3_000_000_000, {"to_seller": 2_955_000_000, "to_buyer": 45_000_000}, MONEY_KINDS, unit_of("MNT")
    )
    assert big.number == "29,550,000"
    assert small.number == ""


def test_money_out_of_sight_is_neither_green_nor_red() -> None:
    assert {key: kind.tone for key, kind in MONEY_KINDS.items()} == {
        "settled": "settled", "refunded": "returned", "in_flight": "held",
        "to_seller": "settled", "to_buyer": "returned", "in_escrow": "held", "lost": "breach",
    }  # fmt: skip
    assert "breach" not in {kind.tone for kind in WORK_KINDS.values()}
    assert (state_tone("refunded"), state_tone("delivered"), state_tone("pending")) == ("returned", "settled", "held")


@pytest.mark.parametrize(
    ("amount", "unit", "text"),
    [
        (90, "CREDIT", "90\u00a0credits"),
        (1, "credits", "1\u00a0credit"),
        (-1000, "CREDIT", "−1,000\u00a0credits"),
        (450_000_000, "MNT", "4,500,000\u00a0₮"),
        (450_000_050, "MNT", "4,500,000.50\u00a0₮"),
        (128_405, "USD", "$1,284.05"),
        (-5, "USD", "−$0.05"),
        (1500, "JPY", "¥1,500"),
        (12345, "CHF", "123.45\u00a0CHF"),
    ],
)
def test_amounts_are_written_as_people_write_them(amount: int, unit: str, text: str) -> None:
    assert amount_text(amount, unit) == text


@given(amount=st.integers(-(10**18), 10**18), code=st.sampled_from(sorted(UNITS)))
def test_no_digit_of_an_amount_is_lost(amount: int, code: str) -> None:
    digits = "".join(letter for letter in amount_text(amount, code) if letter.isdigit())
    unit = UNITS[code]
    shown = unit.exponent if unit.decimals or abs(amount) % 10**unit.exponent else 0
    assert int(digits) * 10 ** (unit.exponent - shown) == abs(amount)


@pytest.mark.parametrize(
    ("passed", "share", "stage"),
    [(0, 100, "calm"), (74, 26, "calm"), (75, 25, "soon"), (89, 11, "soon"), (90, 10, "last"), (150, 0, "last")],
)
def test_countdown_changes_at_a_quarter_and_at_a_tenth(passed: int, share: float, stage: str) -> None:
    left = countdown_share(START, START + timedelta(minutes=100), START + timedelta(minutes=passed))
    assert left == pytest.approx(share)
    assert countdown_stage(left) == stage


def test_countdown_of_no_time_is_over() -> None:
    assert countdown_share(START, START, START) == 0.0
