"""Kept proofs of parity: a program writes them, pilots ask which one stands."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.scope import current_scope
from pilothouse.kernel.base.sql import Row, Statements

from .parity_models import FAIL, PASS, ParityProof

SQL = Statements(__file__)
# What an outsider gets of a proof, and what the timeline seals the hash of.
TOLD = (
    "public_id", "program", "first", "second", "first_fingerprint", "second_fingerprint", "state", "media_equal",
    "media_compared", "body",
)  # fmt: skip


def write_proof(tenant: int, program: str, first: str, second: str, state: str) -> tuple[ParityProof, bool]:
    """The proof of two pieces of work by their public ids, and whether this call wrote it: a pair has one for ever.

    The schema fills it in from the rows; the operators' or the worker's scope.
    """
    written = SQL.rows(
        "write_proof",
        public_id=new_id("par"),
        tenant=tenant,
        program=program,
        first=first,
        second=second,
        state=state,
        actor=current_scope().actor,
    )
    found = ParityProof.objects.get(tenant_id=tenant, program=program, first=first, second=second)
    return found, bool(written)


def told(proof: ParityProof) -> dict[str, Any]:
    """A proof as an outsider gets it."""
    return {name: getattr(proof, name) for name in TOLD}


def proofs_since(tenant: int, program: str, since: datetime) -> list[ParityProof]:
    """The proofs of an account that were kept since an instant, the newest first."""
    return list(ParityProof.objects.filter(tenant_id=tenant, program=program, at__gte=since).order_by("-id"))


def proof_of_pair(tenant: int, program: str, one: str, other: str) -> ParityProof | None:
    """The proof of two pieces of work, in either order; None when none was kept."""
    pair = [one, other]
    return ParityProof.objects.filter(tenant_id=tenant, program=program, first__in=pair, second__in=pair).first()


def standing(proofs: Iterable[ParityProof]) -> list[ParityProof]:
    """Those of `proofs`, the newest first, that passed and that no later one contradicts."""
    found = []
    for proof in proofs:
        if proof.state == FAIL:
            break
        if proof.state == PASS:
            found.append(proof)
    return found


def row_of(proof: ParityProof) -> Row:
    """A proof for a page: who, when and what, without its body."""
    names = [*TOLD[:-1], "at", "actor"]
    return {name: getattr(proof, name) for name in names}
