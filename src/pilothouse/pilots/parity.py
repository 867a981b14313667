"""“Is Demo the same as API?”: who asked it, which proofs were kept since, and which one the customer accepted."""

from datetime import datetime
from typing import Any

from pilothouse.kernel.watch import parity
from pilothouse.kernel.watch.parity_models import FAIL, ParityProof

from .pilot_errors import NotProven
from .pilot_models import Attestation, Pilot, Signal

QUESTION = "parity_question"


def proofs_of(pilot: Pilot) -> list[ParityProof]:
    """The proofs that were kept in the present attempt, the newest first."""
    return parity.proofs_since(pilot.tenant_id, pilot.program, pilot.since) if pilot.since else []


def questions_of(pilot: Pilot) -> list[Signal]:
    """Who asked in the present attempt, the newest first."""
    asked = Signal.objects.filter(pilot_id=pilot.id, kind=QUESTION)
    return list((asked.filter(said_at__gte=pilot.since) if pilot.since else asked).order_by("-id"))


def asked_after(pilot: Pilot, at: datetime) -> bool:
    """Whether somebody asked again after an instant."""
    return Signal.objects.filter(pilot_id=pilot.id, kind=QUESTION, said_at__gt=at).exists()


def proof_to_accept(pilot: Pilot, public_id: str = "") -> ParityProof:
    """The proof that stands: the one that is named, else the newest. Raises NotProven."""
    kept = proofs_of(pilot)
    stand = parity.standing(kept)
    named = [proof for proof in stand if public_id in ("", proof.public_id)]
    if named:
        return named[0]
    if not kept:
        raise NotProven(reason="none was kept since the pilot began.")
    if kept[0].state == FAIL:
        raise NotProven(reason=f"{kept[0].public_id} says that the two differ.")
    raise NotProven(reason=f"{public_id or kept[0].public_id} is not one that passed in this pilot.")


def accepted(pilot: Pilot, stand: list[ParityProof]) -> Attestation | None:
    """The acceptance of a proof that stands, said after the newest question and not withdrawn since."""
    said = Attestation.objects.filter(pilot_id=pilot.id, attempt=pilot.attempt)
    yes = said.filter(proof_id__in=[proof.id for proof in stand]).order_by("-id").first()
    if yes is None or asked_after(pilot, yes.at) or said.filter(line=yes.line, id__gt=yes.id).exists():
        return None
    return yes


def parity_of(pilot: Pilot) -> dict[str, Any]:
    """{asked, proofs, accepted}: the questions, the proofs and the acceptance of the present attempt, as one object.

    Each proof says whether it `stands`; `accepted` is None unless one that stands was accepted since the question.
    """
    kept = proofs_of(pilot)
    stand = parity.standing(kept)
    said = accepted(pilot, stand)
    of: dict[int | None, str] = {proof.id: proof.public_id for proof in kept}
    return {
        "asked": [{"quote": e.quote, "person": e.person, "at": e.said_at} for e in questions_of(pilot)],
        "proofs": [{**parity.row_of(proof), "stands": proof in stand} for proof in kept],
        "accepted": None
        if said is None
        else {"proof": of[said.proof_id], "by": said.actor.partition(":")[2], "role": said.role, "at": said.at},
    }
