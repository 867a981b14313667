"""From the review to the end: the verdict is computed and a person signs it; then a retry, a close or an upgrade."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from psycopg.types.json import Jsonb

from pilothouse.kernel.access.commands import pause_key
from pilothouse.kernel.access.lifecycle import API_KEY
from pilothouse.kernel.access.models import ApiKey, RevealLink
from pilothouse.kernel.base.clock import business_now, iso
from pilothouse.kernel.base.days import SECONDS_PER_DAY
from pilothouse.kernel.base.errors import Conflict, InvalidInput
from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.models import Tenant
from pilothouse.kernel.base.scope import current_scope
from pilothouse.kernel.lifecycle.commands import apply, arm, cancel
from pilothouse.kernel.lifecycle.errors import ReasonRefused

from . import limits
from .evaluation import Look, Verdict, look, open_p0, verdict_of
from .key_links import key_link, mail_key_link
from .lifecycle import CLOSES, FIXES, OUTCOMES
from .pilot_errors import FixOpen, NoSignal, VerdictBlocked, VerdictChanged
from .pilot_models import NOT_FIXABLE, SIGNALS, Fix, Pilot, Signal
from .pilot_reads import fixes_of, lock_pilot, text_of
from .pilot_steps import NAME, arm_stale, moved, tell
from .runbook import pinned

SATURDAY = 5


def to_review(pilot: Pilot, event: str, role: str, data: Mapping[str, Any]) -> Pilot:
    """Begin the review of a locked pilot: its signer is named, due in two working days of the account's zone."""
    now = business_now()
    runbook = pinned(pilot.runbook_hash)
    zone = Tenant.objects.values_list("timezone", flat=True).get(id=pilot.tenant_id)
    changes: dict[str, Any] = {
        "review_at": now,
        "owner": pilot.owner or _operator_of(pilot),
        "due_at": working_days_later(now, int(runbook.body["verdict_due_working_days"]), zone),
        "phase": runbook.body.get("review_phase", pilot.phase),
    }
    if event == "give_up":
        changes |= {
            "gave_up_at": now, "paused_from": "", "paused_at": None, "pause_reason": "", "deadline_left_s": None,
        }  # fmt: skip
    cancel(NAME, [pilot.id])
    return moved(pilot, event, role, data=data, changes=changes)


def _operator_of(pilot: Pilot) -> str:
    return pilot.created_by.removeprefix("operator:") if pilot.created_by.startswith("operator:") else "on-call"


def working_days_later(at: datetime, days: int, zone: str) -> datetime:
    """The same hour `days` working days later, by the calendar of a time zone."""
    local = at.astimezone(ZoneInfo(zone))
    while days > 0:
        local += timedelta(days=1)
        days -= local.weekday() < SATURDAY
    return local


def computed(pilot: Pilot) -> tuple[Look, Verdict]:
    """A look at the pilot and what follows from it now (operators' or worker's scope)."""
    seen = look(pilot)
    return seen, verdict_of(seen, open_p0(pilot))


def sign_verdict(public_id: str, expected: str, recommendation: str, note: str = "") -> Pilot:
    """Sign the computed verdict; `expected` is what the signer saw, so that nobody signs something else.

    `recommendation` is Continue, Pause or Close. Raises VerdictBlocked (an open P0, work still under way at the
    deadline, no review), VerdictChanged or InvalidInput.
    """
    pilot = lock_pilot(public_id)
    if recommendation not in CLOSES:
        raise ReasonRefused(reason=recommendation, event="verdict", allowed=", ".join(CLOSES), act="sign this verdict")
    seen, verdict = computed(pilot)
    if verdict.blocked:
        raise VerdictBlocked(reason=verdict.blocked)
    if verdict.state != expected:
        raise VerdictChanged(verdict=verdict.state, expected=expected)
    now, actor = business_now(), current_scope().actor
    changes = {
        "verdict": verdict.state,
        "findings": findings(seen, verdict),
        "verdict_at": now,
        "verdict_by": actor,
        "verdict_note": text_of(note, "note", limits.NOTE_MAX_CHARACTERS, required=False),
        "recommendation": recommendation,
        "due_at": now + timedelta(seconds=seen.runbook.seconds("stale_days")),
    }
    data = {"reasons": list(verdict.reasons), "recommendation": recommendation, "insufficient": verdict.insufficient}
    return moved(pilot, OUTCOMES[verdict.state], "operator", data=data, changes=_stored(changes))


