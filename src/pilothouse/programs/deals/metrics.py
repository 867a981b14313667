"""The four metrics by which a deal pilot is judged, and those that explain them.

The verdict is over matured deals: those that ended, or are older than the longest life of their pinned terms; fewer
than ten are not enough. The plain formula over all deals created stands beside it.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from django.utils.translation import gettext as _

from pilothouse.kernel.base.days import SECONDS_PER_DAY
from pilothouse.kernel.base.sql import Row, Statements
from pilothouse.kernel.watch.pilot_facts import FAIL, INCONCLUSIVE, INSUFFICIENT, PASS, Z95, JudgedMetric, share

from .limits import (
    COMPLETION_FAIL_RATIO,
    COMPLETION_TARGET_RATIO,
    DISPUTED_TARGET_RATIO,
    DRAFT_TTL_DAYS,
    EVIDENCE_TARGET_RATIO,
    METRIC_PARTS_MAX_ROWS,
    SETTLE_TARGET_DAYS,
    VERDICT_MIN_DEALS,
)

SQL = Statements(__file__, "sql/desk")
SUMS = (
    "created", "matured", "settled", "disputed_matured", "disputed", "complete", "decided", "disputes_ended", "seconds",
    "squares",
)  # fmt: skip


def counts(*, tenant: int | None = None, template: str = "") -> list[Row]:
    """What metrics are made of, one row for each week of creation and version of terms, by one walk over an index."""
    return SQL.rows("metrics", tenant=tenant, template=template, draft_hours=DRAFT_TTL_DAYS * 24)


def measure(*, tenant: int | None = None, by: str = "", template: str = "") -> list[Row]:
    """`counts`, summed: one row for all, or one by `week` of creation or by `version` of terms."""
    return summed(counts(tenant=tenant, template=template), by)


def summed(rows: Sequence[Row], by: str = "") -> list[Row]:
    """The rows of `counts` in one, or in one by `week` or `version`, the newest first; `part` says which."""
    parts: dict[str, Row] = {}
    for row in rows:
        part = (
            row["week"].isoformat() if by == "week" else f"{row['name']} v{row['version']}" if by == "version" else ""
        )
        sums = parts.setdefault(part, {"part": part, **dict.fromkeys(SUMS, 0)})
        for name in SUMS:
            sums[name] += row[name]
    return [
        {**sums, "spread": _spread(sums["settled"], sums["seconds"], sums["squares"])}
        for _, sums in sorted(parts.items(), reverse=True)[:METRIC_PARTS_MAX_ROWS]
    ]


def _spread(count: int, total: float, squares: float) -> float:
    """The sample's standard deviation from its sums."""
    return math.sqrt(max(0.0, (squares - total * total / count) / (count - 1))) if count > 1 else 0.0


def primary(row: Row) -> list[JudgedMetric]:
    """The four metrics of one row of `measure`, each with its target and its verdict."""
    few = row["matured"] < VERDICT_MIN_DEALS

    def judged(
        each: JudgedMetric, target: str, *, passes: bool, fails: bool = False, plain: float | None = None
    ) -> JudgedMetric:
        verdict = INSUFFICIENT if few else PASS if passes else FAIL if fails else INCONCLUSIVE
        return replace(each, target=target, verdict=verdict, plain=plain)

    settled = row["settled"]
    completion = share("completion", _("Deals that reach SETTLED"), settled, row["matured"])
    disputes = share("disputes", _("Deals with a dispute"), row["disputed_matured"], row["matured"])
    evidence = share("evidence", _("Disputes with all evidence"), row["complete"], row["disputed"])
    time = _days_to_settle(row)
    return [
        judged(
            completion,
            _("more than 90 %"),
            passes=completion.value is not None and completion.value > COMPLETION_TARGET_RATIO,
            fails=completion.value is not None and completion.value < COMPLETION_FAIL_RATIO,
            plain=_ratio(settled, row["created"]),
        ),
        judged(time, _("less than 7 days"), passes=time.value is not None and time.value < SETTLE_TARGET_DAYS),
        judged(
            disputes,
            _("less than 10 %"),
            passes=disputes.value is not None and disputes.value < DISPUTED_TARGET_RATIO,
            plain=_ratio(row["disputed"], row["created"]),
        ),
        judged(evidence, _("100 %"), passes=evidence.value in (None, EVIDENCE_TARGET_RATIO)),
    ]


def _days_to_settle(row: Row) -> JudgedMetric:
    """The mean time in days from the making of a settled deal to its end; from two deals on with its 95 % interval."""
    settled = row["settled"]
    days = row["seconds"] / settled / SECONDS_PER_DAY if settled else None
    low = high = None
    if days is not None and settled > 1:
        half = Z95 * row["spread"] / math.sqrt(settled) / SECONDS_PER_DAY
        low, high = max(0.0, days - half), days + half
    return JudgedMetric("days", _("Average days to settle"), days, settled, row["matured"], "days", low=low, high=high)


def secondary(row: Row) -> list[JudgedMetric]:
    """What explains the four: how often an operator had to decide."""
    return [share("intervention", _("Disputes decided by an operator"), row["decided"], row["disputes_ended"])]


def rollback_triggered(row: Row) -> bool:
    """Whether completion over enough matured deals is below one half: the trigger that proposes a rollback."""
    return bool(row["matured"] >= VERDICT_MIN_DEALS and row["settled"] < COMPLETION_FAIL_RATIO * row["matured"])


def compared(old: Row, new: Row) -> list[dict[str, Any]]:
    """Two versions' metrics side by side; `differs` is yes, no or insufficient, by whether their intervals overlap."""
    return [
        {"name": before.name, "old": before, "new": after, "differs": _differs(before, after)}
        for before, after in zip(primary(old), primary(new), strict=True)
    ]


def versions(rows: Sequence[Row]) -> list[tuple[str, int, Row, int, Row]]:
    """Each version against the one before it of the same name: (name, old, its row, new, its row)."""
    by_name: dict[str, list[tuple[int, Row]]] = {}
    for row in rows:
        name, _v, number = row["part"].rpartition(" v")
        by_name.setdefault(name, []).append((int(number), row))
    return [
        (name, old, before, new, after)
        for name, of_name in sorted(by_name.items())
        for (old, before), (new, after) in pairwise(sorted(of_name, key=lambda pair: pair[0]))
    ]


def total(rows: Sequence[Row]) -> Row:
    """The only row of `measure` without parts; zeros when there is no deal."""
    return rows[0] if rows else {**dict.fromkeys(SUMS, 0), "part": "", "spread": 0.0}


def _differs(before: JudgedMetric, after: JudgedMetric) -> str:
    ends = (before.low, before.high, after.low, after.high)
    few = INSUFFICIENT in (before.verdict, after.verdict)
    if few or before.low is None or before.high is None or after.low is None or after.high is None:
        return INSUFFICIENT
    return "yes" if ends[1] < ends[2] or ends[3] < ends[0] else "no"  # type: ignore[operator]


def _ratio(count: int, of: int) -> float | None:
    return count / of if of else None
