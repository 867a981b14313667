"""What machines ask: `/healthz` (this process lives), `/readyz` (it can do its work), `/metrics` (Prometheus text).

`/healthz` touches nothing, so a slow database never restarts a web process. `/readyz` answers 503 until the database
is reachable in the web's own role, has this code's shape and a known clock, and a worker was heard of. `/metrics`
names no tenant; metrics that name providers are given to whoever presents METRICS_TOKEN as a bearer token only, and
to nobody when none is set.
"""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connections, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import GC_COLLECTOR, PLATFORM_COLLECTOR, PROCESS_COLLECTOR, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from pilothouse.kernel.base.scope import WEB_ALIAS
from pilothouse.kernel.watch.limits import HEARTBEAT_FRESH_S
from pilothouse.kernel.watch.metrics import METRICS, Metric, Reading, read
from pilothouse.kernel.watch.slos import SloReading, read_slos

from .migrate import schema_hash
from .programs import load_programs

PREFIX = "pilothouse_"
PRODUCTION_CLOCK = "SELECT statement_timestamp()"
REHEARSAL_PREFIX = "rehearsal_"


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """This process answers; nothing else is asked."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """Whether this process can do its work: {"ok", "checks": {name: bool}}, with status 200 or 503."""
    checks = readiness()
    ok = all(checks.values())
    return JsonResponse({"ok": ok, "checks": checks}, status=200 if ok else 503)


def readiness() -> dict[str, bool]:
    """Each thing that this web process needs, by name; a later one is false when the database does not answer."""
    names = ("database", "role", "schema", "clock", "workers")
    try:
        with transaction.atomic(using=WEB_ALIAS), connections[WEB_ALIAS].cursor() as cursor:
            return {"database": True, **{name: _asks(cursor, name) for name in names[1:]}}
    except DatabaseError:
        return dict.fromkeys(names, False)


def _asks(cursor: Any, name: str) -> bool:
    sql, right = QUESTIONS[name]
    cursor.execute(sql)
    row = cursor.fetchone()
    return bool(row) and right(row[0])


def clock_is_known(source_and_database: list[str]) -> bool:
    """Whether base.clock_now() is the production body, or the database is a rehearsal, which moves its own clock."""
    source, database = source_and_database
    return " ".join(source.split()) == PRODUCTION_CLOCK or database.startswith(REHEARSAL_PREFIX)


@cache
def _expected_schema() -> str:
    """This code's schema hash; it cannot change while the process lives."""
    return schema_hash()


CLOCK_SQL = (
    "SELECT ARRAY[p.prosrc, current_database()::text] FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
    "WHERE n.nspname = 'base' AND p.proname = 'clock_now'"
)
QUESTIONS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    # The login has no power of its own: it is no superuser, owns nothing and passes no policy.
    "role": (
        "SELECT NOT (rolsuper OR rolbypassrls OR rolinherit) FROM pg_roles WHERE rolname = current_user", bool,
    ),
    "schema": ("SELECT schema_hash FROM house", lambda found: found == _expected_schema()),
    "clock": (CLOCK_SQL, clock_is_known),
    "workers": (
        "SELECT coalesce(max(seen_at) > statement_timestamp() - "
        f"make_interval(secs => {HEARTBEAT_FRESH_S}), false) FROM worker WHERE stopped_at IS NULL",
        bool,
    ),
}  # fmt: skip


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text: this process, and the house as of at most a few seconds ago."""
    wanted = visible_metrics(_may_see_internal(request))
    registry = CollectorRegistry()
    for collector in (PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR):
        registry.register(collector)
    registry.register(Readings(wanted))
    registry.register(SloReadings())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def visible_metrics(internal: bool) -> list[Metric]:
    """The metrics of the kernel and of all programs that this caller may see."""
    declared = [*METRICS]
    for program in load_programs().values():
        declared += program.metrics() if program.metrics else []
    return [metric for metric in declared if internal or metric.visibility == "operations"]


def _may_see_internal(request: HttpRequest) -> bool:
    token = settings.METRICS_TOKEN
    given = request.headers.get("Authorization", "")
    return bool(token) and constant_time_compare(given, f"Bearer {token}")


class Readings(Collector):
    """Declared metrics as Prometheus families; `pilothouse_up` is 0 when the database does not answer."""

    def __init__(self, wanted: list[Metric]) -> None:
        self.wanted = wanted

    def collect(self) -> Iterable[Family]:
        """One family for each metric that could be read."""
        try:
            readings = read(self.wanted)
        except DatabaseError:
            readings = []
        yield GaugeMetricFamily(f"{PREFIX}up", "Whether the database answers", value=float(bool(readings)))
        for reading in readings:
            if reading.rows is not None:
                yield _family(reading)


class SloReadings(Collector):
    """The service-level objectives; without a database, or when they cannot be read in time, none."""

    def collect(self) -> Iterable[Family]:
        """One family each for value, target, sample, burn rate and verdict (1 met, 0 breached, -1 too few to say)."""
        try:
            readings = read_slos()
        except DatabaseError:
            return
        verdicts = {"met": 1.0, "breached": 0.0, "insufficient_data": -1.0}
        families: tuple[tuple[str, str, Callable[[SloReading], float | None]], ...] = (
            ("slo_value", "Measured value of the objective, in its unit", lambda r: r.value),
            ("slo_target", "What is aimed at, in the same unit", lambda r: r.slo.target),
            ("slo_sample_count", "From how many measurements", lambda r: r.sample),
            ("slo_burn_rate", "Misses of the last day over what the target allows", lambda r: r.burn_rate),
            ("slo_met_state", "1 met, 0 breached, -1 too few measurements to say", lambda r: verdicts[r.state]),
        )
        for name, title, value_of in families:
            family = GaugeMetricFamily(f"{PREFIX}{name}", title, labels=["slo", "unit"])
            for reading in readings:
                if (value := value_of(reading)) is not None:
                    family.add_metric([reading.slo.name, reading.slo.unit], value)
            yield family


def _family(reading: Reading) -> Family:
    metric = reading.metric
    rows = reading.rows or []
    labels = [name for name in rows[0] if name != "value"] if rows else []
    family: CounterMetricFamily | GaugeMetricFamily
    make = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = make(f"{PREFIX}{metric.name}", f"{metric.title} ({metric.unit}, {metric.window})", labels=labels)
    for row in rows:
        family.add_metric([str(row[name]) for name in labels], float(row["value"]))
    return family


urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
]
