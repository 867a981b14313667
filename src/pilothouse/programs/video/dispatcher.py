"""This process's view of the hidden providers: which one takes an item, how they fare, and polls in sets."""

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from django.conf import settings

from pilothouse.kernel.base import clock, machine

from .providers import limits as provider_limits
from .providers.protocol import Broken, PollOutcome, Provider, VideoJob
from .providers.registry import ProviderSet, build_providers
from .providers.routing import Decision, choose, preference

POLL_LINGER_S = 0.05
UNBOUNDED_ROOM = 1_000_000
SIMULATED_LATENCY = "0.2,1.5"


class Dispatcher:
    """Live items go to the configured providers; items of test keys to a simulated one, which costs nothing."""

    def __init__(
        self, live: ProviderSet, test: ProviderSet, in_flight: Callable[[], Mapping[str, int]] | None = None,
        poll_linger_s: float = POLL_LINGER_S,
    ) -> None:  # fmt: skip
        """`in_flight` counts jobs by provider; a poll waits `poll_linger_s` for others that it can go with."""
        self.sets = {"live": live, "test": test}
        self.in_flight = in_flight or dict
        self.poll_linger_s = poll_linger_s
        self.submitting = 0
        self._in_flight: Mapping[str, int] = {}
        self._polls: dict[str, dict[str, asyncio.Future[PollOutcome]]] = {}
        self._polling: set[asyncio.Task[None]] = set()

    def get(self, name: str) -> Provider | None:
        """The provider of this name, or None when it is no longer configured."""
        for providers in self.sets.values():
            if name in providers.providers:
                return providers.providers[name]
        return None

    def decide(self, job: VideoJob, mode: str, attempt: int) -> Decision:
        """Where the job goes now, having been broken `attempt` times: three at one provider, then the next."""
        providers = self.sets[mode]
        used_up = attempt // provider_limits.BROKEN_ATTEMPTS_MAX
        tried = preference(providers.policy, job.item)[:used_up]
        now = machine.steady()
        # The counts of the last claim: this runs on the event loop, which must not ask the database.
        decision = choose(providers.policy, providers.states(now, self._in_flight), job, tried)
        if decision.kind == "chosen":
            providers.take(decision.provider, now)
        return decision

    def room(self) -> int:
        """How many more items can be submitted now, over all providers that are well.

        With every breaker open it is 0 and pending items stay pending until their batch's deadline. A provider without
        a bound has room for everything.
        """
        providers = self.sets["live"]
        now = machine.steady()
        found = 0
        in_flight = self._in_flight = self.in_flight()
        for route in providers.policy.routes:
            breaker = providers.breakers[route.provider]
            if breaker.wait_s(now) > 0:
                continue
            if breaker.state(now) == "half_open":
                found += 1  # the probe; the rest stays pending until it came back
                continue
            if route.in_flight_max is None:
                return UNBOUNDED_ROOM
            found += max(0, route.in_flight_max - in_flight.get(route.provider, 0))
        return max(0, found - self.submitting)

    def claimed(self, change: int) -> None:
        """Live items that this process has claimed and not yet submitted: they take room that no row shows."""
        self.submitting += change

    def record(self, name: str, kind: str) -> None:
        """Tell the breaker of a provider how a call was answered."""
        for providers in self.sets.values():
            if name in providers.breakers:
                providers.observe(name, kind, machine.steady())

    async def poll(self, provider: Provider, ref: str) -> PollOutcome:
        """The state of one upstream job, asked together with all others that are due within a moment."""
        waiting = self._polls.get(provider.name)
        if waiting is None:
            waiting = self._polls[provider.name] = {}
            task = asyncio.create_task(self._poll_set(provider))
            self._polling.add(task)
            task.add_done_callback(self._polling.discard)
        if ref not in waiting:
            waiting[ref] = asyncio.get_running_loop().create_future()
        return await asyncio.shield(waiting[ref])

    async def _poll_set(self, provider: Provider) -> None:
        await asyncio.sleep(self.poll_linger_s)
        waiting = self._polls.pop(provider.name)
        try:
            answers = await provider.poll(list(waiting))
        except Exception as error:  # a defect of an adapter must not hang the items that wait for it
            answers = {ref: Broken("adapter_failed", str(error)[:200]) for ref in waiting}
        for ref, future in waiting.items():
            if not future.done():
                future.set_result(answers.get(ref, Broken("poll_unanswered")))

    async def aclose(self) -> None:
        """Close every provider."""
        for providers in self.sets.values():
            await providers.aclose()


def build_dispatcher(in_flight: Callable[[], Mapping[str, int]] | None = None) -> Dispatcher:
    """The dispatcher that the environment asks for; raises ProviderConfigurationError."""
    folder = Path(settings.DATA) / "renders"
    folder.mkdir(parents=True, exist_ok=True)
    live = build_providers(os.environ, folder=folder, now=lambda: clock.now().timestamp())
    simulated = {"VIDEO_PROVIDERS": "simulated_test:1", "SIMULATED_TEST_LATENCY_S": SIMULATED_LATENCY}
    test = build_providers(simulated, folder=folder, now=lambda: clock.now().timestamp())
    return Dispatcher(live, test, in_flight)
