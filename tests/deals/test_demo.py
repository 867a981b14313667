"""The demo of deals: every number of its proof, compared with the ledger and with the files that it wrote."""

import csv
import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.programs.deals.demo import run_demo
from pilothouse.programs.deals.publishing import publish_first_terms

pytestmark = [pytest.mark.house, pytest.mark.slow]
# What the proof must show: the stories by how their deals end, under terms that pay at approval and at handover.
ENDINGS = {
    "no_issue": {("SETTLED", "HOLDBACK_RELEASE"), ("SETTLED", "approved")},
    "auto_approve": {("SETTLED", "HOLDBACK_RELEASE"), ("SETTLED", "AUTO_APPROVE")},
    "early_release": {("SETTLED", "released_early")},
    "contested_and_refused": {("REFUNDED", "NOT_HANDED_OVER")},
    "never_handed_over": {("REFUNDED", "no_handover")},
    "unfunded": {("EXPIRED", "funding_expired")},
    "declined": {("CANCELLED", "declined")},
    "mutual_cancel": {("REFUNDED", "mutual_cancel")},
    "cancel_in_inspection": {("REFUNDED", "mutual_cancel")},
    "mutual_return": {("REFUNDED", "mutual_return")},
    "deemed_handover": {("SETTLED", "HOLDBACK_RELEASE"), ("SETTLED", "AUTO_APPROVE")},
    "contested_and_confirmed": {("SETTLED", "HOLDBACK_RELEASE"), ("SETTLED", "AUTO_APPROVE")},
    "contested_and_undecided": {("SETTLED", "HOLDBACK_RELEASE"), ("SETTLED", "AUTO_APPROVE")},
    "overpaid": {("SETTLED", "HOLDBACK_RELEASE"), ("SETTLED", "AUTO_APPROVE")},
    "price_correction": {("SETTLED", "HOLDBACK_RELEASE"), ("SETTLED", "AUTO_APPROVE")},
    "claim_withdrawn": {("SETTLED", "withdrawn")},
}
DISPUTE_ENDS = {
    ("RESOLVED", "OFFSET_AS_CLAIMED"), ("RESOLVED", "OFFSET_AS_AGREED"), ("RESOLVED", "evidence_clear"),
    ("RESOLVED", "mutual_return"), ("WITHDRAWN", "withdrawn"), ("EXPIRED", "DISPUTE_TTL_EXPIRED"),
}  # fmt: skip


def test_the_proof_is_what_the_ledger_says(timed_house: Any, tmp_path: Path) -> None:
    with worker_scope("test"):
        publish_first_terms()
    proof = run_demo(tmp_path)
    assert list(proof) == ["deals", "by_state", "money", "metrics", "disputes", "exports", "proof"]
    assert proof["proof"]["holds"]
    assert json.loads(json.dumps(proof)) == proof, "it prints as JSON"
    the_stories_ended_as_told(proof)
    the_money_is_the_ledgers(proof)
    the_disputes_are_all_there(proof)
    the_files_hold_everything(proof)


def the_stories_ended_as_told(proof: dict[str, Any]) -> None:
    assert len(proof["deals"]) >= 12
    assert proof["by_state"] == Counter(deal["state"] for deal in proof["deals"])
    assert set(proof["proof"]["by_policy"]) == {"APPROVAL", "HANDOVER"}
    assert {deal["unit"] for deal in proof["deals"]} == {"MNT", "JPY"}
    for story, ends in ENDINGS.items():
        assert {(d["state"], d["ended_by"]) for d in proof["deals"] if d["story"] == story} == ends, story
    corrected = [deal for deal in proof["deals"] if deal["story"] == "price_correction"]
    assert all(deal["returned"] == deal["first_price"] - deal["price"] > 0 for deal in corrected)
    assert [d["deal"] for d in proof["deals"] if d["story"] == "failed_payout"] == proof["proof"]["payouts"][
        "failed_first"
    ]
    completion = proof["metrics"]["settlement_completion"]
    assert (completion["count"], completion["of"]) == (proof["by_state"]["SETTLED"], len(proof["deals"]))


