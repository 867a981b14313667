"""The bank's file: what is due goes into one file, and what is in a file goes into no other.

Two operators who both ask at the same moment get two files that share no row, so that nobody is paid twice because two
people uploaded what they had downloaded. A file is kept, sealed, and given again as the same bytes by its id. A payout
leaves its file only when it has failed and is due again. Runs in the operators' scope, across all accounts.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.errors import NotFound
from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.scope import current_scope
from pilothouse.kernel.base.sealing import seal, unseal
from pilothouse.kernel.base.sql import Statements
from pilothouse.kernel.lifecycle.commands import NewEvent, append_events

from . import limits
from .bank_accounts import PURPOSE, usable_accounts
from .errors import NothingToFile
from .lifecycle import PAYOUT
from .models import BankAccount, BankFile, Payout

SQL = Statements(__file__)
FILE_PURPOSE = "bank_file"
COLUMNS = ("payout", "holder", "bank", "number", "amount_minor", "unit", "reference")


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file with payouts that nobody has written as sent: how many of how many, and their amounts by unit."""

    public_id: str
    filed_at: datetime
    filed_by: str
    payouts: int
    unsent: int
    amounts: dict[str, int] = field(default_factory=dict)


def bank_file() -> BankFile:
    """Put all that is due and in no file, and can be paid, into a new file.

    1. Lock those payouts, the most urgent first. A twin waits here, and then finds what is left.
    2. Look at them anew: one that has begun to wait for a second operator meanwhile, or whose person has removed their
       account, is left out.
    3. Write the file with the bank accounts that count now, sealed, and mark its payouts, in this transaction.

    Raises NothingToFile when nothing is left to put into a file.
    """
    locked = [row["id"] for row in SQL.rows("lock_to_file", count=limits.BANK_FILE_MAX_ROWS)]
    waiting = {row["subject"] for row in SQL.rows("requested_payouts")}
    due = [row for row in Payout.objects.filter(id__in=locked).order_by("id") if row.public_id not in waiting]
    accounts = usable_accounts({(row.tenant_id, row.person_id, row.unit) for row in due})
    chosen = [
        (row, accounts[row.tenant_id, row.person_id, row.unit])
        for row in due
        if (row.tenant_id, row.person_id, row.unit) in accounts
    ]
    if not chosen:
        raise NothingToFile()
    made = BankFile.objects.create(
        public_id=new_id("bkf"), filed_at=clock.business_now(), filed_by=current_scope().actor, payouts=len(chosen),
        sealed=seal(FILE_PURPOSE, _csv(chosen).encode()), tx=SQL.rows("this_transaction")[0]["tx"],
    )  # fmt: skip
    marked = SQL.execute(
        "mark_filed", bank_file=made.public_id, filed_at=made.filed_at, filed_by=made.filed_by,
        payouts=[row.id for row, _ in chosen], accounts=[account.id for _, account in chosen],
    )  # fmt: skip
    assert marked == len(chosen)
    data = {"bank_file": made.public_id}
    append_events(
        [NewEvent(row.tenant_id, PAYOUT.name, row.id, "file", data=data, visibility="internal") for row, _ in chosen]
    )
    return made


def bank_file_text(public_id: str) -> str:
    """A file's CSV, one row for each payout and amounts in minor units: the same bytes each time. Raises NotFound."""
    found = BankFile.objects.filter(public_id=public_id).first()
    if found is None:
        raise NotFound(what="bank file")
    return unseal(FILE_PURPOSE, found.sealed).decode()


def can_file() -> bool:
    """Whether a payout is due that a new file would hold."""
    return bool(SQL.rows("can_file"))


def open_files(count: int, skip: int = 0, search: str = "") -> list[OpenFile]:
    """The files that still hold payouts which nobody has written as sent, the oldest first."""
    found: dict[str, OpenFile] = {}
    for row in SQL.rows("open_files", count=count, skip=skip, search=search):
        file = OpenFile(row["public_id"], row["filed_at"], row["filed_by"], row["payouts"], row["unsent"])
        found.setdefault(file.public_id, file).amounts[row["unit"]] = row["amount"]
    return list(found.values())


def _csv(chosen: Sequence[tuple[Payout, BankAccount]]) -> str:
    """The numbers are unsealed here only."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row, account in chosen:
        number = unseal(PURPOSE, account.number_sealed).decode()
        cells = [row.public_id, account.holder, account.bank, number, row.amount, row.unit, row.subject_ref]
        writer.writerow([_plain(cell) for cell in cells])
    return out.getvalue()


def _plain(cell: Any) -> Any:
    """A text that no spreadsheet takes for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in "=+-@\t\r" else cell
