"""What people say about a line: ours at the desk, the customer's in their account, each in their own role.

A trigger holds the same rules, so that no other code can tick a machine's line or speak for the other side.
"""

from pilothouse.kernel.base.clock import business_now
from pilothouse.kernel.base.errors import InvalidInput
from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.scope import current_scope
from pilothouse.kernel.lifecycle.commands import NewEvent, append_events
from pilothouse.kernel.watch.parity_models import ParityProof

from . import limits
from .evaluation import look
from .lifecycle import PILOT
from .parity import asked_after, proof_to_accept
from .pilot_errors import ExpectationsOpen, LineNotYours
from .pilot_models import Attestation, Pilot
from .pilot_reads import lock_pilot, text_of
from .pilot_steps import arm_stale, moved
from .runbook import Line, pinned


def attest_ours(
    public_id: str, line: str, agrees: bool, *, note: str = "", evidence: str = "", applicable: bool = True,
    period: str = "",
) -> Attestation:  # fmt: skip
    """An operator's word on one of our lines (operators' or worker's scope). Raises LineNotYours.

    `applicable` False is a yes with a reason, for what the source marks "if available". `period` is the day of a line
    that returns daily.
    """
    pilot = lock_pilot(public_id)
    found = _line(pilot, line)
    if found.kind != "ours":
        raise LineNotYours(line=line, needed=_needed(found))
    if not applicable and not note.strip():
        raise InvalidInput(reason="Say why the line does not apply.")
    return _attest(pilot, found, "operator", agrees, note=note, evidence=evidence, applicable=applicable, period=period)


def attest_customer(
    public_id: str, line: str, role: str, agrees: bool, *, note: str = "", evidence: str = "", proof: str = ""
) -> Attestation:
    """A member's word on one of the customer's lines, in the account's scope; `role` is the member's.

    When it is the last expectation that was missing, the pilot is locked in the same transaction. A line that takes a
    failure condition back is agreed to by accepting a proof: `proof` is its public id, empty for the newest that
    stands. Raises NotProven when there is none.
    """
    pilot = lock_pilot(public_id)
    found = _line(pilot, line)
    if found.kind != "customer" or role not in found.roles:
        raise LineNotYours(line=line, needed=_needed(found))
    accepted = proof_to_accept(pilot, proof) if agrees and pinned(pilot.runbook_hash).takes_back(line) else None
    row = _attest(pilot, found, role, agrees, note=note, evidence=evidence, accepted=accepted)
    if found.group == "expectation" and pilot.state == "qualified" and _all_expected(pilot):
        lock_expectations(public_id, role="customer")
    return row


def lock_expectations(public_id: str, *, role: str = "operator") -> Pilot:
    """Lock what to expect: the customer's own step, taken when every expectation line is confirmed.

    An operator, or the system for an account that begins by itself, locks a pilot only where its runbook has no
    expectation lines. Raises ExpectationsOpen.
    """
    pilot = lock_pilot(public_id)
    runbook = pinned(pilot.runbook_hash)
    expectations = runbook.group("expectation")
    seen = look(pilot, "customer" if role == "customer" else "internal")
    missing = [each.line.text for each in seen.open_lines(group="expectation")]
    if missing or (role != "customer" and expectations):
        raise ExpectationsOpen(lines="; ".join(missing) or "; ".join(line.text for line in expectations))
    pilot = moved(pilot, "lock", role, changes={"locked_at": business_now()})
    arm_stale(pilot, runbook)
    return pilot


def _attest(
    pilot: Pilot, line: Line, role: str, agrees: bool, *, note: str, evidence: str, applicable: bool = True,
    period: str = "", accepted: ParityProof | None = None,
) -> Attestation:  # fmt: skip
    newest = Attestation.objects.filter(pilot_id=pilot.id, attempt=pilot.attempt, line=line.id, period=period)
    known = newest.order_by("-id").first()
    note = text_of(note, "note", limits.NOTE_MAX_CHARACTERS, required=False)
    evidence = text_of(evidence, "evidence", limits.EVIDENCE_MAX_CHARACTERS, required=False)
    actor = current_scope().actor
    same = (actor, agrees, note, evidence, applicable, accepted and accepted.id)
    if known and (
        (known.actor, known.agrees, known.note, known.evidence, known.is_applicable, known.proof_id) == same
        and not (accepted and asked_after(pilot, known.at))
    ):
        return known
    if pilot.state in PILOT.terminal:
        raise PILOT.refusal("tick", pilot.state)
    row = Attestation.objects.create(
        tenant_id=pilot.tenant_id,
        public_id=new_id("att"),
        pilot_id=pilot.id,
        attempt=pilot.attempt,
        line=line.id,
        period=period,
        side=line.kind,
        role=role,
        actor=actor,
        at=business_now(),
        agrees=agrees,
        is_applicable=applicable,
        note=note,
        evidence=evidence,
        proof=accepted,
    )
    data = {"line": line.id, "words": line.text, "agrees": agrees, "role": role, "period": period}
    if accepted:
        data["proof"] = accepted.public_id
    append_events([NewEvent(pilot.tenant_id, PILOT.name, pilot.id, "attest", data=data, visibility=line.visibility)])
    return row


def _all_expected(pilot: Pilot) -> bool:
    return not look(pilot, "customer").open_lines(group="expectation")


def _line(pilot: Pilot, name: str) -> Line:
    runbook = pinned(pilot.runbook_hash)
    found = runbook.lines.get(name) or runbook.daily.get(name)
    if found is None:
        raise InvalidInput(reason=f"The runbook has no line {name!r}.")
    return found


def _needed(line: Line) -> str:
    if line.kind == "machine":
        return "facts alone"
    return "an operator" if line.kind == "ours" else f"the account's {' or '.join(line.roles)}"
