"""What deals refuse, asked over HTTP: each with its status, its code, its sentence, and nothing moved anywhere."""

import json
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from api_world import PRICE, Person
from deal_world import CAR, MN, NOTE, photo
from django.conf import settings
from django.db import connections

from pilothouse.kernel.access.commands import add_operator
from pilothouse.kernel.base import clock
from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.programs.deals import commands, disputes
from pilothouse.programs.deals.terms import FOLDER

pytestmark = [pytest.mark.house, pytest.mark.http]
TABLES = (
    "journal", "transfer", "event", "timer", "payment", "payout", "deal_evidence", "dispute", "claim_line",
    "deal_agreement", "deal_request", "file", "terms", "send_request",
)  # fmt: skip
GOOD = {"outcomes": ["OFFSET_FULL_CAP"], "audit_reason": "evidence_clear", "note": NOTE}
DRAFT = {"side": "seller", "template": MN, "price": PRICE, "title": "Toyota Prius", "item": CAR}
REASON_WANTED = "A decision needs a reason code and a note of at least 20 characters."


@pytest.fixture(autouse=True)
def _storage_of_its_own(monkeypatch: pytest.MonkeyPatch, data_folder: Path) -> None:
    """Other tests store files at the same moment; what is counted here is this test's."""
    monkeypatch.setattr(settings, "DATA", data_folder)


def state_of_everything() -> Any:
    """How many rows every table has, every deal's row, every balance, and every object in the storage."""
    with worker_scope("test"):
        counts = {table: run(f"SELECT count(*) AS n FROM {table}")[0]["n"] for table in TABLES}
        deals = run("SELECT * FROM deal ORDER BY id")
        balances = run("SELECT id, credits, debits FROM account ORDER BY id")
    files = sorted(str(path) for path in (Path(settings.DATA) / "files").rglob("*") if path.is_file())
    return counts, deals, balances, files


@contextmanager
def nothing_moves() -> Iterator[None]:
    before = state_of_everything()
    yield
    assert state_of_everything() == before


def refuse(who: Person, path: str, body: Any, status: int, code: str, sentence: str) -> None:
    """Asked so, it is refused so, and nothing moved."""
    with nothing_moves():
        refused = who.post(path, body, status)
        assert (refused["code"], refused["message"]) == (code, sentence), (path, body)
        assert refused["request_id"]


def at_once(*calls: Callable[[], int]) -> list[int]:
    """The statuses of calls that are made at the same time."""

    def one(call: Callable[[], int]) -> int:
        try:
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return sorted(pool.map(one, calls))


def status_of(who: Person, path: str, body: Any = None) -> Callable[[], int]:
    def call() -> int:
        answer = who.client.post(f"/v1/{path}", json.dumps(body or {}), content_type="application/json")
        return int(answer.status_code)

    return call


def test_an_operator_decides_by_the_pinned_terms_and_nothing_else(market: Any, people: dict[str, Person]) -> None:
    deal = market.handed_over(PRICE)
    market.claim(deal, "COSMETIC_DAMAGE", 60_000_000)
    admin, path = people["admin"], f"admin/disputes/{deal}/resolve"
    allowed = (
        "RELEASE_TO_SELLER, OFFSET_25_OF_CAP, OFFSET_50_OF_CAP, OFFSET_75_OF_CAP, OFFSET_FULL_CAP, OFFSET_AS_CLAIMED"
    )
    for outcome in ("OFFSET_90_OF_CAP", "OFFSET_SPLIT", "OFFSET_AS_AGREED", "60000000", ""):
        sentence = f"{outcome} is not an outcome that these terms allow for COSMETIC_DAMAGE. Allowed: {allowed}."
        refuse(admin, path, {**GOOD, "outcomes": [outcome]}, 422, "outcome_not_allowed", sentence)
    for change, code, sentence in (
        ({"outcomes": [60_000_000]}, "invalid_input", "outcomes lists one outcome for each line."),
        ({"outcomes": []}, "invalid_input", "Choose one outcome for each of the 1 lines."),
        ({"amount": 1}, "invalid_input", "Unknown field 'amount'; known are outcomes, audit_reason, note."),
        ({"audit_reason": None}, "audit_reason_missing", REASON_WANTED),
        ({"audit_reason": "because"}, "audit_reason_missing", REASON_WANTED),
        ({"note": None}, "audit_reason_missing", REASON_WANTED),
        ({"note": "too short"}, "audit_reason_missing", REASON_WANTED),
        ({"note": " " * 40}, "audit_reason_missing", REASON_WANTED),
    ):
        refuse(admin, path, {**GOOD, **change}, 422, code, sentence)
    party = "You are a party of this deal; another operator must decide."
    for side in ("buyer", "seller"):
        with worker_scope("test"):
            add_operator(market.mails[side], "operator")
        refuse(people[side], path, GOOD, 403, "admin_is_party", party)
    needed = "Your role does not allow this: an operator who may change this is needed."
    for who in ("stranger", "support"):
        refuse(people[who], path, GOOD, 403, "forbidden", needed)


