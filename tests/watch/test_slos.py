"""Objectives: computed from rows, honest about too few of them, and told in the command, in check and in /metrics."""

from datetime import timedelta

import pytest
from check_command import check
from command_line import said
from django.contrib.auth import get_user_model
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from pilothouse.kernel.access.commands import add_member
from pilothouse.kernel.base import clock
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.base.sql import run as query
from pilothouse.kernel.outbox.models import Delivery, DeliveryAttempt, Endpoint, Message, SigningSecret
from pilothouse.kernel.watch import slos
from pilothouse.kernel.watch.checks import offending
from pilothouse.kernel.watch.gates import close_gate, reopen_gate
from pilothouse.kernel.watch.tasks import watch_slos
from pilothouse.site.programs import load_programs

pytestmark = pytest.mark.house
FIVE = ["api_availability", "api_latency", "webhook_delivery", "timer_lateness", "scoring_freshness"]
DEALS = ["disputes_decided", "handovers_decided"]


@pytest.fixture(autouse=True)
def _nothing_cached(monkeypatch):
    monkeypatch.setattr(slos, "_cache", None)


def report(name):
    with worker_scope():
        (reading,) = slos.slo_report([slos.REGISTRY[name]])
    return (reading.state, reading.value, reading.sample)


def calls(tenant, count, status=200, milliseconds=100, days_ago=0):
    with worker_scope():
        query(
            "INSERT INTO api_usage (tenant, actor, at, method, path, status, milliseconds, request_id, ip_hash)"
            " SELECT %s, 'key', (SELECT base.clock_now()) - make_interval(days => %s), 'GET', '/v1/batches', %s, %s,"
            " '', '' FROM generate_series(1, %s)",
            [tenant.id, days_ago, status, milliseconds, count],
        )


def test_the_five_defaults_of_the_requirements_and_those_of_deals(house):
    assert [(slo.name, slo.unit, slo.target) for slo in slos.REGISTRY.values()] == [
        ("api_availability", "ratio", 0.995),
        ("api_latency", "seconds", 1.0),
        ("webhook_delivery", "ratio", 0.99),
        ("timer_lateness", "ratio", 0.999),
        ("scoring_freshness", "hours", 24.0),
        ("disputes_decided", "ratio", 0.95),
        ("handovers_decided", "ratio", 0.95),
    ]
    assert [slo.name for slo in load_programs()["video"].slos] == FIVE[:4]
    assert [slo.name for slo in load_programs()["deals"].slos] == [*FIVE[:2], FIVE[3], *DEALS]
    with worker_scope():
        assert [(r.state, r.sample) for r in slos.slo_report()] == [("insufficient_data", 0)] * 7


def test_availability_counts_our_failures_and_only_the_window(house):
    tenant = house.tenant()
    calls(tenant, 198)
    calls(tenant, 1, status=422)
    calls(tenant, 50, status=500, days_ago=29)
    assert report("api_availability") == ("insufficient_data", 1.0, 199)
    calls(tenant, 1, status=500)
    assert report("api_availability") == ("met", 0.995, 200)
    calls(tenant, 1, status=503)
    state, value, sample = report("api_availability")
    assert (state, sample, value < 0.995) == ("breached", 201, True)


def burning(name="api_availability"):
    with worker_scope():
        (reading,) = slos.slo_report([slos.REGISTRY[name]])
    return (reading.counted, reading.burn_rate and round(reading.burn_rate, 3), reading.is_burning)


def test_few_calls_are_counted_exactly_and_burn_only_above_the_floor(house):
    tenant = house.tenant()
    assert burning() == ("0 of 0 failed", None, False)
    calls(tenant, 11)
    calls(tenant, 1, status=500)
    assert burning() == ("1 of 12 failed", None, False)
    calls(tenant, 3_000, days_ago=3)
    assert burning() == ("1 of 3012 failed", None, False), "a quiet day says nothing of its pace"
    calls(tenant, 188)
    assert burning() == ("1 of 3200 failed", 1.0, False)
    calls(tenant, 3, status=500)
    counted, burn, is_burning = burning()
    assert (counted, burn > 3.0, is_burning) == ("4 of 3203 failed", True, True)
    assert report("api_availability")[0] == "met"
    watch_slos()
    with worker_scope():
        (row,) = query("SELECT title, severity FROM incident WHERE kind = 'slo_breach'")
        assert offending("slo:api_availability") == 1
    assert (row["severity"], "times what the target allows" in row["title"]) == ("P2", True)


