"""The life of an incident: once per scope, taken, understood, ended by the right person; overdue ones escalate."""

import contextlib
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from pilothouse.kernel.base.scope import ops_scope, worker_scope
from pilothouse.kernel.base.sql import run as query
from pilothouse.kernel.lifecycle.errors import ReasonRefused, TransitionRefused
from pilothouse.kernel.watch import checks, commands
from pilothouse.kernel.watch.errors import ResolveRefused, ResumeRefused, SecondPersonNeeded, TextNeeded
from pilothouse.kernel.watch.gates import reopen_gate

pytestmark = pytest.mark.house


@pytest.fixture
def meter(monkeypatch):
    """A check whose number of offending rows the test sets."""
    found = {"rows": 1}
    monkeypatch.setitem(checks.OTHERS, "meter", lambda name: found["rows"])
    return found


def open_p0(tenant=None):
    with worker_scope():
        return commands.open_incident(
            "wrong_charge", "An item was charged twice", severity="P0", program="video", tenant=tenant,
            check_name="meter:billing",
        )  # fmt: skip


def act(person, verb, *args, **options):
    with ops_scope(person):
        return verb(*args, **options)


def closed_gate():
    with worker_scope():
        return query("SELECT public_id FROM gate WHERE opened_at IS NULL")[0]["public_id"]


def test_a_p0_reopens_only_after_a_root_cause_and_a_green_check(house, meter):
    incident = open_p0()["public_id"]
    gate = closed_gate()
    with pytest.raises(ResumeRefused) as refused:
        act("ada", reopen_gate, gate)
    assert f"the root cause of {incident} (wrong_charge) has to be written" in str(refused.value)
    assert "the check meter:billing has to be green (it finds 1)" in str(refused.value)
    act("ada", commands.acknowledge, incident)
    act("ada", commands.write_root_cause, incident, "A retried message posted twice.")
    with pytest.raises(ResumeRefused) as refused:
        act("ada", reopen_gate, gate)
    assert "root cause" not in str(refused.value)
    meter["rows"] = 0
    act("ada", reopen_gate, gate)
    with worker_scope():
        assert query("SELECT opened_by FROM gate") == [{"opened_by": "ada"}]


def test_a_p0_needs_a_second_person_and_a_green_check_to_be_resolved(house, meter):
    incident = open_p0()["public_id"]
    with pytest.raises(TransitionRefused):
        act("bo", commands.resolve, incident, "Corrected by a new transfer.")
    act("ada", commands.acknowledge, incident)
    act("ada", commands.mitigate, incident, paused="video", logs="one message, two journals", verification="billing")
    act("ada", commands.write_root_cause, incident, "A retried message posted twice.")
    with pytest.raises(SecondPersonNeeded):
        act("ada", commands.resolve, incident, "Corrected by a new transfer.")
    with pytest.raises(ResolveRefused, match="meter:billing"):
        act("bo", commands.resolve, incident, "Corrected by a new transfer.")
    meter["rows"] = 0
    assert act("bo", commands.resolve, incident, "Corrected by a new transfer.")["state"] == "resolved"
    with worker_scope():
        assert [row["type"] for row in query("SELECT type FROM incident_event ORDER BY id")] == [
            "open", "acknowledge", "mitigate", "root_cause", "resolve",
        ]  # fmt: skip
        assert query("SELECT count(*) AS n FROM gate WHERE opened_at IS NULL") == [{"n": 1}]


def test_a_false_alarm_with_proof_reopens_its_gate(house, meter):
    incident = open_p0()["public_id"]
    with pytest.raises(ResolveRefused):
        act("ada", commands.dismiss, incident, "not_reproduced", "It is gone.")
    meter["rows"] = 0
    with pytest.raises(ReasonRefused):
        act("ada", commands.dismiss, incident, "because", "It is gone.")
    act("ada", commands.dismiss, incident, "not_reproduced", "It is gone.")
    with worker_scope():
        assert query("SELECT count(*) AS n FROM gate WHERE opened_at IS NULL") == [{"n": 0}]


def test_a_false_alarm_leaves_a_gate_that_another_incident_holds(house, meter):
    meter["rows"] = 0
    first = open_p0()["public_id"]
    with worker_scope():
        commands.open_incident("data_integrity", "Another", program="video")
    act("ada", commands.dismiss, first, "duplicate", "See the other one.")
    assert closed_gate()


def test_a_p1_pauses_nothing_until_it_is_promoted(house):
    with worker_scope():
        incident = commands.open_incident("ledger_mismatch", "A customer's sheet differs", program="video")
        assert incident["severity"] == "P1"
        assert query("SELECT count(*) AS n FROM gate") == [{"n": 0}]
    act("ada", commands.promote, incident["public_id"], "Two journals for one order.")
    assert closed_gate()
    with worker_scope():
        (row,) = query("SELECT severity, state, ack_due_at - opened_at < interval '16 minutes' AS soon FROM incident")
    assert row == {"severity": "P0", "state": "open", "soon": True}


def test_a_check_that_confirms_a_report_promotes_it(house):
    with worker_scope():
        first = commands.open_incident("wrong_charge", "The customer says so", program="video")
        second = commands.open_incident(
            "wrong_charge", "Proved", severity="P0", program="video", check_name="video:billing"
        )
        assert (first["severity"], second["severity"], second["id"]) == ("P1", "P0", first["id"])
        # The check that confirmed it has to be green before it ends.
        assert query("SELECT check_name FROM incident") == [{"check_name": "video:billing"}]


