"""The marketplace of `up --demo`: two people and seven deals, each as far as real commands have brought it."""

import io
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from pilothouse.kernel.access.commands import add_member, set_flag
from pilothouse.kernel.base import clock
from pilothouse.kernel.base.models import Tenant
from pilothouse.kernel.base.scope import tenant_scope, worker_scope
from pilothouse.kernel.payments import bank_accounts, incoming

from . import commands, disputes, evidence
from .demo_market import MN
from .disputes import Claim

MARKET_NAME = "Nomad Cars"
PEOPLE = {
    "market_seller": ("seller@nomadcars.example", "seller", "Bat Dorj"),
    "market_buyer": ("buyer@nomadcars.example", "buyer", "Saraa Tömör"),
}
ESCROW_ACCOUNT = {"holder": "Nomad Cars Escrow LLC", "bank": "Khan Bank", "number": "5000123456"}
PICTURE_PIXELS = (960, 720)


@dataclass(frozen=True, slots=True)
class Car:
    """One car of the demo: its advertisement, its price in minor units and its facts."""

    title: str
    paint: str
    price: int
    facts: dict[str, Any]


def _facts(make: str, model: str, year: int, plate: str, vin: str, km: int, defects: str) -> dict[str, Any]:
    return {
        "make": make, "model": model, "year": year, "plate": plate, "vin": vin, "odometer_km": km,
        "accessories": "Spare wheel, two keys", "documents": "Registration, inspection report",
        "known_defects": defects,
    }  # fmt: skip


CARS = (
    Car(
        "Toyota Prius 30, 2012, white", "#d8dde4", 3_000_000_000,
        _facts("Toyota", "Prius 30", 2012, "1234 UBA", "ZVW30-1234567", 148_000, "Scratch on the rear bumper"),
    ),
    Car(
        "Toyota Land Cruiser 80, 1996, green", "#3f6b52", 3_000_000_000,
        _facts("Toyota", "Land Cruiser 80", 1996, "5521 UNA", "HDJ81-0061173", 312_000, "Rust on the left sill"),
    ),
    Car(
        "Nissan Leaf, 2015, blue", "#33619e", 3_000_000_000,
        _facts("Nissan", "Leaf", 2015, "0847 UBT", "AZE0-204418", 76_000, "Battery holds 11 of 12 bars"),
    ),
    Car(
        "Honda Fit, 2014, silver", "#aab0b6", 1_850_000_000,
        _facts("Honda", "Fit", 2014, "7719 UBK", "GP5-3051826", 121_000, "None known"),
    ),
    Car(
        "Mazda Demio, 2016, red", "#a8322e", 2_140_000_000,
        _facts("Mazda", "Demio", 2016, "3306 UBE", "DJ3FS-151402", 64_000, "Small crack in the windscreen"),
    ),
    Car(
        "Subaru Forester, 2013, grey", "#6f757c", 2_600_000_000,
        _facts("Subaru", "Forester", 2013, "9042 UBD", "SJ5-014227", 139_000, "None known"),
    ),
    Car(
        "Suzuki Jimny, 2018, yellow", "#c9b04a", 3_350_000_000,
        _facts("Suzuki", "Jimny", 2018, "6180 UBH", "JB64W-100552", 41_000, "None known"),
    ),
)  # fmt: skip
UNPAID, INSPECTED, DISPUTED, CONTESTED, SETTLED, FILED, DRAFTED = range(len(CARS))
# Minor units: what somebody sent who named no deal.
UNKNOWN_AMOUNT = 1_250_000_000


def open_market(file: Path, *, is_empty: bool = False) -> None:
    """Make the market once; its people are added to the sign-ins that `file` (the demo's world) remembers.

    An empty one has its people and nothing that they did.
    """
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
    if not is_empty:
        _DemoMarket(tenant.id, ids).play()
    world["people"] |= {key: mail for key, (mail, _role, _name) in PEOPLE.items()}
    written = file.with_suffix(".new")
    handle = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        json.dump(world, out, indent=2)
    written.replace(file)


