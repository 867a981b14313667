"""The four metrics by which a deal pilot is judged, and those that explain them.

The verdict is over matured deals: those that ended, or are older than the longest life of their pinned terms; fewer
than ten are not enough. The plain formula over all deals created stands beside it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pilothouse.kernel.base.sql import Row, Statements

from .limits import DRAFT_TTL_DAYS, METRIC_PARTS_MAX_ROWS, VERDICT_MIN_DEALS

SQL = Statements(__file__, "sql/desk")
SECONDS_PER_DAY = 86_400
Z95 = 1.959964
SUMS = (
    "created", "matured", "settled", "disputed_matured", "disputed", "complete", "decided", "disputes_ended", "seconds",
    "squares",
)  # fmt: skip
PASS, FAIL, INCONCLUSIVE, INSUFFICIENT = "pass", "fail", "inconclusive", "insufficient"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: `value` (a share, or days) over `of` deals or claims, its target, its verdict.

    `low` and `high` are the 95 % interval, None where it cannot be told; `plain` is the source's formula over all.
    """

    name: str
    value: float | None
    count: int
    of: int
    verdict: str
    low: float | None = None
    high: float | None = None
    plain: float | None = None


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


def wilson(count: int, of: int) -> tuple[float, float] | None:
    """The 95 % interval of a share (Wilson's score interval, 1927), or None over nothing."""
    if of == 0:
        return None
    share, z2 = count / of, Z95 * Z95
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = Z95 * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of)) / (1 + z2 / of)
    return max(0.0, middle - half), min(1.0, middle + half)


def primary(row: Row) -> list[Metric]:
    """The four metrics of one row of `measure`, each with its verdict."""
    few = row["matured"] < VERDICT_MIN_DEALS
    settled = row["settled"]
    completion = _share("completion", settled, row["matured"])
    disputes = _share("disputes", row["disputed_matured"], row["matured"])
    evidence = _share("evidence", row["complete"], row["disputed"])
    days = row["seconds"] / settled / SECONDS_PER_DAY if settled else None
    half = Z95 * row["spread"] / math.sqrt(settled) / SECONDS_PER_DAY if settled > 1 else None
    told = [
        (completion, completion.value is not None and completion.value > 0.9,
         completion.value is not None and completion.value < 0.5, _ratio(settled, row["created"])),
        (Metric("days", days, settled, row["matured"], "",
                None if half is None or days is None else max(0.0, days - half),
                None if half is None or days is None else days + half), days is not None and days < 7, False, None),
        (disputes, disputes.value is not None and disputes.value < 0.1, False, _ratio(row["disputed"], row["created"])),
        (evidence, evidence.value in (None, 1.0), False, None),
    ]  # fmt: skip
    return [
        Metric(
            each.name, each.value, each.count, each.of,
            INSUFFICIENT if few else PASS if passes else FAIL if fails else INCONCLUSIVE,
            each.low, each.high, plain,
        )
        for each, passes, fails, plain in told
    ]  # fmt: skip


def rollback_triggered(row: Row) -> bool:
    """Whether completion over enough matured deals is below one half: the trigger that proposes a rollback."""
    return bool(row["matured"] >= VERDICT_MIN_DEALS and 2 * row["settled"] < row["matured"])


def compared(old: Row, new: Row) -> list[dict[str, Any]]:
    """Two versions' metrics side by side; `differs` is yes, no or insufficient, by whether their intervals overlap."""
    return [
        {"name": before.name, "old": before, "new": after, "differs": _differs(before, after)}
        for before, after in zip(primary(old), primary(new), strict=True)
    ]


def total(rows: Sequence[Row]) -> Row:
    """The only row of `measure` without parts; zeros when there is no deal."""
    return rows[0] if rows else {**dict.fromkeys(SUMS, 0), "part": "", "spread": 0.0}


def _differs(before: Metric, after: Metric) -> str:
    ends = (before.low, before.high, after.low, after.high)
    few = INSUFFICIENT in (before.verdict, after.verdict)
    if few or before.low is None or before.high is None or after.low is None or after.high is None:
        return INSUFFICIENT
    return "yes" if ends[1] < ends[2] or ends[3] < ends[0] else "no"  # type: ignore[operator]


def _share(name: str, count: int, of: int) -> Metric:
    interval = wilson(count, of)
    return Metric(name, _ratio(count, of), count, of, "", *(interval or (None, None)))


def _ratio(count: int, of: int) -> float | None:
    return count / of if of else None
