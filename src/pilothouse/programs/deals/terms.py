"""The terms of a deal in one country and category: what they may hold, and what is read from them.

A file `COUNTRY_CATEGORY_vN.json` is one version. Its numbers are what both parties were promised, so a version never
changes once it is published; a deal keeps the one with which it was made.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from pilothouse.kernel.terms.commands import checked_by
from pilothouse.kernel.terms.errors import TermsInvalid
from pilothouse.kernel.terms.queries import Version, by_hash, published

from . import limits
from .arithmetic import MENU_OUTCOMES, OUTCOMES, RELEASE_TO_SELLER
from .currencies import CURRENCIES, Currency

KIND = "deal_template"
FOLDER = Path(__file__).parent / "country"
APPROVAL, HANDOVER = "APPROVAL", "HANDOVER"
BY_EVIDENCE = "BY_EVIDENCE"
EVIDENCE_TYPES = ("DOCUMENT", "ODOMETER_PHOTO", "PHOTO", "VIDEO")
FIELD_TYPES = ("long_text", "text", "whole_number")
FILE_NAME = re.compile(r"(?P<id>[A-Z]{2}_[A-Z0-9_]+)_v(?P<version>[1-9][0-9]*)\.json")
CODE = re.compile(r"[A-Z][A-Z0-9_]*")
_TTLS_HOURS = {
    "inspectionTtlDays": 24,
    "handoverTtlDays": 24,
    "disputeTtlHours": 1,
    "offerTtlHours": 1,
    "fundingTtlHours": 1,
    "handoverConfirmTtlHours": 1,
    "handoverReviewTtlHours": 1,
}
_KEYS = {
    *_TTLS_HOURS, "id", "version", "country", "category", "currency", "holdbackRatio", "immediateReleaseAt",
    "offsetCapsByReasonCode", "allowedOutcomes", "requiredEvidence", "requiredHandoverEvidence", "itemFields",
    "itemPhotosMin", "disputeExpiryOutcome", "immediateRatio",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class DealTerms:
    """One version, read. Ratios are basis points, lengths are hours; `hash` is what a deal is pinned to."""

    name: str
    version: int
    state: str
    hash: str
    body: Mapping[str, Any]

    @property
    def currency(self) -> Currency:
        """The currency of every amount of the deal."""
        return CURRENCIES[self.body["currency"]]

    @property
    def holdback_bps(self) -> int:
        """The part that is held back for claims, in basis points."""
        return bps(self.body["holdbackRatio"], "holdbackRatio")

    @property
    def caps_bps(self) -> dict[str, int]:
        """The most that claims of each reason code can give, in basis points of the price."""
        return {code: bps(ratio, code) for code, ratio in self.body["offsetCapsByReasonCode"].items()}

    @property
    def pays_at_handover(self) -> bool:
        """Whether the immediate part is paid at handover; otherwise at approval."""
        return bool(self.body["immediateReleaseAt"] == HANDOVER)

    @property
    def item_fields(self) -> dict[str, str]:
        """What must be said of the item: each field's name and type, in the order of the form."""
        return {field["name"]: field["type"] for field in self.body["itemFields"]}

    def hours(self, key: str) -> int:
        """The length of a window: `inspectionTtlDays` = 3 gives 72."""
        return int(self.body[key]) * _TTLS_HOURS[key]

    def outcomes(self, code: str) -> tuple[str, ...]:
        """What an operator may decide for a claim with this reason code, in the order of the menu."""
        allowed = self.body["allowedOutcomes"]
        return tuple(allowed.get(code, allowed.get("*", ())))

    def evidence(self, code: str) -> tuple[str, ...]:
        """The types of evidence that make a claim with this reason code complete."""
        return tuple(self.body["requiredEvidence"][code])


def read(version: Version) -> DealTerms:
    """A stored version as the program reads it."""
    return DealTerms(version.name, version.version, version.state, version.hash, version.body)


