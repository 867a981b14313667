"""The pages of deals: each side sees its own next step, acts ask once, old pages are refused, nothing typed is lost."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils.html import escape

from pilothouse.kernel.access.commands import add_member, set_flag
from pilothouse.kernel.base.models import Tenant
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.programs.deals.models import Deal
from pilothouse.programs.deals.terms import in_force_here

sys.path.insert(0, str(Path(__file__).parent))
from deal_world import CAR, MN, Market, photo

pytestmark = [pytest.mark.house, pytest.mark.http]
PRICE = 30_000_000_00


@pytest.fixture(scope="module")
def module_market(module_house: Any) -> Market:
    from tests.conftest import _use_database

    _use_database(module_house.name)
    market = Market(module_house)
    with tenant_scope(market.tenant.id, "operator:test"):
        for role in ("seller", "buyer"):
            add_member(market.tenant.id, market.mails[role], role)
        add_member(market.tenant.id, market.mails["stranger"], "buyer")
        add_member(market.tenant.id, "books@example.mn", "finance")
        account = {"holder": "Nomad Escrow LLC", "bank": "Khan Bank", "number": "5000123456"}
        set_flag("deals.escrow_account", account, "The market's account.", market.tenant.id)
    seller = get_user_model().objects.get(email=market.mails["seller"])
    seller.set_password("a-password-of-a-seller")
    with worker_scope("test"):
        seller.save(update_fields=["password"])
    return market


@pytest.fixture
def market(module_market: Market, shared_house: Any) -> Market:
    return module_market


def browser(market: Market, who: str) -> Client:
    client = Client(headers={"accept-language": "en"})
    found = get_user_model().objects.get(email=market.mails.get(who, who))
    client.force_login(found, "django.contrib.auth.backends.ModelBackend")
    return client


def text(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status, (answer.status_code, answer.content[:3000])
    return re.sub(r"\s+", " ", str(answer.content.decode()).replace("\u00a0", " "))


def act_url(page: str, name: str) -> str:
    """The address of one act as the page has it, with what the page showed."""
    return re.findall(rf'action="(/deals/[^"]*/act/{name}[^"]*)"', page)[0].replace("&amp;", "&")


def do(client: Client, deal: str, name: str) -> str:
    """Press one button of the deal room."""
    page = text(client.get(f"/deals/{deal}/"))
    return text(client.post(act_url(page, name), follow=True))


def test_a_deal_from_the_form_to_the_accepted_offer(market: Market) -> None:
    seller, buyer = browser(market, "seller"), browser(market, "buyer")
    form = text(seller.get("/deals/new"))
    key = re.findall(r'name="key" value="([^"]+)"', form)[0]
    body = {"key": key, "side": "seller", "template": MN, "title": "Prius <b>30</b>", "price": "30,000,000.50"}
    refused = text(seller.post("/deals/new", body))
    assert "The smallest amount in MNT is 1" in refused
    assert escape("Prius <b>30</b>") in refused
    body["price"] = "30,000,000 ₮"
    edit = seller.post("/deals/new", body)
    assert edit.status_code == 302
    assert seller.post("/deals/new", body)["Location"] == edit["Location"], "a second click makes no second draft"
    deal = edit["Location"].split("/")[2]
    facts = {"title": "Prius 30", "price": "30,000,000", **{f"item_{name}": value for name, value in CAR.items()}}
    text(seller.post(edit["Location"], {**facts, "item_year": "old"}))
    assert seller.post(edit["Location"], facts).status_code == 302
    assert "Add at least 4 photos" in text(seller.post(f"/deals/{deal}/offer", {"email": ""}, follow=True))
    for seed in range(4):
        files = {"files": SimpleUploadedFile("p.jpg", photo(seed)), "purpose": "item", "kind": "PHOTO"}
        sent = seller.post(f"/deals/{deal}/files", files, headers={"x-requested-with": "fetch"})
        assert sent.status_code == 204, sent.content
    bad = {"files": SimpleUploadedFile("p.jpg", b"no picture"), "purpose": "item", "kind": "PHOTO"}
    refused_file = seller.post(f"/deals/{deal}/files", bad, headers={"x-requested-with": "fetch"})
    assert refused_file.status_code >= 400
    assert refused_file["Content-Type"].startswith("text/plain")
    room = text(seller.post(f"/deals/{deal}/offer", {"email": market.mails["buyer"]}, follow=True))
    link = re.findall(r"http://[^<\" ]+/deals/join/[^<\" ]+", room)[0].removeprefix("http://testserver")
    assert text(buyer.get(f"/deals/{deal}/"), 404)
    assert "Open the offer" in text(buyer.get(link))
    assert "no open offer" in text(browser(market, "stranger").post(link), 404), "only the invited address may join"
    offered = text(buyer.post(link, follow=True))
    assert "Your turn" in offered
    assert "Read the offer" in offered
    assert "30,000,000" in offered
    assert "Accepted." in do(buyer, deal, "accept")
    assert "You left the deal" in do(seller, deal, "withdraw")


def test_the_money_page_and_every_button_say_their_result(market: Market) -> None:
    deal = market.accepted(PRICE)
    seller, buyer = browser(market, "seller"), browser(market, "buyer")
    pay = text(buyer.get(f"/deals/{deal}/fund"))
    assert "5000123456" in pay
    # Whole, for who writes it on paper.
    assert f">{deal}<" in pay
    assert "30,000,000" in pay
    assert seller.get(f"/deals/{deal}/fund").status_code == 302
    deal = market.handed_over(PRICE)
    room = text(buyer.get(f"/deals/{deal}/"))
    assert "Approve and release 25,500,000 ₮" in room
    assert "25,500,000 ₮ go to the seller now and cannot come back. 4,500,000 ₮ stay held back for 48 hours" in room
    for words in ("Where is the timer?", "When do I get my money?", "What is holdback?"):
        assert words in room
    assert 'data-part="in_escrow" data-amount="3000000000"' in room
    assert "Approve and release" not in text(seller.get(f"/deals/{deal}/"))
    old = act_url(room, "approve")
    assert "Approved. The first part goes to the seller." in text(buyer.post(old, follow=True))
    assert "changed since the page was shown" in text(buyer.post(old, follow=True)), "an old page does nothing"
    held = text(buyer.get(f"/deals/{deal}/"))
    assert 'data-part="to_seller" data-amount="2550000000"' in held
    assert "Release 4,500,000 ₮ to the seller" in held
    assert "Released. The deal is settled." in do(buyer, deal, "release_early")


def test_a_claim_keeps_what_was_typed_and_both_sign_its_amounts(market: Market) -> None:
    deal = market.handed_over(PRICE)
    seller, buyer = browser(market, "seller"), browser(market, "buyer")
    page = text(buyer.get(f"/deals/{deal}/claim"))
    assert "at most 3,000,000 ₮" in page
    assert "4,500,000 ₮ in all" in page
    seen = re.findall(r'name="seen" value="(\w+)"', page)[0]
    line = {"seen": seen, "UNDISCLOSED_DEFECT-amount": "5,000,000", "UNDISCLOSED_DEFECT-note": ""}
    sent = {**line, "UNDISCLOSED_DEFECT-PHOTO": SimpleUploadedFile("gearbox.jpg", photo(7))}
    kept = text(buyer.post(f"/deals/{deal}/claim", sent))
    assert "Nothing was sent." in kept
    assert 'value="5,000,000"' in kept
    assert "gearbox.jpg" in kept
    (file,) = re.findall(r'name="UNDISCLOSED_DEFECT-PHOTO-kept" value="([^"]+)"', kept)
    line |= {"UNDISCLOSED_DEFECT-note": "The gearbox slips.", "UNDISCLOSED_DEFECT-PHOTO-kept": file}
    opened = text(buyer.post(f"/deals/{deal}/claim", line, follow=True))
    assert "Your claim is open" in opened
    assert "The gearbox slips." in opened
    assert "In dispute" in opened
    assert "5,000,000" in text(seller.get(f"/deals/{deal}/respond"))
    answer = {"amount_0": "1,000,000", "note": "It was told in the advertisement."}
    answered = text(seller.post(f"/deals/{deal}/respond", answer, follow=True))
    assert "Your answer is sent." in answered
    assert "Offered instead" in answered
    above = text(seller.post(f"/deals/{deal}/agree", {"amount_0": "4,000,000"}))
    assert "above what the terms allow" in above
    assert 'value="4,000,000"' in above
    signed = text(seller.post(f"/deals/{deal}/agree", {"amount_0": "2,000,000"}, follow=True))
    assert "You signed" in signed
    assert "2,000,000 ₮" in signed
    assert "Both have signed the same." in do(buyer, deal, "sign-settlement")
    with market.scope():
        ended = Deal.objects.get(public_id=deal)
    assert (ended.state, ended.to_buyer, ended.to_seller) == ("SETTLED", 2_000_000_00, 28_000_000_00)


def test_the_handover_can_be_contested_and_a_price_lowered_by_two_signatures(market: Market) -> None:
    deal = market.funded(PRICE)
    seller, buyer = browser(market, "seller"), browser(market, "buyer")
    assert "Add the photos and papers of the handover first." in text(seller.get(f"/deals/{deal}/"))
    signed = text(seller.post(f"/deals/{deal}/price", {"price": "29,000,000"}, follow=True))
    assert "It waits for the other signature." in signed
    assert "Your signature is taken back." in do(seller, deal, "unsign-price")
    seller.post(f"/deals/{deal}/price", {"price": "29,000,000"})
    assert "1,000,000 ₮ went back to the buyer" in do(buyer, deal, "sign-price")
    market.file_handover(deal)
    body = {"reason": "not_received", "note": "Nobody came to the meeting point."}
    told = text(buyer.post(f"/deals/{deal}/contest", body, follow=True))
    assert "Told." in told
    assert "An operator's turn" in told.replace("&#x27;", "'")


def test_a_bank_account_is_named_confirmed_and_not_changed_without_the_password(market: Market) -> None:
    seller = browser(market, "seller")
    body = {"holder": "Bat Dorj", "bank": "Golomt Bank", "number": "1105 0012 3456"}
    page = text(seller.post("/deals/bank-account?unit=MNT", body, follow=True))
    confirm = re.findall(r'action="(/deals/bank-account/[^"]+/confirm)"', page)[0]
    assert "not the last digits" in text(seller.post(confirm, {"last_digits": "0000"}, follow=True))
    assert "This account counts." in text(seller.post(confirm, {"last_digits": "3456"}, follow=True))
    refused = seller.post("/deals/bank-account?unit=MNT", {**body, "number": "9999888877"})
    assert refused.status_code == 302
    assert "/account/reauthenticate/" in refused["Location"]
    assert "8877" not in text(seller.get("/deals/bank-account?unit=MNT"))


def test_a_bank_account_is_removed_by_somebody_who_signed_in_lately(market: Market) -> None:
    seller, here = browser(market, "seller"), "/deals/bank-account?unit=JPY"
    page = text(seller.post(here, {"holder": "B", "bank": "Khan", "number": "555544443333"}, follow=True))
    remove = re.findall(r'action="(/deals/bank-account/[^"]+/remove)"', page)[0]
    text(seller.post(remove.replace("remove", "confirm"), {"last_digits": "3333"}, follow=True))
    for other in (browser(market, "stranger"), browser(market, "buyer")):
        assert other.post(remove).status_code == 404
    asked = seller.post(remove)
    assert "/account/reauthenticate/" in asked["Location"], "it counts, so the password is asked for"
    assert "···3333" in text(seller.get(here))
    done = text(seller.post(asked["Location"], {"password": "a-password-of-a-seller"}, follow=True))
    for page in (done, text(seller.post(remove, follow=True))):
        assert "This account is removed." in page
    assert "···3333" not in text(seller.get(here))


def test_the_markets_own_terms_are_offered_first(market: Market) -> None:
    """By its deals; before the first one, by the country of its time zone; else by name."""
    market.draft(PRICE)
    page = text(browser(market, "seller").get("/deals/new"))
    assert page.index("MN_USED_CAR_PRIVATE") < page.index("JP_CAMERA_PRIVATE")
    page = text(browser(market, "seller").get("/deals/bank-account"))
    assert page.index(">MNT<") < page.index(">JPY<")
    for zone, first in (("Asia/Ulaanbaatar", "MN"), ("Asia/Tokyo", "JP"), ("Europe/Berlin", "JP")):
        fresh = market.house.tenant("A new market")
        with worker_scope("test"):
            Tenant.objects.filter(id=fresh.id).update(timezone=zone)
        with tenant_scope(fresh.id, "test"):
            assert next(each.body["country"] for each in in_force_here(fresh.id)) == first


def test_who_comes_to_make_a_deal_hears_that_none_can_be_made_before_typing(market: Market) -> None:
    seller, said = browser(market, "seller"), "New deals are paused"
    assert said not in text(seller.get("/deals/new"))
    with tenant_scope(market.tenant.id, "operator:test"):
        set_flag("pilot.enabled", False, "A drill.", market.tenant.id)
    try:
        page = text(seller.get("/deals/new"))
        assert said in page
        assert 'name="price"' not in page
        body = {"title": "A car", "price": "30000000", "side": "seller", "template": MN, "key": "form_stopped"}
        assert said in text(seller.post("/deals/new", body))
    finally:
        with tenant_scope(market.tenant.id, "operator:test"):
            set_flag("pilot.enabled", True, "The end of it.", market.tenant.id)
    assert said not in text(seller.get("/deals/new"))


def test_strangers_and_other_roles_see_nothing(market: Market) -> None:
    deal = market.handed_over(PRICE)
    stranger = browser(market, "stranger")
    for path in ("", "fund", "claim", "respond", "agree", "price", "contest", "edit"):
        assert stranger.get(f"/deals/{deal}/{path}").status_code == 404, path
    assert stranger.post(f"/deals/{deal}/act/approve?seen=x").status_code == 404
    assert "No deals yet" in text(stranger.get("/deals/"))
    assert "seller or owner" in text(browser(market, "books@example.mn").get("/deals/"), 403)
    assert browser(market, "buyer").get("/")["Location"] == "/deals/", "whoever buys or sells begins at their deals"
    listed = text(browser(market, "buyer").get("/deals/?state=INSPECTION&q=sale"))
    assert f"/deals/{deal}/" in listed
    assert "No deal matches" in text(browser(market, "buyer").get("/deals/?q=nothing-like-it"))
