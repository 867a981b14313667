"""Service-level objectives: what is measured, over which window, what is aimed at, and whether there is enough to say.

The promises hold always or are broken; an objective is a number over a window, and missing it is a P2. The five of
requirement C29 are here; a program names in `Program.slos` those that it lives by, and adds or replaces by name. With
fewer measurements than a single miss would need to break the target, the answer is "insufficient data", never "met",
and the count is told exactly ("1 of 12 late"); the pace at which the allowance burns is told above that floor alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from time import monotonic
from typing import Any, Literal

from pilothouse.kernel.base.scope import ops_scope
from pilothouse.kernel.base.sql import Row, run

from .checks import OTHERS
from .limits import METRIC_TIMEOUT_MS, SLO_BURN_DAYS, SLO_BURN_MAX, SLO_CACHE_S, SLO_TAIL_ROWS, SLO_WINDOW_DAYS

FOLDER = Path(__file__).parent / "sql" / "slos"
State = Literal["met", "breached", "insufficient_data"]


@dataclass(frozen=True, slots=True)
class Slo:
    """One objective. A `ratio` is met at `target` or above, `seconds` and `hours` strictly below it.

    `sql` is a file with one row {value, sample} over the last `window_days` days (at most the newest rows of a hot
    table: parameters `days` and `tail`), and `missed` where the value is no share; None where no program measures it
    yet. `miss` is what a miss is called after its count: "1 of 12 late". Customers read those of their `visibility`.
    """

    name: str
    title: str
    unit: Literal["ratio", "seconds", "hours"]
    target: float
    sample_min: int
    sql: Path | None = None
    window_days: int = SLO_WINDOW_DAYS
    miss: str = "missed"
    visibility: Literal["customer", "internal"] = "internal"


@dataclass(frozen=True, slots=True)
class SloReading:
    """An objective at one moment: the value (None without a measurement), from how many, and what follows.

    `missed` of the sample did not make it, None where misses are not counted. `burn_rate` of a ratio is the share of
    misses of the last day over the share that the target allows, None below the smallest sample that can tell.
    """

    slo: Slo
    value: float | None
    sample: int
    missed: int | None = None
    burn_rate: float | None = None

    @property
    def state(self) -> State:
        """`met`, `breached`, or `insufficient_data` below the smallest sample that can tell."""
        if self.value is None or self.sample < self.slo.sample_min:
            return "insufficient_data"
        met = self.value >= self.slo.target if self.slo.unit == "ratio" else self.value < self.slo.target
        return "met" if met else "breached"

    @property
    def budget_left(self) -> float | None:
        """Of a ratio: which part of the misses that the target allows is not used up; below 0 when overdrawn."""
        if self.slo.unit != "ratio" or self.value is None or self.state == "insufficient_data":
            return None
        return 1 - (1 - self.value) / (1 - self.slo.target)

    @property
    def is_burning(self) -> bool:
        """Whether the last day used the allowance so fast that somebody has to look."""
        return self.burn_rate is not None and self.burn_rate >= SLO_BURN_MAX

    @property
    def counted(self) -> str:
        """The exact count: `1 of 12 late`; the sample alone where misses are not counted."""
        return str(self.sample) if self.missed is None else f"{self.missed} of {self.sample} {self.slo.miss}"

    def as_json(self) -> dict[str, Any]:
        """The reading for the command, the API and pages."""
        return {
            "name": self.slo.name,
            "title": self.slo.title,
            "state": self.state,
            "value": self.value,
            "target": self.slo.target,
            "unit": self.slo.unit,
            "window_days": self.slo.window_days,
            "sample": self.sample,
            "sample_min": self.slo.sample_min,
            "missed": self.missed,
            "counted": self.counted,
            "budget_left": self.budget_left,
            "burn_rate": self.burn_rate,
        }


def enough_for(ratio: float) -> int:
    """The smallest sample in which one miss alone does not break a ratio: 1 / (1 - ratio)."""
    return ceil(round(1 / (1 - ratio), 6))


API_AVAILABILITY = Slo(
    "api_availability", "API calls answered without a failure of ours", "ratio", 0.995, enough_for(0.995),
    FOLDER / "api_availability.sql", miss="failed", visibility="customer",
)  # fmt: skip
API_LATENCY = Slo(
    "api_latency", "95th percentile of the API's answer time", "seconds", 1.0, enough_for(0.95),
    FOLDER / "api_latency.sql", miss="slower", visibility="customer",
)  # fmt: skip
WEBHOOK_DELIVERY = Slo(
    "webhook_delivery", "Events acknowledged within five minutes", "ratio", 0.99, enough_for(0.99),
    FOLDER / "webhook_delivery.sql", miss="late", visibility="customer",
)  # fmt: skip
TIMER_LATENESS = Slo(
    "timer_lateness", "Timers fired within a minute of being due", "ratio", 0.999, enough_for(0.999),
    FOLDER / "timer_lateness.sql", miss="late", visibility="customer",
)  # fmt: skip
# A program that scores declares its own under this name, with its SQL.
SCORING_FRESHNESS = Slo(
    "scoring_freshness", "Age of the oldest score that is in use", "hours", 24.0, 1, visibility="customer"
)
REGISTRY: dict[str, Slo] = {
    slo.name: slo for slo in (API_AVAILABILITY, API_LATENCY, WEBHOOK_DELIVERY, TIMER_LATENESS, SCORING_FRESHNESS)
}
_cache: tuple[float, list[SloReading]] | None = None


def declare_slos(slos: Iterable[Slo]) -> tuple[Slo, ...]:
    """Make a program's objectives known to every process that loads it; one of the same name is replaced."""
    declared = tuple(slos)
    REGISTRY.update({slo.name: slo for slo in declared})
    return declared


