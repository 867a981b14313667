"""Runs benches by name on one throwaway house."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from pilothouse.kernel.base.errors import PilothouseError

from .world import bench_world

BENCHES: Mapping[str, str] = {
    "items": "claimed, done and settled, against the bare loop and Procrastinate",
    "ledger": "reserve, settle and refund of 1,000 items, against the bare statement",
    "webhooks": "deliveries from one worker, one endpoint of ten dead",
}


class BenchUnavailable(PilothouseError):
    """A bench's peer is not installed."""

    code = "bench_unavailable"
    status = 500
    message = "The bench {name} needs {package}: install it with `pip install {extra}`."


def run(names: Sequence[str], rounds: int, say: Callable[[str], Any] = lambda _: None) -> dict[str, dict[str, Any]]:
    """The reports of these benches, each on a fresh server of its own. Raises BenchUnavailable before any starts."""
    modules = {name: import_module(f"{__package__}.{name}") for name in names}
    for module in modules.values():
        if hasattr(module, "require"):
            module.require()
    reports: dict[str, dict[str, Any]] = {}
    with bench_world() as world:
        for name, module in modules.items():
            reports[name] = module.bench(world, rounds, lambda step, name=name: say(f"{name}: {step}"))
    return reports
