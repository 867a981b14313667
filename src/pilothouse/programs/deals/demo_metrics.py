"""The four primary metrics of the demo's market, as its JSON has them."""

from typing import Any

from . import metrics

NAMES = {
    "completion": ("settlement_completion", "> 0.90"),
    "days": ("days_to_settle", "< 7"),
    "disputes": ("dispute_frequency", "< 0.10"),
    "evidence": ("evidence_completeness", "= 1.00"),
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
