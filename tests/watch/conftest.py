"""Every test of this room knows the programs, as every process does."""

import sys
from pathlib import Path

import pytest

# The worlds and plants of this room, and those of the ledger: a planted violation is written once.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "ledger")]


@pytest.fixture(autouse=True, scope="session")
def _programs_are_loaded():
    from pilothouse.site.programs import load_programs

    return load_programs()


@pytest.fixture
def settings(monkeypatch):
    """The settings, put back after the test."""
    from django.conf import settings as real

    class Settings:
        def __setattr__(self, name, value):
            monkeypatch.setattr(real, name, value)

    return Settings()
