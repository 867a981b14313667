"""Watches the thresholds at which a pilot is rolled back, and proposes it: the decision is a person's."""

from typing import Any

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import Statements
from pilothouse.kernel.watch.checks import OTHERS
from pilothouse.kernel.watch.commands import open_incident
from pilothouse.kernel.watch.pilot_facts import piloted

from .daily_models import DigestPlan

SQL = Statements(__file__)
KIND = "rollback_proposed"
CHECK = "rollback"


def watch_triggers() -> list[dict[str, Any]]:
    """Open `rollback_proposed` (P1) for each followed pilot over a threshold; returns {program, tenant, why}."""
    with worker_scope("check"):
        found = crossed()
        for one in found:
            open_incident(
                KIND,
                f"Roll back {one['program']} of {one['tenant_name']}? {one['why']}",
                program=one["program"],
                tenant=one["tenant"],
                check_name=f"{CHECK}:{one['program']}",
                sample=[{"tenant": one["tenant"], "what": one["why"]}],
            )
    return found


def crossed(program: str = "") -> list[dict[str, Any]]:
    """The followed pilots over a threshold, in the open scope."""
    found = []
    for facts in piloted():
        plans = DigestPlan.objects.filter(program=facts.program).select_related("tenant").order_by("id")
        for plan in plans if program in ("", facts.program) else ():
            found += [
                {"program": facts.program, "tenant": plan.tenant_id, "tenant_name": plan.tenant.name, "why": why}
                for why in facts.triggers(plan.tenant_id)
            ]
    return found


def proposals() -> list[dict[str, Any]]:
    """Open incidents that propose a rollback: a threshold, or danger to security, data or people (ESC-045)."""
    return SQL.rows("proposals")


def _still_crossed(check_name: str) -> int:
    return len(crossed(check_name.partition(":")[2]))


OTHERS[CHECK] = _still_crossed
