"""The payments desk by Django's client: money in, money out, and the second person."""

import csv
import html
import io
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test import Client
from test_payments import balances, bank, pay

from pilothouse.kernel.access.commands import add_operator
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.payments import incoming, outgoing
from pilothouse.kernel.payments.models import Payment, Payout, SendRequest
from pilothouse.programs.deals import commands

pytestmark = pytest.mark.house
PRICE = 3_000_000_000
SMALL = 5_000_000
HERE = "/desk/payments/"


@pytest.fixture
def desk(market: Any) -> dict[str, Client]:
    """Three operators of ours, signed in."""
    clients = {}
    with worker_scope("test"):
        people = {
            who: add_operator(f"{who}@ours.example", role, who).user
            for who, role in (("olga", "operator"), ("ada", "admin"), ("sam", "support"))
        }
    for who, user in people.items():
        clients[who] = Client()
        clients[who].force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return clients


def text(response: Any) -> str:
    return " ".join(html.unescape(response.content.decode()).split())


def approved_payout(market: Any, price: int = PRICE) -> Payout:
    """What the seller gets at approval, due."""
    deal = market.handed_over(price)
    with market.scope("buyer"):
        commands.approve(deal, market.buyer)
    with worker_scope("payouts"):
        outgoing.open_payouts()
        return Payout.objects.get(subject_ref=deal)


def record(client: Client, market: Any, **changes: str) -> Any:
    given = {"tenant": market.tenant.public_id, "unit": "MNT", "amount": "30,000,000", "reference": "TRX-1", **changes}
    return client.post(f"{HERE}new", given, follow=True)


def test_money_in_from_the_form_to_the_deal(market: Any, desk: dict[str, Client]) -> None:
    olga = desk["olga"]
    assert "No money waits" in text(olga.get(HERE))
    deal = market.accepted(PRICE)
    refused = record(olga, market, amount="30.000.000")
    assert refused.status_code == 422
    assert "TRX-1" in text(refused), "what was typed stays"
    page = record(olga, market, note=f"for {deal}")
    assert "30,000,000 ₮ is recorded" in text(page).replace("\u00a0", " ")
    with worker_scope("test"):
        payment = Payment.objects.get()
    assert "named by the payer" in text(page)
    assert "Pay this deal" in text(page)
    record(olga, market, note="again")
    with worker_scope("test"):
        assert Payment.objects.count() == 1, "the same reference is recorded once"
    paid = olga.post(f"{HERE}in/{payment.public_id}/match", {"kind": "deal", "ref": deal}, follow=True)
    assert f"{deal} is paid." in text(paid)
    assert market.deal(deal).state == "FUNDED"
    again = olga.post(f"{HERE}in/{payment.public_id}/match", {"kind": "deal", "ref": deal}, follow=True)
    assert "does not wait for a payment" in text(again)
    assert balances(market) == {"world_bank": -PRICE, "suspense": 0, "escrow": PRICE}
    assert "TRX-1" in text(olga.get(f"{HERE}?state=closed&q=trx-1"))
    assert "No payment matches" in text(olga.get(f"{HERE}?state=closed&q=nowhere"))


def test_two_payments_pay_one_deal(market: Any, desk: dict[str, Client]) -> None:
    deal = market.accepted(PRICE)
    first, second = pay(market, "A1", 1_000_000_000), pay(market, "A2", 2_000_000_000)
    page = desk["olga"].get(f"{HERE}in/{first}/?q={deal}")
    assert "is missing" in text(page)
    assert f'value="{second}"' in text(page)
    paid = desk["olga"].post(f"{HERE}in/{first}/match", {"kind": "deal", "ref": deal, "with": [second]}, follow=True)
    assert "is paid" in text(paid)
    assert market.deal(deal).state == "FUNDED"


def test_a_file_is_recorded_whole_or_not_at_all(market: Any, desk: dict[str, Client]) -> None:
    def send(content: str) -> Any:
        file = SimpleUploadedFile("bank.csv", content.encode())
        given = {"tenant": market.tenant.public_id, "unit": "MNT", "file": file}
        return desk["olga"].post(f"{HERE}import", given, follow=True)

    refused = send("reference,amount\nA1,100\nA2,abc\n")
    assert refused.status_code == 422
    assert "Row 3: Write the amount in digits" in text(refused)
    assert "columns amount are missing" in text(send("reference;sum\n1;2\n"))
    with worker_scope("test"):
        assert Payment.objects.count() == 0
    assert "Recorded: 2. Known from before: 0." in text(send("Reference;Amount;payer\nA1;100.5;Bat\nA2;2 000;\n"))
    assert "Recorded: 1. Known from before: 2." in text(send("reference,amount\nA1,100.50\nA2,2000\nA3,7\n"))
    with worker_scope("test"):
        assert list(Payment.objects.order_by("id").values_list("amount", flat=True)) == [10_050, 200_000, 700]


