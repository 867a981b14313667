"""The market of the deals tests: payments are tried with a program that uses them."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "deals")]


@pytest.fixture
def market(timed_house: Any) -> Any:
    """A market on a house whose time is moved by the test."""
    from deal_world import Market

    return Market(timed_house)


@pytest.fixture
def stripe_house(settings_of_cards: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The processor over loopback, with our two keys set."""
    from stripe_house import StripeHouse

    house = StripeHouse()
    monkeypatch.setattr("django.conf.settings.STRIPE_API_BASE", house.address)
    yield house
    house.close()


@pytest.fixture
def settings_of_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both keys of the processor."""
    from stripe_house import SECRET

    monkeypatch.setattr("django.conf.settings.STRIPE_SECRET_KEY", "sk_test_of_the_tests")
    monkeypatch.setattr("django.conf.settings.STRIPE_WEBHOOK_SECRET", SECRET)
