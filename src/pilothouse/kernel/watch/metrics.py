"""The metrics registry: a metric is a name, a unit, a window, who may see it, and one SQL statement.

Rooms and programs declare metrics; `/metrics`, pages and reports read the same ones. A statement returns rows with a
`value`; every other column is a label. It has to be cheap at a million items: it reads counters of parents, partial
indexes or a bounded tail, never a whole hot table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Literal

import structlog
from django.db import DatabaseError, transaction

from pilothouse.kernel.base.scope import current_scope, ops_scope
from pilothouse.kernel.base.sql import Row, run

from .limits import METRIC_TIMEOUT_MS, METRICS_CACHE_S

log = structlog.get_logger(__name__)
Visibility = Literal["operations", "internal"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `operations` ones name no tenant and no provider; `internal` ones need the metrics token and never
    reach a customer (requirement ENP-063). `unit` is the last part of `name`; `window` says over what it looks."""

    name: str
    title: str
    unit: str
    window: str
    visibility: Visibility
    sql: str
    kind: Literal["counter", "gauge"] = "gauge"


@dataclass(frozen=True, slots=True)
class Reading:
    """A metric with its rows {value, label…} at one moment; `None` when it could not be read in time."""

    metric: Metric
    rows: list[Row] | None


METRICS = (
    Metric(
        "incidents_open_count", "Open incidents by severity", "count", "now", "operations",
        "SELECT s.severity, count(i.id) AS value FROM (VALUES ('P0'), ('P1'), ('P2')) AS s (severity) "
        "LEFT JOIN incident i ON i.severity = s.severity AND i.state IN ('investigating', 'mitigated', 'open', "
        "'root_caused') GROUP BY s.severity ORDER BY s.severity",
    ),
    Metric(
        "gates_closed_count", "Closed gates by program and mode", "count", "now", "operations",
        "SELECT program, mode, count(*) AS value FROM gate WHERE opened_at IS NULL GROUP BY 1, 2 ORDER BY 1, 2",
    ),
    Metric(
        "check_breaches_rows", "Offending rows in each check's last run over everything", "rows", "last run",
        "operations",
        "SELECT n.name AS check, r.rows AS value FROM (SELECT DISTINCT name FROM check_run) n CROSS JOIN LATERAL "
        "(SELECT rows FROM check_run c WHERE c.name = n.name AND c.batches IS NULL ORDER BY id DESC LIMIT 1) r "
        "ORDER BY n.name",
    ),
    Metric(
        "timers_late_seconds", "How late the most overdue armed timer is", "seconds", "now", "operations",
        "SELECT greatest(0, extract(epoch FROM (SELECT base.clock_now()) - min(due_at)))::float AS value "
        "FROM timer WHERE state = 'armed'",
    ),
    Metric(
        "deliveries_open_count", "Webhook deliveries on their way by state", "count", "now", "operations",
        "SELECT state, count(*) AS value FROM delivery WHERE state IN ('queued', 'sending', 'waiting') "
        "GROUP BY state ORDER BY state",
    ),
    Metric(
        "worker_heartbeat_age_seconds", "Since the last sign of the freshest worker", "seconds", "now", "operations",
        "SELECT extract(epoch FROM statement_timestamp() - max(seen_at))::float AS value FROM worker "
        "WHERE stopped_at IS NULL",
    ),
    Metric(
        "jobs_queued_count", "Coarse jobs that wait", "count", "now", "operations",
        "SELECT count(*) AS value FROM job WHERE state = 'queued'",
    ),
)  # fmt: skip

_cache: dict[tuple[str, ...], tuple[float, list[Reading]]] = {}


def read(metrics: Sequence[Metric]) -> list[Reading]:
    """Read metrics over all tenants, in one operator transaction, at most once in METRICS_CACHE_S in this process.

    A metric that fails or takes too long is left out with rows None; the others are read in any case.
    """
    key = tuple(metric.name for metric in metrics)
    at, known = _cache.get(key, (0.0, []))
    if known and monotonic() - at < METRICS_CACHE_S:
        return known
    with ops_scope("metrics"):
        run(f"SET LOCAL statement_timeout = {METRIC_TIMEOUT_MS}")
        readings = [Reading(metric, _rows(metric)) for metric in metrics]
    _cache[key] = (monotonic(), readings)
    return readings


def _rows(metric: Metric) -> list[Row] | None:
    try:
        with transaction.atomic(using=current_scope().alias):
            return [row for row in run(metric.sql) if row["value"] is not None]
    except DatabaseError as error:
        log.warning("metric_unread", metric=metric.name, error=type(error).__name__)
        return None
