"""For every machine line and criterion of a market's pilot: without its fact the line is open, the verdict another."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

sys.path.insert(0, str(Path(__file__).parents[1] / "deals"))
sys.path.insert(0, str(Path(__file__).parent))
from deal_world import MN, NOTE
from test_deals_pilot import Pilot

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.terms.queries import published
from pilothouse.kernel.watch.backups import record_verified
from pilothouse.kernel.watch.commands import open_incident
from pilothouse.pilots.attestations import attest_customer, attest_ours
from pilothouse.pilots.pilot_errors import LineNotYours
from pilothouse.pilots.pilot_reads import access_pilot
from pilothouse.pilots.verdicts import computed
from pilothouse.programs.deals import commands, disputes
from pilothouse.programs.deals.publishing import publish_version

pytestmark = [pytest.mark.house, pytest.mark.tamper]
PRICE = 1_000_000_00


def parameter(name: str, value: str) -> tuple[str, str]:
    """Another value of one parameter of the terms in force."""
    return "terms", f"UPDATE terms SET body = jsonb_set(body, '{{{name}}}', '{value}') WHERE state = 'published'"


# The table that holds the fact of each machine line, and the statement that takes the fact away.
FACTS = {
    "template_loaded": ("terms", f"DELETE FROM terms WHERE state = 'published' AND name = '{MN}'"),
    "inspection_ttl": parameter("inspectionTtlDays", "4"),
    "dispute_ttl": parameter("disputeTtlHours", "72"),
    "holdback": parameter("holdbackRatio", '"0.1"'),
    "immediate": parameter("holdbackRatio", '"0.1"'),
    "buyer_created": ("member", "DELETE FROM member WHERE role = 'buyer'"),
    "seller_created": ("member", "DELETE FROM member WHERE role = 'seller'"),
    "admin_created": ("operator", "DELETE FROM operator"),
    "rollback_drill": ("event", "DELETE FROM event WHERE type = 'rollback_drill'"),
    "backup_verified": ("check_run", "DELETE FROM check_run WHERE name = 'backup:verified'"),
    "invariants_green": ("check_run", "UPDATE check_run SET rows = 1 WHERE name LIKE 'invariant:%'"),
    "first_deal": ("deal", "DELETE FROM deal"),
    "timers_visible": ("timer", "DELETE FROM timer WHERE name = 'auto_approve' AND state = 'armed'"),
    "no_stuck_deals": ("timer", "DELETE FROM timer WHERE state = 'armed'"),
    "issues_have_evidence": ("deal_evidence", "DELETE FROM deal_evidence WHERE side = 'buyer'"),
    # A resolution without a reason is refused by the schema; one that its terms do not allow is found.
    "resolutions_audited": ("terms", "UPDATE terms SET body = body - 'allowedOutcomes'"),
    "enough_deals": ("deal", "DELETE FROM deal WHERE id IN (SELECT id FROM deal WHERE state = 'SETTLED' LIMIT 2)"),
    "template_v2": ("terms", "DELETE FROM terms WHERE version = 2"),
    "tested_with_new_deals": ("deal", "DELETE FROM deal WHERE terms_version = 2"),
}
# Not kept in a table: the addresses that alerts go to are a setting.
SETTING = "alerting"
UNDISPUTED = "id NOT IN (SELECT deal_id FROM dispute)"
CRITERIA = {
    "completion": (
        "deal", "UPDATE deal SET state = 'REFUNDED', to_buyer = to_buyer + to_seller, to_seller = 0"
        f" WHERE state = 'SETTLED' AND {UNDISPUTED}", "failed",
    ),
    "days_to_settle": ("deal", "UPDATE deal SET created_at = created_at - interval '8 days'", "inconclusive"),
    "dispute_frequency": (
        "deal", f"DELETE FROM deal WHERE id = (SELECT min(id) FROM deal WHERE state = 'SETTLED' AND {UNDISPUTED})",
        "inconclusive",
    ),
    "evidence_completeness": ("deal_evidence", "DELETE FROM deal_evidence WHERE side = 'buyer'", "inconclusive"),
}  # fmt: skip


@contextlib.contextmanager
def without(house: Any, table: str, change: str) -> Iterator[None]:
    """The table with this change until the end of the block; the walls are down for as long as it takes."""
    with house.admin() as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(f'CREATE TEMP TABLE kept AS TABLE "{table}"')
        assert admin.execute(change).rowcount > 0, "there is no such fact"
        try:
            yield
        finally:
            admin.execute(f'DELETE FROM "{table}"')
            admin.execute(f'INSERT INTO "{table}" OVERRIDING SYSTEM VALUE TABLE kept')
            admin.execute("DROP TABLE kept")


def proven(house: Any) -> Pilot:
    """A pilot that everything is true of: eleven matured deals, one of them disputed and decided, and a second version
    of the terms with a deal of its own in inspection."""
    pilot = Pilot(house).active()
    market = pilot.market
    for number in range(11):
        deal = market.handed_over(PRICE)
        if number == 0:
            market.claim(deal, "UNDISCLOSED_DEFECT", 50_000_00, ("PHOTO", "DOCUMENT"))
            with market.scope("admin"):
                disputes.resolve(
                    deal, admin=market.people["admin"], outcomes=["OFFSET_50_OF_CAP"], audit_reason="evidence_clear",
                    note=NOTE, decided_by="admin@example.mn",
                )  # fmt: skip
        else:
            with market.scope("buyer"):
                commands.approve(deal, market.buyer)
    market.pass_time(days=3)
    with worker_scope("test"):
        record_verified([], 1)
        body = published("deal_template", MN).body
        publish_version({**body, "version": 2, "offerTtlHours": body["offerTtlHours"] + 1}, "Offers wait longer")
    market.handed_over(PRICE)
    return pilot


def test_every_line_and_criterion_stands_on_its_fact_alone(timed_house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "ALERT_URLS", ["json://localhost"])
    pilot = proven(timed_house)
    seen = pilot.look()
    machine = {each.line.id: each for each in seen.lines if each.line.kind == "machine"}
    assert sorted(machine) == sorted([*FACTS, SETTING])
    assert {name: (each.state, each.sentence) for name, each in machine.items() if each.state != "done"} == {}
    assert [each.criterion.id for each in seen.criteria] == list(CRITERIA)
    assert verdict(pilot) == "succeeded"
    found = {}
    for line, fact in FACTS.items():
        with without(timed_house, *fact):
            found[line] = pilot.states()[line]
    assert {line: state for line, state in found.items() if state not in ("open", "waiting")} == {}
    judged = {}
    for criterion, (table, change, _state) in CRITERIA.items():
        with without(timed_house, table, change):
            judged[criterion] = (pilot.criteria()[criterion] == "pass", verdict(pilot))
    assert judged == {criterion: (False, state) for criterion, (_table, _change, state) in CRITERIA.items()}
    monkeypatch.setattr(settings, "ALERT_URLS", [])
    assert pilot.states()[SETTING] == "open"
    monkeypatch.setattr(settings, "ALERT_URLS", ["json://localhost"])
    daily = [name for name, line in seen.runbook.daily.items() if line.kind == "machine"]
    _nobody_ticks_them(pilot, [*machine, *daily])
    assert verdict(pilot) == "succeeded"
    with worker_scope("test"):
        tenant = pilot.market.tenant.id
        open_incident("security", "A stranger read a room", severity="P0", program="deals", tenant=tenant)
    with pilot.ours():
        assert computed(access_pilot(pilot.id))[1].blocked


def verdict(pilot: Pilot) -> str:
    """What the rules say now."""
    with pilot.ours():
        return computed(access_pilot(pilot.id))[1].state


def _nobody_ticks_them(pilot: Pilot, lines: list[str]) -> None:
    for line in lines:
        with pilot.ours(), pytest.raises(LineNotYours):
            attest_ours(pilot.id, line, True)
        with pilot.market.scope("owner"), pytest.raises(LineNotYours):
            attest_customer(pilot.id, line, "owner", True)
