"""The per-call log: off the hot path, in batches, and what happens when it cannot be written."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import pytest
from django.http import HttpResponse
from django.test import RequestFactory, override_settings

from pilothouse.kernel.access import commands, usage
from pilothouse.kernel.access.authenticate import authenticate
from pilothouse.kernel.access.errors import InactiveKey
from pilothouse.kernel.access.middleware import ApiUsageMiddleware, client_ip, ip_hash
from pilothouse.kernel.access.models import ApiKey, ApiUsage
from pilothouse.kernel.access.queries import usage as usage_of
from pilothouse.kernel.base import batch_log
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.lifecycle.queries import timeline

pytestmark = pytest.mark.house

FIRST_CALL = "SELECT * FROM enterprise_api_usage WHERE user_id = 'pilot-customer-uuid' ORDER BY created_at LIMIT 1"


@pytest.fixture
def log():
    log = usage.UsageLog(size=50)
    log._pid = -1
    log._start = lambda: None
    return log


def call(raw, log, where="/v1/batches/bat_123", status=200):
    def view(request):
        try:
            authenticate(request)
        except InactiveKey:
            return HttpResponse(status=401)
        return HttpResponse(status=status)

    request = RequestFactory().get(where, headers={"Authorization": f"Bearer {raw}"}, REMOTE_ADDR="203.0.113.7")
    request.request_id = "req_1"
    request.resolver_match = type("Match", (), {"route": "v1/batches/<str:batch>"})()
    ApiUsageMiddleware(view, log)(request)


def lost(why):
    return usage.LOST.labels(why)._value.get()


def test_calls_are_written_in_one_batch_and_the_first_use_moves_the_key(house, log):
    tenant = house.tenant()
    with tenant_scope(tenant.id):
        key, raw = commands.issue_key(tenant.id, "Pilot - Northwind")
    for status in (201, 404):
        call(raw, log, status=status)
    with tenant_scope(tenant.id):
        assert ApiUsage.objects.count() == 0
    assert log.flush() == 2
    with tenant_scope(tenant.id):
        newest, first = usage_of(tenant.id)
        assert (first["method"], first["path"], first["status"]) == ("GET", "/v1/batches/<str:batch>", 201)
        assert (newest["status"], newest["key_name"]) == (404, "Pilot - Northwind")
        key.refresh_from_db()
        assert (key.state, key.last_used_at is not None) == ("active", True)
        assert [event["type"] for event in timeline("api_key", [key.id], "customer")] == ["use", "issue"]
        row = ApiUsage.objects.first()
        assert (row.actor, row.request_id, row.ip_hash) == (
            f"key:ek_pilot_…{raw[-4:]}",
            "req_1",
            ip_hash("203.0.113.7"),
        )
        assert "203" not in row.ip_hash
    call(raw, log)
    log.flush()
    with tenant_scope(tenant.id):
        assert len(timeline("api_key", [key.id], "customer")) == 2
    # The source's question: which was the first API call?
    with house.connect("ph_web") as connection, connection.transaction():
        connection.execute("SET LOCAL ROLE ph_ops")
        found = connection.execute(FIRST_CALL.replace("pilot-customer-uuid", tenant.public_id)).fetchone()
        assert found is not None


def test_a_refused_key_is_in_the_log_and_not_used(house, log):
    tenant = house.tenant()
    with tenant_scope(tenant.id):
        key, raw = commands.issue_key(tenant.id, "one")
        commands.pause_key(tenant.id, key.public_id)
    call(raw, log)
    log.flush()
    with tenant_scope(tenant.id):
        assert [row["status"] for row in usage_of(tenant.id)] == [401]
        assert ApiKey.objects.get().last_used_at is None


def test_the_tenant_of_a_call_is_the_keys_own_and_an_unknown_key_writes_nothing(house, log):
    one, two = house.tenant("One"), house.tenant("Two")
    with tenant_scope(one.id):
        key, _ = commands.issue_key(one.id, "one")
    base = {"actor": "k", "at": "2026-01-24T10:00:00Z", "method": "GET", "path": "/", "status": 200, "milliseconds": 1,
            "request_id": "r", "ip_hash": "h"}  # fmt: skip
    log.record({**base, "tenant": two.id, "key": key.id})
    log.record({**base, "tenant": two.id, "key": 999})
    log.record({**base, "tenant": 999, "key": None})
    log.record({**base, "tenant": two.id, "key": None})
    log.flush()
    with worker_scope():
        assert list(ApiUsage.objects.order_by("id").values_list("tenant_id", "key")) == [
            (one.id, key.id),
            (two.id, None),
        ]


def test_a_full_queue_never_waits_and_counts_what_is_lost(house, log):
    before = lost("queue_full")
    started = time.monotonic()
    for number in range(80):
        log.record({"n": number})
    assert time.monotonic() - started < 1
    assert lost("queue_full") - before == 30


@pytest.mark.tamper
def test_a_database_that_is_away_for_a_moment_loses_nothing_and_for_long_is_counted(house, log, monkeypatch):
    tenant = house.tenant()
    with tenant_scope(tenant.id):
        _, raw = commands.issue_key(tenant.id, "one")
    monkeypatch.setattr(batch_log, "LOG_FLUSH_INTERVAL_S", 0.01)
    call(raw, log)
    with house.admin() as admin:
        admin.execute("ALTER FUNCTION log_api_usage(jsonb) RENAME TO away")
        back = threading.Timer(
            0.05, lambda: house.admin().execute("ALTER FUNCTION away(jsonb) RENAME TO log_api_usage")
        )
        back.start()
        assert log.flush() == 1
        back.join()
        before = lost("database")
        call(raw, log)
        admin.execute("ALTER FUNCTION log_api_usage(jsonb) RENAME TO away")
        assert log.flush() == 0
        assert lost("database") - before == 1
        admin.execute("ALTER FUNCTION away(jsonb) RENAME TO log_api_usage")
    call(raw, log)
    assert log.flush() == 1
    with tenant_scope(tenant.id):
        assert ApiUsage.objects.count() == 2


EXITING = """
import django, json, sys
django.setup()
from pilothouse.kernel.access.usage import USAGE
for call in json.loads(sys.argv[1]):
    USAGE.record(call)
