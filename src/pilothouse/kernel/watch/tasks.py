"""What the worker process runs for this room."""

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import Statements
from pilothouse.kernel.work.pump import Periodic

from .commands import escalate_due, open_incident
from .invariants import run_all
from .limits import (
    ERRORS_KEEP_DAYS,
    FORGET_EVERY_S,
    FULL_CHECK_EVERY_S,
    INVARIANTS_EVERY_S,
    SLO_CHECK_EVERY_S,
    STUCK_CHECK_EVERY_S,
)
from .promises import forget_old_runs, run, watch_for_stuck
from .slos import SloReading, slo_report

SQL = Statements(__file__)
ESCALATE_EVERY_S = 15.0


def periodic() -> list[Periodic]:
    """Overdue incidents, the four promises over everything, the never-stuck detector, the objectives, and old runs."""
    return [
        Periodic("watch_escalate", ESCALATE_EVERY_S, escalate_due),
        Periodic("watch_promises", FULL_CHECK_EVERY_S, run),
        Periodic("watch_invariants", INVARIANTS_EVERY_S, run_all),
        Periodic("watch_stuck", STUCK_CHECK_EVERY_S, watch_for_stuck),
        Periodic("watch_slos", SLO_CHECK_EVERY_S, watch_slos),
        Periodic("watch_forget", FORGET_EVERY_S, forget_old_runs),
        Periodic("watch_forget_errors", FORGET_EVERY_S, forget_errors),
    ]


def watch_slos() -> list[SloReading]:
    """Open `slo_breach` (P2) for each objective that is missed; returns all readings."""
    with worker_scope("check"):
        readings = slo_report()
        for reading in readings:
            if reading.state == "breached":
                open_incident(
                    "slo_breach",
                    f"{reading.slo.title}: {reading.value:.4g} {reading.slo.unit} over {reading.slo.window_days} days, "
                    f"aimed at {reading.slo.target:g}, from {reading.sample}",
                    subject=reading.slo.name,
                    check_name=f"slo:{reading.slo.name}",
                    sample=[reading.as_json()],
                )
    return readings


def forget_errors() -> None:
    """Delete what was counted of errors and browsers longer ago than it is kept."""
    with worker_scope("check"):
        SQL.rows("forget_errors", days=ERRORS_KEEP_DAYS)
        SQL.execute("forget_error_groups", days=ERRORS_KEEP_DAYS)
