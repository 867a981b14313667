"""What the deals program is."""

from pathlib import Path

from pilothouse.kernel.access.roles import OPERATOR_ROLES
from pilothouse.kernel.base.program import NavItem, Program
from pilothouse.kernel.watch.pilot_facts import PilotFacts, declare_pilot
from pilothouse.kernel.work.pump import Periodic

from . import lifecycle
from .limits import MAILS_EVERY_S
from .promises import PROMISES, SLOS


def _pumps() -> list[object]:
    # Deals move by the kernel's timers and payments; importing the handlers registers them with the worker.
    from . import payment, timers  # noqa: F401

    return []


def _periodic() -> list[Periodic]:
    from .mails import send_due_mails

    return [Periodic("deal_mails", MAILS_EVERY_S, send_due_mails)]


def _seed() -> None:
    from .publishing import publish_first_terms

    publish_first_terms()


def _api(api: object) -> None:
    from .api import add_to

    add_to(api)  # type: ignore[arg-type]


def _checks() -> object:
    from .pilot_checks import CHECKS

    return CHECKS


def _pilot() -> PilotFacts:
    from .pilot import FACTS

    return FACTS


def _rehearse(**options: object) -> dict[str, object]:
    from .demo import run_demo

    return run_demo(**options)  # type: ignore[arg-type]


def _population() -> object:
    from .population import MarketPopulation

    return MarketPopulation()


PROGRAM = Program(
    name="deals",
    title="Escrow deals",
    app="deals",
    lifecycles=(lifecycle.DEAL.name, lifecycle.DISPUTE.name),
    promises=PROMISES,
    slos=SLOS,
    urls="pilothouse.programs.deals.urls",
    desk=(
        NavItem("Disputes", "deals:desk_disputes", OPERATOR_ROLES, "alert", "t"),
        NavItem("Terms", "deals:desk_terms", OPERATOR_ROLES, "info", "m"),
    ),
    navigation=(NavItem("Deals", "deals:deals", ("buyer", "seller", "owner"), "handshake", "e"),),
    api=_api,
    pumps=_pumps,
    periodic=_periodic,
    seed=_seed,
    pilot=declare_pilot("deals", _pilot),
    rehearse=_rehearse,
    population=_population,
    runbooks=Path(__file__).parent / "runbooks",
    checks=_checks,
)
