"""Reads of the ledger: balances, ledger rows, statements and reconciliation. All in the caller's scope."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pilothouse.kernel.base.cursors import open_parts, seal_cursor
from pilothouse.kernel.base.errors import InvalidInput, NotFound
from pilothouse.kernel.base.sql import Row, Statements

from .limits import (
    EXPORT_CHUNK_ROWS,
    GRANT_UNSIGNED_MAX_CREDITS,
    GRANT_WINDOW_HOURS,
    LEDGER_PAGE_MAX_ROWS,
    TIMELY_MAX_S,
)
from .models import CREDIT

SQL = Statements(__file__)

# The source's names for what a journal did (requirement ENT-008), and what Finance reads (ENT-042).
TYPES = {"grant": "add", "reserve": "freeze"}
LABELS = {
    "grant": "Credits added",
    "reserve": "Reserved (initial)",
    "settle": "Settled (success)",
    "refund": "Refunded (failures)",
    "reverse": "Reversed",
}
KINDS = tuple(LABELS)
_completeness: dict[str, Statements] = {}


@dataclass(frozen=True, slots=True)
class Balance:
    """What a wallet shows: `available` to spend and `held` for work in flight, in the unit asked for."""

    available: int
    held: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One journal as it touched one wallet. The sum of `credits_delta` is the wallet's balance, always.

    `amount` is what moved in all; `held_delta` what it did to the holds. `created_at` is business time. `key` is the
    row's number inside, which nobody outside is shown.
    """

    id: str
    key: int
    created_at: datetime
    recorded_at: datetime
    type: str
    label: str
    ref_type: str
    ref_id: str
    request_id: str
    credits_delta: int
    held_delta: int
    amount: int
    description: str


@dataclass(frozen=True, slots=True)
class Page:
    """Some ledger rows, newest first, and the cursor for those after them (None at the end)."""

    rows: list[Entry]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class BatchEntries:
    """The amounts of one piece of work, each summed from its own transfers, never by subtraction."""

    reserved: int
    settled: int
    refunded: int
    reserves: int
    settles: int
    refunds: int

    @property
    def lines(self) -> list[tuple[str, int]]:
        """The three lines that Finance sees: label and amount."""
        return [
            (LABELS["reserve"], self.reserved),
            (LABELS["settle"], self.settled),
            (LABELS["refund"], self.refunded),
        ]


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Three answers: what is still held and how old it is, what has no partner, and how late entries were recorded.

    `entries` are the three amounts when one piece of work was asked for.
    """

    clearing: list[Row]
    completeness: list[Row]
    timeliness: Row
    entries: BatchEntries | None

    @property
    def balanced(self) -> bool:
        """Whether nothing is held, everything has its partner, and reserved = settled + refunded."""
        equation = self.entries is None or self.entries.reserved == self.entries.settled + self.entries.refunded
        return equation and not self.clearing and not self.completeness


def balance(tenant: int, unit: str = CREDIT) -> Balance:
    """The tenant's balance, from the stored counters."""
    row = SQL.one("balance", tenant=tenant, unit=unit)
    return Balance(0, 0) if row is None else Balance(row["available"], row["held"])


def unsigned_grants(credits: int = 0) -> tuple[int, datetime | None]:
    """(credits granted in nobody's name within the window, from when on `credits` more fit; None when they fit now).

    Over all accounts: the operators' or the worker's scope.
    """
    bound = {"hours": GRANT_WINDOW_HOURS, "most": GRANT_UNSIGNED_MAX_CREDITS}
    row = SQL.one("unsigned_grants", credits=credits, **bound)
    assert row is not None
    fits = row["given"] + credits <= GRANT_UNSIGNED_MAX_CREDITS
    return row["given"], None if fits else row["fits_at"]


def ledger_entries(
    tenant: int,
    unit: str = CREDIT,
    *,
    type: str | None = None,
    ref_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    cursor: str | None = None,
    count: int = LEDGER_PAGE_MAX_ROWS,
) -> Page:
    """Ledger rows, newest first. `type` is the source's name (`add`, `freeze`, `settle`, …) or the ledger's own;
    `ref_id` a batch's public id; [since, until) business time; `cursor` an earlier page's. Raises InvalidInput.
    """
    if not 1 <= count <= EXPORT_CHUNK_ROWS:
        raise InvalidInput(reason=f"A page has 1 to {LEDGER_PAGE_MAX_ROWS} rows, not {count}.")
    before = _parse_cursor(tenant, cursor) if cursor else (None, None)
    sealed = SQL.one("sealed_below", tenant=tenant)
    assert sealed is not None
    rows = SQL.rows(
        "ledger_page",
        tenant=tenant,
        unit=unit,
        sealed=sealed["tx"],
        kinds=_kinds(type),
        ref=ref_id,
        start=since,
        end=until,
        before_at=before[0],
        before_id=before[1],
        limit=count + 1,
    )
    more = len(rows) > count
    rows = rows[:count]
    return Page([entry_of(row) for row in rows], _cursor(tenant, rows[-1]) if more else None)


