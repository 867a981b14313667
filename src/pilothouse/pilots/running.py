"""Steps of a pilot from the first call to the preparation. Operators' steps run in their own scope, the customer's in
the account's; each is one transaction: state, timers and timeline together.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings

from pilothouse.kernel.access.commands import checked_email, set_flag
from pilothouse.kernel.base.clock import business_now
from pilothouse.kernel.base.errors import InvalidInput
from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.models import Tenant
from pilothouse.kernel.base.scope import current_scope
from pilothouse.kernel.lifecycle.commands import cancel
from pilothouse.kernel.terms.queries import published

from . import limits
from .attestations import attest_ours
from .lifecycle import PILOT
from .pilot_errors import AlreadyRunning, Unanswered
from .pilot_models import Pilot
from .pilot_reads import lock_pilot, text_of
from .pilot_steps import NAME, arm_stale, moved, tell
from .runbook import KIND, Line, Runbook, of_version, pinned

BUDGET_CODE = "budget_mismatch"


def create_pilot(tenant: int, program: str, company: str, *, role: str = "operator", note: str = "") -> Pilot:
    """A prospect of a program, pinned to the runbook in force. Raises NoTerms, AlreadyRunning or InvalidInput."""
    runbook = of_version(published(KIND, program))
    company = text_of(company, "company", limits.COMPANY_MAX_CHARACTERS)
    Tenant.objects.filter(id=tenant).select_for_update(of=("self",)).first()
    known = Pilot.objects.filter(
        tenant_id=tenant, program=program, state__in=[s for s in PILOT.open_states if s != "succeeded"]
    ).first()
    if known is not None:
        raise AlreadyRunning(company=known.company, program=program, pilot=known.public_id)
    pilot = Pilot.objects.create(
        tenant_id=tenant,
        public_id=new_id("pil"),
        program=program,
        company=company,
        runbook=runbook.body["id"],
        runbook_version=runbook.body["version"],
        runbook_hash=runbook.hash,
        phase=runbook.phases[0].id,
        created_at=business_now(),
        created_by=current_scope().actor,
    )
    named = {"runbook": f"{runbook.title} v{runbook.body['version']}", "runbook_hash": runbook.hash}
    tell(pilot, "create", {**named, "note": note, "by": role})
    arm_stale(pilot, runbook)
    return pilot


def qualify(
    public_id: str, answers: Mapping[str, bool], form: Mapping[str, Any], *, note: str = "", role: str = "operator"
) -> Pilot:
    """Answer every qualification line; the pilot is then qualified, or rejected with the first reason.

    A reject line that is true rejects, whatever the accept lines say; then an accept line that is false. `form` holds
    contact_name, contact_email, budget_usd, batches and items; the credits follow. Raises Unanswered, InvalidInput.
    """
    pilot = lock_pilot(public_id)
    runbook = pinned(pilot.runbook_hash)
    asked = [*runbook.group("accept"), *runbook.group("reject")]
    missing = [line.text for line in asked if line.id not in answers]
    if missing:
        raise Unanswered(lines=missing[0])
    told = checked_form(form, runbook)
    _agree_on_budget(told, asked, answers, runbook)
    for line in asked:
        attest_ours(public_id, line.id, answers[line.id], note=note)
    wrong = [line.code for line in runbook.group("reject") if answers[line.id]]
    wrong += [line.code for line in runbook.group("accept") if not answers[line.id]]
    Pilot.objects.filter(id=pilot.id).update(form=told)
    if wrong:
        ended = {"ended_at": business_now()}
        cancel(NAME, [pilot.id])
        return moved(pilot, "reject", role, reason=wrong[0], data={"all": wrong, "note": note}, changes=ended)
    pilot = moved(pilot, "qualify", role, data={"note": note})
    arm_stale(pilot, runbook)
    return pilot


def _agree_on_budget(
    told: Mapping[str, Any], asked: Iterable[Line], answers: Mapping[str, bool], runbook: Runbook
) -> None:
    """Refuse a budget outside the runbook's range where the line that asks for it is said to be met (ENP-004)."""
    if "budget_usd" not in told:
        return
    least, most = (int(runbook.scope[name]) for name in ("budget_min_usd", "budget_max_usd"))
    met = [line for line in asked if line.code == BUDGET_CODE and answers[line.id]]
    if met and not least <= told["budget_usd"] <= most:
        raise InvalidInput(
            reason=f"A pilot's budget is ${least} to ${most}, not ${told['budget_usd']}:"
            f" “{met[0].text}” is not met then."
        )


def checked_form(form: Mapping[str, Any], runbook: Runbook) -> dict[str, Any]:
    """What the qualification form said, with the need of credits and its money value (decisions C1, C45).

    credits = batches × items × credits per item; the value is at CREDIT_PRICE_CENTS. Raises InvalidInput.
    """
    scope = runbook.scope
    told: dict[str, Any] = {
        "contact_name": text_of(str(form.get("contact_name", "")), "contact_name", limits.COMPANY_MAX_CHARACTERS),
        "contact_email": checked_email(str(form.get("contact_email", ""))),
    }
    if "credits_per_item" not in scope:
        return told
    batches, items = (whole(form, name, scope[name]) for name in ("batches", "items"))
    if not scope["batch_min_items"] <= items <= scope["batch_max_items"]:
        raise InvalidInput(
            reason=f"A pilot's batch has {scope['batch_min_items']} to {scope['batch_max_items']} items, not {items}."
        )
    if not 1 <= batches <= limits.BATCHES_PLANNED_MAX_COUNT:
        raise InvalidInput(reason=f"Plan 1 to {limits.BATCHES_PLANNED_MAX_COUNT} batches.")
    credits = credits_needed(batches, items, runbook)
    return {
        **told,
        "budget_usd": whole(form, "budget_usd", scope["budget_min_usd"]),
        "batches": batches,
        "items": items,
        "credits": credits,
        "value_cents": credits * settings.CREDIT_PRICE_CENTS,
    }


def credits_needed(batches: int, items: int, runbook: Runbook) -> int:
    """batches × items × credits per item."""
    return batches * items * int(runbook.scope["credits_per_item"])


def whole(form: Mapping[str, Any], name: str, default: int) -> int:
    """A whole number of a form, or its default. Raises InvalidInput."""
    value = form.get(name, default)
    try:
        return int(value)
    except (TypeError, ValueError):
        raise InvalidInput(reason=f"{name} must be a whole number.") from None


def prepare(public_id: str, *, role: str = "operator") -> Pilot:
    """Begin the preparation: the runbook's switches are set for the account."""
    pilot = lock_pilot(public_id)
    runbook = pinned(pilot.runbook_hash)
    pilot = moved(pilot, "prepare", role)
    for name, value in runbook.body.get("flags", {}).items():
        set_flag(name, value, f"Pilot {pilot.public_id}", pilot.tenant_id)
    arm_stale(pilot, runbook)
    return pilot


def abandon(public_id: str, reason: str, note: str = "", *, role: str = "operator") -> Pilot:
    """End a pilot that never ran: `reason` is no_response, not_ready or withdrawn."""
    pilot = lock_pilot(public_id)
    pilot = moved(pilot, "abandon", role, reason=reason, data={"note": note}, changes={"ended_at": business_now()})
    cancel(NAME, [pilot.id])
    return pilot