def test_a_customer_reads_their_own_status(house):
    mine, theirs = house.tenant("Mine"), house.tenant("Theirs")
    calls(mine, 11)
    calls(mine, 1, status=500)
    calls(theirs, 400, status=500)
    with tenant_scope(mine.id, "test"):
        add_member(mine.id, "owner@mine.example", "owner", "Omar", "a long pass phrase 7")
    client = Client()
    person = get_user_model().objects.get(email="owner@mine.example")
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get("/status/").content.decode()
    assert "Nothing is paused." in page
    assert "1 of 12 failed" in page
    assert "400" not in page
    assert "Disputes ended" not in page, "that one is our own"
    with worker_scope():
        shut = close_gate("video", "We check a number.")
        close_gate("deals", "A matter of theirs.", tenant=theirs.id)
    page = client.get("/status/").content.decode()
    assert "We check a number." in page
    assert "Nothing is paused." not in page
    assert "A matter of theirs." not in page
    with worker_scope():
        reopen_gate(shut["public_id"])
    page = client.get("/status/").content.decode()
    assert page.index("Nothing is paused.") < page.index("We check a number.")


def test_a_tenant_sees_its_own_numbers_only(house):
    one, two = house.tenant("One"), house.tenant("Two")
    calls(one, 300, status=500)
    calls(two, 200)
    with tenant_scope(two.id):
        (reading,) = slos.slo_report([slos.API_AVAILABILITY])
    assert (reading.state, reading.sample) == ("met", 200)


def test_latency_is_the_95th_percentile(house):
    tenant = house.tenant()
    calls(tenant, 95, milliseconds=200)
    assert report("api_latency") == ("met", 0.2, 95)
    calls(tenant, 10, milliseconds=1500)
    assert report("api_latency") == ("breached", 1.5, 105)


def timers(tenant, count, late_s, state="fired", first=1):
    with worker_scope():
        query(
            "INSERT INTO timer (tenant, subject_kind, subject_id, name, state, due_at, armed_at, ended_at, error)"
            " SELECT %(tenant)s, 'probe', n, 'ring', %(state)s, t.due, t.due, CASE WHEN %(state)s <> 'armed' THEN"
            " t.due + make_interval(secs => %(late)s) END, '' FROM (SELECT (SELECT base.clock_now()) - interval"
            " '1 hour' AS due) t, generate_series(%(first)s::int, %(first)s::int + %(count)s::int - 1) n",
            {"tenant": tenant.id, "state": state, "late": late_s, "first": first, "count": count},
        )


@pytest.mark.tamper
def test_timers_that_are_late_or_never_fired_count(house):
    tenant = house.tenant()
    with house.admin() as admin:
        # These timers are planted in the state that they ended in.
        admin.execute("ALTER TABLE timer DISABLE TRIGGER lifecycle_insert")
    timers(tenant, 999, 59)
    assert report("timer_lateness")[0] == "insufficient_data"
    timers(tenant, 1, 61, first=2000)
    assert report("timer_lateness") == ("met", 0.999, 1000)
    timers(tenant, 1, 0, state="armed", first=3000)
    assert report("timer_lateness")[::2] == ("breached", 1001)