def test_a_large_return_takes_two(market: Any, desk: dict[str, Client]) -> None:
    late = pay(market, "late", PRICE)
    asked = desk["olga"].post(f"{HERE}in/{late}/back", {"reference": "B-9"}, follow=True)
    assert "waits for a second operator" in text(asked)
    twice = desk["olga"].post(f"{HERE}in/{late}/back", {"reference": "B-9"}, follow=True)
    assert "waits for a second operator already" in text(twice)
    with worker_scope("test"):
        request = SendRequest.objects.get()
    own = desk["olga"].post(f"{HERE}approvals/{request.public_id}/approve", follow=True)
    assert "another operator than the one who asked is needed" in text(own)
    assert balances(market)["suspense"] == PRICE
    for _ in range(2):
        done = desk["ada"].post(f"{HERE}approvals/{request.public_id}/approve", follow=True)
        assert "is written as sent" in text(done)
    assert balances(market)["suspense"] == 0
    assert "B-9" in text(desk["sam"].get(f"{HERE}approvals/?state=approved"))


def test_a_refused_request_leaves_everything(market: Any, desk: dict[str, Client]) -> None:
    late = pay(market, "late", PRICE)
    desk["olga"].post(f"{HERE}in/{late}/back", {"reference": "B-9"})
    with worker_scope("test"):
        request = SendRequest.objects.get().public_id
    assert desk["ada"].post(f"{HERE}approvals/{request}/refuse", {}).status_code == 422
    desk["ada"].post(f"{HERE}approvals/{request}/refuse", {"reason": "Wrong account"})
    assert "cannot" in text(desk["ada"].post(f"{HERE}approvals/{request}/approve", follow=True)).lower()
    desk["olga"].post(f"{HERE}in/{late}/back", {"reference": "B-10"})
    market.pass_time(days=8)
    with worker_scope("test"):
        assert sorted(SendRequest.objects.values_list("state", flat=True)) == ["expired", "refused"]
    assert balances(market)["suspense"] == PRICE


def test_a_payout_by_bank_file_to_its_arrival(market: Any, desk: dict[str, Client]) -> None:
    olga, ada = desk["olga"], desk["ada"]
    payout = approved_payout(market).public_id
    page = olga.get(f"{HERE}out/")
    assert "no bank account" in text(page)
    assert "into a bank file" not in text(page)
    assert "Nothing is due for a new bank file" in text(olga.post(f"{HERE}out/files/new", follow=True))
    bank(market, "seller")
    assert "into a bank file" in text(olga.get(f"{HERE}out/"))
    made = olga.post(f"{HERE}out/files/new", follow=True)
    assert "1 of 1 not sent" in text(made)
    (file,) = set(re.findall(r"files/(bkf_\w+)\.csv", text(made)))
    answer = ada.get(f"{HERE}out/files/{file}.csv")
    assert answer.headers["Cache-Control"] == "private, no-store"
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert [(row["payout"], row["amount_minor"]) for row in rows] == [(payout, "2550000000")]
    assert "Nothing is due for a new bank file" in text(ada.post(f"{HERE}out/files/new", follow=True))
    assert "It stands in a bank file of operator olga" in text(ada.get(f"{HERE}out/{payout}/"))
    assert olga.post(f"{HERE}out/{payout}/send", {"reference": " "}).status_code == 422
    olga.post(f"{HERE}out/{payout}/send", {"reference": "X-1"})
    with worker_scope("test"):
        request = SendRequest.objects.get().public_id
    ada.post(f"{HERE}approvals/{request}/approve")
    assert "No file waits" in text(ada.get(f"{HERE}out/files/"))
    olga.post(f"{HERE}out/{payout}/fail", {"reason": "returned"})
    assert "It came back" not in text(olga.get(f"{HERE}out/?state=failed"))
    olga.post(f"{HERE}out/{payout}/retry")
    olga.post(f"{HERE}out/{payout}/send", {"reference": "X-2"})
    with worker_scope("test"):
        request = SendRequest.objects.get(state="requested").public_id
    ada.post(f"{HERE}approvals/{request}/approve")
    for _ in range(2):
        olga.post(f"{HERE}out/{payout}/confirm")
    assert balances(market)["payable"] == 0
    with worker_scope("test"):
        row = Payout.objects.get()
    assert (row.state, row.sent_by, row.approved_by) == (
        "confirmed",
        "operator:olga@ours.example",
        "operator:ada@ours.example",
    )