def test_a_contested_handover_has_two_decisions(market: Any, people: dict[str, Person]) -> None:
    deal = market.funded(PRICE)
    market.file_handover(deal)
    admin, path = people["admin"], f"admin/handovers/{deal}/decide"
    good = {"decision": "NOT_HANDED_OVER", "audit_reason": "evidence_missing", "note": NOTE}
    refuse(admin, path, good, 409, "conflict", "There is no contested handover to decide.")
    with market.scope("buyer"):
        commands.contest_handover(deal, market.buyer, reason="not_received", note="Nobody came.")
    for change, code, sentence in (
        ({"decision": "HALF"}, "invalid_input", "The decision is HANDOVER_CONFIRMED or NOT_HANDED_OVER."),
        ({"to_buyer": 1}, "invalid_input", "Unknown field 'to_buyer'; known are decision, audit_reason, note."),
        ({"note": ""}, "invalid_input", "note must be a text of 1 to 4000 characters without control characters."),
        ({"audit_reason": None}, "audit_reason_missing", REASON_WANTED),
    ):
        refuse(admin, path, {**good, **change}, 422, code, sentence)
    with worker_scope("test"):
        add_operator(market.mails["seller"], "operator")
    party = "You are a party of this deal; another operator must decide."
    refuse(people["seller"], path, good, 403, "admin_is_party", party)


def quantized(amount: int) -> str:
    return f"{amount} is not a whole multiple of 100, the smallest amount used in MNT."


def test_every_amount_is_a_multiple_of_the_quantum(market: Any, people: dict[str, Person]) -> None:
    seller, buyer = people["seller"], people["buyer"]
    for price in (12_345, 99, 0, -100):
        refuse(seller, "deals", {**DRAFT, "price": price}, 422, "amount_not_quantized", quantized(price))
    least = "A price is at least 10000 MNT in minor units; this one is 9900."
    refuse(seller, "deals", {**DRAFT, "price": 9_900}, 422, "amount_too_small", least)
    whole = "price must be a whole number of minor units."
    for price in (30.5, "3000", True, None, [1]):
        refuse(seller, "deals", {**DRAFT, "price": price}, 422, "invalid_input", whole)
    funded = market.funded(PRICE)
    body = {"kind": "price", "content": {"price": PRICE - 50}}
    refuse(seller, f"deals/{funded}/sign", body, 422, "amount_not_quantized", quantized(PRICE - 50))
    deal = market.handed_over(PRICE)
    file = buyer.file(deal, "PHOTO", photo(7))["file_id"]
    line = {"code": "COSMETIC_DAMAGE", "note": "A dent.", "evidence": [{"type": "PHOTO", "file_id": file}]}
    for amount in (150, 0):
        body = {"lines": [{**line, "amount": amount}]}
        refuse(buyer, f"deals/{deal}/issue", body, 422, "amount_not_quantized", quantized(amount))
    large = f"{PRICE + 100} is more than {PRICE}, the most that is possible here."
    refuse(buyer, f"deals/{deal}/issue", {"lines": [{**line, "amount": PRICE + 100}]}, 422, "amount_too_large", large)
    market.claim(deal, "COSMETIC_DAMAGE", 60_000_000)
    counter = {"response": "counter", "note": "Less.", "counters": [150]}
    refuse(seller, f"deals/{deal}/respond", counter, 422, "amount_not_quantized", quantized(150))
    agreed = {"kind": "settlement", "content": {"amounts": [150]}}
    refuse(seller, f"deals/{deal}/sign", agreed, 422, "amount_not_quantized", quantized(150))


