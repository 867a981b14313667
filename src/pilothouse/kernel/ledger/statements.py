"""The statement of a wallet over a period: opening, each row, closing, of exactly the transactions of a cut."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pilothouse.kernel.base.errors import InvalidInput
from pilothouse.kernel.base.sealing import SealBroken, seal_same, unseal_same

from .errors import CutUnknown
from .limits import EXPORT_CHUNK_ROWS
from .queries import SQL, Balance, Entry, entry_of

CUT_PURPOSE = "statement cut"
CUT_PREFIX = "cut_"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Cut:
    """Exactly which transactions a statement saw: those finished at `as_of`, in the house's own numbering.

    Written as text (`str(cut)`), it names the same rows for ever: `Cut.parse` reads it for a byte-identical export.
    The text is sealed: the numbers tell how much the whole house posts, which is no customer's business.
    """

    as_of: datetime
    low: int
    high: int
    open: tuple[int, ...] = ()
    # As it was given. Written again under a newer SECRET_KEY it would differ, and the file with it.
    text: str = field(default="", compare=False)

    def __str__(self) -> str:
        at = int((self.as_of - EPOCH) / timedelta(microseconds=1))
        numbers = [at, self.low, self.high, *self.open]
        return self.text or CUT_PREFIX + seal_same(CUT_PURPOSE, struct.pack(f">{len(numbers)}q", *numbers))

    def params(self) -> dict[str, Any]:
        """The cut as parameters of a statement."""
        return {"as_of": self.as_of, "low": self.low, "high": self.high, "open": list(self.open)}

    @classmethod
    def parse(cls, text: str) -> "Cut":
        """The cut that was written as `text`. Raises CutUnknown."""
        try:
            plain = unseal_same(CUT_PURPOSE, text.removeprefix(CUT_PREFIX))
        except SealBroken:
            raise CutUnknown from None
        at, low, high, *still_open = struct.unpack(f">{len(plain) // 8}q", plain)
        return cls(EPOCH + timedelta(microseconds=at), low, high, tuple(still_open), text)


@dataclass(frozen=True, slots=True)
class Statement:
    """A period of one wallet: what it was, each row, what it became. Recomputed from rows that never change.

    `rows()` may be called again; it reads in chunks, so a long period needs little memory.
    """

    tenant: int
    unit: str
    start: datetime
    end: datetime
    cut: Cut
    opening: Balance
    closing: Balance

    def rows(
        self, seen: tuple[datetime, int, int] | None = None, count: int | None = None
    ) -> Iterator[tuple[Entry, int]]:
        """Each entry, oldest first, with the wallet's balance after it; `count` of them, or all.

        `seen` goes on after an entry: its instant, its journal's key and the balance after it.
        """
        chunk_rows = EXPORT_CHUNK_ROWS if count is None else count
        at, key, balance_after = seen or (self.start, 0, self.opening.available)
        after = (at, key)
        while True:
            chunk = SQL.rows(
                "statement_rows",
                tenant=self.tenant,
                unit=self.unit,
                start=self.start,
                end=self.end,
                after_at=after[0],
                after_id=after[1],
                limit=chunk_rows,
                **self.cut.params(),
            )
            for row in chunk:
                balance_after += row["credits_delta"]
                yield entry_of(row), balance_after
            if count is not None or len(chunk) < chunk_rows:
                return
            after = (chunk[-1]["effective_at"], chunk[-1]["id"])


def current_cut() -> Cut:
    """The transactions that are finished now; this transaction's own rows are not among them."""
    row = SQL.one("cut")
    assert row is not None
    return Cut(row["as_of"], row["low"], row["high"], tuple(row["open"]))


def statement(
    tenant: int, unit: str, start: datetime, end: datetime, as_of: datetime | None = None, cut: Cut | None = None
) -> Statement:
    """The statement of [start, end), business time, for one wallet.

    `as_of` leaves out what was recorded later. An earlier statement's `cut` gives the same bytes again, whatever was
    posted since. Raises InvalidInput for a period that ends before it begins.
    """
    if end <= start:
        raise InvalidInput(reason="A statement's period ends after it begins.")
    seen = cut or current_cut()
    if as_of is not None and as_of < seen.as_of:
        seen = Cut(as_of, seen.low, seen.high, seen.open)
    sealed = SQL.one("sealed_through", tenant=tenant, unit=unit, **seen.params())
    assert sealed is not None
    opening, closing = (_balance_before(tenant, unit, at, seen, sealed["through"]) for at in (start, end))
    return Statement(tenant, unit, start, end, seen, opening, closing)


def _balance_before(tenant: int, unit: str, before: datetime, cut: Cut, through: int) -> Balance:
    """The balance before an instant, of a cut whose rows below the transaction `through` are in the sealed days."""
    day_begins = before.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    row = SQL.one(
        "statement_balance",
        tenant=tenant,
        unit=unit,
        before=before,
        day=day_begins.date(),
        day_begins=day_begins,
        through=through,
        **cut.params(),
    )
    assert row is not None
    return Balance(**row)