def the_money_is_the_ledgers(proof: dict[str, Any]) -> None:
    with worker_scope("test"):
        deals = run(
            "SELECT unit, sum(to_seller)::bigint AS seller, sum(to_buyer + returned)::bigint AS buyer,"
            " sum(in_escrow)::bigint AS escrow FROM deal GROUP BY unit"
        )
        owed = run(
            "SELECT unit, kind, sum(credits - debits)::bigint AS n FROM account"
            " WHERE kind IN ('escrow', 'payable', 'refund_due', 'suspense') GROUP BY unit, kind"
        )
        payments = run("SELECT unit, sum(amount - returned)::bigint AS kept FROM payment GROUP BY unit")
        paid = run("SELECT unit, side, sum(amount)::bigint AS n FROM payout WHERE state = 'confirmed' GROUP BY 1, 2")
    balance = {(row["unit"], row["kind"]): row["n"] for row in owed}
    left = {(row["unit"], row["side"]): row["n"] for row in paid}
    assert set(proof["money"]) == {"MNT", "JPY"}
    for row in deals:
        unit, money, bank = row["unit"], proof["money"][row["unit"]], proof["proof"]["bank"][row["unit"]]
        assert money["in"] == money["to_sellers"] + money["to_buyers"] + money["in_escrow"] + money["suspense"]
        assert {"in": money["in"]} == {"in": next(p["kept"] for p in payments if p["unit"] == unit)}
        assert (money["to_sellers"], money["to_buyers"]) == (row["seller"], row["buyer"])
        assert (money["in_escrow"], row["escrow"], balance[unit, "escrow"]) == (0, 0, 0)
        assert money["suspense"] == balance[unit, "suspense"] > 0
        assert money["unpaid"]["to_sellers"] == balance[unit, "payable"] > 0, "one seller named no bank account"
        assert money["unpaid"]["to_buyers"] == balance[unit, "refund_due"] == 0
        assert money["paid"] == {"to_sellers": left[unit, "seller"], "to_buyers": left[unit, "buyer"]}
        for name in ("to_sellers", "to_buyers"):
            assert money[name] == money["paid"][name] + money["unpaid"][name]
        assert bank["sent_back"] > 0
        assert money["in"] == bank["received"] - bank["sent_back"]


def the_disputes_are_all_there(proof: dict[str, Any]) -> None:
    ends = {(dispute["state"], dispute["ended_by"]) for dispute in proof["disputes"]}
    assert ends == DISPUTE_ENDS
    expired = {
        line["outcome"] for dispute in proof["disputes"] if dispute["state"] == "EXPIRED" for line in dispute["lines"]
    }
    assert expired == {"RELEASE_TO_SELLER", "OFFSET_AS_CLAIMED", "OFFSET_SPLIT"}, "the three cases of the evidence"
    for dispute in proof["disputes"]:
        granted = [line["granted"] for line in dispute["lines"] if line["granted"] is not None]
        assert sum(granted) == dispute["granted"]


def the_files_hold_everything(proof: dict[str, Any]) -> None:
    assert {each["file"] for each in proof["exports"]} == {
        "timelines.json", "timelines.csv", "ledger.json", "ledger.csv",
    }  # fmt: skip
    with worker_scope("test"):
        (transfers,) = run("SELECT count(*) AS n FROM transfer")
        (events,) = run("SELECT count(*) AS n FROM event WHERE subject_kind IN ('deal', 'dispute')")
    for each in proof["exports"]:
        data = Path(each["path"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == each["sha256"]
        rows: list[Any] = (
            json.loads(data) if each["file"].endswith(".json") else list(csv.DictReader(data.decode().splitlines()))
        )
        assert len(rows) == each["rows"] == (transfers if "ledger" in each["file"] else events)["n"]
        if each["file"] == "timelines.json":
            assert {row["deal"] for row in rows} == {deal["deal"] for deal in proof["deals"]}