def test_terms_that_could_not_be_kept_are_refused(market: Any, people: dict[str, Person]) -> None:
    admin = people["admin"]
    body = {**json.loads((FOLDER / f"{MN}_v1.json").read_text()), "version": 2}
    caps = body["offsetCapsByReasonCode"]
    cannot = "These terms cannot be used: "
    for change, code, sentence in (
        ({"holdbackRatio": "0.12345"}, "terms_ratio_invalid",
         "holdbackRatio is '0.12345', which is not a whole number of basis points."),
        ({"offsetCapsByReasonCode": {**caps, "COSMETIC_DAMAGE": "0.00001"}}, "terms_ratio_invalid",
         "offsetCapsByReasonCode.COSMETIC_DAMAGE is '0.00001', which is not a whole number of basis points."),
        ({"holdbackRatio": 0.15}, "terms_ratio_invalid", 'holdbackRatio must be decimal text such as "0.15".'),
        ({"offsetCapsByReasonCode": {**caps, "COSMETIC_DAMAGE": "0.16"}}, "terms_cap_above_holdback",
         "the cap of COSMETIC_DAMAGE, 0.16, is above holdbackRatio 0.15: more than is held back."),
        ({"disputeTtlHours": 0}, "terms_length_invalid",
         "disputeTtlHours must be a whole number above 0 and at most 90 days."),
        ({"allowedOutcomes": {"*": ["OFFSET_FULL_CAP"]}}, "terms_release_missing",
         "allowedOutcomes of COSMETIC_DAMAGE must hold RELEASE_TO_SELLER."),
        ({"version": 7}, "terms_version_not_next", f"the next version of {MN} is 2, not 7."),
    ):  # fmt: skip
        refuse(admin, "admin/deal-terms", {"terms": {**body, **change}}, 422, code, cannot + sentence)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def bomb() -> bytes:
    """A PNG of 100 megapixels in a few kilobytes."""
    side = 10_000
    rows = zlib.compress(bytes((1 + side // 8) * side), 9)
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def refused_type(found: str, accepted: str) -> str:
    return f"The content of the file is {found}; accepted here: {accepted}."


def test_files_are_what_they_hold_and_not_what_they_are_called(market: Any, people: dict[str, Person]) -> None:
    deal, buyer = market.handed_over(PRICE), people["buyer"]
    images, papers = "jpg, png, webp", "pdf, jpg, png, webp"
    unknown, pixels = "of an unknown type", "The image was not accepted: it has more than 20000000 pixels."
    for kind, data, status, code, sentence in (
        ("PHOTO", b"MZ\x90\x00" + bytes(400), 415, "file_type_refused", refused_type(unknown, images)),
        ("PHOTO", b"<!DOCTYPE html><script>alert(1)</script>", 415, "file_type_refused", refused_type(unknown, images)),
        ("PHOTO", b"", 415, "file_type_refused", refused_type("empty", images)),
        ("PHOTO", b"%PDF-1.7\n%%EOF", 415, "file_type_refused", refused_type("pdf", images)),
        ("DOCUMENT", b"<html></html>", 415, "file_type_refused", refused_type(unknown, papers)),
        ("VIDEO", photo(), 415, "file_type_refused", refused_type("jpg", "mp4")),
        ("PHOTO", bomb(), 422, "image_refused", pixels),
    ):
        with nothing_moves():
            refused = buyer.file(deal, kind, data, status)
        assert (refused["code"], refused["message"]) == (code, sentence), (kind, data[:10])
    with nothing_moves():
        assert buyer.file(deal, "PHOTO", photo()[:200], 422)["code"] == "image_refused"
    with nothing_moves():
        assert buyer.file(deal, "SELFIE", photo(), 422)["message"].startswith('The part "type" is one of DOCUMENT')


def issue(file: str, amount: int = 60_000_000) -> dict[str, Any]:
    return {
        "lines": [
            {
                "code": "COSMETIC_DAMAGE", "amount": amount, "note": "A dent.",
                "evidence": [{"type": "PHOTO", "file_id": file}],
            }
        ]
    }  # fmt: skip


def test_a_claim_counts_at_the_due_instant_and_not_a_microsecond_later(market: Any, people: dict[str, Person]) -> None:
    buyer = people["buyer"]
    late, last = market.handed_over(PRICE), market.handed_over(PRICE)
    files = {deal: buyer.file(deal, "PHOTO", photo(3))["file_id"] for deal in (late, last)}
    market.pass_time_without_firing(hours=72)
    assert buyer.post(f"deals/{last}/issue", issue(files[last]))["state"] == "ISSUE"
    market.pass_time_without_firing(microseconds=1)
    sentence = "The time for raising an issue ended at 2026-03-05T09:00:00+00:00."
    refuse(buyer, f"deals/{late}/issue", issue(files[late]), 409, "inspection_over", sentence)
    assert market.deal(late).state == "INSPECTION", "the timer has not fired yet, and it is too late all the same"
    market.pass_time_without_firing(hours=47)
    body = {"purpose": "claim", "type": "PHOTO", "file_id": files[last], "line": 1}
    closed = "Evidence could be added until 2026-03-07T08:00:00+00:00."
    refuse(buyer, f"deals/{last}/evidence", body, 409, "evidence_closed", closed)


def test_the_clock_of_a_host_decides_nothing(
    market: Any, people: dict[str, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A web host that is two days behind lets no late claim in; one that is two days ahead keeps none out."""
    buyer = people["buyer"]
    deals = [market.handed_over(PRICE) for _ in range(2)]
    files = [buyer.file(deal, "PHOTO", photo(3))["file_id"] for deal in deals]
    real_now, real_time = clock.now, time.time

    def skew(days: float) -> None:
        monkeypatch.setattr(clock, "now", lambda: real_now() + timedelta(days=days))
        monkeypatch.setattr(time, "time", lambda: real_time() + days * 86_400)

    market.pass_time_without_firing(hours=72)
    skew(2)
    claimed = buyer.post(f"deals/{deals[0]}/issue", issue(files[0]))
    assert (claimed["state"], claimed["dispute"]["due_at"]) == ("ISSUE", "2026-03-07T09:00:00Z")
    market.pass_time_without_firing(seconds=1)
    skew(-2)
    sentence = "The time for raising an issue ended at 2026-03-05T09:00:00+00:00."
    refuse(buyer, f"deals/{deals[1]}/issue", issue(files[1]), 409, "inspection_over", sentence)


def test_the_same_action_twice_or_by_two_people_at_once_is_done_once(market: Any, people: dict[str, Person]) -> None:
    buyer, seller = people["buyer"], people["seller"]
    other = Person(market.mails["buyer"])
    approved = market.handed_over(PRICE)
    path = f"deals/{approved}/approve"
    assert at_once(status_of(buyer, path), status_of(other, path)) == [200, 409]
    sentence = "You cannot approve this deal: its state is “Approved”."
    refuse(buyer, path, {}, 409, "transition_refused", sentence)
    assert market.accounts(approved) == {"escrow": 450_000_000, "payable": 2_550_000_000, "refund_due": 0}
    disputed = market.handed_over(PRICE)
    market.claim(disputed, "COSMETIC_DAMAGE", 60_000_000)
    path = f"admin/disputes/{disputed}/resolve"
    accept = f"deals/{disputed}/claim/accept"
    told = at_once(
        status_of(people["admin"], path, GOOD), status_of(people["second"], path, GOOD), status_of(seller, accept)
    )
    assert told == [200, 409, 409]
    assert market.accounts(disputed)["refund_due"] == 60_000_000
    sentence = "You cannot decide this dispute: its state is “Decided”."
    refuse(people["admin"], path, GOOD, 409, "transition_refused", sentence)
    body, key = json.dumps(DRAFT), {"Idempotency-Key": "twin"}

    def draft(who: Person) -> Callable[[], int]:
        return lambda: int(who.client.post("/v1/deals", body, content_type="application/json", headers=key).status_code)

    twin = Person(market.mails["seller"])
    told = at_once(draft(seller), draft(twin))
    assert told in ([201, 201], [201, 409]), "the second one is told the same, or to ask again"
    with worker_scope("test"):
        assert run("SELECT count(*) AS n FROM deal WHERE title = %s", [DRAFT["title"]]) == [{"n": 1}]


def test_no_party_acts_in_the_others_place(market: Any, people: dict[str, Person]) -> None:
    buyer, seller = people["buyer"], people["seller"]
    filed, inspected, disputed = market.funded(PRICE), market.handed_over(PRICE), market.handed_over(PRICE)
    market.file_handover(filed)
    market.claim(disputed, "COSMETIC_DAMAGE", 60_000_000)
    draft = market.draft(PRICE)
    offered = market.draft(PRICE)
    with market.scope("seller"):
        secret = commands.offer(offered, market.seller, own_email=market.mails["seller"]).secret
    mine = issue("file_x")
    for who, path, body, side in (
        (seller, f"deals/{filed}/handover/confirm", {}, "buyer"),
        (seller, f"deals/{filed}/handover/contest", {"reason": "not_received", "note": "x"}, "buyer"),
        (buyer, f"deals/{filed}/handover", {}, "seller"),
        (seller, f"deals/{inspected}/approve", {}, "buyer"),
        (seller, f"deals/{inspected}/release", {}, "buyer"),
        (seller, f"deals/{inspected}/issue", mine, "buyer"),
        (buyer, f"deals/{disputed}/claim/accept", {}, "seller"),
        (buyer, f"deals/{disputed}/respond", {"response": "contest", "note": "x"}, "seller"),
        (seller, f"deals/{disputed}/claim/withdraw", {}, "buyer"),
        (seller, f"deals/{offered}/accept", {"offer_hash": "x"}, "buyer"),
        (seller, f"deals/{inspected}/checkout", {}, "buyer"),
    ):
        refuse(who, path, body, 403, "not_your_side", f"Only the {side} can do this.")
    same = "One person cannot be both buyer and seller of a deal."
    refuse(seller, "deals/join", {"invitation": secret}, 422, "same_person", same)
    nothing = "There is no deal with this id in your account."
    for who, path in ((buyer, f"deals/{draft}/offer"), (people["stranger"], f"deals/{inspected}/approve")):
        refuse(who, path, {}, 404, "not_found", nothing)
    with nothing_moves(), market.scope("buyer"), pytest.raises(Exception, match="Only the seller"):
        disputes.accept_claim(disputed, market.buyer)
