"""What the video program is."""

from pathlib import Path

from pilothouse.kernel.access.roles import OPERATOR_ROLES
from pilothouse.kernel.base.program import NavItem, Program

from . import lifecycle
from .promises import PROMISES, SLOS


def _pumps() -> list[object]:
    from .tasks import pumps

    return list(pumps())


def _periodic() -> list[object]:
    from .tasks import periodic

    return list(periodic())


def _api(api: object) -> None:
    from .api import add_to

    add_to(api)  # type: ignore[arg-type]


def _seed() -> None:
    from .prices import publish_default_price

    publish_default_price()


def _metrics() -> list[object]:
    from .metrics import metrics

    return list(metrics())


def _checks() -> object:
    from .pilot_checks import CHECKS

    return CHECKS


def _demo(**options: object) -> dict[str, object]:
    from .demo import run_demo

    return run_demo(**options)  # type: ignore[arg-type]


def _population() -> object:
    from .population import CustomerPopulation

    return CustomerPopulation()


PROGRAM = Program(
    name="video",
    title="Video batches",
    app="video",
    lifecycles=(lifecycle.BATCH.name, lifecycle.ITEM.name),
    promises=PROMISES,
    slos=SLOS,
    invariants=Path(__file__).parent / "sql" / "invariants",
    reconcile=Path(__file__).parent / "sql" / "reconcile",
    api=_api,
    urls="pilothouse.programs.video.urls",
    navigation=(NavItem("Batches", "video:batches", ("owner", "engineer", "finance"), "film", "b"),),
    desk=(
        NavItem("Providers", "video:desk_providers", OPERATOR_ROLES, "film", "v"),
        NavItem("Parity", "video:desk_parity", OPERATOR_ROLES, "copy", "y"),
        NavItem("Confirmations", "video:desk_confirmations", OPERATOR_ROLES, "check"),
        NavItem("Checklist", "video:desk_checklist", OPERATOR_ROLES, "check", "c"),
    ),
    pumps=_pumps,
    periodic=_periodic,
    metrics=_metrics,
    seed=_seed,
    demo=_demo,
    population=_population,
    runbooks=Path(__file__).parent / "runbooks",
    checks=_checks,
)
