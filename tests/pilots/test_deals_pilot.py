"""A pilot of the escrow market: its own lines, six weeks, and criteria over matured deals."""

import sys
from pathlib import Path
from typing import Any

import pytest
from command_line import said
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client

from pilothouse.kernel.access.commands import add_member, add_operator
from pilothouse.kernel.access.queries import flag
from pilothouse.kernel.base.scope import ops_scope, tenant_scope
from pilothouse.kernel.watch.invariants import run_all
from pilothouse.pilots.activation import activate, drill_rollback
from pilothouse.pilots.advancing import advance_all
from pilothouse.pilots.attestations import attest_ours, lock_expectations
from pilothouse.pilots.desk_needs import needs
from pilothouse.pilots.evaluation import Look, look
from pilothouse.pilots.pilot_models import Pilot as PilotRow
from pilothouse.pilots.pilot_reads import access_pilot
from pilothouse.pilots.publishing import publish_first_runbooks
from pilothouse.pilots.running import create_pilot, prepare, qualify
from pilothouse.pilots.tasks import follow_new
from pilothouse.pilots.triggers import watch_triggers
from pilothouse.pilots.verdicts import computed, sign_verdict
from pilothouse.programs.deals import commands
from pilothouse.programs.deals.errors import PilotDisabled

sys.path.insert(0, str(Path(__file__).parents[1] / "deals"))
from deal_world import Market

pytestmark = pytest.mark.house
FORM = {"contact_name": "Bat", "contact_email": "bat@nomad.mn"}


class Pilot:
    """The market's pilot at the desk."""

    def __init__(self, house: Any) -> None:
        self.market = Market(house)
        tenant = self.market.tenant.id
        with self.ours():
            publish_first_runbooks()
            self.operator = 0
        from pilothouse.kernel.base.scope import worker_scope

        with worker_scope("test"):
            self.operator = add_operator("operator@ours.example", "operator").user_id
        with tenant_scope(tenant, "test"):
            for role in ("buyer", "seller"):
                add_member(tenant, f"{role}@example.mn", role)
        with self.ours():
            self.id = create_pilot(tenant, "deals", "Nomad Market").public_id

    def ours(self) -> Any:
        return ops_scope("operator:operator@ours.example", "test")

    def row(self) -> PilotRow:
        with self.ours():
            return access_pilot(self.id)

    def look(self) -> Look:
        with self.ours():
            return look(access_pilot(self.id))

    def states(self) -> dict[str, str]:
        return {each.line.id: each.state for each in self.look().lines}

    def criteria(self) -> dict[str, str]:
        return {each.criterion.id: each.verdict for each in self.look().criteria}

    def active(self) -> "Pilot":
        with self.ours():
            runbook = look(access_pilot(self.id)).runbook
            qualify(self.id, {line.id: True for line in runbook.group("accept")}, FORM)
            lock_expectations(self.id)
            prepare(self.id)
            for line in runbook.group("preparation"):
                if line.kind == "ours":
                    attest_ours(self.id, line.id, True, note="Not there.", applicable="if " not in line.text)
            assert drill_rollback(self.id)["ok"]
        run_all()
        with self.ours():
            assert activate(self.id, self.operator).state == "active"
        return self


