"""Verbs on money that goes out: payouts become due by themselves, an operator sends them, the bank confirms or refuses.

A payout is created for whatever a payable or refund-due account holds and no open payout carries; so none can be
forgotten, and what a failed bank transfer leaves behind is due again. The ledger moves at the confirmation.
"""

from datetime import timedelta
from typing import Any

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.errors import InvalidInput, NotFound
from pilothouse.kernel.base.ids import new_ids
from pilothouse.kernel.base.sql import Statements
from pilothouse.kernel.ledger.commands import Leg, open_accounts, post
from pilothouse.kernel.lifecycle.commands import apply

from . import limits
from .bank_accounts import usable_account
from .errors import BankAccountMissing
from .incoming import bank_reference, check_second_person
from .lifecycle import PAYOUT
from .models import FAILURES, BankAccount, Payout
from .ports import kinds, payable

SQL = Statements(__file__)
SIDE_OF = {"payable": "seller", "refund_due": "buyer"}


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
    """The operator sent it by the bank, with its reference; a second person above the limit.

    What is in a bank's file went to the account that stands in the file, whatever its person has named since.
    """
    payout = lock_payout(public_id)
    reference = bank_reference(reference)
    check_second_person(payout.amount, sent_by, approved_by)
    account = account_of(payout)
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
    """Send it again, to the bank account that the person names now, and in another file of the bank."""
    payout = lock_payout(public_id)
    changes = {
        "due_at": clock.business_now(limits.PAYOUT_DUE_S), "bank_account_id": None,
        "bank_file": "", "filed_at": None, "filed_by": "",
    }  # fmt: skip
    return _apply(payout, "retry", changes, {"attempts": payout.attempts})


def account_of(payout: Payout) -> BankAccount | None:
    """Where a payout goes: the account in its bank's file, else the one that its person's money goes to now."""
    if payout.state in ("confirmed", "sent") or (payout.state == "due" and payout.bank_file):
        account: BankAccount | None = payout.bank_account
        return account
    return usable_account(payout.tenant_id, payout.person_id, payout.unit)


def needs_a_person(payout: Payout) -> bool:
    """Whether it failed so often that sending it again is no answer."""
    return payout.state in ("due", "failed") and payout.attempts >= limits.PAYOUT_ATTEMPTS_MAX_COUNT


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


def _apply(payout: Payout, event: str, changes: dict[str, Any], data: dict[str, Any], reason: str = "") -> Payout:
    apply(PAYOUT, event, [payout.id], role="operator", reason=reason, changes=changes, data=data)
    return Payout.objects.get(id=payout.id)
