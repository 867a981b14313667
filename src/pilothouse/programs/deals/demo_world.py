"""The marketplace of `up --demo`: two people and three deals, each as far as real commands have brought it."""

import io
import json
import os
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from pilothouse.kernel.access.commands import add_member, set_flag
from pilothouse.kernel.base import clock
from pilothouse.kernel.base.models import Tenant
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.payments import bank_accounts, incoming

from . import commands, disputes, evidence
from .demo_market import ITEMS, MN, PRICES
from .disputes import Claim

MARKET_NAME = "Nomad Cars"
PEOPLE = {
    "market_seller": ("seller@nomadcars.example", "seller", "Bat Dorj"),
    "market_buyer": ("buyer@nomadcars.example", "buyer", "Saraa Tömör"),
}
ESCROW_ACCOUNT = {"holder": "Nomad Cars Escrow LLC", "bank": "Khan Bank", "number": "5000123456"}
TITLES = ("Toyota Prius 30, 2012, white", "Toyota Land Cruiser 80, 1996, green", "Nissan Leaf, 2015, blue")
PAINTS = ("#d8dde4", "#3f6b52", "#33619e")
PICTURE_PIXELS = (960, 720)


def open_market(file: Path) -> None:
    """Make the market once; its people are added to the sign-ins that `file` (the demo's world) remembers."""
    world = json.loads(file.read_text(encoding="utf-8"))
    if "market_buyer" in world["people"]:
        return
    with worker_scope("demo"):
        tenant = Tenant.objects.create(name=MARKET_NAME, timezone="Asia/Ulaanbaatar", created_at=clock.now())
    ids = {}
    with tenant_scope(tenant.id, "operator:demo"):
        for mail, role, name in PEOPLE.values():
            ids[role] = add_member(tenant.id, mail, role, name, world["password"]).user_id
        set_flag("deals.escrow_account", ESCROW_ACCOUNT, "Where the buyers of this market pay to.", tenant.id)
    market = _DemoMarket(tenant.id, ids)
    for number in range(len(TITLES)):
        market.play(number)
    world["people"] |= {key: mail for key, (mail, _role, _name) in PEOPLE.items()}
    written = file.with_suffix(".new")
    handle = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        json.dump(world, out, indent=2)
    written.replace(file)


class _DemoMarket:
    """The steps of the two people: the first deal waits for payment, the second is inspected, the third disputed."""

    def __init__(self, tenant: int, ids: dict[str, int]) -> None:
        self.tenant = tenant
        self.ids = ids
        self.mails = {role: mail for mail, role, _name in PEOPLE.values()}

    def scope(self, role: str) -> Any:
        """The scope of one person's request."""
        return tenant_scope(self.tenant, f"user:{self.mails[role]}")

    def play(self, number: int) -> None:
        """One deal, as far as its number says."""
        deal = self._offered(number)
        if number == 0:
            return
        with worker_scope("operator:demo"):
            paid = incoming.record_payment(
                self.tenant, source="bank", reference=f"demo {deal}", amount=PRICES[MN], unit="MNT"
            )
            incoming.match([paid.public_id], "deal", deal)
        with self.scope("seller"):
            for kind in ("PHOTO", "DOCUMENT"):
                self._add(deal, "seller", kind, "handover", number)
            commands.file_handover(deal, self.ids["seller"])
        with self.scope("buyer"):
            commands.confirm_handover(deal, self.ids["buyer"])
            if number == 2:
                note = "The battery holds 7 of 12 bars; the advertisement said 11."
                files = [(kind, self._file(deal, "buyer", kind, number)) for kind in ("PHOTO", "DOCUMENT")]
                claim = Claim("UNDISCLOSED_DEFECT", 500_000_000, note, files)
                disputes.raise_issue(deal, self.ids["buyer"], [claim])

    def _offered(self, number: int) -> str:
        seller, buyer = self.ids["seller"], self.ids["buyer"]
        with self.scope("seller"):
            if number == 0:
                named = bank_accounts.name_account(
                    seller, unit="MNT", holder="Bat Dorj", bank="Golomt Bank", number="1105001234"
                )
                bank_accounts.confirm_account(seller, named.public_id, "1234")
            deal = commands.create_deal(
                person=seller, side="seller", template=MN, price=PRICES[MN], title=TITLES[number], item=ITEMS[MN]
            ).public_id
            for side in range(4):
                self._add(deal, "seller", "PHOTO", "item", number, side)
            offered = commands.offer(deal, seller, own_email=self.mails["seller"], email=self.mails["buyer"])
        with self.scope("buyer"):
            commands.join(offered.secret, buyer, own_email=self.mails["buyer"])
            commands.accept(deal, buyer, seen_hash=offered.deal.offer_hash)
        return deal

    def _add(self, deal: str, role: str, kind: str, purpose: str, number: int, side: int = 0) -> None:
        file = self._file(deal, role, kind, number, side)
        evidence.add(deal, self.ids[role], purpose=purpose, kind=kind, file=file)

    def _file(self, deal: str, role: str, kind: str, number: int, side: int = 0) -> str:
        picture = _paper() if kind == "DOCUMENT" else _car(PAINTS[number], side)
        return evidence.upload(deal, self.ids[role], kind=kind, source=picture, name=f"{kind.lower()}-{side + 1}.jpg")


def _car(paint: str, side: int) -> bytes:
    """A drawn car on a road; every `side` stands elsewhere in the picture."""
    image = Image.new("RGB", PICTURE_PIXELS, "#b9d3ea")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 470, 960, 720), fill="#8b8f86")
    left = 120 + side * 40
    draw.polygon([(left + 150, 380), (left + 240, 270), (left + 480, 270), (left + 580, 380)], fill="#22303f")
    draw.rounded_rectangle((left, 375, left + 680, 520), 48, fill=paint)
    for wheel in (left + 90, left + 470):
        draw.ellipse((wheel, 450, wheel + 120, 570), fill="#1b1d20")
        draw.ellipse((wheel + 35, 485, wheel + 85, 535), fill="#c5c9ce")
    return _jpeg(image)


def _paper() -> bytes:
    """A drawn sheet of paper with lines."""
    image = Image.new("RGB", PICTURE_PIXELS, "#5b5148")
    draw = ImageDraw.Draw(image)
    draw.rectangle((240, 40, 720, 690), fill="#f4f1e8")
    for line in range(12):
        draw.rectangle((290, 110 + line * 45, 670 - (line % 3) * 70, 118 + line * 45), fill="#8a8378")
    return _jpeg(image)


def _jpeg(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=88)
    return out.getvalue()
