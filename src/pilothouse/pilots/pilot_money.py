"""The credits of a pilot, each sum counted for itself from the ledger."""

from pilothouse.kernel.base.sql import Statements
from pilothouse.kernel.ledger.queries import balance

from .pilot_models import Pilot
from .runbook import pinned

SQL = Statements(__file__, "sql/pilot")


def credits_of(pilot: Pilot) -> dict[str, int] | None:
    """{granted, reserved, settled, refunded, in_flight, left} since the pilot began; None for one without credits."""
    if "credits_per_item" not in pinned(pilot.runbook_hash).scope:
        return None
    row = SQL.one("money", tenant=pilot.tenant_id, since=pilot.created_at)
    assert row is not None
    left = balance(pilot.tenant_id).available
    return {**row, "in_flight": row["reserved"] - row["settled"] - row["refunded"], "left": left}
