"""The country and category matrix: what new deals are made with where, as rows and as Markdown.

`docs/COUNTRY_TEMPLATE_MATRIX.md` is written from the files that the product publishes in a new house; the command line
and the desk show the same of the terms that are in force in theirs.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from . import limits
from .terms import DealTerms, version_name
from .terms_checks import BY_EVIDENCE, WINDOWS_HOURS

WINDOWS = {
    "offerTtlHours": "offer",
    "fundingTtlHours": "funding",
    "handoverTtlDays": "handover",
    "handoverConfirmTtlHours": "confirming it",
    "handoverReviewTtlHours": "review of a contested one",
    "inspectionTtlDays": "inspection",
    "disputeTtlHours": "dispute, and claims after approval",
}
HEAD = """# Country and category matrix

The terms with which a new house makes deals, by country and category. A deal keeps the version with which it was made,
whatever is published later. [The rules of escrow](escrow.md) say how the numbers are used, and how a version is made,
compared, published and retired.
"""


def matrix(found: Iterable[DealTerms]) -> list[dict[str, Any]]:
    """One row for each of these terms, by country and category. Lengths are hours, ratios decimal text of the price."""
    return [_row(each) for each in sorted(found, key=lambda each: (each.name, each.version))]


def _row(terms: DealTerms) -> dict[str, Any]:
    body = terms.body
    codes = [
        {"code": code, "cap": cap, "evidence": terms.evidence(code), "outcomes": terms.outcomes(code)}
        for code, cap in body["offsetCapsByReasonCode"].items()
    ]
    return {
        "terms": version_name(terms.name, terms.version),
        "country": body["country"],
        "category": body["category"],
        "version": terms.version,
        "currency": terms.currency.code,
        "quantum": terms.currency.quantum,
        "policy": body["immediateReleaseAt"],
        "immediate": str(Decimal(limits.BPS - terms.holdback_bps) / limits.BPS),
        "holdback": body["holdbackRatio"],
        "windows_hours": {key: terms.hours(key) for key in WINDOWS_HOURS},
        "expiry": body["disputeExpiryOutcome"],
        "handover_evidence": body["requiredHandoverEvidence"],
        "photos": body["itemPhotosMin"],
        "codes": codes,
        "hash": terms.hash,
    }


def percent(ratio: str) -> str:
    """A ratio as people write it: `"0.15"` gives `15 %`."""
    return f"{(Decimal(ratio) * 100).normalize():f} %"


def length(hours: int) -> str:
    """A window in the unit in which people count it."""
    return f"{hours // 24} d" if hours % 24 == 0 and hours >= 72 else f"{hours} h"


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """The whole page."""
    categories = sorted({row["category"] for row in rows})
    by_place = {(row["country"], row["category"]): row for row in rows}
    lines = [HEAD, "## In force\n", *_table(["country", *(_code(each) for each in categories)])]
    for country in sorted({row["country"] for row in rows}):
        cells = [by_place.get((country, category)) for category in categories]
        lines.append(_line([country, *(_cell(cell) if cell else "none" for cell in cells)]))
    for row in rows:
        lines += _section(row)
    return "\n".join(lines) + "\n"


def _cell(row: Mapping[str, Any]) -> str:
    return f"v{row['version']} · {row['currency']} · {row['policy']} · {percent(row['holdback'])} held back"


def _section(row: Mapping[str, Any]) -> list[str]:
    expiry = row["expiry"]
    facts = [
        ("Currency", f"{row['currency']}; amounts are multiples of {row['quantum']} in minor units"),
        ("Paid first", f"{percent(row['immediate'])} at {row['policy'].lower()}"),
        ("Held back for claims", percent(row["holdback"])),
        ("A dispute that nobody decides", "by the evidence" if expiry == BY_EVIDENCE else _code(expiry)),
        ("To file a handover", _codes(row["handover_evidence"])),
        ("Photos of the item", f"at least {row['photos']}"),
        *((f"Window: {WINDOWS[key]}", length(row["windows_hours"][key])) for key in WINDOWS),
    ]
    lines = [f"\n## {row['terms']}\n", *_table(["what", "value"]), *(_line(fact) for fact in facts), ""]
    lines += _table(["reason code", "most that it gives", "evidence for a whole claim", "outcomes for operators"])
    for code in row["codes"]:
        cells = (_code(code["code"]), percent(code["cap"]), _codes(code["evidence"]), _codes(code["outcomes"]))
        lines.append(_line(cells))
    return lines


def _table(columns: Sequence[str]) -> list[str]:
    return [_line(columns), "|" + "---|" * len(columns)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _code(word: str) -> str:
    return f"`{word}`"


def _codes(words: Iterable[str]) -> str:
    return ", ".join(map(_code, words))