def ledger_page(
    tenant: int,
    unit: str = CREDIT,
    *,
    count: int = LEDGER_PAGE_MAX_ROWS,
    cursor: str | None = None,
    type: str | None = None,
    ref_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> tuple[list[Row], str | None]:
    """One page of `ledger_entries` as the API shows it, and the next page's cursor.

    A row is {id, created_at, type, entry, ref_type, ref_id, request_id, credits_delta, amount, description}.
    """
    page = ledger_entries(tenant, unit, type=type, ref_id=ref_id, since=since, until=until, cursor=cursor, count=count)
    return [shown(entry) for entry in page.rows], page.next_cursor


def batch_entries(tenant: int, ref: str, unit: str | None = None) -> BatchEntries:
    """The amounts of the piece of work with the public id `ref` (of one unit); zeros when the ledger knows none."""
    row = SQL.one("batch_entries", tenant=tenant, ref=ref, unit=unit)
    assert row is not None
    return BatchEntries(**row)


def journal_amount(tenant: int, journal: int) -> tuple[int, str]:
    """What a journal moved in all, and its unit. Raises NotFound."""
    row = SQL.one("journal_to_reverse", tenant=tenant, journal=journal)
    if row is None:
        raise NotFound(what="ledger entry")
    return int(row["amount"]), str(row["unit"])


def entry_id(tenant: int, journal: int) -> str:
    """A journal's public id. Raises NotFound."""
    row = SQL.one("entry_of_journal", tenant=tenant, journal=journal)
    if row is None:
        raise NotFound(what="ledger entry")
    return str(row["entry"])


def grant_of_entry(entry: str, tenant: int | None = None) -> Row:
    """The journal made by hand with this public id, of one tenant or of all: {id, tenant, tenant_id}.

    Raises NotFound.
    """
    row = SQL.one("grant_of_entry", entry=entry, tenant=tenant)
    if row is None:
        raise NotFound(what="ledger entry")
    return row


def register_completeness(program: str, folder: Statements) -> None:
    """A program's statements that find what has no partner: each returns rows {ref, what} for (tenant, ref, start,
    end), either way between its own rows and the ledger's."""
    _completeness[program] = folder


def reconciliation(
    tenant: int,
    ref: str | None = None,
    *,
    unit: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
) -> Reconciliation:
    """Reconcile one piece of work (`ref`, a batch's public id) or a period of business time, of one unit or of all.

    Raises NotFound for a `ref` that the ledger does not know in that unit: what was never posted does not reconcile to
    zero.
    """
    entries = batch_entries(tenant, ref, unit) if ref else None
    if entries is not None and not entries.reserved:
        raise NotFound(what="batch")
    where: dict[str, Any] = {"tenant": tenant, "ref": ref, "start": start, "end": end}
    folders = _completeness.values()
    unpaired = [row for folder in folders for name in folder.names() for row in folder.rows(name, **where)]
    timeliness = SQL.one("timeliness", timely_s=TIMELY_MAX_S, **where)
    assert timeliness is not None
    return Reconciliation(
        clearing=SQL.rows("clearing", tenant=tenant, ref=ref, end=end, unit=unit),
        completeness=unpaired,
        timeliness=timeliness,
        entries=entries,
    )


def _kinds(type_name: str | None) -> list[str] | None:
    if type_name is None:
        return None
    found = [kind for kind in KINDS if type_name in (kind, _type(kind))]
    if not found:
        known = ", ".join(map(_type, KINDS))
        raise InvalidInput(reason=f"A ledger row's type is one of {known}, not {type_name!r}.")
    return found


def _type(kind: str) -> str:
    return TYPES.get(kind, kind)


def entry_of(row: Row) -> Entry:
    """The entry of a row of ledger_page.sql or statement_rows.sql."""
    return Entry(
        id=row["entry"],
        key=row["id"],
        created_at=row["effective_at"],
        recorded_at=row["recorded_at"],
        type=_type(row["kind"]),
        label=LABELS[row["kind"]],
        ref_type=row["ref_type"],
        ref_id=row["ref_id"],
        request_id=row["request_id"],
        credits_delta=row["credits_delta"],
        held_delta=row["held_delta"],
        amount=row["amount"],
        description=row["description"],
    )


def shown(entry: Entry) -> Row:
    """An entry as the API shows it."""
    return {
        "id": entry.id,
        "created_at": entry.created_at,
        "type": entry.type,
        "entry": entry.label,
        "ref_type": entry.ref_type,
        "ref_id": entry.ref_id,
        "request_id": entry.request_id,
        "credits_delta": entry.credits_delta,
        "amount": entry.amount,
        "description": entry.description,
    }


def _cursor(tenant: int, row: Row) -> str:
    return seal_cursor("ledger", tenant, row["effective_at"].isoformat(), row["id"])


def _parse_cursor(tenant: int, cursor: str) -> tuple[datetime, int]:
    at, key = open_parts("ledger", tenant, cursor)
    return datetime.fromisoformat(at), int(key)