def test_many_open_one_incident_at_once(house):
    tenant = house.tenant()

    def attempt(number):
        try:
            return open_p0(tenant.id)["opened"]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(attempt, range(24)))
    assert opened.count(True) == 1
    with worker_scope():
        assert query("SELECT seen_count FROM incident") == [{"seen_count": 24}]
        assert query("SELECT count(*) AS n FROM gate") == [{"n": 1}]
    assert open_p0(house.tenant("Other").id)["opened"]


def test_an_incident_nobody_takes_escalates_again_and_again(house):
    incident = open_p0()["public_id"]
    assert commands.escalate_due() == 0
    with worker_scope():
        query("UPDATE incident SET ack_due_at = now() - interval '1 second'")
    assert (commands.escalate_due(), commands.escalate_due()) == (1, 0)
    act("ada", commands.acknowledge, incident)
    with worker_scope():
        query("UPDATE incident SET update_due_at = now() - interval '1 second'")
    assert commands.escalate_due() == 1
    with worker_scope():
        rows = query("SELECT data FROM incident_event WHERE type = 'escalate' ORDER BY id")
    assert [row["data"] for row in rows] == [
        {"overdue": "acknowledgement", "times": 1, "owner": "on-call"},
        {"overdue": "update", "times": 2, "owner": "ada"},
    ]
    act("ada", commands.post_update, incident, "Found the message.")
    assert commands.escalate_due() == 0


def test_alerts_are_rows_that_commit_or_vanish_with_their_cause(house, settings):
    settings.ALERT_URLS = ["json://127.0.0.1:9/one", "json://127.0.0.1:9/two"]
    with contextlib.suppress(ZeroDivisionError), worker_scope():
        commands.open_incident("wrong_charge", "Rolled back", severity="P0", program="video")
        assert query("SELECT count(*) AS n FROM notice") == [{"n": 2}]
        raise ZeroDivisionError
    with worker_scope():
        assert query("SELECT count(*) AS n FROM notice") == [{"n": 0}]
    incident = open_p0()["public_id"]
    act("ada", commands.acknowledge, incident)
    from pilothouse.kernel.outbox.notices import NoticePump, unseal

    rows = NoticePump().claim(10)
    texts = [unseal("notice", row["content"]).decode() for row in rows]
    assert len(rows) == 2
    assert all("[P0] wrong_charge opened (video): An item was charged twice" in text for text in texts)


def test_words_are_needed(house):
    incident = open_p0()["public_id"]
    act("ada", commands.acknowledge, incident)
    with pytest.raises(TextNeeded):
        act("ada", commands.write_root_cause, incident, " ")
    with pytest.raises(TextNeeded):
        act("ada", commands.mitigate, incident, paused="yes", logs="", verification="yes")


def test_what_history_keeps_for_ever_is_accepted_by_a_second_person(house):
    from test_promises import plant
    from world import completed_batch

    from pilothouse.kernel.watch import promises

    made = completed_batch(house)
    plant(house, "UPDATE item SET fingerprint = 'x' WHERE id = (SELECT min(id) FROM item)")
    (result,) = promises.run(["parity"])
    (incident,) = result.incidents
    act("ada", commands.acknowledge, incident)
    with pytest.raises(ResolveRefused, match="root cause"):
        act("bo", commands.accept_findings, incident, "The customer was told.")
    act("ada", commands.write_root_cause, incident, "A hand edit of one row.")
    with pytest.raises(SecondPersonNeeded):
        act("ada", commands.accept_findings, incident, "The customer was told.")
    with pytest.raises(ResumeRefused):
        act("bo", reopen_gate, closed_gate())
    assert act("bo", commands.accept_findings, incident, "The customer was told.") == result.seen.rows
    act("bo", reopen_gate, closed_gate())
    (again,) = promises.run(["parity"], [made.batch])
    assert (again.seen.rows, again.seen.accepted) == (0, result.seen.rows)
    plant(house, "UPDATE item SET fingerprint = 'x' WHERE id = (SELECT max(id) FROM item)")
    assert promises.run(["parity"])[0].seen.rows == 1
    assert closed_gate()


@pytest.mark.tamper
def test_another_tenants_breach_does_not_keep_this_one_paused(house):
    from test_promises import plant
    from world import completed_batch

    from pilothouse.kernel.watch import promises

    one = completed_batch(house)
    two = completed_batch(house, tenant=house.tenant("Two"))
    lose = "DELETE FROM transfer WHERE kind = 'settle' AND item = "
    with house.admin() as admin:
        (lost,) = admin.execute(
            f"SELECT row_to_json(t) FROM transfer t WHERE kind = 'settle' AND item = {one.items[0]}"
        )
    plant(house, lose + str(one.items[0]), lose + str(two.items[0]))
    (result,) = promises.run(["billing"])
    assert len(result.incidents) == 2
    with worker_scope():
        gates = {row["tenant"]: row["public_id"] for row in query("SELECT tenant, public_id FROM gate")}
    for incident in result.incidents:
        act("ada", commands.acknowledge, incident)
        act("ada", commands.write_root_cause, incident, "A row was deleted.")
    with house.admin() as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "INSERT INTO transfer SELECT * FROM json_populate_record(NULL::transfer, %s)", [json.dumps(lost[0])]
        )
    act("ada", reopen_gate, gates[one.tenant])
    with pytest.raises(ResumeRefused, match="it finds"):
        act("ada", reopen_gate, gates[two.tenant])
