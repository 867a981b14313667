"""The drill and the activation: credits, the one-time link to the key, the clock; all of it in one transaction."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from pilothouse.kernel.access.commands import withdraw_reveal_link
from pilothouse.kernel.base.clock import business_now
from pilothouse.kernel.base.errors import Conflict, PilothouseError
from pilothouse.kernel.ledger.grants import Asked, request_grant
from pilothouse.kernel.lifecycle.commands import arm, cancel
from pilothouse.kernel.watch.gates import close_gate, reopen_gate
from pilothouse.kernel.watch.queries import closed_gates, refuse_if_paused

from . import limits
from .evaluation import look
from .key_links import key_link
from .messages import send_message
from .pilot_errors import CreditsTooFew, ExpectationsOpen, NotReady
from .pilot_models import Pilot
from .pilot_reads import lock_pilot
from .pilot_steps import NAME, moved, tell
from .runbook import Runbook, pinned
from .self_service import grant_to

DRILL_REASON = "A drill before your pilot begins; it is over in a moment."


@dataclass(frozen=True, slots=True)
class Activated:
    """What became of an activation: `state` is active, or waiting while a second operator has to approve the grant.

    `key_link` is the address that reveals the key, once; it can be read here and in the mail, nowhere else.
    """

    pilot: Pilot
    state: Literal["active", "waiting"]
    key_link: str = ""
    grant: Asked | None = None


def drill_rollback(public_id: str) -> dict[str, Any]:
    """Try the rollback on the pilot's own account before anything runs there: creation stops, and opens again.

    Returns {ok, attempt, steps: [{step, ok}]}; it is an event of the pilot, from which the line is ticked. Raises
    Conflict outside the preparation and while a gate over the account is closed.
    """
    pilot = lock_pilot(public_id)
    if pilot.state != "preparing":
        raise Conflict(reason="The rollback is drilled while a pilot is prepared, before anybody works in it.")
    if closed := closed_gates(pilot.program, pilot.tenant_id):
        # The drill ends by reopening a gate: one that somebody closed for a reason is not the drill's to open.
        raise Conflict(
            reason=f"Work is paused over this account (“{closed[0]['reason']}”). Resume it before the drill."
        )
    steps: list[dict[str, Any]] = []

    def step(words: str, ok: bool) -> None:
        steps.append({"step": words, "ok": ok})

    step("The account is open", True)
    gate = close_gate(pilot.program, DRILL_REASON, mode="no_new", tenant=pilot.tenant_id)
    step("With the gate closed new work is refused", _refuses(pilot))
    reopen_gate(gate["public_id"])
    step("With the gate open new work is let in", not _refuses(pilot))
    told = {"ok": all(each["ok"] for each in steps), "attempt": pilot.attempt, "steps": steps}
    tell(pilot, "rollback_drill", told, "internal")
    return told


def _refuses(pilot: Pilot) -> bool:
    try:
        refuse_if_paused(pilot.program, pilot.tenant_id)
    except PilothouseError:
        return True
    return False


def activate(
    public_id: str, operator: int | None, *, confirm_small: bool = False, role: str = "operator", sender: str = ""
) -> Activated:
    """Begin a prepared pilot (operators' or worker's scope); `operator` is the user id of who asks for the grant;
    None where the account began by itself: the worker then grants, and never more than one person may of one account.

    1. The expectations are locked and every line of the preparation is done.
    2. The credits are granted; above one person's day the pilot waits, and the same call goes on once approved.
    3. State, clock, the link to the key and the activation mail are written together.
    """
    pilot = lock_pilot(public_id)
    runbook = pinned(pilot.runbook_hash)
    if pilot.locked_at is None:
        raise ExpectationsOpen(lines="; ".join(line.text for line in runbook.group("expectation")))
    missing = look(pilot).open_lines(group="preparation")
    if missing:
        raise NotReady(lines="; ".join(each.line.text for each in missing))
    granted = None
    if "credits_per_item" in runbook.scope:
        granted = _grant(pilot, runbook, operator, confirm_small)
        if granted is not None and granted.state == "requested":
            return Activated(pilot, "waiting", grant=granted)
    link = ""
    changes: dict[str, Any] = {"since": business_now(), "phase": runbook.phases[1].id}
    cancel(NAME, [pilot.id])
    if runbook.body.get("key_name"):
        changes["reveal_link"], link = key_link(pilot)
    seconds = runbook.seconds("deadline_hours")
    changes["deadline_at"] = changes["since"] + timedelta(seconds=seconds)
    # An export is checked against what is sealed here and at each pause: from when and until when the pilot counts.
    times = {name: changes[name].isoformat() for name in ("since", "deadline_at")}
    data = {"credits": int(pilot.form.get("credits", 0)), **times}
    pilot = moved(pilot, "activate", role, data=data, changes=changes)
    arm(NAME, "deadline", [(pilot.tenant_id, pilot.id)], seconds)
    if "activation" in runbook.texts:
        send_message(pilot, "activation", {"sender": sender}, sealed={"key_link": link})
    return Activated(pilot, "active", link, granted)


def least_credits(runbook: Runbook) -> int:
    """Credits of the fewest batches that a pilot is given without a person's word; 0 where none are granted."""
    scope = runbook.scope
    if "credits_per_item" not in scope:
        return 0
    return limits.BATCHES_LEAST_COUNT * int(scope["batch_min_items"]) * int(scope["credits_per_item"])


def _grant(pilot: Pilot, runbook: Runbook, operator: int | None, confirm_small: bool) -> Asked | None:
    credits, least = int(pilot.form["credits"]), least_credits(runbook)
    if credits < least and not confirm_small:
        raise CreditsTooFew(credits=credits, needed=least)
    words = runbook.body["grant_description"].format(company=pilot.company)
    # The same words are the same grant for ever, so a later pilot of the account must not say what an earlier one said.
    earlier = Pilot.objects.filter(
        tenant_id=pilot.tenant_id, program=pilot.program, id__lt=pilot.id, since__isnull=False
    ).count()
    if earlier:
        words += f" (pilot {earlier + 1})"
    if pilot.attempt > 1:
        words += f" (attempt {pilot.attempt})"
    if operator is None:
        grant_to(pilot, words)
        return None
    return request_grant(operator, pilot.tenant_id, credits, "pilot_grant", words)


def renew_key_link(public_id: str, sender: str = "") -> str:
    """A new one-time link, when the old one was lost or is over; the old one no longer opens. Returns the address."""
    pilot = lock_pilot(public_id)
    if pilot.state not in ("active", "paused") or not pilot.reveal_link:
        raise Conflict(reason="A new link is for a pilot that runs and had one.")
    withdraw_reveal_link(pilot.tenant_id, pilot.reveal_link)
    made, link = key_link(pilot)
    Pilot.objects.filter(id=pilot.id).update(reveal_link=made)
    tell(pilot, "renew_key_link", {"sent_to": pilot.form.get("contact_email", "")}, "internal")
    send_message(pilot, "activation", {"sender": sender}, sealed={"key_link": link})
    return link
