"""What terms must satisfy before anything is stored: a table of checks, each with its own code and sentence."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pilothouse.kernel.terms.commands import checked_by
from pilothouse.kernel.terms.errors import TermsInvalid

from . import limits
from .arithmetic import MENU_OUTCOMES, OUTCOMES, RELEASE_TO_SELLER
from .currencies import CURRENCIES
from .terms_errors import (
    TermsCapAboveHoldback,
    TermsCapMissing,
    TermsEvidenceMissing,
    TermsFieldInvalid,
    TermsFieldMissing,
    TermsFieldUnknown,
    TermsLengthInvalid,
    TermsOutcomeMissing,
    TermsOutcomeUnknown,
    TermsPartsDoNotAdd,
    TermsRatioInvalid,
    TermsReleaseMissing,
)

Body = Mapping[str, Any]
KIND = "deal_template"
APPROVAL, HANDOVER = "APPROVAL", "HANDOVER"
BY_EVIDENCE = "BY_EVIDENCE"
EVIDENCE_TYPES = ("DOCUMENT", "ODOMETER_PHOTO", "PHOTO", "VIDEO")
FIELD_TYPES = ("long_text", "text", "whole_number")
# The hours of one unit of each window.
WINDOWS_HOURS = {
    "inspectionTtlDays": 24,
    "handoverTtlDays": 24,
    "disputeTtlHours": 1,
    "offerTtlHours": 1,
    "fundingTtlHours": 1,
    "handoverConfirmTtlHours": 1,
    "handoverReviewTtlHours": 1,
}
_OBJECTS = ("offsetCapsByReasonCode", "allowedOutcomes", "requiredEvidence")
_OPTIONAL = "immediateRatio"
_KEYS = {
    *WINDOWS_HOURS, *_OBJECTS, _OPTIONAL, "id", "version", "country", "category", "currency", "holdbackRatio",
    "immediateReleaseAt", "requiredHandoverEvidence", "itemFields", "itemPhotosMin", "disputeExpiryOutcome",
}  # fmt: skip
_CODE = re.compile(r"[A-Z][A-Z0-9_]*")
_ITEM_FIELD = re.compile(r"[a-z][a-z0-9_]{0,39}")
# A longer text is no ratio, and turning a huge exponent into digits would take for ever.
_RATIO_MAX_CHARACTERS = 20


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what it proves, and how it finds what is wrong in a body."""

    claim: str
    find: Callable[[Body], Iterator[TermsInvalid]]


def bps(ratio: Any, field: str) -> int:
    """Whole basis points of a ratio given as decimal text: `"0.15"` gives 1500. Raises TermsRatioInvalid."""

    def refused(problem: str) -> TermsRatioInvalid:
        return TermsRatioInvalid(field=field, problem=problem)

    if not isinstance(ratio, str) or len(ratio) > _RATIO_MAX_CHARACTERS:
        raise refused('must be decimal text such as "0.15"')
    try:
        points = Decimal(ratio) * limits.BPS
        whole = points.is_finite() and points == points.to_integral_value()
    except ArithmeticError:
        raise refused(f"is {ratio!r}, which is not a number") from None
    if not whole:
        raise refused(f"is {ratio!r}, which is not a whole number of basis points")
    if not 0 <= points <= limits.BPS:
        raise refused(f"is {ratio!r}, which is not between 0 and 1")
    return int(points)


def results(body: Any) -> list[tuple[Check, list[TermsInvalid] | None]]:
    """Every check with what it found in a body; None for those that need what an earlier one misses."""
    if not isinstance(body, Mapping):
        body = {}
    found: list[tuple[Check, list[TermsInvalid] | None]] = []
    for check in CHECKS:
        # Without its fields, and these of the right kind, nothing more can be said of a body.
        blocked = any(problems for _, problems in found[:FORM_CHECKS_COUNT])
        found.append((check, None if blocked and len(found) >= FORM_CHECKS_COUNT else list(check.find(body))))
    return found


@checked_by(KIND)
def check_terms(body: Body) -> None:
    """Refuse terms that could not be kept, by the first check that fails; drafting and publishing call this."""
    if not isinstance(body, Mapping):
        raise TermsFieldInvalid(field="the body", wanted="one JSON object")
    for _, problems in results(body):
        for problem in problems or ():
            raise problem


def _fields(body: Body) -> Iterator[TermsInvalid]:
    yield from (TermsFieldUnknown(field=key) for key in sorted(set(body) - _KEYS))
    yield from (TermsFieldMissing(field=key) for key in sorted(_KEYS - set(body) - {_OPTIONAL}))


