"""Self-service: once three pilots of a program succeeded, an account begins its own, and nobody of us has to act.

The account answers the qualification and confirms what to expect; the preparation is looked at by machines, and when
all of it holds the credits are granted and the key's link is mailed. What a person has to decide waits for a person.
"""

from collections.abc import Mapping
from typing import Any

import structlog
from django.conf import settings

from pilothouse.kernel.base.clock import business_now
from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.kernel.base.models import Tenant
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.ledger.limits import GRANT_ONE_PERSON_MAX_CREDITS
from pilothouse.kernel.terms.queries import published

from . import limits
from .activation import activate, drill_rollback, least_credits
from .attestations import lock_expectations
from .evaluation import look
from .pilot_errors import CreditsTooFew
from .pilot_models import Pilot
from .pilot_reads import is_self_service, lock_pilot
from .runbook import KIND, of_version
from .running import checked_form, create_pilot, prepare, qualify
from .self_service import SELF
from .verdicts import working_days_later

log = structlog.get_logger(__name__)
ON_CALL = "on-call"


def ask_for_pilot(tenant: int, program: str, company: str, note: str) -> Pilot:
    """Keep an account that wants a pilot as a prospect, with a day by which somebody of us calls (worker's scope)."""
    pilot = create_pilot(tenant, program, company, role="customer", note=note)
    zone = Tenant.objects.values_list("timezone", flat=True).get(id=tenant)
    due = working_days_later(business_now(), limits.CALL_WITHIN_WORKING_DAYS, zone)
    Pilot.objects.filter(id=pilot.id).update(owner=ON_CALL, due_at=due)
    return Pilot.objects.get(id=pilot.id)


def start_pilot(tenant: int, program: str, company: str, answers: Mapping[str, bool], form: Mapping[str, Any]) -> Pilot:
    """Begin a pilot from the account's own answers: qualified, or rejected with the reason (worker's scope).

    Raises InvalidInput, CreditsTooFew, AlreadyRunning; what needs a person's word is left to a person.
    """
    runbook = of_version(published(KIND, program))
    credits = int(checked_form(form, runbook).get("credits", 0))
    least = least_credits(runbook)
    if credits < least:
        raise CreditsTooFew(credits=credits, needed=least)
    pilot = create_pilot(tenant, program, company, role="customer")
    Pilot.objects.filter(id=pilot.id).update(owner=SELF)
    note = f"Answered by the account. {form.get('note', '')}".strip()
    pilot = qualify(pilot.public_id, answers, form, note=note, role="system")
    if pilot.state == "qualified" and not runbook.group("expectation"):
        # There is nothing for the account to confirm, so nobody would take this step.
        return lock_expectations(pilot.public_id, role="system")
    return pilot


def go_on_all() -> int:
    """Take the next step of every self-service pilot for which all holds; returns how many moved.

    Each is a transaction of its own, so one that is refused holds up no other and waits for a person.
    """
    with worker_scope("pilots"):
        rows = list(
            Pilot.objects.filter(state__in=("locked", "preparing"), owner=SELF).order_by("id")[
                : limits.OPEN_PILOTS_MAX_ROWS
            ]
        )
        programs = {row.program for row in rows if is_self_service(row.program)}
    moved = 0
    for row in rows:
        if row.program not in programs:
            continue
        try:
            with worker_scope("pilots"):
                moved += _go_on(row.public_id)
        except PilothouseError as refused:
            log.warning("pilot_waits_for_a_person", pilot=row.public_id, why=str(refused))
    return moved


def _go_on(public_id: str) -> bool:
    pilot = lock_pilot(public_id)
    if pilot.state == "locked":
        prepare(public_id, role="system")
        drill_rollback(public_id)
        return True
    if pilot.state != "preparing" or look(pilot).open_lines(group="preparation"):
        return False
    if int(pilot.form.get("credits", 0)) > GRANT_ONE_PERSON_MAX_CREDITS:
        return False
    activate(public_id, None, role="system", sender=settings.PRODUCT_NAME)
    # From here on it is as every other pilot: its verdict is signed by a person.
    Pilot.objects.filter(id=pilot.id).update(owner="")
    return True
