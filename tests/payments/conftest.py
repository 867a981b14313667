"""The market of the deals tests: payments are tried with a program that uses them."""

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "deals"))


@pytest.fixture
def market(timed_house: Any) -> Any:
    """A market on a house whose time is moved by the test."""
    from deal_world import Market

    return Market(timed_house)