def _kinds(body: Body) -> Iterator[TermsInvalid]:
    for key in _OBJECTS:
        if not isinstance(body.get(key, {}), Mapping):
            yield TermsFieldInvalid(field=key, wanted="a JSON object by reason code")
    for code, outcomes in _mapping(body, "allowedOutcomes").items():
        if not isinstance(outcomes, list) or not all(isinstance(each, str) for each in outcomes):
            yield TermsFieldInvalid(field=f"allowedOutcomes.{code}", wanted="a list of outcomes")


def _names(body: Body) -> Iterator[TermsInvalid]:
    if type(body["version"]) is not int or body["version"] < 1:
        yield TermsFieldInvalid(field="version", wanted="a whole number from 1")
    country, category = body["country"], body["category"]
    if not isinstance(country, str) or len(country) != 2 or not _CODE.fullmatch(country):
        yield TermsFieldInvalid(field="country", wanted="two capital letters (ISO 3166)")
    if not isinstance(category, str) or not _CODE.fullmatch(category) or len(category) > limits.CODE_MAX_CHARACTERS:
        yield TermsFieldInvalid(field="category", wanted="capital letters, digits and _")
    if body["id"] != f"{country}_{category}":
        yield TermsFieldInvalid(field="id", wanted="COUNTRY_CATEGORY, of its own country and category")


def _choices(body: Body) -> Iterator[TermsInvalid]:
    if body["currency"] not in list(CURRENCIES):
        yield TermsFieldInvalid(field="currency", wanted=f"one of {', '.join(CURRENCIES)}")
    if body["immediateReleaseAt"] not in (APPROVAL, HANDOVER):
        yield TermsFieldInvalid(field="immediateReleaseAt", wanted=f"{APPROVAL} or {HANDOVER}")
    if body["disputeExpiryOutcome"] not in (BY_EVIDENCE, *OUTCOMES):
        yield TermsFieldInvalid(field="disputeExpiryOutcome", wanted=f"{BY_EVIDENCE} or one outcome")


def _lengths(body: Body) -> Iterator[TermsInvalid]:
    for key, hours in WINDOWS_HOURS.items():
        if type(body[key]) is not int or not 0 < body[key] * hours <= limits.TTL_MAX_DAYS * 24:
            yield TermsLengthInvalid(field=key, maximum_days=limits.TTL_MAX_DAYS)


def _ratios(body: Body) -> Iterator[TermsInvalid]:
    for field, ratio in (
        *((key, body[key]) for key in ("holdbackRatio", _OPTIONAL) if key in body),
        *((f"offsetCapsByReasonCode.{code}", cap) for code, cap in body["offsetCapsByReasonCode"].items()),
    ):
        try:
            bps(ratio, field)
        except TermsRatioInvalid as refused:
            yield refused


def _parts(body: Body) -> Iterator[TermsInvalid]:
    given = [_points(body[key]) for key in ("holdbackRatio", _OPTIONAL) if key in body]
    whole = [each for each in given if each is not None]
    if len(whole) == 2 and sum(whole) != limits.BPS:
        yield TermsPartsDoNotAdd(field=_OPTIONAL, immediate=body[_OPTIONAL], holdback=body["holdbackRatio"])


def _caps(body: Body) -> Iterator[TermsInvalid]:
    holdback = _points(body["holdbackRatio"])
    for code, ratio in body["offsetCapsByReasonCode"].items():
        points = _points(ratio)
        if holdback is not None and points is not None and points > holdback:
            yield TermsCapAboveHoldback(
                field=f"offsetCapsByReasonCode.{code}", reason_code=code, cap=ratio, holdback=body["holdbackRatio"]
            )


def _codes(body: Body) -> Iterator[TermsInvalid]:
    caps = body["offsetCapsByReasonCode"]
    if not 0 < len(caps) <= limits.REASON_CODES_MAX_COUNT:
        wanted = f"1 to {limits.REASON_CODES_MAX_COUNT} reason codes"
        yield TermsFieldInvalid(field="offsetCapsByReasonCode", wanted=wanted)
    for code in caps:
        if not _CODE.fullmatch(code) or len(code) > limits.CODE_MAX_CHARACTERS:
            field = f"offsetCapsByReasonCode.{code[: limits.CODE_MAX_CHARACTERS]}"
            yield TermsFieldInvalid(field=field, wanted="a reason code: capital letters, digits and _")
    for key in ("allowedOutcomes", "requiredEvidence"):
        known = {*caps, "*"} if key == "allowedOutcomes" else set(caps)
        yield from (TermsCapMissing(field=f"{key}.{code}") for code in sorted(set(body[key]) - known))


