"""A pilot from the first call to its end: every step, guard, reason and timer."""

import sys
from pathlib import Path
from typing import Any

import pytest

from pilothouse.kernel.access.commands import issue_key
from pilothouse.kernel.access.errors import KeysClosed
from pilothouse.kernel.access.models import ApiKey
from pilothouse.kernel.base.errors import InvalidInput
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.ledger.queries import balance
from pilothouse.kernel.lifecycle.errors import ReasonRefused, TransitionRefused
from pilothouse.kernel.lifecycle.queries import stuck_subjects, timeline
from pilothouse.kernel.watch.commands import acknowledge, open_incident, write_root_cause
from pilothouse.kernel.watch.errors import ResumeRefused
from pilothouse.pilots.advancing import advance_all
from pilothouse.pilots.pausing import follow_gates, give_up, pause, resume
from pilothouse.pilots.pilot_errors import (
    AlreadyRunning,
    CreditsTooFew,
    ExpectationsOpen,
    FixOpen,
    NoSignal,
    NotReady,
    Unanswered,
    VerdictBlocked,
    VerdictChanged,
)
from pilothouse.pilots.running import abandon, create_pilot, prepare, qualify
from pilothouse.pilots.verdicts import (
    close,
    close_fix,
    record_fix,
    record_signal,
    retry,
    sign_verdict,
    upgrade,
)

sys.path.insert(0, str(Path(__file__).parent))
from pilot_world import EXPECTED, FORM, YES, VideoPilot

pytestmark = pytest.mark.house


def types(pilot: VideoPilot, viewer: str = "internal") -> list[str]:
    with pilot.ours():
        return [row["type"] for row in timeline("pilot", [pilot.row.id], viewer)][::-1]


def test_the_whole_way_to_a_signed_success(timed_house: Any) -> None:
    pilot = VideoPilot(timed_house).active()
    row = pilot.row
    assert (row.deadline_at - row.since).total_seconds() == 48 * 3600
    with pilot.theirs():
        assert balance(pilot.tenant.id).available == 300
    assert pilot.line("key_opened") == "open"
    raw = pilot.open_key()
    assert raw.startswith("ek_pilot_")
    with pilot.theirs():
        key = ApiKey.objects.get(last_four=raw[-4:])
        assert (key.name, key.rate_limit_per_min) == ("Pilot - Northwind", 60)
    pilot.call()
    pilot.proven()
    pilot.finish_all_lines()
    missing = [each.line.id for each in pilot.look().open_lines() if each.line.phase not in ("review", "decision")]
    assert missing == []
    assert advance_all() == 1
    row = pilot.row
    assert row.state == "review"
    assert row.owner == "operator@ours.example"
    verdict = pilot.verdict()
    assert (verdict.state, verdict.blocked) == ("succeeded", "")
    with pilot.ours(), pytest.raises(VerdictChanged):
        sign_verdict(pilot.id, "failed", "Continue")
    with pilot.ours(), pytest.raises(ReasonRefused):
        sign_verdict(pilot.id, "succeeded", "Whatever")
    with pilot.ours():
        signed = sign_verdict(pilot.id, "succeeded", "Continue", "Both sides nodded.")
    assert signed.findings["criteria"][0]["verdict"] == "pass"
    assert signed.verdict_by == "operator:operator@ours.example"
    with worker_scope("test"):
        assert stuck_subjects() == []
    with pilot.ours(), pytest.raises(NoSignal):
        upgrade(pilot.id)
    with pilot.ours():
        record_signal(pilot.id, "sla_contract", "Do we need a contract / SLA?", "Ada")
        _, link = upgrade(pilot.id)
    assert "/account/reveal/" in link
    assert pilot.row.state == "enterprise"
    pilot.pass_time(days=8)
    with pilot.theirs():
        assert ApiKey.objects.get(id=key.id).state == "revoked"
    assert {"qualify", "lock", "prepare", "activate", "review", "succeed", "upgrade"} <= set(types(pilot))
    with pilot.ours():
        told = [row["data"] for row in timeline("pilot", [pilot.row.id], "customer") if row["type"] == "message"]
    assert [message["text"] for message in told] == ["activation", "activation"], "a renewed link is mailed again"
    assert "/account/reveal/" not in str(told)


def test_qualification_rejects_by_the_first_reason(shared_house: Any) -> None:
    pilot = VideoPilot(shared_house, "Eastwind")
    with pilot.ours(), pytest.raises(Unanswered):
        qualify(pilot.id, {}, FORM)
    with pilot.ours(), pytest.raises(AlreadyRunning):
        create_pilot(pilot.tenant.id, "video", "Eastwind")
    with pilot.ours():
        row = qualify(pilot.id, {**YES, "expects_sla": True, "use_case": False}, FORM)
    assert row.state == "rejected"
    with pilot.ours():
        (event,) = timeline("pilot", [row.id], "internal", count=1)
    assert event["data"]["reason"] == "expects_sla"
    assert event["data"]["all"] == ["expects_sla", "no_use_case"]
    assert row.form["contact_name"] == FORM["contact_name"]


