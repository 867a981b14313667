"""Puts terms in force: the files of the product, and versions that an operator makes of them."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from pilothouse.kernel.base.errors import InvalidInput
from pilothouse.kernel.base.json_api import storable
from pilothouse.kernel.terms.commands import body_hash, draft, publish
from pilothouse.kernel.terms.errors import NoTerms
from pilothouse.kernel.terms.queries import Version, by_hash, versions

from . import limits
from .terms import FOLDER, DealTerms, load_file, stored
from .terms_checks import KIND, check_terms
from .terms_errors import TermsFieldUnknown, TermsVersionNotNext


def shipped_terms() -> list[DealTerms]:
    """Version 1 of every country and category that the product ships, as a new house publishes them."""
    bodies = [load_file(path) for path in sorted(FOLDER.glob("*_v1.json"))]
    return [DealTerms(body["id"], body["version"], "published", body_hash(body), body) for body in bodies]


def publish_first_terms() -> None:
    """Publish version 1 of every file of the product whose name has no terms yet (worker scope)."""
    for terms in shipped_terms():
        if not versions(KIND, terms.name):
            publish_version(terms.body, note="First version")


def terms_in_force() -> list[DealTerms]:
    """Every country's and category's terms that new deals are made with."""
    return [
        DealTerms(row["name"], row["version"], row["state"], row["hash"], row["body"])
        for row in versions(KIND)
        if row["state"] == "published"
    ]


def next_version(name: str) -> int:
    """The number of the next version of these terms."""
    known = versions(KIND, name)
    return known[0]["version"] + 1 if known else 1


def draft_version(body: Mapping[str, Any], note: str = "") -> Version:
    """Keep a body as a draft under its own number; the version with exactly this body where there is one.

    Raises TermsInvalid by the check that failed, TermsVersionNotNext when the number is not the one after the newest.
    """
    check_terms(body)
    try:
        return by_hash(KIND, body_hash(body))
    except NoTerms:
        pass
    if len(note) > limits.NOTE_MAX_CHARACTERS or not storable(note):
        raise InvalidInput(reason=f"A note has at most {limits.NOTE_MAX_CHARACTERS} characters.")
    made = draft(KIND, body["id"], body, note)
    if made.version != body["version"]:
        raise TermsVersionNotNext(field="version", name=body["id"], next=made.version, given=body["version"])
    return made


def publish_draft(name: str, version: int) -> Version:
    """Put a draft in force for new deals; open deals keep theirs. Its checks run again: a newer product may know more.

    Raises NotFound, TermsInvalid by the check that failed, and TermsInvalid for what is no draft.
    """
    check_terms(stored(name, version)["body"])
    return publish(KIND, name, version)


def publish_version(body: Mapping[str, Any], note: str = "") -> Version:
    """Publish a body as its own version number, or return it where exactly this is in force.

    New deals use it; existing ones keep theirs. Raises TermsInvalid when the number is not the next one.
    """
    made = draft_version(body, note)
    return made if made.state == "published" else publish_draft(made.name, made.version)


def changed(body: Mapping[str, Any], version: int, changes: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """A copy of a body with the number `version` and these values: (path, value), `a.b` being b inside a.

    None takes a value out. Raises TermsFieldUnknown for a path that leads nowhere.
    """
    made: dict[str, Any] = {**copy.deepcopy(dict(body)), "version": version}
    for path, value in changes:
        *outer, last = path.split(".")
        place: Any = made
        for part in outer:
            place = place.get(part) if isinstance(place, dict) else None
        if not isinstance(place, dict) or (value is None and last not in place):
            raise TermsFieldUnknown(field=path)
        if value is None:
            del place[last]
        else:
            place[last] = value
    return made