def _outcomes(body: Body) -> Iterator[TermsInvalid]:
    for code, outcomes in _allowed(body):
        if not outcomes:
            yield TermsOutcomeMissing(field=f"allowedOutcomes.{code}", reason_code=code)


def _release(body: Body) -> Iterator[TermsInvalid]:
    for code, outcomes in _allowed(body):
        if outcomes and RELEASE_TO_SELLER not in outcomes:
            yield TermsReleaseMissing(field=f"allowedOutcomes.{code}", reason_code=code)


def _menu(body: Body) -> Iterator[TermsInvalid]:
    for code, outcomes in _allowed(body):
        field = f"allowedOutcomes.{code}"
        unknown = [each for each in outcomes if each not in MENU_OUTCOMES]
        if unknown:
            yield TermsOutcomeUnknown(field=field, reason_code=code, problem=f"the unknown {unknown[0]!r}")
        elif len(set(outcomes)) != len(outcomes):
            yield TermsOutcomeUnknown(field=field, reason_code=code, problem="an outcome twice")


def _evidence(body: Body) -> Iterator[TermsInvalid]:
    asked = {f"requiredEvidence.{code}": body["requiredEvidence"].get(code) for code in body["offsetCapsByReasonCode"]}
    asked["requiredHandoverEvidence"] = body["requiredHandoverEvidence"]
    for field, types in asked.items():
        known = isinstance(types, list) and types and all(each in EVIDENCE_TYPES for each in types)
        if not known or len(set(types)) != len(types):
            yield TermsEvidenceMissing(field=field, known=", ".join(EVIDENCE_TYPES))


def _item(body: Body) -> Iterator[TermsInvalid]:
    fields = body["itemFields"]
    if not isinstance(fields, list) or not 0 < len(fields) <= limits.ITEM_FIELDS_MAX_COUNT:
        yield TermsFieldInvalid(field="itemFields", wanted=f"a list of 1 to {limits.ITEM_FIELDS_MAX_COUNT} fields")
        return
    for number, field in enumerate(fields, 1):
        here = f"itemFields.{number}"
        if not isinstance(field, Mapping) or set(field) != {"name", "type"} or field["type"] not in FIELD_TYPES:
            yield TermsFieldInvalid(field=here, wanted=f"a name and a type: {', '.join(FIELD_TYPES)}")
        elif not isinstance(field["name"], str) or not _ITEM_FIELD.fullmatch(field["name"]):
            yield TermsFieldInvalid(field=here, wanted="named in small letters, digits and _")
        elif field["name"] in [other.get("name") for other in fields[: number - 1] if isinstance(other, Mapping)]:
            yield TermsFieldInvalid(field=here, wanted="another field; this one is named twice")
    if type(body["itemPhotosMin"]) is not int or not 0 <= body["itemPhotosMin"] <= limits.PHOTOS_MAX_COUNT:
        yield TermsFieldInvalid(field="itemPhotosMin", wanted=f"a whole number from 0 to {limits.PHOTOS_MAX_COUNT}")


CHECKS = (
    Check("It has every field of terms, and no other.", _fields),
    Check("Caps, outcomes and evidence are given by reason code.", _kinds),
    Check("Its name is its country and category, and its version a number.", _names),
    Check("Its currency, its policy and the end of an undecided dispute are known.", _choices),
    Check("Every length is a whole number above 0.", _lengths),
    Check("Every ratio is a whole number of basis points.", _ratios),
    Check("The immediate part and the holdback add to 1.", _parts),
    Check("No cap is above the holdback.", _caps),
    Check("Every reason code has a cap.", _codes),
    Check("Every reason code has an outcome.", _outcomes),
    Check("RELEASE_TO_SELLER is always allowed.", _release),
    Check("Every outcome is one that operators may choose, listed once.", _menu),
    Check("Every reason code, and the handover, asks for evidence of known types.", _evidence),
    Check("What is said of the item is a list of fields.", _item),
)
FORM_CHECKS_COUNT = 2


def _allowed(body: Body) -> Iterator[tuple[str, list[str]]]:
    allowed = body["allowedOutcomes"]
    for code in body["offsetCapsByReasonCode"]:
        yield code, allowed.get(code, allowed.get("*", []))


def _mapping(body: Body, key: str) -> Mapping[str, Any]:
    found = body.get(key)
    return found if isinstance(found, Mapping) else {}


def _points(ratio: Any) -> int | None:
    try:
        return bps(ratio, "")
    except TermsRatioInvalid:
        return None
