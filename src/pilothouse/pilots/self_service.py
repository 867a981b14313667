"""What accounts that begin by themselves are given, over all of them: bounded, and told to whoever waits."""

from pilothouse.kernel.base.clock import iso
from pilothouse.kernel.ledger.commands import grant
from pilothouse.kernel.ledger.errors import UnsignedGrantsFull
from pilothouse.kernel.ledger.limits import GRANT_UNSIGNED_MAX_CREDITS, GRANT_WINDOW_HOURS
from pilothouse.kernel.ledger.queries import unsigned_grants

from .evaluation import look
from .pilot_errors import SelfServiceFull
from .pilot_models import Pilot

SELF = "self-service"


def grant_to(pilot: Pilot, description: str) -> None:
    """Grant the credits of a pilot that begins by itself (worker's scope): the ledger decides. SelfServiceFull."""
    try:
        grant(pilot.tenant_id, int(pilot.form["credits"]), "pilot_grant", description)
    except UnsignedGrantsFull as error:
        raise full(pilot) from error


def full(pilot: Pilot) -> SelfServiceFull:
    """The refusal, with the instant from which the pilot's credits fit."""
    _, at = unsigned_grants(int(pilot.form.get("credits", 0)))
    return SelfServiceFull(
        most=GRANT_UNSIGNED_MAX_CREDITS, hours=GRANT_WINDOW_HOURS, at=iso(at) if at else "the next look"
    )


def why_it_waits(pilot: Pilot) -> str:
    """Why a prepared pilot that begins by itself does not yet (worker's scope): one sentence, empty when it may."""
    if pilot.state != "preparing" or pilot.owner != SELF:
        return ""
    if unsigned_grants(int(pilot.form.get("credits", 0)))[1] is None:
        return ""
    return "" if look(pilot).open_lines(group="preparation") else str(full(pilot))