def in_force(name: str) -> DealTerms:
    """The published version of `COUNTRY_CATEGORY`; NoTerms when there is none."""
    return read(published(KIND, name))


def pinned(hash_: str) -> DealTerms:
    """The version that a deal was made with, whatever became of it since."""
    return read(by_hash(KIND, hash_))


def bps(ratio: Any, name: str) -> int:
    """Whole basis points of a ratio given as decimal text: `"0.15"` gives 1500. Raises TermsInvalid."""
    if not isinstance(ratio, str):
        raise TermsInvalid(reason=f'{name} must be decimal text such as "0.15"')
    try:
        points = Decimal(ratio) * limits.BPS
    except InvalidOperation:
        raise TermsInvalid(reason=f"{name} is {ratio!r}, which is not a number") from None
    if not points.is_finite() or points != points.to_integral_value():
        raise TermsInvalid(reason=f"{name} is {ratio!r}, which is not a whole number of basis points")
    if not 0 <= points <= limits.BPS:
        raise TermsInvalid(reason=f"{name} is {ratio!r}, which is not between 0 and 1")
    return int(points)


def load_file(path: Path) -> dict[str, Any]:
    """The body of a file named `COUNTRY_CATEGORY_vN.json`, which must say the same name and number."""
    named = FILE_NAME.fullmatch(path.name)
    if named is None:
        raise TermsInvalid(reason=f"{path.name} is not named COUNTRY_CATEGORY_vN.json")
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TermsInvalid(reason=f"{path.name} cannot be read: {error}") from None
    check_terms(body)
    if (body["id"], str(body["version"])) != (named["id"], named["version"]):
        raise TermsInvalid(reason=f"{path.name} holds {body['id']} version {body['version']}")
    return dict(body)


@checked_by(KIND)
def check_terms(body: Mapping[str, Any]) -> None:
    """Refuse terms that could not be kept, with one sentence; publish calls this."""
    if not isinstance(body, Mapping):
        raise TermsInvalid(reason="terms are one JSON object")
    if unknown := sorted(set(body) - _KEYS):
        raise TermsInvalid(reason=f"unknown: {', '.join(unknown)}")
    if missing := sorted(_KEYS - set(body) - {"immediateRatio"}):
        raise TermsInvalid(reason=f"missing: {', '.join(missing)}")
    _check_head(body)
    for key, hours in _TTLS_HOURS.items():
        if type(body[key]) is not int or not 0 < body[key] * hours <= limits.TTL_MAX_DAYS * 24:
            raise TermsInvalid(reason=f"{key} must be a whole number above 0 and at most {limits.TTL_MAX_DAYS} days")
    holdback = bps(body["holdbackRatio"], "holdbackRatio")
    if "immediateRatio" in body and bps(body["immediateRatio"], "immediateRatio") + holdback != limits.BPS:
        raise TermsInvalid(reason="immediateRatio and holdbackRatio do not add to 1")
    _check_codes(body, holdback)
    _check_item(body)


def _check_head(body: Mapping[str, Any]) -> None:
    if type(body["version"]) is not int or body["version"] < 1:
        raise TermsInvalid(reason="version must be a whole number from 1")
    for key in ("country", "category"):
        if not isinstance(body[key], str) or not CODE.fullmatch(body[key]):
            raise TermsInvalid(reason=f"{key} must be capital letters, digits and _")
    if len(body["country"]) != 2:
        raise TermsInvalid(reason="country must be two letters (ISO 3166)")
    if body["id"] != f"{body['country']}_{body['category']}" or len(body["id"]) > limits.NAME_MAX_CHARACTERS:
        raise TermsInvalid(reason=f"id must be {body['country']}_{body['category']}")
    if body["currency"] not in CURRENCIES:
        raise TermsInvalid(reason=f"currency must be one of {', '.join(CURRENCIES)}")
    if body["immediateReleaseAt"] not in (APPROVAL, HANDOVER):
        raise TermsInvalid(reason=f"immediateReleaseAt must be {APPROVAL} or {HANDOVER}")
    expiry = body["disputeExpiryOutcome"]
    if expiry != BY_EVIDENCE and expiry not in OUTCOMES:
        raise TermsInvalid(reason=f"disputeExpiryOutcome must be {BY_EVIDENCE} or one outcome")


