"""The front door of a module: one real web process, shared by the module's tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "faults"))

if TYPE_CHECKING:
    from front_door import FrontDoor


@pytest.fixture(scope="module")
def module_door(module_house: Any) -> Iterator[FrontDoor]:
    """The web process of this module."""
    from front_door import front_door

    with front_door(module_house) as door:
        yield door


@pytest.fixture
def door(module_door: FrontDoor, shared_house: Any) -> FrontDoor:
    """The module's front door; this process may also look into its database."""
    return module_door
