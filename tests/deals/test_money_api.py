"""Over HTTP: where a party's money goes, how a deal is paid, the terms that were promised, and joining once."""

import json
from typing import Any

import pytest
from api_world import PRICE, Person, in_inspection, offered
from deal_world import CAR, MN

from pilothouse.kernel.access.commands import set_flag
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.payments.bank_accounts import usable_account
from pilothouse.kernel.payments.models import BankAccount
from pilothouse.programs.deals.models import Deal

pytestmark = [pytest.mark.house, pytest.mark.http]
ACCOUNT = {"unit": "MNT", "holder": "Bat Dorj", "bank": "Khan Bank", "number": "5000 1234-56"}


def confirmed(person: Person, number: str = "5000123456") -> str:
    named = person.post("bank-accounts", {**ACCOUNT, "number": number}, 201)
    path = f"bank-accounts/{named['account_id']}/confirm"
    assert person.post(path, {"last_digits": number[-4:]})["state"] == "confirmed"
    return str(named["account_id"])


def test_an_account_is_named_confirmed_and_used(market: Any, people: dict[str, Person]) -> None:
    seller = people["seller"]
    named = seller.post("bank-accounts", ACCOUNT, 201)
    assert (named["state"], named["usable"], named["number_hint"]) == ("named", False, "3456")
    assert "5000" not in json.dumps(named), "the number is never told again"
    path = f"bank-accounts/{named['account_id']}"
    assert seller.post(f"{path}/confirm", {"last_digits": "9999"}, 422)["code"] == "invalid_input"
    assert seller.get(path)["confirmed_at"] is None
    assert seller.post(f"{path}/confirm", {"last_digits": "3456"})["usable"]
    assert seller.post(f"{path}/confirm", {"last_digits": "3456"}, 409)["code"] == "conflict"
    assert [each["account_id"] for each in seller.get("bank-accounts")["accounts"]] == [named["account_id"]]
    other = people["buyer"]
    assert other.get("bank-accounts")["accounts"] == []
    other.get(path, 404)
    for bad in (
        {"number": "12"},
        {"unit": "XXX"},
        {"holder": " "},
        {"bank": 5},
        {"iban": "x"},
        {"number": "1\x002345"},
    ):
        assert other.post("bank-accounts", {**ACCOUNT, **bad}, 422)["code"] == "invalid_input", bad
    other.post(f"{path}/confirm", {"last_digits": "3456"}, 404)
    other.delete(path, 404)
    with market.scope():
        assert BankAccount.objects.count() == 1


def test_a_change_needs_the_password_and_a_day_also_after_a_removal(market: Any, people: dict[str, Person]) -> None:
    seller = people["seller"]
    first = confirmed(seller)
    assert seller.post("bank-accounts", ACCOUNT, 403)["code"] == "sign_in_again"
    refused = seller.delete(f"bank-accounts/{first}", 403)
    assert refused["code"] == "sign_in_again"
    assert refused["message"].startswith("This changes where your money goes")
    seller.sign_in_again(market.mails["seller"])
    second = confirmed(seller, "7700998877")
    shown = {each["account_id"]: each for each in seller.get("bank-accounts")["accounts"]}
    assert (shown[first]["usable"], shown[second]["usable"]) == (True, False)
    assert [each["account_id"] for each in seller.delete(f"bank-accounts/{second}")["accounts"]] == [first]
    assert seller.delete(f"bank-accounts/{first}")["accounts"] == []
    seller.delete(f"bank-accounts/{first}", 404)
    third = confirmed(seller, "1234567890")
    assert not seller.get(f"bank-accounts/{third}")["usable"], "removing the first is no way around the wait"
    market.pass_time_without_firing(hours=24)
    assert seller.get(f"bank-accounts/{third}")["usable"]
    with worker_scope("test"):
        used = usable_account(market.tenant.id, market.seller, "MNT")
    assert used is not None
    assert used.public_id == third