def deliveries(tenant, count, after_s=None, attempt_s=None, endpoint="active", failures=0):
    """Deliveries made half an hour ago: acknowledged after `after_s`, or refused at `attempt_s`, or never tried."""
    with worker_scope():
        made = clock.now() - timedelta(minutes=30)
        number = Endpoint.objects.count()
        secret = SigningSecret.objects.create(tenant=tenant, sealed="", created_at=made)
        where = Endpoint.objects.create(
            secret=secret,
            tenant=tenant,
            public_id=f"end_{number}",
            url=f"https://a.example/{number}",
            created_at=made,
            changed_at=made,
            created_by="x",
        )
        Endpoint.objects.filter(id=where.id).update(state=endpoint, failures=failures)
        for n in range(count):
            message = Message.objects.create(
                tenant=tenant,
                public_id=f"msg_{number}_{n}",
                type="test",
                subject_kind="probe",
                subject_id=n,
                body=b"{}",
                body_sha256="",
                created_at=made,
            )
            delivery = Delivery.objects.create(
                tenant=tenant,
                public_id=f"del_{number}_{n}",
                message=message,
                endpoint=where,
                created_at=made,
                created_by="x",
                state="queued" if after_s is None else "delivered",
                next_run_at=made if after_s is None else None,
                ended_at=None if after_s is None else made + timedelta(seconds=after_s),
            )
            tried_at = None if attempt_s is None else made + timedelta(seconds=attempt_s)
            if tried_at is not None:
                DeliveryAttempt.objects.create(
                    tenant=tenant, delivery=delivery, number=1, at=tried_at, ms=5, status=503, body_sha256="",
                )  # fmt: skip


@pytest.mark.tamper
def test_what_we_did_not_try_counts_and_what_an_endpoint_refuses_does_not(house):
    tenant = house.tenant()
    with house.admin() as admin:
        admin.execute("ALTER TABLE delivery DISABLE TRIGGER lifecycle_insert")
    deliveries(tenant, 99, after_s=299)
    deliveries(tenant, 7, attempt_s=10)
    deliveries(tenant, 7, endpoint="paused")
    deliveries(tenant, 7, failures=3)
    assert report("webhook_delivery") == ("insufficient_data", 1.0, 99)
    deliveries(tenant, 1, after_s=301)
    assert report("webhook_delivery") == ("met", 0.99, 100)
    deliveries(tenant, 1)
    assert report("webhook_delivery")[::2] == ("breached", 101)


def test_an_objective_that_is_missed_is_told_everywhere_and_breaks_nothing(house):
    tenant = house.tenant()
    calls(tenant, 180, milliseconds=2000)
    calls(tenant, 20, status=500, milliseconds=2000)
    code, checked = check()
    assert (code, checked["ok"]) == (0, True)
    assert [entry["name"] for entry in checked["slos"]] == [*FIVE, *DEALS]
    done = said("slo", "--json")
    told = done.json
    assert (done.code, told["ok"]) == (1, False)
    entry = told["slos"][0]
    assert entry["budget_left"] == pytest.approx(-19)
    assert {key: entry[key] for key in entry if key not in ("title", "budget_left", "burn_rate")} == {
        "name": "api_availability", "state": "breached", "value": 0.9, "target": 0.995, "unit": "ratio",
        "window_days": 28, "sample": 200, "sample_min": 200, "missed": 20, "counted": "20 of 200 failed",
    }  # fmt: skip
    assert entry["burn_rate"] == pytest.approx(20)
    assert (told["slos"][1]["counted"], told["slos"][1]["burn_rate"]) == ("200 of 200 slower", None)
    assert [entry["state"] for entry in told["slos"]] == ["breached"] * 2 + ["insufficient_data"] * 5
    assert "too few" in said("slo").out

    body = Client().get("/metrics").content.decode()
    found = {
        (sample.name, sample.labels.get("slo")): sample.value
        for family in text_string_to_metric_families(body)
        for sample in family.samples
    }
    assert found["pilothouse_slo_value", "api_availability"] == 0.9
    assert found["pilothouse_slo_target", "api_latency"] == 1.0
    assert found["pilothouse_slo_sample_count", "api_latency"] == 200
    assert found["pilothouse_slo_met_state", "api_latency"] == 0
    assert found["pilothouse_slo_burn_rate", "api_availability"] == pytest.approx(20)
    assert ("pilothouse_slo_burn_rate", "timer_lateness") not in found
    assert found["pilothouse_slo_met_state", "timer_lateness"] == -1
    assert ("pilothouse_slo_value", "scoring_freshness") not in found

    watch_slos()
    with worker_scope():
        rows = query("SELECT kind, severity, subject, check_name FROM incident ORDER BY subject")
        assert rows == [
            {"kind": "slo_breach", "severity": "P2", "subject": name, "check_name": f"slo:{name}"} for name in FIVE[:2]
        ]
        assert query("SELECT FROM gate") == []
        assert (offending("slo:api_latency"), offending("slo:timer_lateness")) == (1, 0)
