"""The guards of `check`, through the command itself: what has no mover, no seal, no head, or unlawful settings."""

import json
import os
import re
import time

import pytest
from check_command import check
from ledger_world import seal_all
from world import completed_batch, open_batch

from pilothouse.kernel.base.scope import WEB_ALIAS, worker_scope
from pilothouse.kernel.base.sql import run as query
from pilothouse.kernel.ledger.sealing import export_heads, head_folder, newest_heads
from pilothouse.kernel.watch.processes import report_process, running_processes
from pilothouse.site.heartbeat import settings_report
from pilothouse.site.migrate import schema_hash

pytestmark = [pytest.mark.house, pytest.mark.tamper]
SOUND = {
    "house_kind": "production", "webhook_allow_local": False, "debug": False, "mail_stays": False, "weak_secrets": [],
}  # fmt: skip


def red(house) -> dict[str, str]:
    """The red guards of the command, with their sentences."""
    code, report = check()
    found = {entry["name"]: entry["sentence"] for entry in report["guards"] if not entry["ok"]}
    assert code == (1 if found else 0)
    return found


def worker_runs(name="w:1", since_s=3600, seen_s=0):
    with worker_scope():
        query(
            "INSERT INTO worker (name, started_at, seen_at) VALUES (%s, statement_timestamp() - make_interval(secs"
            " => %s), statement_timestamp() - make_interval(secs => %s))",
            [name, since_s, seen_s],
        )


def age_rows(house, seconds):
    with house.admin() as admin:
        admin.execute("SET session_replication_role = replica")
        for table in ("journal", "event"):
            admin.execute(f"UPDATE {table} SET recorded_at = recorded_at - make_interval(secs => %s)", [seconds])


@pytest.fixture
def heads(house, settings, tmp_path):
    """A folder of its own for exported heads."""
    settings.SEAL_HEAD_FOLDER = str(tmp_path)
    return tmp_path


def test_an_item_with_nothing_to_move_it_on_is_named(house):
    made = open_batch(house)
    with worker_scope():
        query("UPDATE item SET next_run_at = NULL WHERE id = %s", [made.items[0]])
    assert red(house) == {"never_stuck": f"1 subjects wait for nothing: item {made.items[0]} is pending."}


def test_a_batch_without_its_deadline_is_named(house):
    made = open_batch(house)
    with worker_scope():
        query("UPDATE timer SET state = 'cancelled' WHERE subject_kind = 'batch' AND subject_id = %s", [made.batch])
    assert red(house) == {"never_stuck": f"1 subjects wait for nothing: batch {made.batch} is pending."}


def test_rows_that_nobody_seals_are_named_while_workers_run(house, heads):
    completed_batch(house)
    age_rows(house, 90)
    assert red(house) == {}
    worker_runs("w:1", since_s=30)
    assert red(house) == {}
    worker_runs("w:2")
    found = red(house)
    assert list(found) == ["unsealed"]
    assert "9" in found["unsealed"]
    seal_all()
    with worker_scope():
        export_heads()
    assert red(house) == {}


def test_a_missing_and_an_old_exported_head_are_named(house, heads):
    completed_batch(house)
    seal_all()
    assert red(house) == {}
    worker_runs()
    assert list(red(house)) == ["seal_heads"]
    export_heads()
    assert red(house) == {}
    with worker_scope():
        newest = newest_heads(head_folder())
    os.utime(newest, (time.time() - 3600, time.time() - 3600))
    assert re.search(r"36\d\d s old; 1200 s are allowed", red(house)["seal_heads"])


@pytest.mark.parametrize(
    ("guard", "said", "words"),
    [
        ("webhook_addresses", {"webhook_allow_local": True}, "WEBHOOK_ALLOW_LOCAL is on in web host:7"),
        ("debug", {"debug": True}, "DEBUG is on in web host:7"),
        ("mail", {"mail_stays": True}, "EMAIL_URL of web host:7 is empty"),
        ("secrets", {"weak_secrets": ["SECRET_KEY"]}, "SECRET_KEY of web host:7 came from a sample"),
        ("processes", {"schema": "older"}, "web host:7 does not run the version that the database has"),
    ],
)
def test_the_running_processes_are_judged_and_not_this_command(house, settings, guard, said, words):
    settings.DEBUG = True
    settings.WEBHOOK_ALLOW_LOCAL = True
    sound = {**SOUND, "schema": schema_hash()}
    report_process(WEB_ALIAS, "host:7", "web", sound)
    report_process("worker", "host:8", "worker", sound)
    assert red(house) == {}
    report_process(WEB_ALIAS, "host:7", "web", {**sound, **said})
    found = red(house)
    assert list(found) == [guard]
    assert found[guard].startswith(words)
    assert "host:8" not in found[guard]
    with house.admin() as admin:
        admin.execute("UPDATE process SET seen_at = seen_at - interval '31 seconds'")
    # Nobody runs any longer; this is the test house's own command, in which both are allowed.
    assert red(house) == {}


def test_a_demo_that_runs_may_what_a_production_house_may_not(house, settings):
    settings.HOUSE_KIND = "production"
    report_process(WEB_ALIAS, "host:7", "web", {**settings_report(), "house_kind": "demo", "webhook_allow_local": True})
    assert red(house) == {}


def test_a_process_tells_no_secret(house, settings):
    settings.SECRET_KEY = key = "change-me-change-me-change-me-change-me"
    said = settings_report()
    assert said["weak_secrets"] == ["SECRET_KEY"]
    assert key not in json.dumps(said)
    report_process(WEB_ALIAS, "host:7", "web", said)
    with worker_scope():
        (row,) = running_processes()
    assert (row["kind"], row["report"]) == ("web", said)
