"""Makes the world of this folder importable, and gives each test a market."""

import sys
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parent.parent
sys.path[:0] = [str(TESTS / room) for room in ("deals", "faults", "demo")]


@pytest.fixture
def market(timed_house: Any) -> Any:
    """A market on a house whose time is moved by the test."""
    from deal_world import Market

    return Market(timed_house)


@pytest.fixture
def people(market: Any) -> Any:
    """Everybody of the market, signed in: buyer, seller, stranger, admin, second (an operator) and support."""
    from api_world import people_of

    return people_of(market)
