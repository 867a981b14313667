"""The demo's marketplace: its people, and the steps that they take through the same commands as everybody else."""

import io
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from PIL import Image

from pilothouse.kernel.access.commands import add_member, add_operator
from pilothouse.kernel.base import simulated_clock
from pilothouse.kernel.base.models import Tenant
from pilothouse.kernel.base.scope import Scope, tenant_scope, worker_scope
from pilothouse.kernel.payments import bank_accounts, incoming, sending

from . import commands, disputes, evidence, judgement
from .disputes import Claim
from .models import Deal
from .steps import terms_of

MARKET_NAME = "Nomad Market"
MN, JP = "MN_USED_CAR_PRIVATE", "JP_CAMERA_PRIVATE"
UNITS = {MN: "MNT", JP: "JPY"}
# Minor units: thirty million tögrög, and two hundred thousand yen.
PRICES = {MN: 3_000_000_000, JP: 200_000}
ITEMS: dict[str, dict[str, Any]] = {
    MN: {
        "make": "Toyota", "model": "Prius 30", "year": 2012, "plate": "1234 UBA", "vin": "ZVW30-1234567",
        "odometer_km": 148_000, "accessories": "Spare wheel, two keys", "documents": "Registration, inspection report",
        "known_defects": "Scratch on the rear bumper",
    },
    JP: {
        "make": "Nikon", "model": "F3", "serial_number": "1 234 567", "shutter_count": 0, "accessories": "Strap, case",
        "known_defects": "None known",
    },
}  # fmt: skip
TITLES = {MN: "Toyota Prius 30, 2012", JP: "Nikon F3, body"}
# Who trades: one pair for each deal in turn. Dorj never names a bank account, so what he is owed stays unpaid.
PAIRS = (("bat", "saraa"), ("oyuna", "temuulen"), ("ganbold", "nomin"))
WITHOUT_ACCOUNT = "dorj"
OPERATORS = ("olga@pilothouse.example", "ada@pilothouse.example")
NOTE = "The photos and the papers show what the buyer says."


@dataclass(slots=True)
class Trade:
    """One deal as the script sees it: its id, its terms and who trades."""

    deal: str
    template: str
    price: int
    seller: str
    buyer: str
    story: str = ""