def customer_slos() -> list[Slo]:
    """The objectives that a customer reads and some program measures."""
    return [slo for slo in REGISTRY.values() if slo.visibility == "customer" and slo.sql is not None]


def slo_report(slos: Sequence[Slo] | None = None) -> list[SloReading]:
    """The readings of these objectives (None = all) in the open scope: a tenant's own rows, or everybody's."""
    return [_read(slo) for slo in (REGISTRY.values() if slos is None else slos)]


def _read(slo: Slo) -> SloReading:
    if slo.sql is None:
        return SloReading(slo, None, 0)
    row = _measured(slo, slo.window_days)
    value, sample = None if row["value"] is None else float(row["value"]), int(row["sample"])
    missed = round((1 - (value or 0.0)) * sample) if slo.unit == "ratio" else row.get("missed")
    return SloReading(slo, value, sample, missed, _burn_rate(slo, sample))


def _measured(slo: Slo, days: int) -> Row:
    assert slo.sql is not None
    (row,) = run(slo.sql.read_text(encoding="utf-8"), {"days": days, "tail": SLO_TAIL_ROWS})
    return row


def _burn_rate(slo: Slo, sample: int) -> float | None:
    if slo.unit != "ratio" or sample < slo.sample_min:
        return None
    row = _measured(slo, SLO_BURN_DAYS)
    if row["value"] is None or row["sample"] < slo.sample_min:
        return None
    return (1 - float(row["value"])) / (1 - slo.target)


def read_slos() -> list[SloReading]:
    """All readings over all tenants for `/metrics`, at most once in SLO_CACHE_S in this process."""
    global _cache
    if _cache is not None and monotonic() - _cache[0] < SLO_CACHE_S:
        return _cache[1]
    with ops_scope("metrics", "service-level objectives"):
        run(f"SET LOCAL statement_timeout = {METRIC_TIMEOUT_MS}")
        readings = slo_report()
    _cache = (monotonic(), readings)
    return readings


def _breached(check_name: str) -> int:
    slo = REGISTRY.get(check_name.partition(":")[2])
    if slo is None:
        return 0
    reading = _read(slo)
    return int(reading.state == "breached" or reading.is_burning)


OTHERS["slo"] = _breached