def findings(seen: Look, verdict: Verdict) -> dict[str, Any]:
    """What a verdict was computed from, as it is stored with the signature."""
    return {
        "state": verdict.state,
        "reasons": list(verdict.reasons),
        "insufficient": verdict.insufficient,
        "criteria": [
            {
                "id": each.criterion.id, "title": each.criterion.title, "verdict": each.verdict,
                "value": each.measure.value, "of": each.measure.of, "low": each.measure.low, "high": each.measure.high,
                "plain": each.measure.plain, "target": each.criterion.target, "fail_at": each.criterion.fail_at,
                "sentence": each.measure.sentence,
            }
            for each in seen.criteria
        ],
        "failures": [
            {"id": each.failure.id, "holds": each.holds, "cleared": each.cleared, "sentence": each.sentence}
            for each in seen.failures
        ],
        "lines": {each.line.id: each.state for each in seen.lines},
    }  # fmt: skip


def _stored(changes: dict[str, Any]) -> dict[str, Any]:
    return {name: Jsonb(value) if isinstance(value, dict) else value for name, value in changes.items()}


def record_signal(public_id: str, kind: str, quote: str, person: str) -> Signal:
    """Record what somebody of the customer said, word for word. It is recorded, never initiated.

    The same again within SECOND_PRESS_S is the same press; later it was said once more.
    """
    pilot = lock_pilot(public_id)
    if kind not in SIGNALS:
        raise InvalidInput(reason=f"A signal is one of {', '.join(SIGNALS)}.")
    said = {
        "pilot_id": pilot.id, "kind": kind, "quote": text_of(quote, "quote", limits.NOTE_MAX_CHARACTERS),
        "person": text_of(person, "person", limits.COMPANY_MAX_CHARACTERS),
    }  # fmt: skip
    now = business_now()
    pressed = Signal.objects.filter(**said, said_at__gt=now - timedelta(seconds=limits.SECOND_PRESS_S)).first()
    if pressed is not None:
        return pressed
    row = Signal.objects.create(
        tenant_id=pilot.tenant_id, public_id=new_id("sig"), **said, said_at=now, recorded_by=current_scope().actor
    )
    tell(pilot, "signal", {"kind": kind, "quote": row.quote, "person": row.person}, "internal")
    return row


def record_fix(public_id: str, side: str, cause: str) -> Fix:
    """Record why the attempt did not succeed, and whose side can mend it: ours, theirs, or none.

    A cause that stands open already is recorded once.
    """
    pilot = lock_pilot(public_id)
    if side not in (*FIXES, NOT_FIXABLE):
        raise InvalidInput(reason=f"A side is one of {', '.join((*FIXES, NOT_FIXABLE))}.")
    wrong = {
        "pilot_id": pilot.id, "attempt": pilot.attempt, "side": side,
        "cause": text_of(cause, "cause", limits.NOTE_MAX_CHARACTERS),
    }  # fmt: skip
    known = Fix.objects.filter(**wrong, closed_at=None).first()
    if known is not None:
        return known
    row = Fix.objects.create(
        tenant_id=pilot.tenant_id, public_id=new_id("fix"), **wrong, recorded_at=business_now(),
        recorded_by=current_scope().actor,
    )  # fmt: skip
    tell(pilot, "fix", {"side": side, "cause": row.cause}, "internal")
    return row


def close_fix(fix: str, change: str) -> Fix:
    """Say what was changed, so that a retry may begin; once."""
    row = Fix.objects.select_for_update(of=("self",)).select_related("pilot").filter(public_id=fix).first()
    if row is None or row.closed_at is not None:
        raise Conflict(reason="There is no open fix with this id.")
    change = text_of(change, "change", limits.NOTE_MAX_CHARACTERS)
    Fix.objects.filter(id=row.id).update(change=change, closed_at=business_now(), closed_by=current_scope().actor)
    tell(row.pilot, "fix_closed", {"side": row.side, "change": change}, "internal")
    return Fix.objects.get(id=row.id)


