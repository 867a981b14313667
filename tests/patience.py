"""Waiting for an event, however slow the machine is."""

import time
from collections.abc import Callable
from typing import Any


def until(what: Callable[[], Any], patience_s: float = 40.0, every_s: float = 0.05) -> Any:
    """Wait until `what` is true and return it."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found
        time.sleep(every_s)
    raise AssertionError(f"not within {patience_s} s")