def test_six_weeks_of_a_market(timed_house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "ALERT_URLS", ["json://localhost"])
    pilot = Pilot(timed_house).active()
    market = pilot.market
    states = pilot.states()
    assert {states[name] for name in ("inspection_ttl", "dispute_ttl", "holdback", "immediate", "buyer_created")} == {
        "done"
    }
    assert states["error_tracking"] == "na"
    with market.scope():
        assert flag("pilot.deals_max", market.tenant.id) == 30
    assert states["first_deal"] == "open"
    deals = [market.handed_over(1_000_000_00) for _ in range(10)]
    assert pilot.states()["first_deal"] == "done"
    assert pilot.states()["timers_visible"] == "done"
    assert set(pilot.criteria().values()) == {"insufficient"}
    for deal in deals:
        with market.scope("buyer"):
            commands.approve(deal, market.buyer)
    market.pass_time(days=3)
    assert pilot.states()["enough_deals"] == "done"
    assert set(pilot.criteria().values()) == {"pass"}
    with pilot.ours():
        for line in look(access_pilot(pilot.id)).runbook.lines.values():
            if line.phase in ("baseline", "observation") and line.kind == "ours":
                attest_ours(pilot.id, line.id, True)
    advance_all()
    with pilot.ours():
        assert access_pilot(pilot.id).phase == "baseline", "a week is a week"
    market.pass_time(days=22)
    advance_all()
    with pilot.ours():
        assert access_pilot(pilot.id).phase == "analysis"
    market.pass_time(days=20)
    with pilot.ours():
        row = access_pilot(pilot.id)
        assert row.state == "review"
        assert computed(row)[1].state == "succeeded"
        assert sign_verdict(pilot.id, "succeeded", "Continue").state == "succeeded"


def test_less_than_half_settled_fails(timed_house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "ALERT_URLS", ["json://localhost"])
    pilot = Pilot(timed_house).active()
    for _ in range(10):
        pilot.market.accepted(1_000_000_00)
    pilot.market.pass_time(days=2)
    assert pilot.criteria()["completion"] == "fail"
    with pilot.ours():
        seen, _ = computed(access_pilot(pilot.id))
    assert [each.failure.id for each in seen.failures if each.holds] == ["completion_below_half"]


def test_a_crossed_threshold_is_rolled_back_and_resumed(
    timed_house: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "ALERT_URLS", ["json://localhost"])
    monkeypatch.setattr(settings, "DATA", tmp_path)
    pilot = Pilot(timed_house).active()
    for _ in range(10):
        pilot.market.accepted(1_000_000_00)
    follow_new()
    assert watch_triggers() == []
    pilot.market.pass_time(days=2)
    (found,) = watch_triggers()
    assert "0 of 10 matured deals settled" in found["why"]
    assert pilot.row().state == "active", "it is proposed; a person decides"

    (stopped,) = command("rollback", "deals", "--reason", "Less than half of the deals come to their end.")
    row = pilot.row()
    assert (stopped["state"], row.state, row.pause_reason, row.deadline_at) == ("exported", "paused", "rollback", None)
    left = row.deadline_left_s
    with pilot.market.scope("buyer"), pytest.raises(PilotDisabled):
        pilot.market.accepted(1_000_000_00)
    pilot.market.pass_time(days=5)
    assert pilot.row().deadline_left_s == left

    (again,) = command("resume", "deals")
    row = pilot.row()
    assert (again["state"], row.state) == ("resumed", "active")
    assert row.deadline_at is not None
    pilot.market.pass_time(seconds=left)
    assert pilot.row().state == "review"
    signed = command(
        "pilot", "verdict", pilot.id, "--sign", "failed", "--recommendation", "Pause", "--as", "operator@ours.example"
    )
    assert "completion_below_half" in signed["reasons"]


def command(*words: str) -> Any:
    """What `pilothouse … --json` prints."""
    done = said(*words, "--json")
    assert done.code == 0, done.out + done.err
    return done.json


def test_a_qualified_market_waits_for_our_lock(house: Any) -> None:
    pilot = Pilot(house)
    desk = Client()
    person = get_user_model().objects.get(email="operator@ours.example")
    desk.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    with pilot.ours():
        runbook = look(access_pilot(pilot.id)).runbook
        qualify(pilot.id, {line.id: True for line in runbook.group("accept")}, FORM)
        (need,) = needs()
    assert (need["title"], need["state"]) == ("Nomad Market", "qualified")
    assert need["words"].startswith("Lock the scope")
    here = f"/desk/pilots/{pilot.id}/"
    assert "Lock the scope: its runbook" in desk.get(here).content.decode()
    assert desk.post(f"{here}step/lock").status_code == 302
    assert pilot.row().state == "locked"
