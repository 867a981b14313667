"""The sliding window: never more than the limit within any minute, and no refusal before it is due."""

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pilothouse.kernel.access import commands
from pilothouse.kernel.base.scope import tenant_scope

pytestmark = pytest.mark.house

START = datetime(2026, 1, 24, 10, 0, tzinfo=UTC)
WINDOW_MS = 60_000
COARSE_MS = 500


def take(connection, key, limit, seconds):
    """Seconds to wait as the database says for a request at START + seconds; 0 when it is accepted."""
    row = connection.execute(
        "SELECT access_rate_take(%s, %s, %s)", [key, limit, START + timedelta(milliseconds=round(seconds * 1000))]
    )
    return row.fetchone()[0]


@pytest.mark.parametrize("limit", [1, 3, 60, 120, 121, 150])
@pytest.mark.tamper
def test_any_minute_holds_at_most_the_limit_and_a_place_comes_free_in_time(house, limit):
    steps = st.lists(st.sampled_from([0, 1, 200, 499, 1_000, 7_300, 29_900, 59_999, 60_000, 61_000]), max_size=40)
    bursts = st.lists(
        st.tuples(st.sampled_from([0, 300, 12_000, 59_500, 60_000]), st.integers(1, limit + 5)), max_size=4
    )
    late = 0 if limit <= 120 else COARSE_MS
    key = [0]
    with house.admin() as admin:

        @given(steps, bursts)
        @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
        def holds(steps, bursts):
            key[0] += 1
            now, accepted = 0, []
            with admin.transaction():
                for step, count in [(step, 1) for step in steps] + bursts:
                    now += step
                    for _ in range(count):
                        wait = take(admin, key[0], limit, now / 1000)
                        if wait == 0:
                            assert len([at for at in accepted if at > now - WINDOW_MS]) < limit
                            accepted.append(now)
                        else:
                            assert len([at for at in accepted if at > now - WINDOW_MS - late]) >= limit
                            assert 1 <= wait <= 61
            # After the wait that was told, the next request is accepted.
            wait = take(admin, key[0], limit, now / 1000)
            if wait:
                assert take(admin, key[0], limit, now / 1000 + wait) == 0

        holds()


@pytest.mark.tamper
def test_a_burst_frees_its_places_exactly_a_minute_later(house):
    with house.admin() as admin:
        assert [take(admin, 1, 3, 10.0) for _ in range(4)] == [0, 0, 0, 60]
        assert take(admin, 1, 3, 69.999) == 1
        assert [take(admin, 1, 3, 70.0) for _ in range(4)] == [0, 0, 0, 60]


@pytest.mark.tamper
def test_a_limit_that_was_lowered_counts_at_once_and_a_clock_that_steps_back_frees_nothing(house):
    with house.admin() as admin:
        assert [take(admin, 1, 10, second) for second in range(10)] == [0] * 10
        assert take(admin, 1, 2, 10.0) == 58
        assert take(admin, 1, 10, -3_000.0) == 51
        assert take(admin, 1, 2, 68.0) == 0


@pytest.mark.tamper
def test_a_row_stays_small_at_a_high_limit(house):
    with house.admin() as admin:
        admin.execute(
            "SELECT max(access_rate_take(1, 100000, timestamptz '2026-01-24 10:00Z' + make_interval(secs => i * 0.01)))"
            " FROM generate_series(1, 7000) i"
        )
        assert admin.execute("SELECT cardinality(at), (SELECT sum(n) FROM unnest(n) n) FROM api_rate").fetchone() == (
            121,
            6001,
        )
        assert admin.execute("SELECT relpersistence FROM pg_class WHERE relname = 'api_rate'").fetchone() == ("u",)


CALLER = """
import sys, django
django.setup()
from django.test import RequestFactory
from pilothouse.kernel.access.authenticate import authenticate
from pilothouse.kernel.access.errors import RateLimited
request = RequestFactory().get("/", headers={"Authorization": f"Bearer {sys.argv[1]}"})
print("ready", flush=True)
sys.stdin.readline()
accepted = 0
for _ in range(50):
    try:
        authenticate(request)
        accepted += 1
    except RateLimited:
        pass
print(accepted, flush=True)
"""


def test_two_processes_share_one_minute(house):
    tenant = house.tenant()
    with tenant_scope(tenant.id):
        _, raw = commands.issue_key(tenant.id, "Pilot - Northwind")
    callers = [
        subprocess.Popen(
            [sys.executable, "-c", CALLER, raw],
            env=house.env(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    try:
        for caller in callers:
            assert caller.stdout.readline() == "ready\n"
        started = time.monotonic()
        for caller in callers:
            caller.stdin.write("go\n")
            caller.stdin.flush()
        accepted = [int(caller.stdout.readline()) for caller in callers]
        assert time.monotonic() - started < 60, "too slow to say anything"
        assert sum(accepted) == 60
        assert all(accepted)
    finally:
        for caller in callers:
            caller.kill()
            caller.communicate()


def test_nobody_counts_or_frees_requests_by_hand(house):
    for role in ("ph_web", "ph_worker"):
        for statement in (
            "SELECT access_rate_take(1, 60, now())",
            "DELETE FROM api_rate",
            "UPDATE api_rate SET n = '{}'",
        ):
            with house.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
