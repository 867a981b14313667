"""The mails of deals: each step to each side in their language, reminders before a timer's end, each of them once."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from deal_world import Market
from django.test import Client

from pilothouse.kernel.access.commands import add_operator, ensure_person
from pilothouse.kernel.access.language import keep_language, speak
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sealing import unseal
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.outbox.notices import PURPOSE
from pilothouse.kernel.payments import outgoing, sending
from pilothouse.kernel.payments.bank_accounts import confirm_account, name_account
from pilothouse.kernel.payments.incoming import match, record_payment
from pilothouse.programs.deals import agreements, commands, disputes, mail_words, mails
from pilothouse.programs.deals.mail_queue import remind

pytestmark = pytest.mark.house
PRICE = 30_000_000_00
CODE = "UNDISCLOSED_DEFECT"


@pytest.fixture
def post(market: Market) -> Post:
    """The market's mails; its people read Mongolian, and the seller chose English."""
    with worker_scope("test"):
        speak(market.tenant.id, "mn")
        run("UPDATE tenant SET timezone = 'Asia/Ulaanbaatar' WHERE id = %s", [market.tenant.id])
    keep_language(market.seller, "en")
    return Post(market)


class Post:
    """Writes what is due and reads the letters that the outbox got since the last look."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.seen = 0

    def letters(self) -> list[tuple[str, str, str]]:
        """(to, subject, text) of the new ones, in their order."""
        mails.send_due_mails()
        with worker_scope("test"):
            rows = run("SELECT id, address, subject, content FROM notice WHERE id > %s ORDER BY id", [self.seen])
        self.seen = max([self.seen, *(row["id"] for row in rows)])
        return [
            (row["address"].partition("@")[0], row["subject"], json.loads(unseal(PURPOSE, row["content"]))["text"])
            for row in rows
        ]

    def told(self) -> dict[str, str]:
        """The text of the one new letter to each."""
        found = self.letters()
        assert len({to for to, _subject, _text in found}) == len(found), found
        return {to: f"{subject}\n{text}" for to, subject, text in found}

    def outcomes(self) -> list[str]:
        """What became of the reminders."""
        with worker_scope("test"):
            rows = run("SELECT outcome FROM deal_mail WHERE about = 'reminder' AND done_at IS NOT NULL ORDER BY id")
        return [row["outcome"] for row in rows]


def test_a_whole_deal_is_told_to_both_in_their_own_language(market: Market, post: Post) -> None:
    deal = market.accepted(PRICE)
    letters = post.letters()
    assert [(to, subject) for to, subject, _text in letters] == [
        ("buyer", "For sale: Санал болгосон"),
        ("seller", "For sale: It was offered"),
        ("seller", "For sale: The other side opened the invitation"),
        ("buyer", "For sale: Саналыг хүлээн авсан; хоёр тал үүрэг хүлээсэн"),
        ("seller", "For sale: The offer was accepted; both sides are bound to it"),
    ]
    _to, _subject, asked = letters[3]
    assert "Хараахан юу ч төлөгдөөгүй." in asked
    assert "Таны ээлж. Үнийг эскроуд төлнө үү." in asked
    assert "(Asia/Ulaanbaatar)" in asked
    assert f"/deals/{deal}/" in asked
    with worker_scope("bank"):
        paid = record_payment(market.tenant.id, source="bank", reference="a", amount=PRICE, unit="MNT")
        match([paid.public_id], "deal", deal)
    told = post.told()
    assert "30,000,000\u00a0₮ are in escrow." in told["seller"]
    assert "Your turn. The price is in escrow. Hand it over, then file" in told["seller"]
    assert "30,000,000\u00a0₮ эскроуд байна." in told["buyer"]
    assert "go back to the buyer: no handover is proven." in told["seller"]
    market.file_handover(deal)
    assert "Таны ээлж. Худалдагч хүлээлгэн өгсөн гэж байна." in post.told()["buyer"]
    with market.scope("buyer"):
        commands.confirm_handover(deal, market.buyer)
    assert "Look closely" not in post.told()["seller"]
    with market.scope("buyer"):
        commands.approve(deal, market.buyer)
    told = post.told()
    assert "25,500,000\u00a0₮ go to you." in told["seller"]
    assert "25,500,000\u00a0₮ худалдагчид очно." in told["buyer"]
    with market.scope("buyer"):
        commands.release_early(deal, market.buyer)
    told = post.told()
    assert "4,500,000\u00a0₮ go to you." in told["seller"]
    assert "All the money has left escrow." in told["seller"]
    assert "Хэлцлийн тооцоо дууссан." in told["buyer"]
    assert post.letters() == []


def test_a_dispute_is_told_with_what_the_terms_ask_for(market: Market, post: Post) -> None:
    deal = market.handed_over(PRICE)
    post.letters()
    market.claim(deal, CODE, 5_000_000_00)
    told = post.told()
    assert "The terms ask for: Photo, Document." in told["seller"]
    assert "Your turn. The buyer raised an issue. Answer it and add your evidence." in told["seller"]
    assert "Нөхцөлд шаардсан: Зураг, Баримт бичиг." in told["buyer"]
    with market.scope("seller"):
        disputes.respond(deal, market.seller, response="contest", note="It was shown in the photos.")
    assert "Худалдагч нэхэмжлэлд хариулсан" in post.told()["buyer"]
    with market.scope("seller"):
        agreements.sign(deal, market.seller, "settlement", {"amounts": [1_000_000_00]})
    # A signature is told to the other side alone, while it waits for theirs.
    assert list(post.told()) == ["buyer"]
    with market.scope("buyer"):
        agreements.sign(deal, market.buyer, "settlement", {"amounts": [1_000_000_00]})
    told = post.told()
    assert "Both agreed on the amounts." in told["seller"]
    assert "29,000,000\u00a0₮ go to you. 1,000,000\u00a0₮ go to the buyer." in told["seller"]
    assert "1,000,000\u00a0₮ танд очно." in told["buyer"]


@pytest.mark.parametrize(
    ("length", "said"),
    [
        ({"hours": 72}, "The offer ran out"),
        ({"hours": 24}, "It was not paid in time"),
        ({"days": 7}, "The deal was undone before the handover"),
        ({"hours": 48}, "The handover counts"),
    ],
    ids=["offer", "funding", "handover", "deemed"],
)
def test_what_happens_by_itself_is_told_too(market: Market, post: Post, length: dict[str, float], said: str) -> None:
    if "offer" in said:
        deal = market.draft(PRICE)
        with market.scope("seller"):
            commands.offer(deal, market.seller, own_email=market.mails["seller"])
    elif "paid" in said:
        market.accepted(PRICE)
    else:
        deal = market.funded(PRICE)
        if "counts" in said:
            market.file_handover(deal)
    post.letters()
    market.pass_time(**length)
    told = post.told()
    assert said in told["seller"]
    assert ("buyer" in told) == ("offer" not in said)


def test_the_invited_get_the_link_and_nothing_before_they_join(market: Market, post: Post) -> None:
    deal = market.draft(PRICE)
    with market.scope("seller"):
        offered = commands.offer(deal, market.seller, own_email=market.mails["seller"], email="Bat@example.mn")
    told = post.told()
    assert f"/deals/join/{offered.secret}" in told["bat"]
    assert offered.secret not in told["seller"]
    assert told["bat"].startswith("For sale: Танд худалдан авахыг санал болгож байна")
    assert "4,500,000\u00a0₮ (15 %)" in told["bat"]
    with worker_scope("test"):
        stored = run("SELECT sealed FROM deal_mail WHERE about = 'offer'")[0]["sealed"]
    assert stored
    assert offered.secret not in stored
    with market.scope("seller"):
        commands.withdraw(deal, market.seller)
    assert set(post.told()) == {"bat", "seller"}


def link_for_bat(market: Market, post: Post, deal: str) -> tuple[str, str]:
    """(the mailed path, the secret that the seller sees) of an offer to somebody who is no member."""
    with market.scope("seller"):
        offered = commands.offer(deal, market.seller, own_email=market.mails["seller"], email="bat@example.mn")
    (found,) = re.findall(r"http://[^/]+(/\S+)", post.told()["bat"])
    return found, offered.secret


def test_a_stranger_gets_into_the_deal_room_by_one_link(market: Market, post: Post) -> None:
    """They say their name, and are where they are invited to; the one who offered cannot go in by what they see."""
    deal = market.draft(PRICE)
    link, secret = link_for_bat(market, post, deal)
    assert link.endswith(f"?next=/deals/join/{secret}")
    assert "account/login" in Client().get(f"/deals/join/{secret}")["Location"]
    bat = Client()
    assert "bat@example.mn" in bat.get(link).content.decode()
    assert bat.post(link, {"name": "Bat Bold", "password": ""})["Location"] == f"/deals/join/{secret}"
    assert bat.get(f"/deals/join/{secret}").status_code == 200
    room = bat.post(f"/deals/join/{secret}", follow=True)
    assert room.redirect_chain == [(f"/deals/{deal}/", 302)]
    assert room.status_code == 200
    with worker_scope("test"):
        (member,) = run("SELECT m.role, u.email FROM member m JOIN auth_user u ON u.id = m.user_id")
    assert (member["role"], member["email"]) == ("buyer", "bat@example.mn")
    # The same link again leads there still, and nowhere else for anybody else.
    assert bat.get(link)["Location"] == f"/deals/join/{secret}"
    assert "account/login" in Client().get(link, follow=True).redirect_chain[-1][0]


def test_a_link_leads_to_no_other_site_and_past_no_sign_in(market: Market, post: Post) -> None:
    with worker_scope("test"):
        ensure_person("bat@example.mn", "Bat", "correct horse battery")
    link, secret = link_for_bat(market, post, market.draft(PRICE))
    for named in ("https://evil.example/", "//evil.example/", "/\\evil.example"):
        assert Client().get(f"/account/invitation/used/?next={named}").status_code == 410
    bat = Client()
    answer = bat.post(link)
    assert answer["Location"] == f"/account/login/?next=/deals/join/{secret}"
    signed = bat.post(answer["Location"], {"login": "bat@example.mn", "password": "correct horse battery"})
    assert signed["Location"] == f"/deals/join/{secret}"
    assert bat.post(f"/deals/join/{secret}", follow=True).status_code == 200


def test_reminders_come_twelve_and_two_hours_before_and_once(market: Market, post: Post) -> None:
    market.handed_over(PRICE)
    post.letters()
    market.pass_time(hours=59, minutes=59)
    assert post.letters() == []
    market.pass_time(minutes=1)
    told = post.told()
    assert told["seller"].startswith("For sale: 12 hours are left")
    assert told["buyer"].startswith("For sale: 12 цаг үлдлээ")
    assert "25,500,000\u00a0₮ go to the seller, 4,500,000\u00a0₮ stay held back for claims." in told["seller"]
    assert post.letters() == []
    market.pass_time(hours=10)
    assert post.told()["buyer"].startswith("For sale: 2 цаг үлдлээ")
    market.pass_time(hours=2)
    # At its end the timer has done what it does: the step is told, and no reminder comes after it.
    assert "Approved; the first part goes to the seller" in post.told()["seller"]


def test_a_timer_that_was_ended_or_moved_reminds_nobody(market: Market, post: Post) -> None:
    ended, moved = market.handed_over(PRICE), market.handed_over(PRICE)
    with market.scope("buyer"):
        commands.approve(ended, market.buyer)
    with worker_scope("test"):
        run("UPDATE timer SET due_at = due_at + interval '1 day' WHERE state = 'armed' AND name = 'auto_approve'")
    post.letters()
    before = len(post.outcomes())
    market.pass_time_without_firing(hours=61)
    subjects = [(to, subject) for to, subject, _text in post.letters()]
    # The approved deal's holdback timer of 48 hours reminds by its own; the inspection's reminders are dropped.
    assert [subject for _to, subject in subjects if "12" in subject] == []
    assert "dropped" in post.outcomes()[before:]
    assert market.deal(moved).state == "INSPECTION"


def test_a_timer_shorter_than_the_notice_gets_no_reminder(market: Market, post: Post) -> None:
    deal = market.funded(PRICE)
    with worker_scope("test"):
        (key,) = run("SELECT id FROM deal WHERE public_id = %s", [deal])
        run(
            "UPDATE timer SET due_at = armed_at + interval '10 hours' WHERE subject_kind = 'deal' AND subject_id = %s",
            [key["id"]],
        )
        remind("deal", [key["id"]])
        rows = run(
            "SELECT m.data FROM deal_mail m JOIN timer t ON t.id = m.timer AND m.at = t.due_at WHERE t.state = 'armed'"
        )
    assert [row["data"]["before_s"] for row in rows] == []
    market.pass_time_without_firing(hours=9)
    assert [subject for _to, subject, _text in post.letters() if "left" in subject or "үлдлээ" in subject] == []


def test_operators_are_reminded_of_what_they_must_decide(market: Market, post: Post) -> None:
    with worker_scope("test"):
        add_operator("desk@example.mn", "operator")
    deal = market.handed_over(PRICE)
    dispute = market.claim(deal, CODE, 5_000_000_00)
    post.letters()
    market.pass_time(hours=36)
    told = post.told()
    assert set(told) == {"buyer", "desk", "seller"}
    assert told["desk"].startswith(f"12 hours are left to decide {deal}")
    assert f"/admin/disputes/{dispute.public_id}" in told["desk"]


def test_two_workers_send_one_mail(market: Market, post: Post) -> None:
    market.funded(PRICE)
    with market.house.connect() as other, other.transaction():
        held = other.execute("SELECT id FROM deal_mail WHERE done_at IS NULL FOR UPDATE").fetchall()
        assert held
        assert mails.send_due_mails() == 0
        assert post.letters() == []
    assert post.letters()
    # The same rows once more, as after a commit whose answer was lost: the outbox knows each mail by its key.
    with worker_scope("test"):
        run("UPDATE deal_mail SET done_at = NULL, outcome = '' WHERE due_at <= (SELECT base.clock_now())")
    assert mails.send_due_mails() > 0
    assert post.letters() == []


def test_one_mail_that_cannot_be_written_does_not_stop_the_others(
    market: Market, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    post.letters()
    bad, good = market.funded(PRICE), market.funded(PRICE)
    made = mail_words.mails_of

    def breaking(rows: Any) -> Any:
        with worker_scope("test"):
            (row,) = run("SELECT id FROM deal WHERE public_id = %s", [bad])
        if any(each["deal_id"] == row["id"] for each in rows):
            raise ValueError("broken words")
        return made(rows)

    monkeypatch.setattr(mails, "mails_of", breaking)
    letters = post.letters()
    assert letters
    assert all(f"/deals/{good}/" in text for _to, _subject, text in letters)
    with worker_scope("test"):
        incidents = run("SELECT subject FROM incident WHERE kind = 'stuck_subject'")
        failed = run("SELECT DISTINCT error FROM deal_mail WHERE outcome = 'failed'")
    assert [row["subject"] for row in incidents] == [bad]
    assert failed == [{"error": "ValueError"}]
    assert market.deal(bad).state == "FUNDED"


def test_payouts_and_wrong_payments_are_told_to_whose_money_it_is(market: Market, post: Post) -> None:
    deal = market.accepted(PRICE)
    post.letters()
    with worker_scope("bank"):
        record_payment(
            market.tenant.id, source="bank", reference="less", amount=PRICE - 100_00, unit="MNT", note=f"for {deal}"
        )
    told = post.told()
    assert list(told) == ["buyer"]
    assert "29,999,900\u00a0₮ орж ирсэн нь үнээс бага байна" in told["buyer"]
    with worker_scope("bank"):
        paid = record_payment(market.tenant.id, source="bank", reference="more", amount=PRICE + 700_00, unit="MNT")
        assert match([paid.public_id], "deal", deal) == 700_00
    assert any("Үнээс 700\u00a0₮ илүү орж ирлээ" in text for _to, _subject, text in post.letters())
    market.file_handover(deal)
    with market.scope("buyer"):
        commands.confirm_handover(deal, market.buyer)
        commands.approve(deal, market.buyer)
    with market.scope("seller"):
        named = name_account(market.seller, unit="MNT", holder="S. Seller", bank="Khan Bank", number="5000123456")
        confirm_account(market.seller, named.public_id, "3456")
    post.letters()
    with worker_scope("bank"):
        outgoing.open_payouts()
        (payout,) = run("SELECT public_id FROM payout")
        asked = sending.send_payout(payout["public_id"], "R1")
    with worker_scope("operator:b"):
        sending.approve_sending(asked.request)
    assert "25,500,000\u00a0₮ are on their way to your bank account" in post.told()["seller"]
    with worker_scope("bank"):
        outgoing.fail(payout["public_id"], "account_closed")
    told = post.told()
    assert list(told) == ["seller"]
    assert "/deals/bank-account" in told["seller"]


def test_a_rolled_back_step_tells_nobody(market: Market, post: Post) -> None:
    deal = market.draft(PRICE)
    post.letters()

    def offer_and_fail() -> None:
        with market.scope("seller"):
            commands.offer(deal, market.seller, own_email=market.mails["seller"])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        offer_and_fail()
    assert post.letters() == []
