"""The four primary metrics of the demo's market, as its JSON has them."""

from typing import Any

from . import metrics
from .limits import COMPLETION_TARGET_RATIO, DISPUTED_TARGET_RATIO, EVIDENCE_TARGET_RATIO, SETTLE_TARGET_DAYS

NAMES = {
    "completion": ("settlement_completion", f"> {COMPLETION_TARGET_RATIO:.2f}"),
    "days": ("days_to_settle", f"< {SETTLE_TARGET_DAYS}"),
    "disputes": ("dispute_frequency", f"< {DISPUTED_TARGET_RATIO:.2f}"),
    "evidence": ("evidence_completeness", f"= {EVIDENCE_TARGET_RATIO:.2f}"),
}


def metrics_of(tenant: int) -> dict[str, dict[str, Any]]:
    """{value, count, of, target, verdict} of each metric over the matured deals; `value` is None over nothing."""
    found = {}
    for each in metrics.primary(metrics.total(metrics.measure(tenant=tenant))):
        name, target = NAMES[each.name]
        found[name] = {
            "value": None if each.value is None else round(each.value, 4),
            "count": each.count,
            "of": each.of,
            "target": target,
            "verdict": each.verdict,
        }
    return found
