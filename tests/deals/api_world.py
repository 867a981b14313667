"""Deals over HTTP: people in their browsers, and the steps that bring a deal to where a test begins."""

import json
from typing import Any

from deal_world import CAR, MN, photo
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from pilothouse.kernel.access.commands import add_member, add_operator
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.payments.incoming import match, record_payment

PRICE = 3_000_000_000
PASSWORD = "a long pass phrase 7"


class Person:
    """A browser in which somebody is signed in."""

    def __init__(self, email: str) -> None:
        self.client = Client(raise_request_exception=False)
        self.client.force_login(get_user_model().objects.get(email=email), "django.contrib.auth.backends.ModelBackend")

    def get(self, path: str, status: int = 200) -> dict[str, Any]:
        return self._is(self.client.get(f"/v1/{path}"), status)

    def post(self, path: str, body: Any = None, status: int = 200, key: str = "", **more: Any) -> dict[str, Any]:
        headers = {"Idempotency-Key": key} if key else {}
        data = json.dumps(body or {})
        made = self.client.post(f"/v1/{path}", data, content_type="application/json", headers=headers)
        found = self._is(made, status)
        return {**found, "replayed": made.headers.get("Idempotent-Replayed") == "true"} if status < 300 else found

    def file(self, deal: str, kind: str, data: bytes, status: int = 201) -> dict[str, Any]:
        part = SimpleUploadedFile("photo.jpg", data, "image/jpeg")
        return self._is(self.client.post(f"/v1/deals/{deal}/files", {"type": kind, "file": part}), status)

    def delete(self, path: str, status: int = 200) -> dict[str, Any]:
        return self._is(self.client.delete(f"/v1/{path}"), status)

    def sign_in_again(self, email: str) -> None:
        """Type the password once more, as a change of where money goes asks for."""
        user = get_user_model().objects.get(email=email)
        user.set_password(PASSWORD)
        user.save()
        self.client.force_login(user, "django.contrib.auth.backends.ModelBackend")
        answer = self.client.post("/account/reauthenticate/", {"password": PASSWORD})
        assert answer.status_code == 302, answer.content[:300]

    @staticmethod
    def _is(made: Any, status: int) -> dict[str, Any]:
        assert made.status_code == status, made.content[:500]
        found = dict(made.json())
        assert found["ok"] is (status < 400)
        return found if status < 400 else found["error"]


def people_of(market: Any) -> dict[str, Person]:
    """Everybody of a market, signed in, with two operators and one of support."""
    with market.scope("owner"):
        for name, role in (("seller", "seller"), ("buyer", "buyer"), ("stranger", "buyer")):
            add_member(market.tenant.id, market.mails[name], role)
    with worker_scope("test"):
        add_operator(market.mails["admin"], "operator")
        add_operator("support@example.mn", "support")
        add_operator("second@example.mn", "operator")
    ours = {name: f"{name}@example.mn" for name in ("support", "second")}
    return {name: Person(mail) for name, mail in {**market.mails, **ours}.items()}


def offered(market: Any, people: dict[str, Person]) -> dict[str, Any]:
    seller = people["seller"]
    body = {"side": "seller", "template": MN, "price": PRICE, "title": "Toyota Prius", "item": CAR}
    deal = seller.post("deals", body, 201)["deal_id"]
    for seed in range(4):
        file = seller.file(deal, "PHOTO", photo(seed))["file_id"]
        seller.post(f"deals/{deal}/evidence", {"purpose": "item", "type": "PHOTO", "file_id": file})
    return seller.post(f"deals/{deal}/offer", {"email": market.mails["buyer"]})


def in_inspection(market: Any, people: dict[str, Person]) -> str:
    offer = offered(market, people)
    deal, seller, buyer = offer["deal_id"], people["seller"], people["buyer"]
    assert buyer.post("deals/join", {"invitation": offer["invitation"]})["actions"] == ["accept", "withdraw"]
    buyer.post(f"deals/{deal}/accept", {"offer_hash": offer["offer_hash"]})
    with worker_scope("bank"):
        paid = record_payment(market.tenant.id, source="bank", reference=deal, amount=PRICE, unit="MNT")
        match([paid.public_id], "deal", deal)
    for kind in ("PHOTO", "DOCUMENT"):
        file = seller.file(deal, kind, photo(9))["file_id"]
        seller.post(f"deals/{deal}/evidence", {"purpose": "handover", "type": kind, "file_id": file})
    seller.post(f"deals/{deal}/handover")
    assert buyer.post(f"deals/{deal}/handover/confirm")["state"] == "INSPECTION"
    return str(deal)


def claim(people: dict[str, Person], deal: str, key: str = "") -> dict[str, Any]:
    file = people["buyer"].file(deal, "PHOTO", photo(77))["file_id"]
    line = {"code": "COSMETIC_DAMAGE", "amount": 60_000_000, "note": "A dent in the door.",
            "evidence": [{"type": "PHOTO", "file_id": file}]}  # fmt: skip
    return people["buyer"].post(f"deals/{deal}/issue", {"lines": [line]}, key=key)
