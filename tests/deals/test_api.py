"""The JSON API of deals: a whole sale over HTTP, each refusal, and one effect for one Idempotency-Key."""

import json
from typing import Any

import pytest
from api_world import PRICE, Person, claim, in_inspection, offered
from deal_world import CAR, MN, NOTE, photo
from django.test import Client

from pilothouse.kernel.access.commands import add_operator, issue_key
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.programs.deals.models import Deal, DealRequest, Evidence

pytestmark = [pytest.mark.house, pytest.mark.http]


def test_a_disputed_sale_from_the_draft_to_the_operators_decision(market: Any, people: dict[str, Person]) -> None:
    deal, buyer, seller, admin = in_inspection(market, people), people["buyer"], people["seller"], people["admin"]
    seen = buyer.get(f"deals/{deal}")
    assert (seen["state"], seen["timer"]["name"], seen["forecast"]["state"]) == (
        "INSPECTION",
        "auto_approve",
        "HOLDBACK",
    )
    assert (seen["money"]["in_escrow"], seen["money"]["holdback"]) == (PRICE, 450_000_000)
    assert "approve" in seen["actions"]
    assert seller.get(f"deals/{deal}")["actions"] == ["cancel"]
    assert claim(people, deal)["dispute"]["lines"][0]["cap"] == 90_000_000
    counter = {"response": "counter", "note": "It was there.", "counters": [10_000_000]}
    assert seller.post(f"deals/{deal}/respond", counter)["dispute"]["lines"][0]["counter"] == 10_000_000
    (listed,) = admin.get("admin/disputes")["disputes"]
    assert (listed["deal_id"], listed["buyer_files"], listed["left_s"]) == (deal, 1, 48 * 3600)
    menu = admin.get(f"admin/disputes/{deal}")["menu"][0]
    assert {"outcome": "OFFSET_50_OF_CAP", "to_buyer": 45_000_000} in menu
    body = {"outcomes": ["OFFSET_50_OF_CAP"], "audit_reason": "evidence_clear", "note": NOTE}
    decided = admin.post(f"admin/disputes/{deal}/resolve", body, key="one")
    assert (decided["state"], decided["to_buyer"], decided["to_seller"]) == ("SETTLED", 45_000_000, PRICE - 45_000_000)
    assert admin.post(f"admin/disputes/{deal}/resolve", body, key="one")["replayed"]
    timeline = buyer.get(f"deals/{deal}/timeline")["events"]
    assert [event["type"] for event in timeline][-2:] == ["resolve", "settle_issue"]
    assert {event["actor"] for event in timeline} == {"buyer", "seller", "operator", "bank"}
    assert market.mails["admin"] not in json.dumps(timeline)
    (row,) = buyer.get("deals?state=SETTLED")["deals"]
    assert (row["deal_id"], row["side"], row["ended_by"]) == (deal, "buyer", "evidence_clear")


def test_operators_are_bound_to_the_terms(market: Any, people: dict[str, Person]) -> None:
    deal = in_inspection(market, people)
    claim(people, deal)
    path = f"admin/disputes/{deal}/resolve"
    good = {"outcomes": ["OFFSET_FULL_CAP"], "audit_reason": "evidence_clear", "note": NOTE}
    for change, code in (
        ({"outcomes": ["OFFSET_90_OF_CAP"]}, "outcome_not_allowed"),
        ({"outcomes": ["OFFSET_SPLIT"]}, "outcome_not_allowed"),
        ({"outcomes": [12_345]}, "invalid_input"),
        ({"amount": 12_345}, "invalid_input"),
        ({"audit_reason": None}, "audit_reason_missing"),
        ({"note": "short"}, "audit_reason_missing"),
    ):
        assert people["admin"].post(path, {**good, **change}, 422)["code"] == code, change
    people["support"].post(path, good, 403)
    people["buyer"].post(path, good, 403)
    with worker_scope("test"):
        add_operator(market.mails["seller"], "operator")
    assert people["seller"].post(path, good, 403)["code"] == "admin_is_party"
    assert market.deal(deal).state == "ISSUE"


def test_nobody_else_sees_or_does_anything(market: Any, people: dict[str, Person]) -> None:
    deal = in_inspection(market, people)
    stranger = people["stranger"]
    assert stranger.get("deals")["deals"] == []
    for path in (f"deals/{deal}", f"deals/{deal}/timeline"):
        assert stranger.get(path, 404)["code"] == "not_found"
    for path in ("approve", "handover", "claim/accept", "withdraw"):
        stranger.post(f"deals/{deal}/{path}", status=404)
    stranger.file(deal, "PHOTO", photo(), 404)
    assert people["seller"].post(f"deals/{deal}/approve", status=403)["code"] == "not_your_side"
    with tenant_scope(market.tenant.id, "user:owner"):
        _, raw = issue_key(market.tenant.id, "Key", "live")
    key = Client(headers={"Authorization": f"Bearer {raw}"}).get(f"/v1/deals/{deal}")
    assert (key.status_code, key.json()["error"]["code"]) == (403, "missing_scope")
    assert Client().get(f"/v1/deals/{deal}").status_code == 401
    assert market.deal(deal).state == "INSPECTION"


