"""What the deals program is."""

from pathlib import Path

from pilothouse.kernel.base.program import Program

from . import lifecycle


def _pumps() -> list[object]:
    # Deals move by the kernel's timers; importing the handlers registers them with the worker.
    from . import timers  # noqa: F401

    return []


def _seed() -> None:
    from .publishing import publish_first_terms

    publish_first_terms()


PROGRAM = Program(
    name="deals",
    title="Escrow deals",
    app="deals",
    lifecycles=(lifecycle.DEAL.name, lifecycle.DISPUTE.name),
    invariants=Path(__file__).parent / "sql" / "invariants",
    pumps=_pumps,
    seed=_seed,
)
