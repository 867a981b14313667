"""Pictures and waiting for the provider tests; the sibling module `upstream` is made importable."""

import asyncio
import io
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def photo() -> bytes:
    """An opaque JPEG of a bottle."""
    picture = Image.new("RGB", (300, 360), (236, 232, 226))
    ImageDraw.Draw(picture).rounded_rectangle((110, 80, 190, 300), 20, fill=(28, 62, 92))
    target = io.BytesIO()
    picture.save(target, "JPEG", quality=90)
    return target.getvalue()


@pytest.fixture(scope="session")
def cutout() -> bytes:
    """A PNG with a transparent surround."""
    picture = Image.new("RGBA", (240, 240), (0, 0, 0, 0))
    ImageDraw.Draw(picture).ellipse((40, 40, 200, 200), fill=(220, 60, 60, 255))
    target = io.BytesIO()
    picture.save(target, "PNG")
    return target.getvalue()


async def settle(provider: Any, ref: str, timeout_s: float = 60.0) -> Any:
    """Poll until the answer is not `pending`."""
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout_s
    while True:
        outcome = (await provider.poll([ref]))[ref]
        if outcome.kind != "pending" or loop.time() > end:
            return outcome
        await asyncio.sleep(0.05)


@pytest.fixture
def settled() -> Callable[..., Awaitable[Any]]:
    """The function `settle(provider, ref)`."""
    return settle
