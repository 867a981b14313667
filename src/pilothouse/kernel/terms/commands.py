"""Draft, publish and retire versions of terms."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from pilothouse.kernel.base.canonical import canonical_sha256
from pilothouse.kernel.base.scope import current_scope
from pilothouse.kernel.base.sql import Statements, run

from .errors import NoTerms, TermsInvalid
from .queries import Version, published

SQL = Statements(__file__)
Check = Callable[[Mapping[str, Any]], None]
_checks: dict[str, Check] = {}


def checked_by(kind: str) -> Callable[[Check], Check]:
    """Register what a body of `kind` must satisfy; the check raises TermsInvalid with one sentence."""

    def register(check: Check) -> Check:
        _checks[kind] = check
        return check

    return register


def body_hash(body: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical JSON of a body: sorted keys, no spaces, UTF-8."""
    return canonical_sha256(body)


def draft(kind: str, name: str, body: Mapping[str, Any], note: str = "") -> Version:
    """A new draft version, numbered after the newest one. Raises TermsInvalid; nothing is stored then."""
    if kind not in _checks:
        raise TermsInvalid(reason=f"there is no kind {kind!r}")
    _checks[kind](body)
    run("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"terms {kind} {name}"])
    row = SQL.one(
        "draft",
        kind=kind,
        name=name,
        body=json.dumps(dict(body)),
        hash=body_hash(body),
        note=note,
        actor=current_scope().actor,
    )
    assert row is not None
    return Version(**row)


def publish(kind: str, name: str, version: int) -> Version:
    """Put a draft in force and retire the one before it; subjects that are pinned to that one keep it."""
    run("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"terms {kind} {name}"])
    SQL.execute("retire_published", kind=kind, name=name)
    row = SQL.one("publish", kind=kind, name=name, version=version, actor=current_scope().actor)
    if row is None:
        raise TermsInvalid(reason=f"version {version} of {kind}/{name} is not a draft")
    return Version(**row)


def retire(kind: str, name: str) -> None:
    """Take the version in force out of it, with none in its place; subjects that are pinned to it keep it.

    Raises NoTerms when none is in force.
    """
    run("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"terms {kind} {name}"])
    if SQL.execute("retire_published", kind=kind, name=name) == 0:
        raise NoTerms(kind=kind, name=name)


def publish_body(kind: str, name: str, body: Mapping[str, Any], note: str = "") -> Version:
    """The published version with exactly this body, drafted and published when another one is in force."""
    try:
        current = published(kind, name)
        if current.hash == body_hash(body):
            return current
    except NoTerms:
        pass
    return publish(kind, name, draft(kind, name, body, note).version)
