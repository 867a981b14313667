"""Where a reader of a statement goes on: sealed, so that nobody types a balance that looks like the ledger's."""

from datetime import datetime

from pilothouse.kernel.base.cursors import open_parts, seal_cursor

from .queries import Entry
from .statements import Statement


def seal_place(statement: Statement, entry: Entry, after: int) -> str:
    """Where a statement goes on after an entry, with the balance after it."""
    return seal_cursor("statement", statement.tenant, entry.created_at.isoformat(), entry.key, after)


def open_place(statement: Statement, place: str) -> tuple[datetime, int, int]:
    """What `Statement.rows` takes to go on from `seal_place`. Raises UnknownCursor."""
    at, key, after = open_parts("statement", statement.tenant, place)
    return datetime.fromisoformat(at), int(key), int(after)