def test_a_budget_outside_the_range_is_not_said_to_be_aligned(shared_house: Any) -> None:
    pilot = VideoPilot(shared_house, "Northerly")
    for budget in (499, 5001, -1):
        with pilot.ours(), pytest.raises(InvalidInput, match=rf"\$500 to \$5000, not \${budget}:"):
            qualify(pilot.id, YES, {**FORM, "budget_usd": budget})
    assert pilot.row.state == "prospect"
    with pilot.ours():
        row = qualify(pilot.id, {**YES, "budget_aligned": False}, {**FORM, "budget_usd": 499})
    assert (row.state, row.form["budget_usd"]) == ("rejected", 499)


@pytest.mark.parametrize("budget", [500, 5000])
def test_the_ends_of_the_range_are_in_it(shared_house: Any, budget: int) -> None:
    pilot = VideoPilot(shared_house, f"Bound{budget}")
    with pilot.ours():
        assert qualify(pilot.id, YES, {**FORM, "budget_usd": budget}).state == "qualified"


def test_only_a_pilot_that_runs_is_resumed(shared_house: Any) -> None:
    pilot = VideoPilot(shared_house, "Doldrums").qualified()
    with pilot.ours(), pytest.raises(TransitionRefused, match="Qualified"):
        resume(pilot.id)


def test_the_form_computes_credits_and_their_value(shared_house: Any) -> None:
    pilot = VideoPilot(shared_house, "Southwind").qualified()
    assert (pilot.row.form["credits"], pilot.row.form["value_cents"]) == (300, 3000)


def test_no_key_before_the_customer_has_confirmed(shared_house: Any) -> None:
    pilot = VideoPilot(shared_house, "Westwind").qualified()
    with pilot.theirs("owner"), pytest.raises(KeysClosed):
        issue_key(pilot.tenant.id, "Mine")
    with pilot.ours(), pytest.raises(TransitionRefused):
        prepare(pilot.id)
    for line in EXPECTED[:2]:
        pilot.says(line, "engineer")
    assert pilot.row.state == "qualified"
    pilot.says(EXPECTED[2], "owner")
    assert pilot.row.state == "locked"
    with pilot.theirs("owner"):
        issue_key(pilot.tenant.id, "Mine")


def test_activation_needs_checklist_promises_drill_and_enough_credits(house: Any) -> None:
    pilot = VideoPilot(house).preparing()
    with pytest.raises(NotReady) as refused:
        pilot.activate()
    assert "within 10 minutes" in str(refused.value)
    assert "drilled" in str(refused.value)
    small = VideoPilot(house, "Small")
    with small.ours():
        qualify(small.id, YES, {**FORM, "batches": 1})
    for line in EXPECTED:
        small.says(line, "owner")
    with small.ours():
        prepare(small.id)
    make_ready(small)
    with pytest.raises(CreditsTooFew):
        small.activate()
    assert small.activate(confirm_small=True).state == "active"


def make_ready(pilot: VideoPilot) -> None:
    from pilothouse.kernel.watch import promises
    from pilothouse.pilots.activation import drill_rollback

    pilot.checklist()
    promises.run()
    with pilot.ours():
        drill_rollback(pilot.id)


def test_a_large_grant_waits_for_a_second_operator(house: Any) -> None:
    from pilothouse.kernel.ledger.grants import approve_grant

    pilot = VideoPilot(house)
    with pilot.ours():
        qualify(pilot.id, YES, {**FORM, "batches": 20})
    for line in EXPECTED:
        pilot.says(line, "owner")
    with pilot.ours():
        prepare(pilot.id)
    make_ready(pilot)
    waiting = pilot.activate()
    assert (waiting.state, waiting.key_link) == ("waiting", "")
    assert pilot.row.state == "preparing"
    assert waiting.grant is not None
    with pilot.ours("admin"):
        approve_grant(pilot.second, waiting.grant.request)
    assert pilot.activate().state == "active"


def test_the_deadline_fails_a_pilot_without_a_batch_and_a_retry_needs_a_fix(timed_house: Any) -> None:
    pilot = VideoPilot(timed_house).active()
    pilot.pass_time(hours=47)
    assert pilot.row.state == "active"
    assert pilot.verdict().insufficient
    pilot.pass_time(hours=2)
    assert pilot.row.state == "review"
    verdict = pilot.verdict()
    assert verdict.state == "failed"
    assert verdict.reasons[0] == "no_batch"
    with pilot.ours():
        sign_verdict(pilot.id, "failed", "Pause")
    with pilot.ours(), pytest.raises(FixOpen):
        retry(pilot.id)
    with pilot.ours():
        fix = record_fix(pilot.id, "theirs", "Webhook not set up")
    with pilot.ours(), pytest.raises(FixOpen):
        retry(pilot.id)
    with pilot.ours():
        close_fix(fix.public_id, "We set it up together.")
        row = retry(pilot.id)
    assert (row.state, row.attempt, row.verdict) == ("preparing", 2, "")
    assert pilot.line("rollback_drill") == "open"
    assert pilot.line("understands_guarantees") == "done"
    make_ready(pilot)
    assert pilot.activate().state == "active"
    with pilot.theirs():
        assert balance(pilot.tenant.id).available == 600


