"""What happens when nobody answered a request to move credits."""

from pilothouse.kernel.base.sql import Row, Statements
from pilothouse.kernel.lifecycle.timers import on_timer

SQL = Statements(__file__)


@on_timer("grant_request", "grant_request_expiry")
def grant_request_expiry(fired: list[Row]) -> None:
    """End the requests that still wait; nothing was moved."""
    SQL.execute("expire_grant_requests", ids=[row["subject_id"] for row in fired])
