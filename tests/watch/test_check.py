"""`pilothouse check`: green over a real world, and for each planted violation it names it and exits 1."""

import json
import os
import subprocess
import sys

import pytest
from check_command import check
from test_invariants import OTHERS
from test_invariants import PLANTS as LEDGER_PLANTS
from test_promises import plant
from world import sealed_world

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run as query
from pilothouse.site.mail import from_url

PLANTS = {**LEDGER_PLANTS, **OTHERS}
pytestmark = [pytest.mark.house, pytest.mark.tamper]


@pytest.fixture
def sealed(shared_house, copy_house):
    """A copy of one sealed world, for a test to break."""
    with worker_scope():
        built = query("SELECT FROM batch LIMIT 1")
    if not built:
        sealed_world(shared_house)
    with copy_house(shared_house) as copy:
        yield copy


def as_a_person_would(house, *more, **env) -> subprocess.CompletedProcess:
    """Run the command as its own process."""
    return subprocess.run(
        [sys.executable, "-m", "pilothouse.site.cli", "check", *more],
        env=house.env(PYTHONPATH=os.pathsep.join(sys.path), **env),
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_sound_house_is_green(sealed):
    done = as_a_person_would(sealed, "--json")
    report = json.loads(done.stdout)
    broken = [guard for guard in report["guards"] if not guard["ok"]]
    assert (done.returncode, report["ok"], broken) == (0, True, []), done.stderr
    assert list(report["promises"]) == ["execution", "billing", "refund", "parity"]
    assert all(entry == {"ok": True, "rows": 0, "accepted": 0, "sample": []} for entry in report["promises"].values())
    assert [entry["name"] for entry in report["invariants"]] == sorted(PLANTS)
    assert all(entry["rows"] == 0 and entry["title"] for entry in report["invariants"])
    assert report["incidents"] == []


@pytest.mark.parametrize("name", sorted(PLANTS))
def test_each_broken_invariant_is_named_and_pauses_every_program(sealed, name):
    with sealed.admin() as admin, admin.transaction():
        for statement in PLANTS[name]:
            admin.execute(statement)
    code, report = check()
    assert (code, report["ok"]) == (1, False)
    broken = {entry["name"]: entry for entry in report["invariants"] if entry["rows"]}
    # A second end of an item cannot be planted beside the standing index.
    assert set(broken) - {"18_walls_stand"} == {name} - {"18_walls_stand"}
    assert (broken[name]["rows"], len(broken[name]["sample"])) == (1, 1)
    with worker_scope():
        opened = query("SELECT severity FROM incident WHERE kind = 'data_integrity' AND subject = %s", [name])
        gates = query("SELECT program, mode FROM gate WHERE tenant IS NULL AND opened_at IS NULL")
    assert opened == [{"severity": "P0"}]
    assert gates == [{"program": "video", "mode": "no_dispatch"}]


@pytest.mark.parametrize(
    ("promise", "statement"),
    [
        ("execution", "DELETE FROM message WHERE type = 'batch.completed'"),
        ("billing", "DELETE FROM transfer WHERE id = (SELECT min(id) FROM transfer WHERE kind = 'settle')"),
        ("refund", "UPDATE journal SET tx = tx + 1 WHERE kind = 'refund'"),
        ("parity", "UPDATE item SET fingerprint = 'x' WHERE id = (SELECT min(id) FROM item)"),
        ("parity", "UPDATE batch_request SET given = '[]'"),
    ],
)
def test_a_broken_promise_is_named_and_paused(sealed, promise, statement):
    plant(sealed, statement)
    code, report = check()
    assert (code, report["ok"]) == (1, False)
    assert not report["promises"][promise]["ok"]
    assert report["promises"][promise]["rows"] >= 1
    assert report["promises"][promise]["sample"][0]["what"]
    assert any(incident["severity"] == "P0" for incident in report["incidents"])
    with worker_scope():
        assert query("SELECT DISTINCT mode FROM gate WHERE opened_at IS NULL") == [{"mode": "no_dispatch"}]


@pytest.mark.parametrize(
    ("guard", "statement"),
    [
        ("catalogue", "DROP POLICY one_tenant ON batch"),
        ("catalogue", "GRANT UPDATE ON transfer TO ph_worker"),
        ("catalogue", "ALTER TABLE transfer DISABLE TRIGGER append_only"),
        ("catalogue", "ALTER TABLE item DROP CONSTRAINT item_end_is_whole"),
        (
            "catalogue",
            "CREATE OR REPLACE FUNCTION gates_over(program text, mode text, tenant bigint) RETURNS SETOF gate"
            " LANGUAGE sql STABLE AS 'SELECT * FROM gate WHERE false'",
        ),
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
    code, report = check()
    assert code == 1
    assert guard in [entry["name"] for entry in report["guards"] if not entry["ok"]]


@pytest.mark.parametrize(
    ("guard", "setting", "value"),
    [
        ("webhook_addresses", "WEBHOOK_ALLOW_LOCAL", True),
        ("debug", "DEBUG", True),
        ("mail", "MAIL", from_url("")),
        ("secrets", "SECRET_KEY", "change-me-change-me-change-me-change-me"),
    ],
)
def test_what_is_allowed_elsewhere_is_red_in_production(house, settings, guard, setting, value):
    settings.MAIL = from_url("smtp://mail.example")
    setattr(settings, setting, value)
    code, report = check()
    assert (code, report["ok"]) == (0, True)
    settings.HOUSE_KIND = "production"
    code, report = check()
    assert code == 1
    assert [entry["name"] for entry in report["guards"] if not entry["ok"]] == [guard]


def test_people_get_a_table(sealed):
    plant(sealed, "UPDATE batch SET fingerprint = 'x'")
    done = as_a_person_would(sealed, COLUMNS="200")
    assert done.returncode == 1
    (line,) = [line for line in done.stdout.splitlines() if "promise parity" in line]
    assert "✗" in line
    assert "fingerprint" in line
    assert "Something is broken." in done.stdout