def retry(public_id: str) -> Pilot:
    """Try again after a failed or inconclusive attempt, once its cause is recorded and mended.

    The new attempt is prepared, granted and judged from the start; what was expected stays confirmed. Raises FixOpen.
    """
    pilot = lock_pilot(public_id)
    runbook = pinned(pilot.runbook_hash)
    mine = [fix for fix in fixes_of(pilot) if fix.attempt == pilot.attempt]
    if not mine:
        raise FixOpen(reason="no cause is recorded.")
    if mine[0].closed_at is None:
        raise FixOpen(reason=f"“{mine[0].cause}” is not mended yet.")
    if mine[0].side not in FIXES:
        raise FixOpen(reason="the cause cannot be mended; close the pilot politely.")
    pilot = moved(pilot, "retry", "operator", reason=mine[0].side, data={"fix": mine[0].public_id})
    changes: dict[str, Any] = {
        "attempt": pilot.attempt + 1, "verdict": "", "verdict_at": None, "verdict_by": "", "verdict_note": "",
        "recommendation": "", "since": None, "deadline_at": None, "review_at": None, "gave_up_at": None,
        "due_at": None, "phase": runbook.phases[0].id,
    }  # fmt: skip
    end_keys(pilot, "other")
    changes["reveal_link"] = ""
    pilot = moved(pilot, "prepare_again", "operator", reason=mine[0].side, changes=changes)
    arm_stale(pilot, runbook)
    return pilot


def close(public_id: str, recommendation: str, note: str = "") -> Pilot:
    """End a judged pilot. Continue leaves the key; Pause switches it off, reversibly; Close ends it in seven days.

    The wallet stays in every case.
    """
    pilot = lock_pilot(public_id)
    changes = {"ended_at": business_now(), "recommendation": recommendation}
    pilot = moved(pilot, "close", "operator", reason=recommendation, data={"note": note}, changes=changes)
    cancel(NAME, [pilot.id])
    if recommendation == "Pause":
        for key in _keys(pilot):
            pause_key(pilot.tenant_id, key.public_id)
    elif recommendation == "Close":
        _end_keys_later(pilot)
    return pilot


def upgrade(public_id: str, note: str = "") -> tuple[Pilot, str]:
    """Move to Enterprise on a recorded question about a contract: (pilot, one-time link to the live key).

    The wallet is kept and the pilot's key dies in seven days. Raises NoSignal.
    """
    pilot = lock_pilot(public_id)
    signal = Signal.objects.filter(pilot_id=pilot.id, kind="sla_contract").order_by("-id").first()
    if signal is None:
        raise NoSignal()
    data = {"quote": signal.quote, "person": signal.person, "said_at": iso(signal.said_at), "note": note}
    changes = {"ended_at": business_now()}
    pilot = moved(pilot, "upgrade", "operator", reason="contract_signal", data=data, changes=changes)
    cancel(NAME, [pilot.id])
    if not pilot.reveal_link:
        return pilot, ""
    _end_keys_later(pilot)
    name = f"Enterprise - {pilot.company}"
    _, address = key_link(pilot, kind="live", name=name)
    mail_key_link(pilot, name, address)
    return pilot, address


def end_keys(pilot: Pilot, reason: str) -> None:
    """End the pilot's own key now."""
    keys = [key.id for key in _keys(pilot)]
    apply(API_KEY, "revoke", keys, role="system", reason=reason, strict=False)


def _end_keys_later(pilot: Pilot) -> None:
    arm(NAME, "key_end", [(pilot.tenant_id, pilot.id)], float(limits.KEY_NOTICE_DAYS * SECONDS_PER_DAY))
    tell(pilot, "key_ends", {"days": limits.KEY_NOTICE_DAYS})


def _keys(pilot: Pilot) -> list[ApiKey]:
    links = RevealLink.objects.filter(
        tenant_id=pilot.tenant_id, public_id=pilot.reveal_link, key__isnull=False
    ).values_list("key", flat=True)
    return list(ApiKey.objects.filter(tenant_id=pilot.tenant_id, id__in=list(links)).exclude(state="revoked"))
