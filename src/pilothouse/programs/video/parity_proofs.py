"""Keeping a comparison of two batches as a proof: for ever, sealed in the account's timeline."""

import hashlib

from pilothouse.kernel.lifecycle.commands import NewEvent, append_events
from pilothouse.kernel.watch.commands import open_incident
from pilothouse.kernel.watch.errors import ParityNotKept
from pilothouse.kernel.watch.parity import told, write_proof
from pilothouse.kernel.watch.parity_models import FAIL, ParityProof

from . import desk_reads
from .desk_parity import ParitySide, compare
from .fingerprint import canonical
from .lifecycle import BATCH

PROGRAM, API = "video", "api"
KEPT_EVENT = "parity_proof"


def keep_proof(first: str, second: str, *, tenant: int | None = None) -> ParityProof:
    """Keep what a comparison of two batches says, once for each pair (operators' or worker's scope).

    With `tenant` they have to be of that account.

    1. Compare them, computing each fingerprint again. 2. Write the row: a trigger fills it in and refuses a verdict
    that is better than the batches are. 3. Seal its hash in the timeline of the batch that the customer made. 4. A
    divergence is the P0 of requirement ENP-054, opened in the same transaction.

    Raises NotFound and ParityNotKept.
    """
    sides = [desk_reads.parity_side(each) for each in (first, second)]
    page, api = sorted(sides, key=lambda side: side.batch["entry"] == API)
    if reason := why_not(page, api):
        raise ParityNotKept(reason=reason)
    found = compare(page, api)
    if found.state == "insufficient":
        raise ParityNotKept(reason="one of the batches is still being made.")
    if tenant is not None and page.batch["tenant"] != tenant:
        raise ParityNotKept(reason="the batches are of another account.")
    ids = page.batch["public_id"], api.batch["public_id"]
    proof, is_new = write_proof(page.batch["tenant"], PROGRAM, *ids, found.state)
    if not is_new:
        return proof
    digest = hashlib.sha256(canonical(told(proof)).encode()).hexdigest()
    data = {"proof": proof.public_id, "state": proof.state, "first": ids[0], "second": ids[1], "sha256": digest}
    append_events([NewEvent(proof.tenant_id, BATCH.name, api.batch["id"], KEPT_EVENT, data=data)])
    if proof.state == FAIL:
        open_incident(
            "demo_api_divergence", found.sentence, program=PROGRAM, tenant=proof.tenant_id, subject=ids[1],
            sample=[data],
        )  # fmt: skip
    return proof


def why_not(page: ParitySide, api: ParitySide) -> str:
    """Why a comparison of these two cannot be kept; empty when it can, once both have ended."""
    if page.batch["tenant"] != api.batch["tenant"]:
        return "the batches are of two accounts."
    if page.batch["entry"] == API or api.batch["entry"] != API:
        return "one has to have come in through the API, the other through a page or the demo."
    if any(len(side.items) < side.batch["total"] for side in (page, api)):
        return "a batch of that many videos is not compared whole."
    return ""