def test_a_p0_pauses_stops_the_clock_and_needs_its_cause(timed_house: Any) -> None:
    pilot = VideoPilot(timed_house).active()
    pilot.pass_time(hours=10)
    with worker_scope("check"):
        incident = open_incident("demo_api_divergence", "Two outputs differ", program="video", tenant=pilot.tenant.id)[
            "public_id"
        ]
    assert follow_gates() == 1
    row = pilot.row
    assert (row.state, row.pause_reason, row.deadline_at) == ("paused", "P0", None)
    assert row.deadline_left_s == 38 * 3600
    pilot.pass_time(hours=100)
    with pilot.ours(), pytest.raises(ResumeRefused):
        resume(pilot.id)
    with pilot.ours():
        acknowledge(incident)
        write_root_cause(incident, "A version differed.")
        resume(pilot.id)
    row = pilot.row
    assert row.state == "active"
    assert (row.deadline_at - pilot.now()).total_seconds() == 38 * 3600
    pilot.proven()
    pilot.pass_time(hours=39)
    assert pilot.row.state == "review"
    with pilot.ours(), pytest.raises(VerdictBlocked) as refused:
        sign_verdict(pilot.id, "succeeded", "Continue")
    assert incident in str(refused.value)


def test_after_a_give_up_an_open_p0_leaves_only_the_failure(timed_house: Any) -> None:
    pilot = VideoPilot(timed_house).active()
    pilot.proven()
    with worker_scope("check"):
        open_incident("data_integrity", "Rows differ", program="video", tenant=pilot.tenant.id)
    follow_gates()
    pilot.pass_time(days=15)
    row = pilot.row
    assert row.state == "paused" or row.gave_up_at is not None
    follow_gates()
    verdict = pilot.verdict()
    assert (verdict.state, verdict.reasons[0], verdict.blocked) == ("failed", "open_p0", "")


def test_an_operators_pause_keeps_the_clock_running(timed_house: Any) -> None:
    pilot = VideoPilot(timed_house).active()
    with pilot.ours():
        pause(pilot.id, "customer", "You asked us to wait.")
    assert pilot.row.deadline_at is not None
    pilot.pass_time(hours=49)
    assert pilot.row.state == "paused"
    with pilot.ours():
        resume(pilot.id)
    assert pilot.row.state == "review"


def test_a_pause_ends_by_itself(timed_house: Any) -> None:
    pilot = VideoPilot(timed_house).active()
    with pilot.ours():
        pause(pilot.id, "operator", "A look at it.")
        give_up(pilot.id)
    assert pilot.row.state == "review"


def test_nobody_moves_a_prospect_and_it_closes_after_two_notices(timed_house: Any) -> None:
    pilot = VideoPilot(timed_house)
    pilot.pass_time(days=13, hours=1)
    assert types(pilot).count("stale_notice") == 2
    pilot.pass_time(days=1)
    assert pilot.row.state == "closed"
    other = VideoPilot(timed_house, "Other").qualified()
    with other.ours(), pytest.raises(ReasonRefused):
        abandon(other.id, "bored")
    with other.ours():
        assert abandon(other.id, "withdrawn").state == "closed"


@pytest.mark.parametrize(("end", "state"), [("Pause", "off"), ("Close", "later"), ("Continue", "on")])
def test_an_end_treats_the_key_as_it_says(timed_house: Any, end: str, state: str) -> None:
    pilot = VideoPilot(timed_house).active()
    pilot.open_key()
    pilot.pass_time(hours=49)
    with pilot.ours():
        sign_verdict(pilot.id, "failed", end)
        close(pilot.id, end)
    with tenant_scope(pilot.tenant.id):
        key = ApiKey.objects.get()
    assert key.is_active is (state != "off")
    pilot.pass_time(days=8)
    with tenant_scope(pilot.tenant.id):
        assert (ApiKey.objects.get().state == "revoked") is (state == "later")


def test_expectations_are_the_customers_to_lock(shared_house: Any) -> None:
    from pilothouse.pilots.attestations import lock_expectations

    pilot = VideoPilot(shared_house, "Lockless").qualified()
    with pilot.ours(), pytest.raises(ExpectationsOpen):
        lock_expectations(pilot.id)