class Market:
    """One marketplace in a rehearsal's database; `at` is its business time."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.pictures = 0
        self.references = 0
        self.trades: list[Trade] = []
        # The story that is being told, and its number, which chooses the people.
        self.story, self.number = "", 0
        # Deals whose first payout to the seller the bank refuses.
        self.refused: set[str] = set()
        self.tenant, self.judge = 0, 0
        self.people: dict[str, int] = {}

    def open(self) -> None:
        """Make the tenant, its people and their bank accounts."""
        names = sorted({name for pair in PAIRS for name in pair} | {WITHOUT_ACCOUNT})
        with worker_scope("demo"):
            tenant = Tenant.objects.create(name=MARKET_NAME, timezone="Asia/Ulaanbaatar", created_at=self.at)
            self.tenant = tenant.id
            self.judge = [add_operator(mail, "admin").user_id for mail in OPERATORS][1]
        with tenant_scope(self.tenant, "operator:demo"):
            sellers = {seller for seller, _ in PAIRS} | {WITHOUT_ACCOUNT}
            for name in names:
                role = "seller" if name in sellers else "buyer"
                self.people[name] = add_member(self.tenant, self.mail(name), role, name.capitalize()).user_id
            for number, name in enumerate(name for name in names if name != WITHOUT_ACCOUNT):
                for unit in UNITS.values():
                    self._name_account(name, unit, f"MN{number:02}0005001234{number:04}")

    def _name_account(self, name: str, unit: str, number: str) -> None:
        person = self.people[name]
        named = bank_accounts.name_account(person, unit=unit, holder=name.title(), bank="Khan Bank", number=number)
        bank_accounts.confirm_account(person, named.public_id, number[-bank_accounts.HINT_CHARACTERS :])

    @staticmethod
    def mail(name: str) -> str:
        """A person's address."""
        return f"{name}@nomad.example"

    def scope(self, name: str) -> AbstractContextManager[Scope]:
        """The scope of one person's request."""
        return tenant_scope(self.tenant, f"user:{self.mail(name)}")

    def move_to(self, at: datetime) -> None:
        """Let business time pass."""
        self.at = max(self.at, at)
        with worker_scope("demo"):
            simulated_clock.move_to(self.at)

    def picture(self) -> bytes:
        """A small photo; each is another one."""
        self.pictures += 1
        out = io.BytesIO()
        Image.new("RGB", (48, 32), (self.pictures % 256, self.pictures // 256, 90)).save(out, "JPEG")
        return out.getvalue()

    def file(self, trade: Trade, name: str, kind: str = "PHOTO") -> str:
        """A fresh picture, uploaded for a deal."""
        source = self.picture()
        return evidence.upload(trade.deal, self.people[name], kind=kind, source=source, name="photo.jpg")

    def accepted(self, template: str, *, seller: str = "") -> Trade:
        """A deal that both sides want and that waits for its money."""
        trade, seen, secret = self.offered(template, seller=seller)
        with self.scope(trade.buyer):
            self.accept(trade, seen, secret)
        return trade

    def accept(self, trade: Trade, seen: str, secret: str) -> None:
        """The buyer follows the link and agrees to what was offered (in the buyer's scope)."""
        person = self.people[trade.buyer]
        commands.join(secret, person, own_email=self.mail(trade.buyer))
        commands.accept(trade.deal, person, seen_hash=seen)

    @staticmethod
    def pair(number: int) -> tuple[str, str]:
        """Who sells and who buys in the deal of this number."""
        return PAIRS[number % len(PAIRS)]

    def offered(self, template: str, *, seller: str = "", price: int = 0) -> tuple[Trade, str, str]:
        """A deal that waits for the buyer, the offer's hash and its link's secret."""
        pair = self.pair(self.number)
        trade = Trade("", template, price or PRICES[template], seller or pair[0], pair[1], self.story)
        person = self.people[trade.seller]
        with self.scope(trade.seller):
            deal = commands.create_deal(
                person=person, side="seller", template=template, price=trade.price,
                title=TITLES[template], item=ITEMS[template],
            )  # fmt: skip
            trade.deal = deal.public_id
            for _ in range(terms_of(deal).body["itemPhotosMin"]):
                evidence.add(trade.deal, person, purpose="item", kind="PHOTO", file=self.file(trade, trade.seller))
            made = commands.offer(trade.deal, person, own_email=self.mail(trade.seller))
        self.trades.append(trade)
        return trade, made.deal.offer_hash, made.secret

    def pay(self, trade: Trade, amounts: Sequence[int]) -> list[str]:
        """Money comes in by the bank; returns the payments."""
        with worker_scope(f"operator:{OPERATORS[0]}"):
            made = []
            for amount in amounts:
                self.references += 1
                payment = incoming.record_payment(
                    self.tenant, source="bank", reference=f"IN-{self.references:04}", amount=amount,
                    unit=UNITS[trade.template], payer=trade.buyer.title(), note=trade.deal, received_at=self.at,
                )  # fmt: skip
                made.append(payment.public_id)
            return made

    def match(self, trade: Trade, payments: Sequence[str]) -> int:
        """An operator matches payments to a deal; returns what is left over."""
        with worker_scope(f"operator:{OPERATORS[0]}"):
            return incoming.match(payments, "deal", trade.deal)

    def send_back(self, payment: str) -> None:
        """The rest of a payment goes back to its sender."""
        self.references += 1
        with worker_scope(f"operator:{OPERATORS[0]}"):
            asked = sending.send_payment_back(payment, f"BACK-{self.references:04}").request
        if asked:
            with worker_scope(f"operator:{OPERATORS[1]}"):
                sending.approve_sending(asked)

    def funded(self, template: str, *, seller: str = "") -> Trade:
        """A deal whose price is in escrow."""
        trade = self.accepted(template, seller=seller)
        self.match(trade, self.pay(trade, [trade.price]))
        return trade

    def file_handover(self, trade: Trade) -> None:
        """The seller files the handover with what the terms ask for."""
        person = self.people[trade.seller]
        with self.scope(trade.seller):
            deal = Deal.objects.get(public_id=trade.deal)
            for kind in terms_of(deal).body["requiredHandoverEvidence"]:
                file = self.file(trade, trade.seller, kind)
                evidence.add(trade.deal, person, purpose="handover", kind=kind, file=file)
            commands.file_handover(trade.deal, person)

    def confirm(self, trade: Trade) -> None:
        """The buyer has received the item."""
        with self.scope(trade.buyer):
            commands.confirm_handover(trade.deal, self.people[trade.buyer])

    def approve(self, trade: Trade) -> None:
        """The buyer is content."""
        with self.scope(trade.buyer):
            commands.approve(trade.deal, self.people[trade.buyer])

    def claim(self, trade: Trade, lines: Sequence[tuple[str, int, Sequence[str]]]) -> None:
        """The buyer raises an issue: lines of a reason code, an amount and the types of evidence shown."""
        with self.scope(trade.buyer):
            claims = [
                Claim(
                    code, amount, "It is not as it was offered.",
                    [(kind, self.file(trade, trade.buyer, kind)) for kind in kinds],
                )
                for code, amount, kinds in lines
            ]  # fmt: skip
            disputes.raise_issue(trade.deal, self.people[trade.buyer], claims)

    def resolve(self, trade: Trade, outcomes: Sequence[str]) -> None:
        """An operator decides, from the menu."""
        with tenant_scope(self.tenant, f"operator:{OPERATORS[1]}"):
            disputes.resolve(
                trade.deal, admin=self.judge, outcomes=outcomes, audit_reason="evidence_clear", note=NOTE,
                decided_by=OPERATORS[1],
            )  # fmt: skip

    def decide_handover(self, trade: Trade, decision: str) -> None:
        """An operator decides a contested handover."""
        with tenant_scope(self.tenant, f"operator:{OPERATORS[1]}"):
            judgement.decide_handover(
                trade.deal, admin=self.judge, decision=decision, audit_reason="evidence_clear", note=NOTE,
                decided_by=OPERATORS[1],
            )  # fmt: skip


def hours(count: float) -> timedelta:
    """A length of business time."""
    return timedelta(hours=count)
