"""`pilothouse deals …`: versions of terms from a file to their end, and what a deal looks like from the shell."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command_line import said
from deal_world import MN, Market

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.terms.commands import retire
from pilothouse.programs.deals.publishing import publish_first_terms
from pilothouse.programs.deals.terms import FOLDER, in_force
from pilothouse.programs.deals.terms_checks import KIND

pytestmark = pytest.mark.house
PRICE = 3_000_000_000


def deals(*arguments: object, code: int = 0) -> str:
    """What `pilothouse deals …` prints."""
    done = said("deals", *arguments)
    assert done.code == code, done.out + done.err
    return done.out


def told(*arguments: object, code: int = 0) -> dict[str, Any]:
    """The one JSON object that it prints with --json."""
    found: dict[str, Any] = json.loads(deals(*arguments, "--json", code=code))
    assert found["ok"] is (code == 0)
    return found


def test_a_second_version_from_the_first_to_its_end(market: Market, tmp_path: Path) -> None:
    old = market.deal(market.accepted(PRICE))
    made = told(
        "terms", "create", "--from", MN, "--set", "disputeTtlHours=72", "--set", "holdbackRatio=0.20",
        "--set", "offsetCapsByReasonCode.COSMETIC_DAMAGE=0.04", "--note", "Too short", "--out", tmp_path,
    )  # fmt: skip
    assert (made["terms"], made["state"]) == (f"{MN}_v2", "draft")
    assert {row["value"]: (row["before"], row["after"]) for row in made["changes"]} == {
        "disputeTtlHours": ("48", "72"),
        "holdbackRatio": ("0.15", "0.20"),
        "offsetCapsByReasonCode.COSMETIC_DAMAGE": ("0.03", "0.04"),
        "version": ("1", "2"),
    }
    assert market.deal(market.accepted(PRICE)).terms_version == 1, "a draft is not in force"
    changes = told("terms", "diff", f"{MN}_v1", f"{MN}_v2")["changes"]
    assert [row["value"] for row in changes] == [
        "disputeTtlHours", "holdbackRatio", "offsetCapsByReasonCode.COSMETIC_DAMAGE"
    ]  # fmt: skip
    assert deals("terms", "diff", f"{MN}_v1", tmp_path / f"{MN}_v2.json").count("72") == 1
    assert told("terms", "publish", f"{MN}_v2")["state"] == "published"
    assert market.deal(market.accepted(PRICE)).terms_version == 2
    assert market.deal(old.public_id).terms_version == 1
    rows = {row["terms"]: row for row in told("terms", "list")["terms"]}
    assert [(rows[f"{MN}_v{n}"]["state"], rows[f"{MN}_v{n}"]["deals"]) for n in (1, 2)] == [
        ("retired", 2), ("published", 1)
    ]  # fmt: skip
    assert rows[f"{MN}_v2"]["note"] == "Too short"
    assert "20 % held back" in deals("terms", "matrix")
    assert told("terms", "publish", f"{MN}_v2", code=1)["error"]["code"] == "terms_invalid"
    deals("terms", "retire", MN)
    assert told("terms", "retire", MN, code=1)["error"]["code"] == "no_terms"
    with pytest.raises(Exception, match="no published version"):
        market.accepted(PRICE)


def test_a_file_is_verified_drafted_and_published(market: Market, tmp_path: Path) -> None:
    body = json.loads((FOLDER / f"{MN}_v1.json").read_text())
    file = tmp_path / f"{MN}_v2.json"
    file.write_text(json.dumps({**body, "version": 2, "inspectionTtlDays": 4}))
    assert told("terms", "verify", file, "--expect", "inspectionTtlDays=4")["ok"]
    assert told("terms", "create", file)["terms"] == f"{MN}_v2"
    again = told("terms", "publish", file)
    assert (again["terms"], again["state"]) == (f"{MN}_v2", "published"), "its draft is put in force"
    assert told("terms", "publish", file) == again, "asked again it is done once"
    assert told("terms", "show", MN)["body"]["inspectionTtlDays"] == 4
    assert "inspectionTtlDays" in deals("terms", "show", f"{MN}_v1")
    skipped = tmp_path / f"{MN}_v9.json"
    skipped.write_text(json.dumps({**body, "version": 9}))
    assert told("terms", "publish", skipped, code=1)["error"]["code"] == "terms_version_not_next"
    misnamed = tmp_path / "MN_BOATS_v2.json"
    misnamed.write_text(file.read_text())
    for bad in (misnamed, tmp_path / "terms.json", tmp_path / f"{MN}_v3.json"):
        assert told("terms", "create", bad, code=1)["error"]["code"] == "terms_file_invalid"


def test_verify_prints_the_four_values_and_compares_them(market: Market, tmp_path: Path) -> None:
    four = ("inspectionTtlDays=3", "disputeTtlHours=48", "holdbackRatio=0.15", "immediateRatio=0.85")
    asked = [part for each in four for part in ("--expect", each)]
    found = told("terms", "verify", MN, *asked)
    assert [(row["value"], row["is"]) for row in found["values"]] == [
        ("inspectionTtlDays", 3), ("disputeTtlHours", 48), ("holdbackRatio", "0.15"), ("immediateRatio", "0.85")
    ]  # fmt: skip
    assert all(check["ok"] for check in found["checks"])
    assert "does NOT hold" in deals("terms", "verify", MN, "--expect", "holdbackRatio=0.20", code=1)
    body = json.loads((FOLDER / f"{MN}_v1.json").read_text())
    bad = tmp_path / f"{MN}_v2.json"
    caps = {**body["offsetCapsByReasonCode"], "COSMETIC_DAMAGE": "0.00001", "MISSING_ACCESSORY": "0.5"}
    bad.write_text(json.dumps({**body, "version": 2, "offsetCapsByReasonCode": caps, "offerTtlHours": 0}))
    found = told("terms", "verify", bad, code=1)
    assert [problem["code"] for check in found["checks"] for problem in check["problems"]] == [
        "terms_length_invalid", "terms_ratio_invalid", "terms_cap_above_holdback"
    ]  # fmt: skip
    assert "terms_cap_above_holdback: These terms cannot be used" in deals("terms", "verify", bad, code=1)
    bad.write_text("[1")
    assert told("terms", "verify", bad, code=1)["error"]["code"] == "terms_file_invalid"
    for unknown in ("MN_BOATS", f"{MN}_v7", "nonsense_v1"):
        assert told("terms", "verify", unknown, code=1)["error"]["code"] in ("no_terms", "not_found")


def test_a_draft_is_refused_by_the_check_that_it_fails(market: Market) -> None:
    for change, code in (
        ("offsetCapsByReasonCode.COSMETIC_DAMAGE=0.16", "terms_cap_above_holdback"),
        ("holdbackRatio=0.12345", "terms_ratio_invalid"),
        ("requiredEvidence.COSMETIC_DAMAGE=", "terms_evidence_missing"),
        ("surprise.deep=1", "terms_field_unknown"),
    ):
        refused = told("terms", "create", "--from", f"{MN}_v1", "--set", change, code=1)
        assert refused["error"]["code"] == code
    assert [row["terms"] for row in told("terms", "list")["terms"] if row["state"] == "draft"] == []


def test_retired_terms_stay_retired_when_the_worker_starts_again(market: Market) -> None:
    with worker_scope("test"):
        retire(KIND, MN)
        publish_first_terms()
    with pytest.raises(Exception, match="no published version"), worker_scope("test"):
        in_force(MN)


def test_deals_are_listed_and_shown_with_money_timers_and_timeline(market: Market) -> None:
    deal = market.handed_over(PRICE)
    market.claim(deal, "COSMETIC_DAMAGE", 50_000_000)
    other = market.accepted(PRICE)
    listed = told("list")["deals"]
    assert [row["deal_id"] for row in listed] == [other, deal]
    assert [row["deal_id"] for row in told("list", "--state", "ISSUE")["deals"]] == [deal]
    assert told("list", "--state", "NOWHERE", code=1)["error"]["code"] == "invalid_input"
    assert "30,000,000" in deals("list", "--search", deal)
    assert "No deal matches." in deals("list", "--search", "a boat")
    shown = told("show", deal)
    assert (shown["state"], shown["buyer"], shown["seller"]) == ("ISSUE", "buyer@example.mn", "seller@example.mn")
    assert (shown["money"]["in_escrow"], shown["money"]["to_seller"]) == (PRICE, 0)
    assert [(each["name"], each["state"]) for each in shown["timers"]][-2:] == [
        ("auto_approve", "cancelled"), ("dispute_ttl", "armed")
    ]  # fmt: skip
    assert [event["type"] for event in shown["timeline"]][-2:] == ["confirm_handover", "raise_issue"]
    assert shown["dispute"]["lines"][0]["cap"] == 90_000_000
    page = deals("show", deal)
    assert "dispute_ttl" in page
    assert "in escrow" in page
    assert told("show", "deal_nothing", code=1)["error"]["code"] == "not_found"


def test_the_command_runs_in_a_process_of_its_own(market: Market) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pilothouse.site.cli", "deals", "terms", "list", "--json"],
        env=market.house.env(), capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert [row["terms"] for row in json.loads(done.stdout)["terms"]] == ["JP_CAMERA_PRIVATE_v1", f"{MN}_v1"]