def test_five_failures_need_a_person(market: Any, desk: dict[str, Client]) -> None:
    payout = approved_payout(market, SMALL).public_id
    bank(market, "seller")
    for number in range(5):
        desk["olga"].post(f"{HERE}out/{payout}/send", {"reference": f"X-{number}"})
        desk["olga"].post(f"{HERE}out/{payout}/fail", {"reason": "account_closed"})
        if number < 4:
            desk["olga"].post(f"{HERE}out/{payout}/retry")
    assert "needs a person" in text(desk["olga"].get(f"{HERE}out/?state=failed"))
    assert "5 tries did not arrive" in text(desk["olga"].get(f"{HERE}out/{payout}/"))


def test_support_looks_and_customers_see_nothing(market: Any, desk: dict[str, Client]) -> None:
    late = pay(market, "late", SMALL)
    page = desk["sam"].get(f"{HERE}in/{late}/")
    assert page.status_code == 200
    assert "Send it back" not in text(page)
    assert desk["sam"].post(f"{HERE}in/{late}/back", {"reference": "B"}).status_code == 403
    assert desk["sam"].post(f"{HERE}out/files/new").status_code == 403
    assert desk["sam"].get(f"{HERE}out/files/bkf_none.csv").status_code == 403
    assert desk["olga"].get(f"{HERE}out/files/bkf_none.csv").status_code == 404
    assert desk["olga"].get(f"{HERE}in/pay_none/").status_code == 404
    assert Client().get(HERE).status_code == 302
    assert balances(market)["suspense"] == SMALL


def test_two_operators_send_the_same_payout(market: Any, desk: dict[str, Client]) -> None:
    payout = approved_payout(market, SMALL).public_id
    bank(market, "seller")

    def send(who: str) -> int:
        try:
            return desk[who].post(f"{HERE}out/{payout}/send", {"reference": f"by {who}"}).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        assert set(pool.map(send, ("olga", "ada"))) == {302}
    with worker_scope("test"):
        row = Payout.objects.get()
        sends = run("SELECT count(*) AS n FROM event WHERE subject_kind = 'payout' AND type = 'send'")
    assert (row.attempts, sends) == (1, [{"n": 1}])


def test_card_money_arrives_at_the_bank(market: Any, desk: dict[str, Client]) -> None:
    with worker_scope("operator:ann"):
        incoming.record_payment(market.tenant.id, source="stripe", reference="pi_1", amount=SMALL, unit="MNT")

    def arrived(**changes: str) -> Any:
        given = {"reference": "po_1", "unit": "MNT", "amount": "49,000", "fees": "500", **changes}
        return desk["olga"].post(f"{HERE}settlement", {"tenant": market.tenant.public_id, **given}, follow=True)

    page = text(desk["olga"].get(f"{HERE}settlement"))
    assert "Nomad Market" in page
    assert f'<data class="amount" value="{SMALL}">' in page
    assert f'href="?tenant={market.tenant.public_id}&unit=MNT"' in page
    refused = arrived(amount="60,000")
    assert refused.status_code == 409
    assert "cannot have come from it" in text(refused)
    for _ in range(2):
        assert "still holds 500 ₮" in text(arrived()).replace("\u00a0", " ")
    assert arrived(fees="501").status_code == 409
    arrived(amount="500", fees="0", reference="po_2")
    assert "all card money that came in has been paid to our bank" in text(desk["olga"].get(f"{HERE}settlement"))
    assert balances(market) == {
        "world_psp": 0, "world_bank": -4_950_000, "processor_fees": -50_000, "suspense": SMALL
    }  # fmt: skip


def test_the_first_page_says_what_waits(market: Any, desk: dict[str, Client]) -> None:
    """Money, payouts and what operators decide, each with its link; nothing of it once it is done."""
    assert "All is quiet" in text(desk["olga"].get("/desk/"))
    waiting = pay(market, "TRX-9", PRICE)
    desk["ada"].post(f"{HERE}in/{waiting}/back", {"reference": "B-9"})
    payout = approved_payout(market, SMALL).public_id
    disputed = market.handed_over(SMALL)
    market.claim(disputed, "COSMETIC_DAMAGE", 100_000)
    contested = market.funded(SMALL)
    market.file_handover(contested)
    with market.scope("buyer"):
        commands.contest_handover(contested, market.buyer, reason="not_received", note="Nothing came to the door yet.")
    page = text(desk["sam"].get("/desk/"))
    for link in (
        f"{HERE}in/{waiting}/", f"{HERE}out/{payout}/", f"{HERE}approvals/",
        f"/admin/disputes/{market.dispute(disputed).public_id}", f"/admin/disputes/handovers/{contested}",
    ):  # fmt: skip
        assert f'href="{link}"' in page
    assert "from TRX-9" in page
    assert "asked by ada@ours.example" in page
