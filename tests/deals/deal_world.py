"""A market with two people, and the steps by which a deal of theirs comes to where a test begins."""

import io
from datetime import timedelta
from typing import Any

from PIL import Image

from pilothouse.kernel.access.commands import ensure_person
from pilothouse.kernel.base import clock, simulated_clock
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.lifecycle.timers import fire_due
from pilothouse.kernel.payments.incoming import match, record_payment
from pilothouse.programs.deals import commands, evidence, payment, timers  # noqa: F401
from pilothouse.programs.deals.disputes import Claim, raise_issue
from pilothouse.programs.deals.models import Deal, Dispute
from pilothouse.programs.deals.publishing import publish_first_terms

MN, JP = "MN_USED_CAR_PRIVATE", "JP_CAMERA_PRIVATE"
CAR = {
    "make": "Toyota", "model": "Prius 30", "year": 2012, "plate": "1234 UBA", "vin": "ZVW30-1234567",
    "odometer_km": 148_000, "accessories": "Spare wheel", "documents": "Registration", "known_defects": "Scratch",
}  # fmt: skip
CAMERA = {
    "make": "Nikon", "model": "F3", "serial_number": "1234567", "shutter_count": 0, "accessories": "Strap",
    "known_defects": "None",
}  # fmt: skip
ITEMS = {MN: CAR, JP: CAMERA}
NOTE = "The photos and the papers show what the buyer says."


def photo(seed: int = 0) -> bytes:
    """A small picture; each seed is another one."""
    out = io.BytesIO()
    Image.new("RGB", (64, 48), (seed % 256, 120, 90)).save(out, "JPEG")
    return out.getvalue()


class Market:
    """One marketplace with a seller, a buyer and a stranger, on a house whose clock is moved by hand."""

    def __init__(self, house: Any) -> None:
        self.house = house
        self.tenant = house.tenant("Nomad Market")
        with worker_scope("test"):
            publish_first_terms()
            self.mails = {name: f"{name}@example.mn" for name in ("seller", "buyer", "stranger", "admin")}
            self.people = {name: ensure_person(mail).pk for name, mail in self.mails.items()}
        self.seller, self.buyer = self.people["seller"], self.people["buyer"]
        self.pictures = 0

    def scope(self, who: str = "test") -> Any:
        """The scope of one person's request."""
        return tenant_scope(self.tenant.id, f"user:{who}")

    def file(self, deal: str, who: str, kind: str = "PHOTO") -> str:
        """A fresh picture, uploaded for a deal."""
        self.pictures += 1
        return evidence.upload(deal, self.people[who], kind=kind, source=photo(self.pictures), name="photo.jpg")

    def draft(self, price: int, template: str = MN) -> str:
        """A draft with all that an offer needs."""
        with self.scope("seller"):
            deal = commands.create_deal(
                person=self.seller,
                side="seller",
                template=template,
                price=price,
                title="For sale",
                item=ITEMS[template],
            ).public_id
            for _ in range(4):
                file = self.file(deal, "seller")
                evidence.add(deal, self.seller, purpose="item", kind="PHOTO", file=file)
        return deal

    def accepted(self, price: int, template: str = MN) -> str:
        """A deal that waits for its money."""
        deal = self.draft(price, template)
        with self.scope("seller"):
            offered = commands.offer(deal, self.seller, own_email=self.mails["seller"])
        with self.scope("buyer"):
            commands.join(offered.secret, self.buyer, own_email=self.mails["buyer"])
            commands.accept(deal, self.buyer, seen_hash=offered.deal.offer_hash)
        return deal

    def funded(self, price: int, template: str = MN) -> str:
        """A deal whose price is in escrow."""
        deal = self.accepted(price, template)
        with worker_scope("bank"):
            row = commands.lock_deal(deal)
            paid = record_payment(self.tenant.id, source="bank", reference=f"in {deal}", amount=price, unit=row.unit)
            assert match([paid.public_id], "deal", deal) == 0
        return deal

    def handed_over(self, price: int, template: str = MN) -> str:
        """A deal in inspection."""
        deal = self.funded(price, template)
        self.file_handover(deal)
        with self.scope("buyer"):
            commands.confirm_handover(deal, self.buyer)
        return deal

    def file_handover(self, deal: str, kinds: tuple[str, ...] = ("PHOTO", "DOCUMENT")) -> None:
        """The seller files the handover with pictures of these types."""
        with self.scope("seller"):
            for kind in kinds:
                file = self.file(deal, "seller", kind)
                evidence.add(deal, self.seller, purpose="handover", kind=kind, file=file)
            commands.file_handover(deal, self.seller)

    def claim(self, deal: str, code: str, amount: int, kinds: tuple[str, ...] = ("PHOTO",)) -> Dispute:
        """The buyer raises an issue with one line."""
        return self.claims(deal, [(code, amount)], kinds)

    def claims(self, deal: str, lines: list[tuple[str, int]], kinds: tuple[str, ...] = ("PHOTO",)) -> Dispute:
        """The buyer raises an issue with several lines, each with pictures of these types."""
        with self.scope("buyer"):
            made = [
                Claim(code, amount, "It is not as it was offered.", [(k, self.file(deal, "buyer", k)) for k in kinds])
                for code, amount in lines
            ]
            return raise_issue(deal, self.buyer, made)

    def pass_time(self, **length: float) -> int:
        """Let time pass and fire what became due; returns how many timers."""
        self.pass_time_without_firing(**length)
        return fire_due()

    def pass_time_without_firing(self, **length: float) -> None:
        """Let time pass while no worker runs."""
        with worker_scope("test"):
            simulated_clock.move_to(clock.business_now() + timedelta(**length))

    def deal(self, public_id: str) -> Deal:
        """The deal as it stands."""
        with self.scope():
            return Deal.objects.get(public_id=public_id)

    def dispute(self, deal: str) -> Dispute:
        """The dispute of a deal."""
        with self.scope():
            return Dispute.objects.get(deal__public_id=deal)

    def accounts(self, deal: str) -> dict[str, int]:
        """The balances of the ledger's accounts of one deal."""
        with worker_scope("test"):
            rows = run("SELECT kind, credits - debits AS balance FROM account WHERE ref = %s", [deal])
        return {row["kind"]: row["balance"] for row in rows}
