"""The terms of a deal in one country and category, as the program reads them.

A file `COUNTRY_CATEGORY_vN.json` is one version. Its numbers are what both parties were promised, so a version never
changes once it is published; a deal keeps the one with which it was made. What a version must satisfy is in
`terms_checks`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pilothouse.kernel.base.errors import NotFound
from pilothouse.kernel.base.sql import Row, Statements
from pilothouse.kernel.ledger.periods import time_zone
from pilothouse.kernel.terms.queries import Version, by_hash, published, versions

from . import limits
from .currencies import CURRENCIES, Currency
from .terms_checks import HANDOVER, KIND, WINDOWS_HOURS, bps, check_terms
from .terms_errors import TermsFileInvalid

SQL = Statements(__file__)
FOLDER = Path(__file__).parent / "country"
# The country of a market that has made no deal yet.
COUNTRY_OF_ZONE = {"Asia/Hovd": "MN", "Asia/Tokyo": "JP", "Asia/Ulaanbaatar": "MN"}
# `COUNTRY_CATEGORY_vN`, the name of a version; its file adds `.json`.
VERSION_NAME = re.compile(r"(?P<id>[A-Z]{2}_[A-Z0-9_]+)_v(?P<version>[1-9][0-9]{0,8})")


@dataclass(frozen=True)
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

    @cached_property
    def holdback_bps(self) -> int:
        """The part that is held back for claims, in basis points."""
        return bps(self.body["holdbackRatio"], "holdbackRatio")

    @property
    def holdback_percent(self) -> str:
        """The same part in percent, as pages and mails write it: `5`, `7.5`."""
        return f"{self.holdback_bps / 100:g}"

    @cached_property
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
        return int(self.body[key]) * WINDOWS_HOURS[key]

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


def in_force_here(tenant: int) -> list[DealTerms]:
    """The published versions as a market offers them: those that its newest deals are made with come first, then those
    of the country in whose time zone it is."""
    country = COUNTRY_OF_ZONE.get(time_zone(tenant), "")
    rows = SQL.rows("templates_in_force", tenant=tenant, country=country, newest=limits.NEWEST_DEALS_MAX_ROWS)
    return [in_force(row["name"]) for row in rows]


def pinned(hash_: str) -> DealTerms:
    """The version that a deal was made with, whatever became of it since."""
    return read(by_hash(KIND, hash_))


def stored(name: str, version: int) -> Row:
    """One version in any state with what is known of it, as the terms room tells it; NotFound."""
    found = next((row for row in versions(KIND, name) if row["version"] == version), None) if name else None
    if found is None:
        raise NotFound(what="version of terms")
    return found


def version_name(name: str, version: int) -> str:
    """`MN_USED_CAR_PRIVATE_v1`: how people and files name a version."""
    return f"{name}_v{version}"


def load_file(path: Path) -> dict[str, Any]:
    """The body of a file named `COUNTRY_CATEGORY_vN.json`, which must say the same name and number."""
    body = read_file(path)
    check_terms(body)
    if version_name(body["id"], body["version"]) != path.stem:
        raise TermsFileInvalid(reason=f"{path.name} holds {body['id']} version {body['version']}")
    return dict(body)


def read_file(path: Path) -> Any:
    """The JSON of a file with the name of a version, not yet checked. Raises TermsFileInvalid."""
    if path.suffix != ".json" or VERSION_NAME.fullmatch(path.stem) is None:
        raise TermsFileInvalid(reason=f"{path.name} is not named COUNTRY_CATEGORY_vN.json")
    try:
        if path.stat().st_size > limits.TERMS_FILE_MAX_BYTES:
            raise TermsFileInvalid(reason=f"{path.name} is larger than {limits.TERMS_FILE_MAX_BYTES} bytes")
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise TermsFileInvalid(reason=f"{path.name} cannot be read: {error}") from None