def test_the_buyer_is_told_how_to_pay(market: Any, people: dict[str, Person]) -> None:
    deal = market.accepted(PRICE)
    buyer, seller = people["buyer"], people["seller"]
    told = buyer.get(f"deals/{deal}/payment")
    assert (told["amount"], told["unit"], told["reference"], told["account"]) == (PRICE, "MNT", deal, None)
    account = {"holder": "Nomad Escrow LLC", "bank": "Khan Bank", "number": "5000123456"}
    with worker_scope("operator"):
        set_flag("deals.escrow_account", account, "Where buyers pay to.", tenant=market.tenant.id)
    told = buyer.get(f"deals/{deal}/payment")
    assert (told["account"], told["cards"]) == (account, False)
    assert told["due_at"] == buyer.get(f"deals/{deal}")["timer"]["due_at"]
    assert buyer.post(f"deals/{deal}/checkout", status=409)["code"] == "cards_not_set_up"
    refused = seller.post(f"deals/{deal}/checkout", status=403)
    assert (refused["code"], refused["message"]) == ("not_your_side", "Only the buyer can do this.")
    people["stranger"].get(f"deals/{deal}/payment", 404)
    people["stranger"].post(f"deals/{deal}/checkout", status=404)
    paid = market.funded(PRICE)
    assert (buyer.get(f"deals/{paid}/payment")["amount"], buyer.get(f"deals/{paid}/payment")["account"]) == (0, None)
    assert buyer.post(f"deals/{paid}/checkout", status=409)["code"] == "conflict"


def test_terms_are_read_as_they_were_promised(market: Any, people: dict[str, Person]) -> None:
    buyer, admin = people["buyer"], people["admin"]
    assert [each["terms"] for each in buyer.get("deal-terms")["terms"]] == ["JP_CAMERA_PRIVATE_v1", f"{MN}_v1"]
    one = buyer.get(f"deal-terms/{MN}")
    assert (one["holdback"], one["windows_hours"]["inspectionTtlDays"], one["quantum"]) == ("0.15", 72, 100)
    assert one["item_fields"]["year"] == "whole_number"
    assert one["codes"][0] == {
        "code": "COSMETIC_DAMAGE", "cap": "0.03", "evidence": ["PHOTO"],
        "outcomes": [
            "RELEASE_TO_SELLER", "OFFSET_25_OF_CAP", "OFFSET_50_OF_CAP", "OFFSET_75_OF_CAP", "OFFSET_FULL_CAP",
            "OFFSET_AS_CLAIMED",
        ],
    }  # fmt: skip
    changes = {"name": MN, "version": 1, "changes": {"disputeTtlHours": 72}, "note": "Too short"}
    assert admin.post("admin/deal-terms", changes, 201)["state"] == "draft"
    buyer.get(f"deal-terms/{MN}?version=2", 404)
    assert admin.post(f"admin/deal-terms/{MN}/2/publish")["state"] == "published"
    assert buyer.get(f"deal-terms/{MN}")["version"] == 2
    old = buyer.get(f"deal-terms/{MN}?version=1")
    assert (old["state"], old["hash"]) == ("retired", one["hash"])
    for bad in ("?version=0", "?version=x", "?versions=1"):
        buyer.get(f"deal-terms/{MN}{bad}", 422)
    buyer.get("deal-terms/XX_NOTHING", 404)


