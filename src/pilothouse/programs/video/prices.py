"""The price list of videos, as published terms."""

from collections.abc import Mapping
from typing import Any

from pilothouse.kernel.terms.commands import checked_by, publish_body
from pilothouse.kernel.terms.errors import TermsInvalid
from pilothouse.kernel.terms.queries import Version, published

from .limits import COST_PER_VIDEO_CREDITS

KIND = "video_price"
NAME = "standard"
COST_MAX_CREDITS = 100_000


@checked_by(KIND)
def check_price(body: Mapping[str, Any]) -> None:
    """A price list names the whole number of credits that one video costs."""
    cost = body.get("cost_per_video")
    if type(cost) is not int or not 0 < cost <= COST_MAX_CREDITS:
        raise TermsInvalid(reason=f"cost_per_video must be a whole number from 1 to {COST_MAX_CREDITS}")


def price_in_force() -> Version:
    """The published price list."""
    return published(KIND, NAME)


def publish_default_price() -> Version:
    """Publish the price list of the house when another one is in force (worker or operator scope)."""
    return publish_body(KIND, NAME, {"cost_per_video": COST_PER_VIDEO_CREDITS}, note="The first price list")
