"""For every machine line and criterion: without its fact the line is open and the verdict is another."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pilothouse.kernel.base.facts import Measure
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.outbox.endpoints import create_endpoint
from pilothouse.kernel.watch.backups import record_verified
from pilothouse.pilots.advancing import advance_all
from pilothouse.pilots.evaluation import look
from pilothouse.pilots.messages import send_message
from pilothouse.pilots.pilot_errors import VerdictBlocked
from pilothouse.pilots.verdicts import record_fix, sign_verdict

sys.path.insert(0, str(Path(__file__).parent))
from pilot_world import VideoPilot

pytestmark = [pytest.mark.house, pytest.mark.tamper]

# The table and the rows that are the fact of each machine line of the video runbook.
FACTS = {
    "docs_accessible": ("checklist_line", "name = 'docs'"),
    "openapi_accessible": ("checklist_line", "name = 'openapi'"),
    "example_runs": ("checklist_line", "name = 'example'"),
    "test_endpoint_receives": ("checklist_line", "name = 'webhook'"),
    "ledger_visible": ("checklist_line", "name = 'ledger'"),
    "ten_minutes": ("checklist_line", "name = 'ledger'"),
    "rollback_drill": ("event", "type = 'rollback_drill'"),
    "backup_verified": ("check_run", "name = 'backup:verified'"),
    "promises_green": ("check_run", "name = 'video:parity'"),
    "key_made": ("reveal_link", "true"),
    "credits_granted": ("transfer", "kind = 'grant'"),
    "activation_mail": ("event", "type = 'message' AND data ->> 'text' = 'activation'"),
    "key_opened": ("reveal_link", "true"),
    "endpoint_https": ("endpoint", "true"),
    "first_call": ("api_usage", "true"),
    "first_batch": ("batch", "true"),
    "status_progress": ("batch", "true"),
    "batch_completed": ("batch", "true"),
    "webhook_delivered": ("delivery", "true"),
    "fields_confirmed": ("confirmation", "true"),
    "equation_holds": ("transfer", "kind = 'refund'"),
    "success_mail": ("event", "type = 'message' AND data ->> 'text' = 'success'"),
    "fix_recorded": ("pilot_fix", "true"),
}
CRITERIA = {
    "batch_run": ("batch", "true", "no_batch"),
    "webhook_received": ("confirmation", "true", "webhook_fails"),
    "finance_verified": ("transfer", "kind = 'refund'", "no_reconciliation"),
}


def made_pilot(house: Any) -> VideoPilot:
    """A pilot under review that everything is true of."""
    made = VideoPilot(house).finished()
    with worker_scope("test"):
        record_verified([], 1)
    with made.ours():
        send_message(made.row, "success", {"batch_id": "bat_1"})
        record_fix(made.id, "ours", "Documentation unclear")
    advance_all()
    assert made.row.state == "review"
    return made


@contextlib.contextmanager
def removed(house: Any, table: str, where: str) -> Iterator[None]:
    """Without these rows, until the end of the block; the walls are down for as long as it takes to lift them out."""
    with house.admin() as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(f'CREATE TEMP TABLE lifted AS SELECT * FROM "{table}" WHERE {where}')
        assert admin.execute(f'DELETE FROM "{table}" WHERE {where}').rowcount > 0, "there is no such fact"
        try:
            yield
        finally:
            admin.execute(f'INSERT INTO "{table}" OVERRIDING SYSTEM VALUE SELECT * FROM lifted')
            admin.execute("DROP TABLE lifted")


def test_every_machine_line_has_its_fact_here(pilot: VideoPilot) -> None:
    seen = pilot.look()
    machine = [each for each in seen.lines if each.line.kind == "machine"]
    assert sorted(each.line.id for each in machine) == sorted(FACTS)
    assert {each.line.id: each.state for each in machine if each.state != "done"} == {}
    assert {each.line.id for each in machine if not each.sentence} == set()
    assert [each.criterion.id for each in seen.criteria] == list(CRITERIA)
    assert pilot.verdict().state == "succeeded"


@pytest.mark.parametrize("line", FACTS)
def test_a_line_without_its_fact_is_open(pilot: VideoPilot, line: str) -> None:
    with removed(pilot.house, *FACTS[line]):
        assert pilot.line(line) in ("open", "waiting")
    assert pilot.line(line) == "done"


@pytest.mark.parametrize("criterion", CRITERIA)
def test_a_criterion_without_its_fact_changes_the_verdict(pilot: VideoPilot, criterion: str) -> None:
    table, where, condition = CRITERIA[criterion]
    with removed(pilot.house, table, where):
        verdict = pilot.verdict()
        assert verdict.state == "failed"
        assert condition in verdict.reasons
    assert pilot.verdict().state == "succeeded"


def test_finance_has_to_say_so(pilot: VideoPilot) -> None:
    with removed(pilot.house, "pilot_attestation", "line = 'finance_confirms'"):
        assert pilot.verdict().state == "failed"
    pilot.says("finance_confirms", "finance", agrees=False)
    assert "no_reconciliation" in pilot.verdict().reasons
    pilot.says("finance_confirms", "finance")
    assert pilot.verdict().state == "succeeded"


def test_a_misread_webhook_is_misunderstood(pilot: VideoPilot) -> None:
    made = pilot.batch("order-2")
    pilot.deliver()
    pilot.confirm(made, timestamp="2020-01-01T00:00:00Z")
    assert pilot.verdict().reasons == ("webhook_fails",)
    pilot.confirm(made)
    assert pilot.verdict().state == "succeeded"


def test_a_delivery_that_is_still_tried_delays_the_verdict(pilot: VideoPilot) -> None:
    pilot.batch("order-3")
    with pilot.ours(), pytest.raises(VerdictBlocked) as refused:
        sign_verdict(pilot.id, "succeeded", "Continue")
    assert "still being tried" in str(refused.value)
    pilot.deliver()
    assert pilot.verdict().blocked == ""


def receipt_rate(pilot: VideoPilot) -> Measure:
    with pilot.ours():
        found = {each.metric.id: each.measure for each in look(pilot.row).metrics}["webhook_receipt_rate"]
    assert found is not None
    return found


def test_an_event_counts_at_each_endpoint_that_it_was_due_at(pilot: VideoPilot) -> None:
    """As the batch's own webhook_status does: delivered is what every endpoint acknowledged."""
    before = receipt_rate(pilot)
    assert before.value == 1
    with pilot.theirs():
        create_endpoint("https://hooks.northwind.example/second")
    pilot.batch("order-two-endpoints")
    with worker_scope("test"):
        run(
            "UPDATE delivery SET state = 'sending', lease_until = base.clock_now(), next_run_at = NULL"
            " WHERE tenant = %s AND state = 'queued'", [pilot.tenant.id],
        )  # fmt: skip
        run(
            "UPDATE delivery SET state = 'dead', ended_at = base.clock_now(), lease_until = NULL"
            " WHERE tenant = %s AND state = 'sending'"
            " AND endpoint_id = (SELECT id FROM endpoint WHERE tenant = %s ORDER BY id DESC LIMIT 1)",
            [pilot.tenant.id, pilot.tenant.id],
        )  # fmt: skip
    pilot.deliver()
    after = receipt_rate(pilot)
    assert after.of == before.of + 2
    assert after.sentence == f"{before.of + 1} of {before.of + 2} events acknowledged"
    assert after.value == pytest.approx((before.of + 1) / after.of)
