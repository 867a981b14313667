"""Puts terms in force: the files of the product, and versions that an operator makes of them."""

import json
from collections.abc import Mapping
from typing import Any

from pilothouse.kernel.terms.commands import body_hash, draft, publish
from pilothouse.kernel.terms.errors import NoTerms, TermsInvalid
from pilothouse.kernel.terms.queries import Version, published

from .terms import FOLDER, KIND, check_terms, load_file


def publish_first_terms() -> None:
    """Publish version 1 of every file of the product whose name has no terms yet (worker scope)."""
    for path in sorted(FOLDER.glob("*_v1.json")):
        body = load_file(path)
        try:
            published(KIND, body["id"])
        except NoTerms:
            publish_version(body, note="First version")


def publish_version(body: Mapping[str, Any], note: str = "") -> Version:
    """Publish a body as its own version number, or return it where exactly this is in force.

    New deals use it; existing ones keep theirs. Raises TermsInvalid when the number is not the next one.
    """
    check_terms(body)
    try:
        current = published(KIND, body["id"])
        if current.hash == body_hash(body):
            return current
    except NoTerms:
        pass
    made = draft(KIND, body["id"], body, note)
    if made.version != body["version"]:
        raise TermsInvalid(reason=f"the next version of {body['id']} is {made.version}, not {body['version']}")
    return publish(KIND, body["id"], made.version)


def copied(name: str) -> dict[str, Any]:
    """The body in force with the next version number: what an operator changes and publishes."""
    current = published(KIND, name)
    return {**current.body, "version": current.version + 1}


def differences(old: Mapping[str, Any], new: Mapping[str, Any], path: str = "") -> list[tuple[str, str, str]]:
    """What two bodies differ in: (where, before, after), sorted; an empty text stands for what is not there."""
    found = []
    for key in sorted({*old, *new}):
        before, after, where = old.get(key), new.get(key), f"{path}{key}"
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            found += differences(before, after, f"{where}.")
        elif before != after:
            found.append((where, _shown(before), _shown(after)))
    return found


def _shown(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