class _DemoMarket:
    """The steps of the two people, and a payment of which nobody knows what it is for."""

    def __init__(self, tenant: int, ids: dict[str, int]) -> None:
        self.tenant = tenant
        self.ids = ids
        self.mails = {role: mail for mail, role, _name in PEOPLE.values()}

    def scope(self, role: str) -> Any:
        """The scope of one person's request."""
        return tenant_scope(self.tenant, f"user:{self.mails[role]}")

    def play(self) -> None:
        """Every deal, as far as its number says."""
        with self.scope("seller"):
            account = {"holder": "Bat Dorj", "bank": "Golomt Bank", "number": "1105001234"}
            named = bank_accounts.name_account(self.ids["seller"], unit="MNT", **account)
            bank_accounts.confirm_account(self.ids["seller"], named.public_id, "1234")
        for number in range(len(CARS)):
            self._deal(number)
        with worker_scope("operator:demo"):
            incoming.record_payment(
                self.tenant, source="bank", reference="KHAN-40117", amount=UNKNOWN_AMOUNT, unit="MNT",
                payer="Tömör Trade LLC", note="for the car",
            )  # fmt: skip

    def _deal(self, number: int) -> None:
        deal = self._drafted(number)
        if number == DRAFTED:
            return
        self._accepted(deal)
        if number == UNPAID:
            return
        with worker_scope("operator:demo"):
            paid = incoming.record_payment(
                self.tenant, source="bank", reference=f"KHAN-401{number:02}", amount=CARS[number].price, unit="MNT",
                payer=PEOPLE["market_buyer"][2], note=deal,
            )  # fmt: skip
            incoming.match([paid.public_id], "deal", deal)
        with self.scope("seller"):
            for kind in ("PHOTO", "DOCUMENT"):
                self._add(deal, "seller", kind, "handover", number)
            commands.file_handover(deal, self.ids["seller"])
        with self.scope("buyer"):
            self._received(deal, number)

    def _received(self, deal: str, number: int) -> None:
        buyer = self.ids["buyer"]
        if number == CONTESTED:
            note = "The plate in the papers is another one than on the car."
            commands.contest_handover(deal, buyer, reason="item_wrong", note=note)
        if number in (CONTESTED, FILED):
            return
        commands.confirm_handover(deal, buyer)
        if number == DISPUTED:
            note = "The battery holds 7 of 12 bars; the advertisement said 11."
            files = [(kind, self._file(deal, "buyer", kind, number)) for kind in ("PHOTO", "DOCUMENT")]
            disputes.raise_issue(deal, buyer, [Claim("UNDISCLOSED_DEFECT", 500_000_000, note, files)])
        elif number == SETTLED:
            commands.approve(deal, buyer)
            commands.release_early(deal, buyer)

    def _drafted(self, number: int) -> str:
        seller = self.ids["seller"]
        with self.scope("seller"):
            car = CARS[number]
            deal = commands.create_deal(
                person=seller, side="seller", template=MN, price=car.price, title=car.title, item=car.facts
            ).public_id
            for side in range(4):
                self._add(deal, "seller", "PHOTO", "item", number, side)
        return deal

    def _accepted(self, deal: str) -> None:
        seller, buyer = self.ids["seller"], self.ids["buyer"]
        with self.scope("seller"):
            offered = commands.offer(deal, seller, own_email=self.mails["seller"], email=self.mails["buyer"])
        with self.scope("buyer"):
            commands.join(offered.secret, buyer, own_email=self.mails["buyer"])
            commands.accept(deal, buyer, seen_hash=offered.deal.offer_hash)

    def _add(self, deal: str, role: str, kind: str, purpose: str, number: int, side: int = 0) -> None:
        file = self._file(deal, role, kind, number, side)
        evidence.add(deal, self.ids[role], purpose=purpose, kind=kind, file=file)

    def _file(self, deal: str, role: str, kind: str, number: int, side: int = 0) -> str:
        picture = _paper() if kind == "DOCUMENT" else _car(CARS[number].paint, side)
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
