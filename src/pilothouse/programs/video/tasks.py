"""What the video program gives the worker process."""

from collections.abc import Mapping

from django.conf import settings

from pilothouse.kernel.base import machine
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.work.pump import Periodic, Pump

from . import limits, timers  # noqa: F401  (timers registers the deadline)
from .confirmations import report_differences
from .dispatcher import build_dispatcher
from .execution import ItemPump

IN_FLIGHT_FRESH_S = 1.0


class InFlight:
    """Jobs at each provider over all workers, read at most once a second."""

    def __init__(self) -> None:
        self._at = float("-inf")
        self._counts: dict[str, int] = {}

    def __call__(self) -> Mapping[str, int]:
        if machine.steady() - self._at > IN_FLIGHT_FRESH_S:
            with worker_scope("worker"):
                rows = run(
                    "SELECT provider, count(*) AS n FROM item"
                    " WHERE state = 'running' AND provider IS NOT NULL GROUP BY provider"
                )
            self._counts = {row["provider"]: row["n"] for row in rows}
            self._at = machine.steady()
        return self._counts


def pumps() -> list[Pump]:
    """The due rows of this program."""
    dispatcher = build_dispatcher()
    if any(route.in_flight_max is not None for route in dispatcher.sets["live"].policy.routes):
        dispatcher.in_flight = InFlight()
    return [ItemPump(dispatcher, settings.VIDEO_CONCURRENCY, settings.CLAIM_LEASE_S)]


def periodic() -> list[Periodic]:
    """What a customer confirmed with other money than ours reaches the operators."""
    return [Periodic("video_confirmations", limits.CONFIRMATION_LOOK_EVERY_S, report_differences)]
