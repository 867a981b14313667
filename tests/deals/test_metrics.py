"""The metrics of deals: verdicts over matured deals, intervals, and one version against another."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from deal_world import Market
from django.contrib.auth import get_user_model
from django.test import Client

from pilothouse.kernel.access.commands import add_operator
from pilothouse.kernel.base.scope import ops_scope, worker_scope
from pilothouse.kernel.watch.pilot_facts import wilson
from pilothouse.programs.deals import commands, limits, metrics

PRICE = 3_000_000_000
DAY = 86_400


def row(**changes: Any) -> dict[str, Any]:
    """Twenty matured deals, nineteen settled within five days, one dispute with its evidence."""
    whole = {
        "part": "", "created": 22, "matured": 20, "settled": 19, "disputed_matured": 1, "disputed": 1, "complete": 1,
        "decided": 0, "disputes_ended": 1, "seconds": 19 * 5.0 * DAY, "spread": 0.5 * DAY,
    }  # fmt: skip
    return {**whole, **changes}


def verdicts(**changes: Any) -> list[str]:
    return [each.verdict for each in metrics.primary(row(**changes))]


@pytest.mark.unit
def test_each_verdict() -> None:
    assert verdicts() == ["pass"] * 4
    assert verdicts(matured=9, settled=9) == ["insufficient"] * 4
    assert verdicts(settled=18, seconds=18 * 5.0 * DAY)[0] == "inconclusive"  # 90 % is not more than 90 %
    assert verdicts(settled=9)[0] == "fail"
    assert verdicts(settled=10)[0] == "inconclusive"
    assert verdicts(seconds=19 * 7.0 * DAY)[1] == "inconclusive"
    assert verdicts(disputed_matured=2)[2] == "inconclusive"
    assert verdicts(complete=0)[3] == "inconclusive"
    assert metrics.primary(row())[0].plain == 19 / 22
    assert metrics.rollback_triggered(row(settled=9))
    assert not metrics.rollback_triggered(row(settled=10))
    assert not metrics.rollback_triggered(row(matured=9, settled=0))


@pytest.mark.unit
def test_a_pilot_is_judged_by_the_targets_of_the_desk() -> None:
    runbook = Path(limits.__file__).parent / "runbooks" / "deals_v1.toml"
    told = {
        each["measure"]: (each["target"], each["fail_at"], each["least"])
        for each in tomllib.loads(runbook.read_text(encoding="utf-8"))["criteria"]
    }
    least = limits.VERDICT_MIN_DEALS
    assert told == {
        "completion": (f"> {limits.COMPLETION_TARGET_RATIO:g}", f"< {limits.COMPLETION_FAIL_RATIO:g}", least),
        "days_to_settle": (f"< {limits.SETTLE_TARGET_DAYS}", "none", least),
        "dispute_frequency": (f"< {limits.DISPUTED_TARGET_RATIO:g}", "none", least),
        "evidence_completeness": (f"= {limits.EVIDENCE_TARGET_RATIO:g}", "none", least),
    }


@pytest.mark.unit
def test_the_interval_is_wilsons_and_versions_differ_only_beyond_it() -> None:
    low, high = wilson(19, 20) or (0, 0)
    assert (round(low, 4), round(high, 4)) == (0.7639, 0.9911)
    assert wilson(0, 0) is None
    told = {each["name"]: each["differs"] for each in metrics.compared(row(), row(settled=6, seconds=6 * 9.0 * DAY))}
    assert told == {"completion": "yes", "days": "yes", "disputes": "no", "evidence": "no"}
    assert {each["differs"] for each in metrics.compared(row(), row(matured=5, settled=5))} == {"insufficient"}


@pytest.mark.house
def test_the_numbers_are_those_of_the_deals(market: Market) -> None:
    market.handed_over(PRICE)
    market.claim(market.handed_over(PRICE), "UNDISCLOSED_DEFECT", 100_000_000, ("PHOTO",))
    market.accepted(PRICE)
    market.pass_time(hours=73)
    market.pass_time(hours=49)
    open_one = market.funded(PRICE)
    market.draft(PRICE)
    with ops_scope("test"):
        whole = metrics.total(metrics.measure())
        (week,) = metrics.measure(by="week")
        (version,) = metrics.measure(by="version")
    assert whole["created"] == 4
    assert (whole["matured"], whole["settled"], whole["disputed"], whole["complete"]) == (3, 2, 1, 0)
    assert version["part"] == "MN_USED_CAR_PRIVATE v1"
    assert week["part"] == "2026-03-02"
    days = [
        (deal.ended_at - deal.created_at).total_seconds() / DAY
        for deal in (market.deal(one) for one in settled_of(market))
        if deal.ended_at
    ]
    assert metrics.primary(whole)[1].value == pytest.approx(sum(days) / 2)
    with market.scope("seller"):
        assert commands.access_deal(open_one, market.seller)[0].state == "FUNDED"
    with worker_scope("test"):
        add_operator("support@ours.example", "support", "Sam", "a long pass phrase 7")
    client = Client()
    person = get_user_model().objects.get(email="support@ours.example")
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get("/desk/deals/metrics").content.decode()
    assert "4 deals offered, 3 matured" in page
    assert "not enough data" in page
    assert "2026-03-02" in page


def settled_of(market: Market) -> list[str]:
    from pilothouse.programs.deals.models import Deal

    with market.scope():
        return list(Deal.objects.filter(state="SETTLED").values_list("public_id", flat=True))
