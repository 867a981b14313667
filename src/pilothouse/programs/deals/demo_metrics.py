"""The four primary metrics of a market, over the deals that the demo played."""

from collections.abc import Sequence
from typing import Any

from pilothouse.kernel.base.sql import Row, Statements

from .models import ClaimLine, Deal
from .steps import terms_of

SQL = Statements(__file__)
SECONDS_PER_DAY = 86_400
TARGETS = {
    "settlement_completion": "> 0.90",
    "days_to_settle": "< 7",
    "dispute_frequency": "< 0.10",
    "evidence_completeness": "= 1.00",
}


def metrics_of(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """Each metric by the formula of its definition: {value, of, count, target}; `value` is None over nothing.

    Completion, days to settle and dispute frequency are over deals, evidence completeness over claim lines, of which
    one counts when the buyer filed every type of evidence that its terms ask for.
    """
    settled = [row for row in rows if row["state"] == "SETTLED"]
    days = [(row["ended_at"] - row["created_at"]).total_seconds() / SECONDS_PER_DAY for row in settled]
    disputed = [row for row in rows if row["dispute"]]
    complete, lines = _complete_lines()
    average = round(sum(days) / len(days), 2) if days else None
    return {
        "settlement_completion": _share("settlement_completion", len(settled), len(rows)),
        "days_to_settle": {
            "value": average, "count": len(days), "of": len(rows), "target": TARGETS["days_to_settle"],
        },
        "dispute_frequency": _share("dispute_frequency", len(disputed), len(rows)),
        "evidence_completeness": _share("evidence_completeness", complete, lines),
    }  # fmt: skip


def _share(name: str, count: int, of: int) -> dict[str, Any]:
    return {"value": round(count / of, 4) if of else None, "count": count, "of": of, "target": TARGETS[name]}


def _complete_lines() -> tuple[int, int]:
    lines = list(ClaimLine.objects.select_related("dispute").order_by("id"))
    deals = {deal.id: deal for deal in Deal.objects.filter(id__in={line.dispute.deal_id for line in lines})}
    filed = {row["line"]: row for row in SQL.rows("line_evidence", disputes=sorted({x.dispute_id for x in lines}))}
    complete = 0
    for line in lines:
        needed = terms_of(deals[line.dispute.deal_id]).evidence(line.code)
        complete += set(needed) <= set(filed[line.id]["buyer_types"] or ())
    return complete, len(lines)
