"""What accounts that begin by themselves are given, over all of them: bounded, and told to whoever waits."""

from datetime import datetime

from django.db import Error, transaction

from pilothouse.kernel.base.clock import iso
from pilothouse.kernel.base.scope import current_scope
from pilothouse.kernel.base.sql import Statements

from .evaluation import look
from .limits import SELF_SERVICE_MAX_CREDITS, SELF_SERVICE_WINDOW_HOURS
from .pilot_errors import SelfServiceFull
from .pilot_models import Pilot

SQL = Statements(__file__, "sql/pilot")
SELF = "self-service"
NO_ROOM = "PH004"


def given(credits: int = 0) -> tuple[int, datetime | None]:
    """(credits given within the window, from when on `credits` more fit; None when they fit now).

    Over all accounts: the operators' or the worker's scope.
    """
    bound = {"hours": SELF_SERVICE_WINDOW_HOURS, "most": SELF_SERVICE_MAX_CREDITS}
    row = SQL.one("self_service", credits=credits, **bound)
    assert row is not None
    fits = row["given"] + credits <= SELF_SERVICE_MAX_CREDITS
    return row["given"], None if fits else row["fits_at"]


def take(pilot: Pilot) -> None:
    """Count the credits of a pilot that begins by itself (worker's scope): the schema decides. SelfServiceFull."""
    try:
        with transaction.atomic(using=current_scope().alias):
            SQL.execute("take_self_service", tenant=pilot.tenant_id, pilot=pilot.id)
    except Error as error:
        if getattr(error.__cause__, "sqlstate", "") != NO_ROOM:
            raise
        raise full(pilot) from error


def full(pilot: Pilot) -> SelfServiceFull:
    """The refusal, with the instant from which the pilot's credits fit."""
    _, at = given(int(pilot.form.get("credits", 0)))
    return SelfServiceFull(
        most=SELF_SERVICE_MAX_CREDITS, hours=SELF_SERVICE_WINDOW_HOURS, at=iso(at) if at else "the next look"
    )


def why_it_waits(pilot: Pilot) -> str:
    """Why a prepared pilot that begins by itself does not yet (worker's scope): one sentence, empty when it may."""
    if pilot.state != "preparing" or pilot.owner != SELF or given(int(pilot.form.get("credits", 0)))[1] is None:
        return ""
    return "" if look(pilot).open_lines(group="preparation") else str(full(pilot))
