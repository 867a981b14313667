"""How a pilot fails: its webhook never arrives, its finance sees other money, a promise is broken."""

import asyncio
import socket
from typing import Any

import pytest
from django.conf import settings
from pilot_world import VideoPilot

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.outbox.endpoints import create_endpoint
from pilothouse.kernel.outbox.sender import WebhookPump
from pilothouse.kernel.watch import commands as incidents
from pilothouse.kernel.watch import promises
from pilothouse.kernel.watch.errors import ResolveRefused, ResumeRefused, SecondPersonNeeded
from pilothouse.kernel.watch.gates import reopen_gate
from pilothouse.kernel.watch.models import Incident
from pilothouse.kernel.watch.queries import closed_gates
from pilothouse.pilots.pausing import follow_gates, resume
from pilothouse.pilots.pilot_errors import VerdictBlocked
from pilothouse.pilots.verdicts import sign_verdict
from pilothouse.programs.video.confirmations import report_differences

pytestmark = pytest.mark.house


def tries(pilot: VideoPilot) -> int:
    """Send what is due to its endpoint, as the worker does; returns how many tries were made."""

    async def send() -> int:
        pump = WebhookPump()
        try:
            rows = await asyncio.to_thread(pump.claim, 100)
            await asyncio.to_thread(pump.finish, await asyncio.gather(*(pump.act(row) for row in rows)))
            return len(rows)
        finally:
            await pump.close()

    # A breaker holds an endpoint back in machine time, which a simulated clock does not move.
    with pilot.house.connect() as db:
        db.execute("UPDATE endpoint SET closed_until = NULL")
    return asyncio.run(send())


def test_a_webhook_that_never_arrives_fails_the_pilot(timed_house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "WEBHOOK_ALLOW_LOCAL", True)
    pilot = VideoPilot(timed_house).active()
    with socket.socket() as nobody:
        # Bound and never listened to: whoever connects is refused, and nobody else can take the port.
        nobody.bind(("127.0.0.1", 0))
        with pilot.theirs():
            create_endpoint(f"http://127.0.0.1:{nobody.getsockname()[1]}/hook")
        pilot.batch()
        pilot.says("finance_confirms", "finance")
        for hours in range(30):
            tried = tries(pilot)
            assert tried == 1 or hours, "the first try is at once"
            pilot.pass_time(hours=1)
    with worker_scope("test"):
        (sent,) = run("SELECT state, attempt, last_error FROM delivery WHERE tenant = %s", [pilot.tenant.id])
    assert sent == {"state": "dead", "attempt": 9, "last_error": "connect_failed"}
    assert (pilot.line("batch_completed"), pilot.line("webhook_delivered")) == ("done", "open")
    assert pilot.row.state == "active", "48 hours are 48 hours"
    pilot.pass_time(hours=19)
    verdict = pilot.verdict()
    assert (verdict.state, verdict.reasons, verdict.blocked) == ("failed", ("webhook_fails",), "")
    with pilot.ours():
        assert sign_verdict(pilot.id, "failed", "Pause").state == "failed"


def test_other_money_at_finance_fails_the_pilot_and_tells_us(timed_house: Any) -> None:
    pilot = VideoPilot(timed_house).active()
    made = pilot.proven()
    assert pilot.verdict().reasons == ("batch_run", "webhook_received", "finance_verified")
    pilot.confirm(made, role="finance", ledger={"reserved": 100, "settled": 90, "refunded": 10})
    assert report_differences() == 1
    assert report_differences() == 0
    with worker_scope("test"):
        row = Incident.objects.get(tenant_id=pilot.tenant.id)
    assert (row.kind, row.severity, row.subject) == ("ledger_mismatch", "P1", made.public_id)
    pilot.pass_time(hours=49)
    verdict = pilot.verdict()
    assert verdict.state == "failed"
    assert "no_reconciliation" in verdict.reasons


def _go_on(pilot: VideoPilot) -> None:
    """A breach that may concern everybody closes a gate over everybody, which is not the pilot's to open."""
    for gate in closed_gates("video", pilot.tenant.id):
        reopen_gate(gate["public_id"])
    resume(pilot.id)


@pytest.mark.tamper
def test_a_broken_promise_pauses_until_its_cause_is_written_and_it_is_green(timed_house: Any) -> None:
    pilot = VideoPilot(timed_house).active()
    pilot.proven()
    pilot.pass_time(hours=8)
    with timed_house.admin() as admin:
        admin.execute("SET session_replication_role = replica")
        lost = "SELECT min(id) FROM transfer WHERE kind = 'refund' AND tenant = %s"
        assert admin.execute(f"DELETE FROM transfer WHERE id = ({lost})", [pilot.tenant.id]).rowcount == 1
    red = [result.promise.name for result in promises.run() if not result.seen.ok]
    assert "refund" in red
    assert follow_gates() == 1
    row = pilot.row
    assert (row.state, row.pause_reason, row.deadline_left_s) == ("paused", "P0", 40 * 3600)
    with worker_scope("test"):
        opened = list(Incident.objects.filter(severity="P0").values_list("public_id", flat=True))
    pilot.pass_time(hours=60)
    with pilot.ours(), pytest.raises(ResumeRefused, match="root cause"):
        _go_on(pilot)
    for incident in opened:
        with pilot.ours():
            incidents.acknowledge(incident)
            incidents.write_root_cause(incident, "A row was deleted behind the ledger's back.")
    with pilot.ours(), pytest.raises(ResumeRefused, match="has to be green"):
        _go_on(pilot)
    for incident in opened:
        with pilot.ours(), pytest.raises(SecondPersonNeeded):
            incidents.accept_findings(incident, "The credits were given again by a new transfer.")
        with pilot.ours("admin"):
            assert incidents.accept_findings(incident, "The credits were given again by a new transfer.") >= 1
    with pilot.ours():
        _go_on(pilot)
    row = pilot.row
    assert row.state == "active"
    assert row.deadline_at is not None
    assert (row.deadline_at - pilot.now()).total_seconds() == 40 * 3600
    pilot.pass_time(hours=41)
    with pilot.ours(), pytest.raises(VerdictBlocked, match="open P0"):
        sign_verdict(pilot.id, "succeeded", "Continue")
    for incident in opened:
        with pilot.ours(), pytest.raises((SecondPersonNeeded, ResolveRefused)):
            incidents.resolve(incident, "It is put right.")
        with pilot.ours("admin"):
            incidents.resolve(incident, "It is put right.")
    # What was lost stays lost in the facts: nobody can reconcile that batch, and no operator can sign otherwise.
    assert pilot.verdict().reasons == ("no_reconciliation",)
    with pilot.ours():
        assert sign_verdict(pilot.id, "failed", "Pause").state == "failed"
