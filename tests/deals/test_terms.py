"""The terms of a country and category: the values of the source, and what publish refuses."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from pilothouse.kernel.terms.errors import TermsInvalid
from pilothouse.programs.deals.terms import FOLDER, DealTerms, bps, check_terms, load_file

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


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"holdbackRatio": "0.00005"}, "whole number of basis points"),
        ({"holdbackRatio": 0.15}, "decimal text"),
        ({"holdbackRatio": "1.5"}, "between 0 and 1"),
        ({"holdbackRatio": "NaN"}, "basis points"),
        ({"holdbackRatio": "many"}, "not a number"),
        ({"holdbackRatio": "0.14"}, "above holdbackRatio"),
        ({"immediateRatio": "0.80"}, "do not add to 1"),
        ({"inspectionTtlDays": 0}, "above 0"),
        ({"disputeTtlHours": 48.0}, "whole number"),
        ({"offerTtlHours": True}, "whole number"),
        ({"currency": "XXX"}, "currency"),
        ({"immediateReleaseAt": "LATER"}, "immediateReleaseAt"),
        ({"allowedOutcomes": {"*": ["OFFSET_FULL_CAP"]}}, "RELEASE_TO_SELLER"),
        ({"allowedOutcomes": {"*": ["RELEASE_TO_SELLER", "WHATEVER"]}}, "unknown 'WHATEVER'"),
        ({"allowedOutcomes": {"*": ["RELEASE_TO_SELLER", "OFFSET_SPLIT"]}}, "unknown 'OFFSET_SPLIT'"),
        ({"allowedOutcomes": {"*": ["RELEASE_TO_SELLER"], "SOMETHING": ["RELEASE_TO_SELLER"]}}, "has no cap"),
        ({"requiredEvidence": {}}, "requiredEvidence of COSMETIC_DAMAGE"),
        ({"requiredHandoverEvidence": []}, "requiredHandoverEvidence"),
        ({"offsetCapsByReasonCode": {}}, "reason codes"),
        ({"id": "MN_BOATS"}, "id must be"),
        ({"version": 0}, "version"),
        ({"itemFields": [{"name": "Bad Name", "type": "text"}]}, "itemFields"),
        ({"itemFields": [{"name": "make", "type": "text"}] * 2}, "twice"),
        ({"itemFields": {"make": "text"}}, "itemFields"),
        ({"surprise": 1}, "unknown: surprise"),
        ({"disputeExpiryOutcome": "LATER"}, "disputeExpiryOutcome"),
    ],
)
def test_publish_refuses(body: dict[str, Any], change: dict[str, Any], words: str) -> None:
    with pytest.raises(TermsInvalid, match=words):
        check_terms({**body, **change})


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
