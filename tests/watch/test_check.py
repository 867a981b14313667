"""`pilothouse check`: green over a real world, and for each planted violation it names it and exits 1."""

import json
import os
import subprocess
import sys

import pytest
from test_promises import plant
from world import completed_batch

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run as query

pytestmark = [pytest.mark.house, pytest.mark.tamper]


def check(house, **env) -> tuple[int, dict]:
    """Run the command as its own process, as a person would."""
    done = subprocess.run(
        [sys.executable, "-m", "pilothouse.site.cli", "check", "--json"],
        env=house.env(PYTHONPATH=os.pathsep.join(sys.path), **env),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, json.loads(done.stdout)


def test_a_sound_house_is_green(house):
    completed_batch(house)
    code, report = check(house)
    broken = [guard for guard in report["guards"] if not guard["ok"]]
    assert (code, report["ok"], broken) == (0, True, [])
    assert list(report["promises"]) == ["execution", "billing", "refund", "parity"]
    assert all(entry == {"ok": True, "rows": 0, "accepted": 0, "sample": []} for entry in report["promises"].values())
    assert len(report["invariants"]) >= 12
    assert all(entry["rows"] == 0 and entry["title"] for entry in report["invariants"])
    assert report["incidents"] == []


@pytest.mark.parametrize(
    ("promise", "statement"),
    [
        ("execution", "DELETE FROM message WHERE type = 'batch.completed'"),
        ("billing", "DELETE FROM transfer WHERE id = (SELECT min(id) FROM transfer WHERE kind = 'settle')"),
        ("refund", "UPDATE journal SET tx = tx + 1 WHERE kind = 'refund'"),
        ("parity", "UPDATE item SET fingerprint = 'x' WHERE id = (SELECT min(id) FROM item)"),
    ],
)
def test_a_broken_promise_is_named_and_paused(house, promise, statement):
    completed_batch(house)
    plant(house, statement)
    code, report = check(house)
    assert (code, report["ok"]) == (1, False)
    assert not report["promises"][promise]["ok"]
    assert report["promises"][promise]["rows"] >= 1
    assert report["promises"][promise]["sample"][0]["what"]
    assert any(incident["severity"] == "P0" for incident in report["incidents"])
    with worker_scope():
        assert query("SELECT DISTINCT mode FROM gate WHERE opened_at IS NULL") == [{"mode": "no_dispatch"}]


def test_a_broken_invariant_is_named_and_pauses_every_program(house):
    completed_batch(house)
    plant(house, "UPDATE account SET credits = credits + 1, debits = debits + 1 WHERE kind = 'wallet'")
    code, report = check(house)
    assert code == 1
    (broken,) = [entry for entry in report["invariants"] if entry["rows"]]
    assert broken["name"] == "02_counters_equal_rows"
    with worker_scope():
        assert query("SELECT kind, severity, subject FROM incident") == [
            {"kind": "data_integrity", "severity": "P0", "subject": "02_counters_equal_rows"}
        ]
        assert query("SELECT program, tenant FROM gate") == [{"program": "video", "tenant": None}]


@pytest.mark.parametrize(
    ("guard", "statement"),
    [
        ("catalogue", "DROP POLICY one_tenant ON batch"),
        ("catalogue", "GRANT UPDATE ON transfer TO ph_worker"),
        (
            "clock",
            "CREATE OR REPLACE FUNCTION base.clock_now() RETURNS timestamptz LANGUAGE sql STABLE"
            " AS 'SELECT statement_timestamp() - interval ''1 day'''",
        ),
        ("schema", "UPDATE house SET schema_hash = 'x'"),
    ],
)
def test_a_wall_that_was_changed_is_named(house, guard, statement):
    with house.admin() as admin:
        admin.execute(statement)
    code, report = check(house)
    assert code == 1
    assert guard in [entry["name"] for entry in report["guards"] if not entry["ok"]]


def test_a_stuck_subject_is_named(house):
    made = completed_batch(house)
    with worker_scope():
        query("UPDATE timer SET state = 'armed' WHERE false")
    plant(house, f"UPDATE batch SET state = 'running', completed_at = NULL WHERE id = {made.batch}")
    code, report = check(house)
    assert code == 1
    (guard,) = [entry for entry in report["guards"] if entry["name"] == "never_stuck"]
    assert guard == {
        "name": "never_stuck",
        "ok": False,
        "sentence": f"1 subjects wait for nothing: batch {made.batch} is running.",
    }


@pytest.mark.parametrize(
    ("guard", "env"),
    [
        ("webhook_addresses", {"WEBHOOK_ALLOW_LOCAL": "1"}),
        ("debug", {"DEBUG": "1"}),
        ("secrets", {"SECRET_KEY": "change-me-change-me-change-me-change-me"}),
    ],
)
def test_what_is_allowed_elsewhere_is_red_in_production(house, guard, env):
    code, report = check(house, HOUSE_KIND="production", **env)
    assert code == 1
    assert [entry["name"] for entry in report["guards"] if not entry["ok"]] == [guard]
    code, report = check(house, **env)
    assert (code, report["ok"]) == (0, True)


def test_people_get_a_table(house):
    completed_batch(house)
    plant(house, "UPDATE batch SET fingerprint = 'x'")
    done = subprocess.run(
        [sys.executable, "-m", "pilothouse.site.cli", "check"],
        env=house.env(PYTHONPATH=os.pathsep.join(sys.path), COLUMNS="200"),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    (line,) = [line for line in done.stdout.splitlines() if "promise parity" in line]
    assert "✗" in line
    assert "the batch's fingerprint is not the one of its items and terms" in line
    assert "Something is broken." in done.stdout