def test_one_key_one_effect(market: Any, people: dict[str, Person]) -> None:
    buyer, seller = people["buyer"], people["seller"]
    body = {"side": "seller", "template": MN, "price": PRICE, "title": "Toyota Prius", "item": CAR}
    first = seller.post("deals", body, 201, key="order-1")
    again = seller.post("deals", body, 201, key="order-1")
    assert again["replayed"]
    assert again["deal_id"] == first["deal_id"]
    refused = seller.post("deals", {**body, "price": PRICE - 100}, 422, key="order-1")
    assert refused["code"] == "request_id_conflict"
    assert refused["details"]["first"] == first["deal_id"]
    deal = in_inspection(market, people)
    assert not buyer.post(f"deals/{deal}/approve", key="k")["replayed"]
    assert buyer.post(f"deals/{deal}/approve", key="k")["replayed"], "the same answer, and nothing is paid twice"
    assert market.accounts(deal)["payable"] == 2_550_000_000
    assert seller.post(f"deals/{deal}/approve", status=422, key="k")["code"] == "request_id_conflict"
    assert buyer.post(f"deals/{deal}/approve", status=409, key="other")["code"] == "transition_refused"
    assert buyer.post(f"deals/{deal}/release", status=422, key="a b")["code"] == "invalid_input"
    with market.scope():
        assert DealRequest.objects.count() == 2
        assert Deal.objects.count() == 2


def test_an_offers_secret_is_stored_nowhere(market: Any, people: dict[str, Person]) -> None:
    offer = offered(market, people)
    deal = offer["deal_id"]
    people["seller"].post(f"deals/{deal}/withdraw", key="w")
    with market.scope():
        assert offer["invitation"] not in json.dumps(list(DealRequest.objects.values_list("answer", flat=True)))
    people["buyer"].post("deals/join", {"invitation": offer["invitation"]}, 404)


def test_bad_input_is_refused_and_nothing_moves(market: Any, people: dict[str, Person]) -> None:
    deal, buyer, seller = in_inspection(market, people), people["buyer"], people["seller"]
    body = {"side": "seller", "template": MN, "price": PRICE, "title": "Car"}
    for change, code in (
        ({"price": 12_345}, "amount_not_quantized"),
        ({"price": 30.5}, "invalid_input"),
        ({"price": "3000"}, "invalid_input"),
        ({"price": 100}, "amount_too_small"),
        ({"side": "both"}, "invalid_input"),
        ({"item": {"wheels": 4}}, "invalid_input"),
        ({"item": [1]}, "invalid_input"),
        ({"item": {"make": {"deep": 1}}}, "invalid_input"),
        ({"fee": 1}, "invalid_input"),
        ({"title": "nul \x00"}, "invalid_input"),
    ):
        assert seller.post("deals", {**body, **change}, 422)["code"] == code, change
    assert seller.post("deals", {**body, "template": "XX_NOTHING"}, 409)["code"] == "no_terms"
    for name, data in (
        ("renamed program", b"MZ\x90\x00" + b"\x00" * 200),
        ("page", b"<!DOCTYPE html><script>alert(1)</script>"),
        ("nothing", b""),
    ):
        assert buyer.file(deal, "PHOTO", data, 415)["code"] == "file_type_refused", name
    buyer.file(deal, "SECRET", photo(), 422)
    line = {"code": "COSMETIC_DAMAGE", "amount": 100, "note": "x", "evidence": [{"type": "PHOTO", "file_id": "file_x"}]}
    assert buyer.post(f"deals/{deal}/issue", {"lines": [line]}, 404)["code"] == "not_found"
    for lines in ("x", [1], [], [{**line, "extra": 1}], [{**line, "amount": 10**30}], [{**line, "evidence": "f"}]):
        buyer.post(f"deals/{deal}/issue", {"lines": lines}, 422)
    assert buyer.post(f"deals/{deal}/sign", {"kind": "price", "content": {"price": 100}}, 409)["code"] == "conflict"
    buyer.post(f"deals/{deal}/sign", {"kind": "cancel", "content": "now"}, 422)
    buyer.post(f"deals/{deal}/evidence", {"purpose": "claim", "type": "PHOTO", "file_id": "f", "line": 10**30}, 422)
    assert (market.deal(deal).state, market.accounts(deal)["escrow"]) == ("INSPECTION", PRICE)
    with market.scope():
        assert Evidence.objects.filter(purpose="claim").count() == 0


def test_a_claim_after_the_window_is_refused(market: Any, people: dict[str, Person]) -> None:
    deal = in_inspection(market, people)
    market.pass_time_without_firing(hours=72)
    market.pass_time_without_firing(seconds=1)
    file = people["buyer"].file(deal, "PHOTO", photo(77))["file_id"]
    line = {"code": "COSMETIC_DAMAGE", "amount": 100, "note": "Late", "evidence": [{"type": "PHOTO", "file_id": file}]}
    assert people["buyer"].post(f"deals/{deal}/issue", {"lines": [line]}, 409)["code"] == "inspection_over"


def test_a_contested_handover_is_decided_over_http(market: Any, people: dict[str, Person]) -> None:
    deal = market.funded(PRICE)
    market.file_handover(deal)
    note = {"reason": "not_received", "note": "Nobody came."}
    people["buyer"].post(f"deals/{deal}/handover/contest", note)
    (listed,) = people["admin"].get("admin/handovers")["handovers"]
    assert (listed["deal_id"], listed["contest_reason"]) == (deal, "not_received")
    path = f"admin/handovers/{deal}/decide"
    body = {"decision": "NOT_HANDED_OVER", "audit_reason": "evidence_missing", "note": NOTE}
    people["admin"].post(path, {**body, "decision": "HALF"}, 422)
    assert people["admin"].post(path, body)["state"] == "REFUNDED"
    assert market.accounts(deal) == {"escrow": 0, "payable": 0, "refund_due": PRICE}
