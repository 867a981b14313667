"""The world of the sweeps: two customers with one of everything, made once for each module."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "http")]

if TYPE_CHECKING:
    from sweep_world import World


@pytest.fixture(scope="module")
def module_world(module_house: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The two customers; made before the first test of a module connects."""
    from sweep_world import make_world

    from pilothouse.kernel.access.usage import USAGE

    yield make_world(module_house, tmp_path_factory.mktemp("sweep"))
    USAGE.flush()


@pytest.fixture
def world(module_world: World, shared_house: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    """The module's two customers, connected to."""
    from django.conf import settings

    monkeypatch.setattr(settings, "DATA", module_world.data)
    return module_world