"""


def test_a_process_that_ends_writes_what_it_has_queued(house):
    tenant = house.tenant()
    calls = [
        {"tenant": tenant.id, "key": None, "actor": "k", "at": "2026-01-24T10:00:00Z", "method": "GET", "path": f"/{n}",
         "status": 200, "milliseconds": 1, "request_id": "r", "ip_hash": "h"}
        for n in range(25)
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", EXITING, json.dumps(calls)], env=house.env(), timeout=60, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    with tenant_scope(tenant.id):
        assert ApiUsage.objects.count() == 25


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_the_real_server_writes_its_last_calls_before_it_ends(house, how):
    tenant = house.tenant()
    with tenant_scope(tenant.id):
        _, raw = commands.issue_key(tenant.id, "one")
    port = free_port()
    target = "pilothouse.site.wsgi:application"
    server = subprocess.Popen(
        [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(port), target],
        env=house.env(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < until
                time.sleep(0.2)
        asked = urllib.request.Request(f"http://127.0.0.1:{port}/v1/ledger", headers={"Authorization": f"Bearer {raw}"})
        with urllib.request.urlopen(asked, timeout=60) as answer:
            assert answer.status == 200
        server.send_signal(how)
        server.wait(30)
    finally:
        server.kill()
        server.wait()
    with tenant_scope(tenant.id):
        assert [(row["path"], row["status"]) for row in usage_of(tenant.id)] == [("/v1/ledger", 200)]


@pytest.mark.tamper
def test_old_calls_are_deleted_by_the_worker_only(house, log):
    tenant = house.tenant()
    for year in (2020, 2026):
        log.record({"tenant": tenant.id, "key": None, "actor": "k", "at": f"{year}-01-24T10:00:00Z", "method": "GET",
                    "path": "/", "status": 200, "milliseconds": 1, "request_id": "r", "ip_hash": "h"})  # fmt: skip
    log.flush()
    with house.admin() as admin:
        assert admin.execute("SELECT count(*) FROM api_usage").fetchone() == (2,)
    with worker_scope():
        assert commands.prune_usage(days=2_000) == 1
        assert commands.prune_usage(days=2_000) == 0
    with pytest.raises(Exception, match="permission denied"), tenant_scope(tenant.id):
        commands.prune_usage()


def test_behind_a_proxy_the_address_is_the_one_that_the_proxy_saw():
    request = RequestFactory().get(
        "/", headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.9"}, REMOTE_ADDR="10.0.0.1"
    )
    assert client_ip(request) == "10.0.0.1"
    with override_settings(SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https")):
        assert client_ip(request) == "203.0.113.9"


def test_each_middleware_stands_once_in_the_chain():
    from django.conf import settings

    assert len(settings.MIDDLEWARE) == len(set(settings.MIDDLEWARE))
