"""Which upstream gets an item, and when: pure functions of the policy, the job and a snapshot, and a token bucket.

The first choice is drawn by weight from the item's id (rendezvous hashing), so that it is the same in each worker and
after each restart, and moves as few items as possible when a weight changes.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from pilothouse.programs.video.providers import limits
from pilothouse.programs.video.providers.protocol import Capabilities, VideoJob, content_hash

# Part of an item's fingerprint: raise it with every change of how a route is chosen.
ROUTING_POLICY_VERSION: Final = "1"
_SCALE: Final = 16**13
# A hair below one, so that waiting exactly `wait_s` always suffices in floating point.
_WHOLE_TOKEN: Final = 1 - 1e-9


@dataclass(frozen=True, slots=True)
class Route:
    """One upstream in the policy. `weight` 0 takes part in failover only. `in_flight_max` jobs at once, `rate_per_s`
    submits a second with bursts of `burst`; None means unbounded."""

    provider: str
    weight: int = 1
    in_flight_max: int | None = None
    rate_per_s: float | None = None
    burst: int = 1


@dataclass(frozen=True, slots=True)
class RoutingPolicy:
    """Routes in failover order. Raises ValueError when names repeat, a number is out of bounds or no route can win."""

    routes: tuple[Route, ...]

    def __post_init__(self) -> None:
        names = [route.provider for route in self.routes]
        if not 1 <= len(names) <= limits.ROUTES_MAX or len(set(names)) != len(names):
            raise ValueError(f"A routing policy has 1 to {limits.ROUTES_MAX} routes with different providers.")
        for route in self.routes:
            if not 0 <= route.weight <= limits.WEIGHT_MAX:
                raise ValueError(f"The weight of {route.provider} is not between 0 and {limits.WEIGHT_MAX}.")
            if route.in_flight_max is not None and route.in_flight_max < 1:
                raise ValueError(f"The jobs in flight of {route.provider} are fewer than 1.")
            if route.burst < 1 or (route.rate_per_s is not None and not 0 < route.rate_per_s < math.inf):
                raise ValueError(f"The rate of {route.provider} is not above 0 or its burst is below 1.")
        if not any(route.weight for route in self.routes):
            raise ValueError("At least one route needs a weight above 0.")


@dataclass(frozen=True, slots=True)
class ProviderState:
    """A snapshot of one upstream: what it can make, its jobs in flight, and seconds until its breaker and its rate let
    one more submit through (0 is now)."""

    capabilities: Capabilities
    in_flight: int = 0
    breaker_wait_s: float = 0.0
    rate_wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Chosen:
    """Submit to `provider` now."""

    provider: str
    kind: Literal["chosen"] = "chosen"


@dataclass(frozen=True, slots=True)
class Wait:
    """No lawful upstream can take it now. Try again in `seconds`; `cause` is capacity, rate_limited or breaker_open."""

    seconds: float
    cause: Literal["capacity", "rate_limited", "breaker_open"]
    kind: Literal["wait"] = "wait"


@dataclass(frozen=True, slots=True)
class NoRoute:
    """Waiting will not help: `unsupported` (no upstream makes such a job) or `exhausted` (all were tried in vain)."""

    cause: Literal["unsupported", "exhausted"]
    kind: Literal["no_route"] = "no_route"


Decision = Chosen | Wait | NoRoute


def preference(policy: RoutingPolicy, item: str) -> tuple[str, ...]:
    """All providers in the order in which this item tries them: one drawn by weight, the rest in failover order."""
    weighted = [route for route in policy.routes if route.weight]
    first = max(weighted, key=lambda route: (_score(route, item), route.provider)).provider
    return (first, *(route.provider for route in policy.routes if route.provider != first))


def choose(
    policy: RoutingPolicy, states: Mapping[str, ProviderState], job: VideoJob, tried: Collection[str] = ()
) -> Decision:
    """Where the job goes now. `tried` are providers whose attempts are used up.

    A provider that is full, over its rate, behind an open breaker or missing from `states` is passed over. A route of
    weight 0 is used only when no weighted one is left and well: being busy is no reason to fail over.
    """
    order = preference(policy, job.item)
    able = [name for name in order if name in states and states[name].capabilities.can_make(job)]
    if not able:
        return NoRoute("unsupported")
    left = [name for name in able if name not in tried]
    if not left:
        return NoRoute("exhausted")
    routes = {route.provider: route for route in policy.routes}
    well = [name for name in left if states[name].breaker_wait_s <= 0]
    if not well:
        return Wait(min(states[name].breaker_wait_s for name in left), "breaker_open")
    for name in [name for name in well if routes[name].weight] or well:
        route, state = routes[name], states[name]
        full = route.in_flight_max is not None and state.in_flight >= route.in_flight_max
        if not full and state.rate_wait_s <= 0:
            return Chosen(name)
    rates = [states[name].rate_wait_s for name in well if states[name].rate_wait_s > 0]
    return Wait(min(rates), "rate_limited") if rates else Wait(limits.CAPACITY_WAITS_S[0], "capacity")


def capacity_wait_s(item: str, waits: int, retry_after_s: float | None = None) -> float:
    """Seconds before the next try after the `waits`-th busy answer (0 is the first): 5, 30, then 120, with jitter.

    What the upstream asked for is honoured as the least wait. The jitter follows from item and number, so that a
    rehearsal repeats it.
    """
    base = limits.CAPACITY_WAITS_S[min(waits, len(limits.CAPACITY_WAITS_S) - 1)]
    jitter = 1 + limits.CAPACITY_WAIT_JITTER_RATIO * (2 * _fraction("capacity", item, str(waits)) - 1)
    return max(base * jitter, min(retry_after_s or 0.0, limits.RETRY_AFTER_MAX_S))


def broken_wait_s(item: str, attempts: int) -> float:
    """Seconds before the next try after `attempts` broken ones (1 is the first): exponential with full jitter."""
    ceiling = min(limits.BROKEN_WAIT_MAX_S, limits.BROKEN_WAIT_BASE_S * 2.0 ** max(0, min(attempts - 1, 32)))
    return ceiling * _fraction("broken", item, str(attempts))


def _score(route: Route, item: str) -> float:
    # Weighted rendezvous: -weight / ln(u) with u uniform; the highest wins with probability weight / sum of weights.
    return -route.weight / math.log(_fraction("route", item, route.provider))


def _fraction(*parts: str) -> float:
    """A number strictly between 0 and 1 that follows from `parts`."""
    return (int(content_hash(*parts)[:13], 16) + 0.5) / _SCALE


@dataclass(slots=True)
class TokenBucket:
    """At most `rate_per_s` submits a second on average and `burst` at once, on a monotonic clock given in.

    It starts full.
    """

    rate_per_s: float
    burst: int = 1
    _tokens: float = field(default=-1.0, init=False)
    _at: float = field(default=0.0, init=False)

    def wait_s(self, now: float) -> float:
        """Seconds until a token is there; 0 when there is one."""
        tokens = self._filled(now)
        return 0.0 if tokens >= _WHOLE_TOKEN else (1 - tokens) / self.rate_per_s

    def take(self, now: float) -> bool:
        """Take one token if there is one."""
        tokens = self._filled(now)
        if tokens < _WHOLE_TOKEN:
            return False
        self._tokens, self._at = max(0.0, tokens - 1), max(now, self._at)
        return True

    def _filled(self, now: float) -> float:
        if self._tokens < 0:
            return float(self.burst)
        return min(float(self.burst), self._tokens + max(0.0, now - self._at) * self.rate_per_s)
