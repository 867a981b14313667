"""Reads of terms."""

from dataclasses import dataclass
from typing import Any

from pilothouse.kernel.base.sql import Row, Statements

from .errors import NoTerms
from .limits import VERSIONS_MAX_ROWS

SQL = Statements(__file__)


@dataclass(frozen=True, slots=True)
class Version:
    """One version of terms."""

    kind: str
    name: str
    version: int
    state: str
    body: dict[str, Any]
    hash: str


def published(kind: str, name: str) -> Version:
    """The version in force; NoTerms when there is none."""
    row = SQL.one("published", kind=kind, name=name)
    if row is None:
        raise NoTerms(kind=kind, name=name)
    return Version(**row)


def by_hash(kind: str, hash_: str) -> Version:
    """The version to which a subject is pinned; NoTerms when the hash is unknown."""
    row = SQL.one("by_hash", kind=kind, hash=hash_)
    if row is None:
        raise NoTerms(kind=kind, name=hash_[:12])
    return Version(**row)


def versions(kind: str, name: str = "") -> list[Row]:
    """Every version of one name, the newest first; of all names of the kind when none is given."""
    return SQL.rows("versions", kind=kind, name=name, count=VERSIONS_MAX_ROWS)
