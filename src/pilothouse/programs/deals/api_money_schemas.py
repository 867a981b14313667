"""What the operations on a party's money and on terms give, for /openapi.json. Amounts are minor units of `unit`."""

from datetime import datetime
from typing import Any

from ninja import Schema
from pydantic import Field

from pilothouse.kernel.base.openapi import Ok

from .api_schemas import AT, DEAL, DUE, HASH

ACCOUNT = "bnk_01m7y7ar27xbx1ym9x17zb8bhs"


def _f(description: str, example: Any) -> Any:
    return Field(description=description, examples=[example])


class BankAccountBody(Schema):
    """A bank account to which what deals owe you is sent. Its number is never told again."""

    account_id: str = _f("Its id.", ACCOUNT)
    state: str = _f("named until you confirm it, then confirmed.", "confirmed")
    usable: bool = _f("Whether money is sent there now. A changed account waits a day after it is confirmed.", True)
    unit: str = _f("The currency that it takes.", "MNT")
    holder: str = _f("Whose it is.", "Bat Dorj")
    bank: str = _f("At which bank.", "Khan Bank")
    number_hint: str = _f("The last digits of its number.", "4567")
    named_at: datetime = _f("When you named it.", AT)
    confirmed_at: datetime | None = _f("When you confirmed it.", AT)
    usable_from: datetime | None = _f("From when on money is sent there; null until it is confirmed.", AT)


class BankAccountsOut(Schema):
    """Your accounts, those that you removed or replaced aside."""

    ok: Ok
    accounts: list[BankAccountBody] = Field(description="The accounts, newest first.")


class BankAccountOut(BankAccountBody):
    """One of your accounts."""

    ok: Ok


class EscrowAccountOut(Schema):
    """Where the market's buyers pay to."""

    holder: str = _f("Whose it is.", "Nomad Cars Escrow LLC")
    bank: str = _f("At which bank.", "Khan Bank")
    number: str = _f("Its number.", "5000123456")


class DealPaymentOut(Schema):
    """How the buyer pays a deal into escrow."""

    ok: Ok
    deal_id: str = _f("The deal.", DEAL)
    amount: int = _f("Exactly what is to be paid; 0 when the deal waits for no payment.", 3000000000)
    unit: str = _f("In which currency.", "MNT")
    reference: str = _f("What to write on the transfer, so that it finds the deal.", DEAL)
    account: EscrowAccountOut | None = Field(
        description="The market's account; null where it has named none, or nothing is to be paid."
    )
    cards: bool = _f("Whether a card can pay: then ask for a checkout.", True)
    due_at: datetime | None = _f("Until when.", DUE)


class DealCheckoutOut(Schema):
    """A card payment that was begun. Nothing is charged before the buyer pays at `url`."""

    ok: Ok
    deal_id: str = _f("The deal.", DEAL)
    checkout_id: str = _f("The id of this checkout.", "chk_01m7y7ar27xbx1ym9x17zb8bhs")
    url: str = _f(
        "Where the buyer pays; asked again while it is open, the same one.", "https://checkout.example.com/c/1"
    )
    amount: int = _f("What is charged.", 4500000)
    unit: str = _f("In which currency.", "MNT")
    expires_at: datetime = _f("When the page ends.", DUE)


class ReasonCodeOut(Schema):
    """What a claim with one reason code can give, and what it has to show."""

    code: str = _f("The reason code.", "COSMETIC_DAMAGE")
    cap: str = _f("The most that it gives, as a ratio of the price.", "0.03")
    evidence: list[str] = _f("The evidence that makes a claim whole.", ["PHOTO"])
    outcomes: list[str] = _f("What an operator may decide.", ["RELEASE_TO_SELLER", "OFFSET_FULL_CAP"])


class DealTermsBody(Schema):
    """One version of terms. Lengths are hours, ratios are decimal text of the price."""

    terms: str = _f("Its name and number.", "MN_USED_CAR_PRIVATE_v1")
    state: str = _f("published, or retired where only older deals have it.", "published")
    country: str = _f("The country (ISO 3166).", "MN")
    category: str = _f("What is sold.", "USED_CAR_PRIVATE")
    version: int = _f("Its number.", 1)
    currency: str = _f("The currency of every amount.", "MNT")
    quantum: int = _f("Every amount is a multiple of this many minor units.", 100)
    policy: str = _f("When the first part is paid: APPROVAL or HANDOVER.", "APPROVAL")
    immediate: str = _f("The part that is paid first.", "0.85")
    holdback: str = _f("The part that is held back for claims.", "0.15")
    windows_hours: dict[str, int] = _f("How long each step may take.", {"inspectionTtlDays": 72, "disputeTtlHours": 48})
    expiry: str = _f("How a dispute ends that nobody decides.", "BY_EVIDENCE")
    handover_evidence: list[str] = _f("What the seller shows to file a handover.", ["PHOTO", "DOCUMENT"])
    photos: int = _f("Photos that an offer needs.", 4)
    item_fields: dict[str, str] = _f(
        "What must be said of the item, and its kind.", {"make": "text", "year": "whole_number"}
    )
    codes: list[ReasonCodeOut] = Field(description="The reasons for which a claim can be made.")
    hash: str = _f("SHA-256 of the version, to which deals are pinned.", HASH)


class DealTermsOut(DealTermsBody):
    """One version of terms."""

    ok: Ok


class DealTermsListOut(Schema):
    """What new deals can be made with."""

    ok: Ok
    terms: list[DealTermsBody] = Field(description="The versions in force, by country and category.")
