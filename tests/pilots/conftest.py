"""Makes the helpers of this folder importable, and keeps the pilot that a module's tests share."""

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="module")
def kept(module_house: Any) -> dict[str, Any]:
    """What the tests of one module share; whoever needs it first makes it."""
    return {}


@pytest.fixture
def pilot(request: pytest.FixtureRequest, shared_house: Any, kept: dict[str, Any]) -> Any:
    """The module's own pilot, as its `made_pilot(house)` makes it, once."""
    if "pilot" not in kept:
        kept["pilot"] = request.module.made_pilot(shared_house)
    return kept["pilot"]
