"""Runs benches by name on one throwaway house."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from .errors import BenchUnavailable
from .world import bench_world

__all__ = ["BENCHES", "BenchUnavailable", "run"]

BENCHES: Mapping[str, str] = {
    "items": "claimed, done and settled, against the bare loop and Procrastinate",
    "ledger": "reserve, settle and refund of 1,000 items, against the bare statement",
    "api": "CPU of POST /v1/batches with 50 items, against a bare FastAPI app",
    "webhooks": "deliveries from one worker, one endpoint of ten dead",
    "timers": "5,000 timers of 100,000 open deals due in one second, and the idle cost of 1,000,000",
    "pages": "server time of every page, with 1,000,000 items in one tenant and 100,000 deals in another",
}


def run(
    names: Sequence[str], rounds: int, say: Callable[[str], Any] = lambda _: None, keep: Path | None = None
) -> dict[str, dict[str, Any]]:
    """The reports of these benches, on one server that is thrown away or, with `keep`, stays in that folder.

    Raises BenchUnavailable before any starts.
    """
    modules = {name: import_module(f"{__package__}.{name}") for name in names}
    for module in modules.values():
        if hasattr(module, "require"):
            module.require()
    reports: dict[str, dict[str, Any]] = {}
    with bench_world(keep) as world:
        for name, module in modules.items():
            reports[name] = module.bench(world, rounds, lambda step, name=name: say(f"{name}: {step}"))
    return reports
