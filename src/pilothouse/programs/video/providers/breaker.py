"""A circuit breaker for one upstream, counting attempts on a monotonic clock that is given in."""

from dataclasses import dataclass, field
from typing import Literal

from pilothouse.programs.video.providers import limits

BreakerState = Literal["closed", "open", "half_open"]


@dataclass(slots=True)
class Breaker:
    """Opens after `failures_to_open` broken attempts in a row, at once or spread over many jobs.

    Open, it lets nothing through for `open_s`, doubled by each failed probe up to `open_max_s`. Then it is half open:
    one probe may go; its success closes the breaker, its failure opens it again. A probe that never reports back is
    given up after `probe_timeout_s`. `busy` and `refused` answers are no failures: such an upstream is well.
    """

    failures_to_open: int = limits.BREAKER_FAILURES_TO_OPEN
    open_s: float = limits.BREAKER_OPEN_S
    open_max_s: float = limits.BREAKER_OPEN_MAX_S
    probe_timeout_s: float = limits.BREAKER_PROBE_TIMEOUT_S
    _failures: int = field(default=0, init=False)
    _trips: int = field(default=0, init=False)
    _open_until: float | None = field(default=None, init=False)
    _probe_until: float | None = field(default=None, init=False)

    def state(self, now: float) -> BreakerState:
        """The state at `now` seconds."""
        if self._open_until is None:
            return "closed"
        return "open" if now < self._open_until else "half_open"

    def wait_s(self, now: float) -> float:
        """Seconds until an attempt may be let through; 0 when one may go now."""
        if self._open_until is None:
            return 0.0
        until = self._open_until
        if now >= until and self._probe_until is not None:
            until = self._probe_until
        return max(0.0, until - now)

    def let_through(self, now: float) -> bool:
        """Take leave for one attempt. True in half open is the probe: report its end by `succeeded` or `failed`."""
        if self.wait_s(now) > 0:
            return False
        if self._open_until is not None:
            self._probe_until = now + self.probe_timeout_s
        return True

    def succeeded(self) -> None:
        """An attempt was answered (also by busy or refused): the upstream is well."""
        self._failures = 0
        self._trips = 0
        self._open_until = None
        self._probe_until = None

    def failed(self, now: float) -> None:
        """An attempt broke. While open, a late failure of an earlier attempt changes nothing."""
        state = self.state(now)
        if state == "open":
            return
        self._failures += 1
        if state == "half_open" or self._failures >= self.failures_to_open:
            self._open_until = now + min(self.open_max_s, self.open_s * 2.0**self._trips)
            self._trips = min(self._trips + 1, 32)
            self._probe_until = None
            self._failures = 0
