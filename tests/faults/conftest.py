"""Makes the harness of this folder importable, and hands a world with an upstream to each test."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "demo"))

if TYPE_CHECKING:
    from fault_upstream import PaidUpstream
    from fault_world import World

# The harness imports models, so it waits until Django is set up.


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small whole MP4, made once."""
    from fault_upstream import small_video

    return small_video(tmp_path_factory.mktemp("upstream") / "video.mp4")


@pytest.fixture
def upstream(video: bytes) -> Iterator[PaidUpstream]:
    """An upstream that counts what it was asked to make, and holds requests where the test wants."""
    from fault_upstream import PaidUpstream

    with PaidUpstream(video) as running:
        yield running


@pytest.fixture
def world(house: Any, upstream: PaidUpstream) -> Iterator[World]:
    """A fresh database, a customer with credits, and workers that are ended whatever the test does."""
    from fault_world import World

    with World(house, upstream) as made:
        yield made
