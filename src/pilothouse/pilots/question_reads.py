"""Reads of reports and of the questions and answers."""

from pilothouse.kernel.access.limits import DESK_PAGE_ROWS
from pilothouse.kernel.base.sql import Row, Statements

from .limits import FAQ_SHOWN_COUNT, MINE_SHOWN_COUNT

SQL = Statements(__file__)


def mine(person: int) -> list[Row]:
    """What one person sent in the open tenant, the newest first, with the answers."""
    return SQL.rows("mine", person=person, count=MINE_SHOWN_COUNT)


def faq(program: str = "") -> list[Row]:
    """Questions and answers, the newest first; of all programs when none is named."""
    return SQL.rows("faq", program=program, count=FAQ_SHOWN_COUNT)


def inbox(*, state: str = "waiting", kind: str = "", search: str = "", skip: int = 0) -> list[Row]:
    """One page of reports of all tenants and one row more: what endangers somebody first, then the oldest."""
    return SQL.rows("inbox", state=state, kind=kind, search=search, skip=skip, count=DESK_PAGE_ROWS + 1)


def faq_sources() -> dict[int, list[Row]]:
    """The reports that each entry came from, by the entry's row id (operator scope)."""
    found: dict[int, list[Row]] = {}
    for row in SQL.rows("faq_sources", count=FAQ_SHOWN_COUNT):
        found.setdefault(row["faq"], []).append(row)
    return found


def counts(program: str = "") -> Row:
    """{waiting, hidden_timer, money_unclear, evidence_upload}: how often people reported each, in all time."""
    row = SQL.one("counts", program=program)
    assert row is not None
    return row
