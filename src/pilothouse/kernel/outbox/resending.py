"""What a person sends again from a page: pressed twice, it is sent once."""

from pilothouse.kernel.base.ids import new_ids
from pilothouse.kernel.base.scope import current_scope
from pilothouse.kernel.base.sql import Statements

from .commands import replay
from .limits import PAGE_ROWS_MAX
from .queries import delivery_row

SQL = Statements(__file__)
OPEN = ("queued", "sending", "waiting")


def replay_again(public_id: str) -> tuple[str, bool]:
    """Send a delivery again: (the new delivery's id, True); or the one that is under way already, and False.

    Raises NotFound or NotReplayable.
    """
    row = delivery_row(public_id)
    SQL.rows("lock_endpoints", tenant=current_scope().tenant, endpoint=row["endpoint_id"])
    newest = delivery_row(delivery_row(public_id)["newest"])
    if newest["public_id"] != public_id and newest["state"] in OPEN:
        return str(newest["public_id"]), False
    return replay([public_id])[0], True


def replay_failed(endpoint: str | None = None) -> int:
    """Send again what ended undelivered (to one endpoint, by public id), oldest first; returns how many, at most
    PAGE_ROWS_MAX. What was sent again since is left alone."""
    tenant = current_scope().tenant
    SQL.rows("lock_endpoints", tenant=tenant, endpoint=endpoint)
    rows = SQL.rows(
        "replay_failed",
        tenant=tenant,
        endpoint=endpoint,
        count=PAGE_ROWS_MAX,
        new_ids=new_ids("dlv", PAGE_ROWS_MAX),
        actor=current_scope().actor,
    )
    return len(rows)
