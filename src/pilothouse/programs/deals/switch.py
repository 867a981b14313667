"""The pilot's switch and size: whether new deals may be made. What is open goes on either way."""

from pilothouse.kernel.access.queries import flag
from pilothouse.kernel.base.sql import Statements

from .errors import PilotDisabled, PilotFull

SQL = Statements(__file__)
ENABLED_FLAG = "pilot.enabled"
SIZE_FLAG = "pilot.deals_max"


def why_no_new_deal(tenant: int) -> str:
    """What the next one would be told who makes a deal here; empty when deals can be made."""
    try:
        refuse_if_disabled(tenant)
    except (PilotDisabled, PilotFull) as refused:
        return str(refused)
    return ""


def refuse_if_disabled(tenant: int) -> None:
    """Raise PilotDisabled or PilotFull when no new deal may be made in this tenant."""
    if flag(ENABLED_FLAG, tenant, default=True) is not True:
        raise PilotDisabled()
    most = flag(SIZE_FLAG, tenant, default=None)
    if type(most) is int:
        # One counter at a time, so that two people cannot both take the last place.
        SQL.rows("count_lock", tenant=tenant)
        if SQL.one("count_deals", tenant=tenant)["count"] >= most:  # type: ignore[index]
            raise PilotFull(maximum=most)