def test_operators_keep_versions_over_http(market: Any, people: dict[str, Person]) -> None:
    admin = people["admin"]
    (jp, mn) = admin.get("admin/deal-terms")["terms"]
    assert (jp["terms"], mn["terms"], mn["deals"], mn["state"]) == ("JP_CAMERA_PRIVATE_v1", f"{MN}_v1", 0, "published")
    body = {**mn["body"], "version": 2, "inspectionTtlDays": 4}
    made = admin.post("admin/deal-terms", {"terms": body, "note": "Longer"}, 201)
    assert (made["terms"], made["state"]) == (f"{MN}_v2", "draft")
    assert admin.post("admin/deal-terms", {"terms": body}, 201)["hash"] == made["hash"], "asked again it is kept once"
    for bad in (
        {},
        {"terms": body, "changes": {}},
        {"terms": [1]},
        {"name": MN, "version": 1},
        {"terms": body, "x": 1},
    ):
        assert admin.post("admin/deal-terms", bad, 422)["code"] == "invalid_input"
    assert admin.post(f"admin/deal-terms/{MN}/9/publish", status=404)["code"] == "not_found"
    admin.post(f"admin/deal-terms/{MN}/2/publish")
    assert admin.post(f"admin/deal-terms/{MN}/2/publish", status=422)["code"] == "terms_invalid"
    assert admin.post(f"admin/deal-terms/{MN}/retire")["state"] == "retired"
    assert admin.post(f"admin/deal-terms/{MN}/retire", status=409)["code"] == "no_terms"
    for who in ("support", "buyer"):
        people[who].get("admin/deal-terms", 403)
        people[who].post("admin/deal-terms", {"terms": body}, 403)


def test_joining_is_done_once_for_a_key(market: Any, people: dict[str, Person]) -> None:
    offer = offered(market, people)
    buyer, body = people["buyer"], {"invitation": offer["invitation"]}
    first = buyer.post("deals/join", body, key="j")
    buyer.post(f"deals/{offer['deal_id']}/accept", {"offer_hash": offer["offer_hash"]})
    again = buyer.post("deals/join", body, key="j")
    assert again == {**first, "replayed": True}, "the same answer, although the offer is over"
    assert buyer.post("deals/join", body, 404)["code"] == "not_found"
    assert buyer.post("deals/join", {"invitation": "another"}, 422, key="j")["code"] == "request_id_conflict"
    refused = people["stranger"].post("deals/join", body, 404, key="j")
    assert offer["deal_id"] not in json.dumps(refused)
    events = [event["type"] for event in buyer.get(f"deals/{offer['deal_id']}/timeline")["events"]]
    assert events.count("join") == 1


def test_two_people_never_share_a_key(market: Any, people: dict[str, Person]) -> None:
    body = {"side": "seller", "template": MN, "price": PRICE, "title": "Toyota Prius", "item": CAR}
    mine = people["seller"].post("deals", body, 201, key="1")
    theirs = people["stranger"].post("deals", body, 201, key="1")
    assert theirs["deal_id"] != mine["deal_id"]
    assert not theirs["replayed"]
    with market.scope():
        assert Deal.objects.count() == 2


def test_what_is_due_is_paid_to_the_account_that_was_named(market: Any, people: dict[str, Person]) -> None:
    """The whole way over HTTP, from the sale to the bank's word that it arrived."""
    account = confirmed(people["seller"])
    deal = in_inspection(market, people)
    people["buyer"].post(f"deals/{deal}/approve")
    from pilothouse.kernel.payments.outgoing import open_payouts

    with worker_scope("payouts"):
        open_payouts()
    first, second = people["admin"], people["second"]
    (payout,) = first.get("admin/payouts")["payouts"]
    assert (payout["subject"], payout["amount"], payout["has_account"]) == (deal, 2_550_000_000, True)
    path = f"admin/payouts/{payout['payout_id']}"
    asked = first.post(f"{path}/send", {"reference": "X-1"}, 202)
    approve = f"admin/send-requests/{asked['request']}/approve"
    assert first.post(approve, status=403)["code"] == "forbidden"
    assert second.post(approve)["state"] == "sent"
    done = first.post(f"{path}/confirm")
    assert (done["state"], done["approved_by"]) == ("confirmed", "operator:second@example.mn")
    assert market.accounts(deal)["payable"] == 0
    assert people["seller"].get(f"bank-accounts/{account}")["usable"]
