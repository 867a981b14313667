"""The feedback form after a deal's end: asked once of each side, kept, counted, and the same as the document's."""

import re
from pathlib import Path
from typing import Any

import pytest
from pilot_market import PRICE, browser, pilot_market

from pilothouse.kernel.base.scope import ops_scope
from pilothouse.pilots import feedback

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "PILOT_FEEDBACK_FORM.md"
ANSWERS = {
    "timer_seen": "no", "timer_unseen_where": "On the page of the claim", "timer_end_known": "yes",
    "inspection_length": "short", "dispute_length": "", "money_known": "yes", "holdback_known": "no",
    "amount_expected": "yes", "evidence_added": "yes",
}  # fmt: skip


@pytest.mark.unit
def test_the_form_asks_what_the_document_asks() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    heads = re.findall(r"^## \d+\. (.*)$", text, re.MULTILINE)
    parts = (*feedback.SECTIONS, *feedback.OPERATOR_SECTIONS)
    assert heads == [str(title) for title, _names in parts]
    for number, (_title, names) in enumerate(parts, 1):
        (part,) = re.findall(rf"^## {number}\. .*?\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
        asked = [line.split(". ", 1)[1] for line in part.strip().splitlines() if re.match(r"\d+\. ", line)]
        assert asked == [feedback.question(name) for name in names]
    assert [name for _title, names in feedback.SECTIONS for name in names] == list(feedback.FeedbackForm.base_fields)


@pytest.mark.house
def test_each_side_is_asked_once_after_the_end(timed_house: Any) -> None:
    market = pilot_market(timed_house)
    deal = market.handed_over(PRICE)
    buyer, seller, stranger = browser("buyer@example.mn"), browser("seller@example.mn"), browser("ops@ours.example")
    here = f"/feedback/deals/{deal}"
    assert buyer.get(here).status_code == 409
    assert here not in buyer.get(f"/deals/{deal}/").content.decode()
    market.pass_time(hours=73)
    market.pass_time(hours=49)
    assert here in buyer.get(f"/deals/{deal}/").content.decode()
    assert buyer.get("/feedback/deals/deal_01hzx4t7q8aaaaaaaaaaaaaaaa").status_code == 404
    assert buyer.get(f"/feedback/video/{deal}").status_code == 404
    assert stranger.get(here).status_code == 403
    refused = buyer.post(here, {**ANSWERS, "money_known": ""})
    assert refused.status_code == 422
    assert "On the page of the claim" in refused.content.decode()
    assert buyer.post(here, ANSWERS)["Location"] == f"/deals/{deal}/"
    for method in (buyer.get, lambda url: buyer.post(url, ANSWERS)):
        again = method(here)
        assert again.status_code == 409
        assert "You have filled in this form" in again.content.decode()
    assert seller.post(here, {**ANSWERS, "timer_seen": "yes"}).status_code == 302
    with ops_scope("test"):
        counted = {(row["name"], row["answer"]): row["count"] for row in feedback.totals()}
        rows = feedback.listed()
    assert counted["timer_seen", "no"] == 1
    assert counted["holdback_known", "no"] == 2
    assert ("dispute_length", "") not in counted
    assert {(row["role"], row["version"]) for row in rows} == {
        ("buyer", "MN_USED_CAR_PRIVATE v1"), ("seller", "MN_USED_CAR_PRIVATE v1"),
    }  # fmt: skip
    page = browser("support@ours.example").get("/desk/feedback/?state=words&q=page of the claim").content.decode()
    assert f"/desk/deals/{deal}/" in page
    assert "Could you say what the holdback is" in page
    assert buyer.get("/desk/feedback/").status_code == 404


@pytest.mark.house
def test_an_operator_is_asked_once_after_a_dispute(timed_house: Any) -> None:
    market = pilot_market(timed_house)
    deal = market.handed_over(PRICE)
    olga, sam = browser("ops@ours.example"), browser("support@ours.example")
    here = f"/desk/feedback/deals/{deal}"
    assert olga.get(here).status_code == 409, "nothing was in dispute"
    market.claim(deal, "COSMETIC_DAMAGE", 900_000)
    assert olga.get(here).status_code == 409, "it is open"
    dispute = f"/admin/disputes/{market.dispute(deal).public_id}"
    assert here not in olga.get(dispute).content.decode()
    market.pass_time(hours=49)
    assert here in olga.get(dispute).content.decode()
    assert here not in sam.get(dispute).content.decode()
    assert sam.get(here).status_code == 403
    assert browser("buyer@example.mn").get(here).status_code == 404
    assert olga.get("/desk/feedback/video/x").status_code == 404
    given = {"evidence_enough": "no", "evidence_missing": "A photo of the plate"}
    refused = olga.post(here, {"evidence_missing": "A photo of the plate"})
    assert refused.status_code == 422
    assert "A photo of the plate" in refused.content.decode()
    assert olga.post(here, given)["Location"] == dispute
    assert olga.post(here, given).status_code == 409
    with ops_scope("test"):
        assert [(row["role"], row["subject"], row["answers"]["words"]) for row in feedback.listed()] == [
            ("operator", deal, {"evidence_missing": "A photo of the plate"})
        ]
    page = sam.get("/desk/feedback/").content.decode()
    assert "Was the evidence enough to decide?" in page
    assert "A photo of the plate" in page