def _check_codes(body: Mapping[str, Any], holdback: int) -> None:
    caps, allowed, evidence = (body[key] for key in ("offsetCapsByReasonCode", "allowedOutcomes", "requiredEvidence"))
    if not all(isinstance(each, Mapping) for each in (caps, allowed, evidence)):
        raise TermsInvalid(reason="offsetCapsByReasonCode, allowedOutcomes and requiredEvidence are JSON objects")
    if not 0 < len(caps) <= limits.REASON_CODES_MAX_COUNT:
        raise TermsInvalid(reason=f"there must be 1 to {limits.REASON_CODES_MAX_COUNT} reason codes")
    for code, ratio in caps.items():
        if not CODE.fullmatch(code) or len(code) > limits.CODE_MAX_CHARACTERS:
            raise TermsInvalid(reason=f"the reason code {code!r} must be capital letters, digits and _")
        if bps(ratio, f"the cap of {code}") > holdback:
            raise TermsInvalid(reason=f"the cap of {code} is above holdbackRatio: more than what is held back")
        outcomes = allowed.get(code, allowed.get("*", ()))
        if RELEASE_TO_SELLER not in outcomes:
            raise TermsInvalid(reason=f"allowedOutcomes of {code} must hold {RELEASE_TO_SELLER}")
        if unknown := [each for each in outcomes if each not in MENU_OUTCOMES]:
            raise TermsInvalid(reason=f"allowedOutcomes of {code} holds the unknown {unknown[0]!r}")
        if len(set(outcomes)) != len(outcomes):
            raise TermsInvalid(reason=f"allowedOutcomes of {code} holds an outcome twice")
        _check_evidence(evidence.get(code), f"requiredEvidence of {code}")
    for key, given in (("allowedOutcomes", allowed), ("requiredEvidence", evidence)):
        if strange := sorted(set(given) - set(caps) - {"*"}):
            raise TermsInvalid(reason=f"{key} names {strange[0]!r}, which has no cap")


def _check_evidence(types: Any, name: str) -> None:
    if not isinstance(types, list) or not types or any(each not in EVIDENCE_TYPES for each in types):
        raise TermsInvalid(reason=f"{name} must be one or more of {', '.join(EVIDENCE_TYPES)}")


def _check_item(body: Mapping[str, Any]) -> None:
    _check_evidence(body["requiredHandoverEvidence"], "requiredHandoverEvidence")
    fields = body["itemFields"]
    if not isinstance(fields, list) or not 0 < len(fields) <= limits.ITEM_FIELDS_MAX_COUNT:
        raise TermsInvalid(reason=f"itemFields must list 1 to {limits.ITEM_FIELDS_MAX_COUNT} fields")
    for field in fields:
        if not isinstance(field, Mapping) or set(field) != {"name", "type"} or field["type"] not in FIELD_TYPES:
            raise TermsInvalid(reason=f"each of itemFields has a name and a type: {', '.join(FIELD_TYPES)}")
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", str(field["name"])):
            raise TermsInvalid(reason=f"itemFields names {field['name']!r}, which is not small letters, digits and _")
    if len({field["name"] for field in fields}) != len(fields):
        raise TermsInvalid(reason="itemFields names a field twice")
    if type(body["itemPhotosMin"]) is not int or not 0 <= body["itemPhotosMin"] <= limits.PHOTOS_MAX_COUNT:
        raise TermsInvalid(reason=f"itemPhotosMin must be a whole number from 0 to {limits.PHOTOS_MAX_COUNT}")
