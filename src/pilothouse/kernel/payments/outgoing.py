"""Verbs on money that goes out: payouts become due by themselves, an operator sends them, the bank confirms or refuses.

A payout is created for whatever a payable or refund-due account holds and no open payout carries; so none can be
forgotten, and what a failed bank transfer leaves behind is due again. The ledger moves at the confirmation.
"""

import csv
import io
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.errors import InvalidInput, NotFound
from pilothouse.kernel.base.ids import new_ids
from pilothouse.kernel.base.sealing import unseal
from pilothouse.kernel.base.sql import Statements
from pilothouse.kernel.ledger.commands import Leg, open_accounts, post
from pilothouse.kernel.lifecycle.commands import apply

from . import limits
from .bank_accounts import PURPOSE, usable_account, usable_accounts
from .errors import BankAccountMissing
from .incoming import bank_reference, check_second_person
from .lifecycle import PAYOUT
from .models import FAILURES, Payout
from .ports import kinds, payable

SQL = Statements(__file__)
SIDE_OF = {"payable": "seller", "refund_due": "buyer"}
BANK_FILE_COLUMNS = ("payout", "holder", "bank", "number", "amount_minor", "unit", "reference")


def open_payouts(limit: int = limits.SWEEP_MAX_ROWS) -> int:
    """Make a payout for every account that owes and has none open (worker scope); returns how many."""
    owed = SQL.rows("owed", kinds=list(kinds()), count=limit)
    people: dict[tuple[str, str], int] = {}
    for kind in {row["subject_kind"] for row in owed}:
        people |= payable(kind).people([row["ref"] for row in owed if row["subject_kind"] == kind])
    made = [
        {**row, "public_id": public_id, "side": side, "person": people[(row["ref"], side)]}
        for row, public_id in zip(owed, new_ids("out", len(owed)), strict=True)
        if (row["ref"], side := SIDE_OF[row["kind"]]) in people
    ]
    if not made:
        return 0
    columns = ("tenant", "public_id", "subject_kind", "ref", "side", "person", "account", "amount", "unit")
    return len(
        SQL.rows(
            "create_payouts",
            **{name: [row[name] for row in made] for name in columns},
            due_s=limits.PAYOUT_DUE_S,
        )
    )


def send(public_id: str, *, reference: str, sent_by: str, approved_by: str = "") -> Payout:
    """The operator sent it by the bank, with its reference; a second person above the limit."""
    payout = lock_payout(public_id)
    reference = bank_reference(reference)
    check_second_person(payout.amount, sent_by, approved_by)
    account = usable_account(payout.tenant_id, payout.person_id, payout.unit)
    if account is None:
        raise BankAccountMissing(person=f"The {payout.side}", unit=payout.unit)
    now = clock.business_now()
    changes = {
        "bank_account_id": account.id, "bank_reference": reference, "attempts": payout.attempts + 1,
        "sent_by": sent_by, "approved_by": approved_by, "sent_at": now, "failure": None,
        "due_at": now + timedelta(seconds=limits.PAYOUT_CONFIRM_DUE_S),
    }  # fmt: skip
    _tell(payout, "payout_sent", payout.attempts + 1)
    return _apply(payout, "send", changes, {"reference": reference, "amount": payout.amount})


def confirm(public_id: str) -> Payout:
    """The bank says that it arrived: the ledger moves now."""
    payout = lock_payout(public_id)
    (world,) = open_accounts(payout.tenant_id, [("world_bank", "", payout.unit)])
    moved = _apply(payout, "confirm", {"confirmed_at": clock.business_now(), "due_at": None}, {"amount": payout.amount})
    post(
        payout.tenant_id,
        f"payout:{payout.public_id}",
        "payout",
        [Leg(payout.account, world, payout.amount)],
        request={"payout": payout.public_id, "amount": payout.amount},
        ref_type="payout",
        ref_id=payout.public_id,
        description=payout.bank_reference,
    )
    _tell(payout, "payout_confirmed", payout.attempts)
    return moved


def fail(public_id: str, reason: str) -> Payout:
    """The bank refused it. It is due again; after the last attempt an operator must find out why."""
    payout = lock_payout(public_id)
    if reason not in FAILURES:
        raise InvalidInput(reason=f"A payout fails as {', '.join(FAILURES)}.")
    again_s = limits.PAYOUT_DUE_S
    _tell(payout, "payout_failed", payout.attempts)
    return _apply(
        payout, "fail", {"failure": reason, "due_at": clock.business_now(again_s)}, {"reason": reason}, reason
    )


def retry(public_id: str) -> Payout:
    """Send it again, to the bank account that the person names now."""
    payout = lock_payout(public_id)
    return _apply(payout, "retry", {"due_at": clock.business_now(limits.PAYOUT_DUE_S)}, {"attempts": payout.attempts})


def needs_a_person(payout: Payout) -> bool:
    """Whether it failed so often that sending it again is no answer."""
    return payout.state in ("due", "failed") and payout.attempts >= limits.PAYOUT_ATTEMPTS_MAX_COUNT


def bank_file(public_ids: Sequence[str]) -> str:
    """Due payouts as CSV for the bank: one row each, amounts in minor units. The numbers are unsealed here only."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(BANK_FILE_COLUMNS)
    payouts = list(Payout.objects.filter(public_id__in=public_ids, state="due").order_by("id"))
    accounts = usable_accounts({(each.tenant_id, each.person_id, each.unit) for each in payouts})
    for payout in payouts:
        account = accounts.get((payout.tenant_id, payout.person_id, payout.unit))
        if account is None:
            continue
        number = unseal(PURPOSE, account.number_sealed).decode()
        cells = [payout.public_id, account.holder, account.bank, number, payout.amount, payout.unit, payout.subject_ref]
        writer.writerow([_plain(cell) for cell in cells])
    return out.getvalue()


def _tell(payout: Payout, news: str, attempt: int) -> None:
    """Let the program tell whose money it is; each attempt is news of its own."""
    key = f"{payout.public_id}:{attempt}"
    payable(payout.subject_kind).told(payout.subject_ref, news, key, payout.side, payout.amount)


def lock_payout(public_id: str) -> Payout:
    """A payout, locked; NotFound."""
    found = Payout.objects.select_for_update().filter(public_id=public_id).first()
    if found is None:
        raise NotFound(what="payout")
    return found


def _plain(cell: Any) -> Any:
    """A text that no spreadsheet takes for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in "=+-@\t\r" else cell


def _apply(payout: Payout, event: str, changes: dict[str, Any], data: dict[str, Any], reason: str = "") -> Payout:
    apply(PAYOUT, event, [payout.id], role="operator", reason=reason, changes=changes, data=data)
    return Payout.objects.get(id=payout.id)
