"""Confirmations of a received `batch.completed` (requirements ENT-055 and C51), one field at a time.

The worker tells the operators of a difference of money: the account's own transaction may not write incidents.
"""

from collections.abc import Collection
from dataclasses import asdict
from hashlib import sha256

from pilothouse.kernel.base.clock import business_now
from pilothouse.kernel.base.errors import Conflict
from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.scope import current_scope, worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.outbox.queries import deliveries
from pilothouse.kernel.watch.commands import open_incident

from . import limits
from .lifecycle import COMPLETED_EVENT
from .models import Confirmation
from .receipt import Verdict, judge

MONEY_FIELDS = ("ledger.reserved", "ledger.settled", "ledger.refunded")
FIELDS = ("batch_id", "summary.total", "summary.succeeded", "summary.failed", *MONEY_FIELDS, "timestamp")


def confirm_receipt(raw: bytes, ticked: Collection[str], form_key: str, role: str) -> Confirmation:
    """Store what the actor of the open tenant scope says about a body: `ticked` of the eight FIELDS are right to them.

    The body is judged again here. Sent twice with one `form_key` it is one confirmation. Raises what `judge` raises,
    and Conflict for a batch that has not ended.
    """
    known = Confirmation.objects.filter(form_key=form_key).first()
    if known is not None:
        return known
    verdict = judge(raw)
    if verdict.batch.completed_at is None:
        raise Conflict(reason="The batch has not ended, so there is nothing to confirm yet.")
    lines = {line.field: line for line in verdict.lines}
    fields = [
        {**{k: v for k, v in asdict(lines[name]).items() if k != "source"}, "ticked": name in ticked} for name in FIELDS
    ]
    return Confirmation.objects.create(
        tenant_id=verdict.batch.tenant_id,
        public_id=new_id("cnf"),
        batch_id=verdict.batch.id,
        at=business_now(),
        actor=current_scope().actor,
        role=role,
        fields=fields,
        agrees=all(field["same"] and field["ticked"] for field in fields),
        money_differs=any(not lines[name].same for name in MONEY_FIELDS),
        body_sha256=sha256(raw).hexdigest(),
        delivery=_delivery(verdict),
        form_key=form_key,
    )


def _delivery(verdict: Verdict) -> str:
    """The newest acknowledged delivery of the message whose bytes these are, or any of it; empty for other bytes."""
    if not verdict.bytes_same:
        return ""
    sent = [row for row in deliveries(reference=verdict.batch.public_id) if row["type"] == COMPLETED_EVENT]
    acknowledged = [row for row in sent if row["state"] == "delivered"]
    return str((acknowledged or sent)[0]["public_id"]) if sent else ""


def report_differences() -> int:
    """Open `ledger_mismatch` (P1) for each batch whose body was confirmed with other money and that has none yet.

    Returns how many. Each batch once, whatever became of its incident: the operators have seen it.
    """
    with worker_scope("customer"):
        rows = run(
            "SELECT DISTINCT ON (c.batch) c.tenant, c.public_id, c.actor, c.fields, b.public_id AS batch_id"
            " FROM (SELECT * FROM confirmation WHERE NOT agrees ORDER BY id DESC LIMIT %(count)s) c"
            " JOIN batch b ON b.id = c.batch WHERE c.money_differs AND NOT EXISTS (SELECT FROM incident i"
            " WHERE i.kind = 'ledger_mismatch' AND i.tenant = c.tenant AND i.subject = b.public_id)"
            " ORDER BY c.batch, c.id DESC",
            {"count": limits.CONFIRMATION_LOOK_BACK_COUNT},
        )
        for row in rows:
            wrong = [field for field in row["fields"] if not field["same"]]
            open_incident(
                "ledger_mismatch",
                f"{row['actor']} has a batch.completed of {row['batch_id']} whose money is not the ledger's",
                program="video",
                tenant=row["tenant"],
                subject=row["batch_id"],
                sample=[{"confirmation": row["public_id"], **field} for field in wrong],
            )
    return len(rows)
