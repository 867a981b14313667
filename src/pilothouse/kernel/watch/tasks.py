"""What the worker process runs for this room."""

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import Statements
from pilothouse.kernel.work.pump import Periodic

from .backups import watch_backups
from .commands import escalate_due, open_incident
from .invariants import run_all
from .limits import (
    BACKUP_CHECK_EVERY_S,
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
    """Overdue incidents, the four promises over everything, the never-stuck detector, the objectives, the age of the
    last verified backup, and old runs."""
    return [
        Periodic("watch_escalate", ESCALATE_EVERY_S, escalate_due),
        Periodic("watch_promises", FULL_CHECK_EVERY_S, run),
        Periodic("watch_invariants", INVARIANTS_EVERY_S, run_all),
        Periodic("watch_stuck", STUCK_CHECK_EVERY_S, watch_for_stuck),
        Periodic("watch_slos", SLO_CHECK_EVERY_S, watch_slos),
        Periodic("watch_backups", BACKUP_CHECK_EVERY_S, watch_backups),
        Periodic("watch_forget", FORGET_EVERY_S, forget_old_runs),
        Periodic("watch_forget_errors", FORGET_EVERY_S, forget_errors),
    ]


def watch_slos() -> list[SloReading]:
    """Open `slo_breach` (P2) for each objective that is missed or burns too fast; returns all readings."""
    with worker_scope("check"):
        readings = slo_report()
        for reading in readings:
            if reading.state == "breached" or reading.is_burning:
                open_incident(
                    "slo_breach",
                    _breach(reading),
                    subject=reading.slo.name,
                    check_name=f"slo:{reading.slo.name}",
                    sample=[reading.as_json()],
                )
    return readings


def _breach(reading: SloReading) -> str:
    slo = reading.slo
    if reading.state != "breached":
        return f"{slo.title}: misses of the last day are {reading.burn_rate:.1f} times what the target allows"
    value = f"{reading.value:.4g} {slo.unit} over {slo.window_days} days"
    return f"{slo.title}: {value}, aimed at {slo.target:g}, {reading.counted}"


def forget_errors() -> None:
    """Delete what was counted of errors and browsers longer ago than it is kept."""
    with worker_scope("check"):
        SQL.rows("forget_errors", days=ERRORS_KEEP_DAYS)
        SQL.execute("forget_error_groups", days=ERRORS_KEEP_DAYS)
