"""The terms of a country and category: the values of the source, and what publish refuses."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from pilothouse.kernel.terms.errors import TermsInvalid
from pilothouse.programs.deals.matrix import markdown, matrix
from pilothouse.programs.deals.publishing import changed, shipped_terms
from pilothouse.programs.deals.terms import FOLDER, DealTerms, load_file
from pilothouse.programs.deals.terms_checks import CHECKS, bps, check_terms, results

pytestmark = pytest.mark.unit
MN = "MN_USED_CAR_PRIVATE_v1.json"


@pytest.fixture
def body() -> dict[str, Any]:
    return copy.deepcopy(load_file(FOLDER / MN))


def test_the_values_of_the_source(body: dict[str, Any]) -> None:
    terms = DealTerms(body["id"], 1, "published", "", body)
    assert terms.name == "MN_USED_CAR_PRIVATE"
    assert (body["inspectionTtlDays"], body["disputeTtlHours"], body["holdbackRatio"]) == (3, 48, "0.15")
    assert (terms.holdback_bps, terms.hours("inspectionTtlDays"), terms.hours("disputeTtlHours")) == (1500, 72, 48)
    assert not terms.pays_at_handover
    assert (terms.currency.code, terms.currency.exponent, terms.currency.quantum) == ("MNT", 2, 100)
    assert terms.caps_bps["UNDISCLOSED_DEFECT"] == 1000
    assert terms.evidence("MILEAGE_MISMATCH") == ("ODOMETER_PHOTO", "DOCUMENT")


def test_every_file_of_the_product_is_valid_and_they_differ() -> None:
    bodies = [load_file(path) for path in sorted(FOLDER.glob("*.json"))]
    assert len({body["currency"] for body in bodies}) >= 2
    assert {body["immediateReleaseAt"] for body in bodies} == {"APPROVAL", "HANDOVER"}


REFUSED: list[tuple[dict[str, Any], str, str, str]] = [
    ({"holdbackRatio": "0.00005"}, "terms_ratio_invalid", "holdbackRatio", "whole number of basis points"),
    ({"holdbackRatio": 0.15}, "terms_ratio_invalid", "holdbackRatio", "decimal text"),
    ({"holdbackRatio": "1.5"}, "terms_ratio_invalid", "holdbackRatio", "between 0 and 1"),
    ({"holdbackRatio": "NaN"}, "terms_ratio_invalid", "holdbackRatio", "basis points"),
    ({"holdbackRatio": "1E+999999"}, "terms_ratio_invalid", "holdbackRatio", "not a number"),
    ({"holdbackRatio": "many"}, "terms_ratio_invalid", "holdbackRatio", "not a number"),
    ({"holdbackRatio": "0.14"}, "terms_cap_above_holdback", "offsetCapsByReasonCode.MILEAGE_MISMATCH", "0.15"),
    ({"immediateRatio": "0.80"}, "terms_parts_do_not_add", "immediateRatio", "do not add to 1"),
    ({"inspectionTtlDays": 0}, "terms_length_invalid", "inspectionTtlDays", "above 0"),
    ({"disputeTtlHours": 48.0}, "terms_length_invalid", "disputeTtlHours", "whole number"),
    ({"offerTtlHours": True}, "terms_length_invalid", "offerTtlHours", "whole number"),
    ({"handoverTtlDays": 91}, "terms_length_invalid", "handoverTtlDays", "at most 90 days"),
    ({"currency": "XXX"}, "terms_field_invalid", "currency", "one of EUR"),
    ({"currency": ["MNT"]}, "terms_field_invalid", "currency", "one of EUR"),
    ({"immediateReleaseAt": "LATER"}, "terms_field_invalid", "immediateReleaseAt", "APPROVAL or HANDOVER"),
    ({"allowedOutcomes": {}}, "terms_outcome_missing", "allowedOutcomes.COSMETIC_DAMAGE", "no outcome"),
    (
        {"allowedOutcomes": {"*": ["OFFSET_FULL_CAP"]}},
        "terms_release_missing",
        "allowedOutcomes.COSMETIC_DAMAGE",
        "RELEASE_TO_SELLER",
    ),
    (
        {"allowedOutcomes": {"*": ["RELEASE_TO_SELLER", "WHATEVER"]}},
        "terms_outcome_unknown",
        "allowedOutcomes.COSMETIC_DAMAGE",
        "'WHATEVER'",
    ),
    (
        {"allowedOutcomes": {"*": ["RELEASE_TO_SELLER", "OFFSET_SPLIT"]}},
        "terms_outcome_unknown",
        "allowedOutcomes.COSMETIC_DAMAGE",
        "'OFFSET_SPLIT'",
    ),
    (
        {"allowedOutcomes": {"*": ["RELEASE_TO_SELLER"] * 2}},
        "terms_outcome_unknown",
        "allowedOutcomes.COSMETIC_DAMAGE",
        "twice",
    ),
    (
        {"allowedOutcomes": {"*": ["RELEASE_TO_SELLER"], "SOMETHING": ["RELEASE_TO_SELLER"]}},
        "terms_cap_missing",
        "allowedOutcomes.SOMETHING",
        "no cap",
    ),
    ({"allowedOutcomes": {"*": "RELEASE_TO_SELLER"}}, "terms_field_invalid", "allowedOutcomes.*", "a list"),
    ({"allowedOutcomes": []}, "terms_field_invalid", "allowedOutcomes", "JSON object"),
    ({"requiredEvidence": {}}, "terms_evidence_missing", "requiredEvidence.COSMETIC_DAMAGE", "one or more of"),
    ({"requiredHandoverEvidence": []}, "terms_evidence_missing", "requiredHandoverEvidence", "one or more of"),
    ({"requiredHandoverEvidence": ["SMELL"]}, "terms_evidence_missing", "requiredHandoverEvidence", "PHOTO"),
    ({"offsetCapsByReasonCode": {}}, "terms_field_invalid", "offsetCapsByReasonCode", "reason codes"),
    ({"id": "MN_BOATS"}, "terms_field_invalid", "id", "COUNTRY_CATEGORY"),
    ({"country": ["MN"]}, "terms_field_invalid", "country", "two capital letters"),
    ({"version": 0}, "terms_field_invalid", "version", "from 1"),
    ({"itemFields": [{"name": "Bad Name", "type": "text"}]}, "terms_field_invalid", "itemFields.1", "small letters"),
    ({"itemFields": [{"name": "make", "type": "text"}] * 2}, "terms_field_invalid", "itemFields.2", "twice"),
    ({"itemFields": {"make": "text"}}, "terms_field_invalid", "itemFields", "a list"),
    ({"itemPhotosMin": -1}, "terms_field_invalid", "itemPhotosMin", "from 0"),
    ({"surprise": 1}, "terms_field_unknown", "surprise", "unknown: surprise"),
    ({"disputeExpiryOutcome": "LATER"}, "terms_field_invalid", "disputeExpiryOutcome", "BY_EVIDENCE"),
]


@pytest.mark.parametrize(("change", "code", "field", "words"), REFUSED, ids=lambda value: str(value)[:50])
def test_publish_refuses(body: dict[str, Any], change: dict[str, Any], code: str, field: str, words: str) -> None:
    """Each check by its own code, at its own field."""
    with pytest.raises(TermsInvalid, match=words) as refused:
        check_terms({**body, **change})
    assert (refused.value.code, refused.value.details["field"]) == (code, field)


def test_every_check_can_fail(body: dict[str, Any]) -> None:
    failed = set()
    for change, *_ in REFUSED:
        failed |= {check.claim for check, problems in results({**body, **change}) if problems}
    assert failed == {check.claim for check in CHECKS}
    assert [problems for _, problems in results(body)] == [[]] * len(CHECKS)


def test_what_cannot_be_checked_is_said_to_be_so() -> None:
    for body in ([], "terms", {"id": 1}, None):
        fields, kinds, *others = [problems for _, problems in results(body)]
        assert fields
        assert kinds == []
        assert others == [None] * len(others)


def test_a_copy_is_changed_by_paths(body: dict[str, Any]) -> None:
    made = changed(body, 2, [("disputeTtlHours", 72), ("offsetCapsByReasonCode.COSMETIC_DAMAGE", "0.04")])
    assert (made["version"], made["disputeTtlHours"]) == (2, 72)
    assert made["offsetCapsByReasonCode"]["COSMETIC_DAMAGE"] == "0.04"
    assert (body["version"], body["offsetCapsByReasonCode"]["COSMETIC_DAMAGE"]) == (1, "0.03")
    check_terms(made)
    for path, value in (("offsetCaps.COSMETIC_DAMAGE", "0.04"), ("country.x", 1), ("nothing", None)):
        with pytest.raises(TermsInvalid):
            changed(body, 2, [(path, value)])
    with pytest.raises(TermsInvalid, match="unknown: disputeTtl"):
        check_terms(changed(body, 2, [("disputeTtl", 72)]))


def test_the_matrix_says_what_the_terms_say() -> None:
    page = markdown(matrix(shipped_terms()))
    assert "| JP | v1 · JPY · HANDOVER · 20 % held back | none |" in page
    assert "| `MILEAGE_MISMATCH` | 15 % | `ODOMETER_PHOTO`, `DOCUMENT` |" in page
    assert "| Paid first | 85 % at approval |" in page
    assert "| Window: inspection | 3 d |" in page
    assert "| Window: confirming it | 48 h |" in page


def test_a_fixed_outcome_may_stand_for_expiry(body: dict[str, Any]) -> None:
    check_terms({**body, "disputeExpiryOutcome": "RELEASE_TO_SELLER", "immediateRatio": "0.85"})


def test_a_missing_key_is_named(body: dict[str, Any]) -> None:
    del body["disputeTtlHours"]
    with pytest.raises(TermsInvalid, match="missing: disputeTtlHours"):
        check_terms(body)


def test_a_file_says_its_own_name(body: dict[str, Any], tmp_path: Path) -> None:
    for name in ("MN_USED_CAR_PRIVATE_v2.json", "MN_BOATS_v1.json", "terms.json"):
        path = tmp_path / name
        path.write_text(json.dumps(body))
        with pytest.raises(TermsInvalid):
            load_file(path)


def test_basis_points() -> None:
    assert [bps(text, "x") for text in ("0", "0.15", "0.0001", "1")] == [0, 1500, 1, 10_000]
