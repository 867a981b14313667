"""What machines ask, over the real URLs."""

import json

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from world import completed_batch

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run as query
from pilothouse.kernel.watch import metrics
from pilothouse.kernel.watch.gates import close_gate

pytestmark = pytest.mark.house


@pytest.fixture(autouse=True)
def _nothing_cached():
    metrics._cache.clear()


def beat(age_s=0):
    with worker_scope():
        query(
            "INSERT INTO worker (name, started_at, seen_at) VALUES ('w', statement_timestamp(), "
            "statement_timestamp() - make_interval(secs => %s)) "
            "ON CONFLICT (name) DO UPDATE SET seen_at = EXCLUDED.seen_at",
            [age_s],
        )


def samples(body: str) -> dict:
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(body)
        for sample in family.samples
    }


def test_a_process_that_lives_says_so_without_a_database():
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")


def test_a_house_without_a_worker_is_not_ready(house):
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert json.loads(answer.content) == {
        "ok": False,
        "checks": {"database": True, "role": True, "schema": True, "clock": True, "workers": False},
    }
    beat(age_s=3600)
    assert Client().get("/readyz").status_code == 503
    beat()
    assert Client().get("/readyz").status_code == 200


def test_without_a_database_nothing_is_ready():
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert not any(json.loads(answer.content)["checks"].values())


@pytest.mark.tamper
@pytest.mark.parametrize(
    ("name", "statement"),
    [
        ("schema", "UPDATE house SET schema_hash = 'older'"),
        (
            "clock",
            "CREATE OR REPLACE FUNCTION base.clock_now() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT now()'",
        ),
    ],
)
def test_a_house_of_another_shape_is_not_ready(house, name, statement):
    beat()
    with house.admin() as admin:
        admin.execute(statement)
    checks = json.loads(Client().get("/readyz").content)["checks"]
    assert [check for check, ok in checks.items() if not ok] == [name]


def test_metrics_are_prometheus_text_and_name_nobody(house, settings):
    settings.METRICS_TOKEN = "a-token"
    tenant = house.tenant("Northwind Traders")
    completed_batch(house, tenant=tenant)
    with worker_scope():
        query(
            "INSERT INTO item_attempt (tenant, item, n, at, provider, step, outcome, reason, error, milliseconds) "
            "SELECT tenant, id, 1, clock_timestamp(), 'veo', 'submit', 'ok', failure_reason, '', 100 FROM item"
        )
        close_gate("video", "We are checking.", mode="no_new")
    answer = Client().get("/metrics")
    body = answer.content.decode()
    assert answer.headers["Content-Type"].startswith("text/plain")
    found = samples(body)
    assert found[("pilothouse_up",)] == 1
    assert found[("pilothouse_video_ended_items_total", ("outcome", "succeeded"))] == 8
    assert found[("pilothouse_video_ended_items_total", ("outcome", "failed"))] == 2
    assert found[("pilothouse_gates_closed_count", ("mode", "no_new"), ("program", "video"))] == 1
    assert found[("pilothouse_incidents_open_count", ("severity", "P0"))] == 0
    assert any(name[0].startswith("process_") for name in found)
    for word in ("Northwind", tenant.public_id, "veo", "provider"):
        assert word not in body
    metrics._cache.clear()
    wrong = Client().get("/metrics", headers={"Authorization": "Bearer another"}).content.decode()
    assert "veo" not in wrong
    inside = samples(Client().get("/metrics", headers={"Authorization": "Bearer a-token"}).content.decode())
    assert inside[("pilothouse_video_provider_failure_ratio", ("provider", "veo"))] == pytest.approx(0.2)
    assert inside[("pilothouse_video_provider_share_ratio", ("provider", "veo"))] == 1
    assert inside[("pilothouse_video_provider_latency_seconds", ("provider", "veo"), ("quantile", "0.95"))] == 0.1


def test_no_token_set_means_nobody_sees_providers(house, settings):
    settings.METRICS_TOKEN = ""
    body = Client().get("/metrics", headers={"Authorization": "Bearer "}).content.decode()
    assert "provider" not in body


def test_metrics_are_read_at_most_once_in_five_seconds(house):
    Client().get("/metrics")
    completed_batch(house)
    before = samples(Client().get("/metrics").content.decode())
    metrics._cache.clear()
    after = samples(Client().get("/metrics").content.decode())
    key = ("pilothouse_video_ended_items_total", ("outcome", "succeeded"))
    assert (before[key], after[key]) == (0, 8)


def test_a_metric_that_fails_leaves_the_others(house):
    broken = metrics.Metric("broken_count", "", "count", "now", "operations", "SELECT 1 / 0 AS value")
    sound = metrics.Metric("sound_count", "", "count", "now", "operations", "SELECT 1 AS value")
    readings = metrics.read([broken, sound])
    assert [reading.rows for reading in readings] == [None, [{"value": 1}]]


def test_without_a_database_metrics_say_so():
    assert samples(Client().get("/metrics").content.decode())[("pilothouse_up",)] == 0


def test_every_declared_metric_can_be_read(house):
    from pilothouse.site.health import visible_metrics

    wanted = visible_metrics(internal=True)
    assert len({metric.name for metric in wanted}) == len(wanted) >= 12
    assert all(metric.name.endswith("_" + metric.unit) for metric in wanted)
    assert [reading.metric.name for reading in metrics.read(wanted) if reading.rows is None] == []
