"""Where people want their money: named, confirmed by themselves, and changed only with time to notice.

The first account is usable at once. A later one waits BANK_CHANGE_WAIT_S, and its owner gets a mail about it, so that
somebody who took over a session cannot redirect a payout unseen. Pages ask for the password again before a change.
"""

import re
from collections.abc import Collection
from datetime import timedelta

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.errors import Conflict, InvalidInput, NotFound
from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.scope import current_scope
from pilothouse.kernel.base.sealing import seal, unseal
from pilothouse.kernel.base.sql import Statements
from pilothouse.kernel.lifecycle.commands import apply

from . import limits
from .lifecycle import BANK_ACCOUNT
from .models import BankAccount

SQL = Statements(__file__)
# (tenant, person, unit)
Key = tuple[int, int, str]
PURPOSE = "bank_account"
NUMBER = re.compile(r"[A-Z0-9]{4,34}")
HINT_CHARACTERS = 4


def name_account(person: int, *, unit: str, holder: str, bank: str, number: str) -> BankAccount:
    """Name an account; it counts once it is confirmed by typing its last digits. Named again, it is the same one."""
    tenant = current_scope().tenant
    assert tenant is not None
    plain = re.sub(r"[\s-]", "", number).upper()
    if not NUMBER.fullmatch(plain):
        raise InvalidInput(reason="An account number or IBAN has 4 to 34 letters and digits.")
    for label, text in ((gettext_noop("holder"), holder), (gettext_noop("bank"), bank)):
        if not text.strip() or "\x00" in text or len(text) > limits.TEXT_MAX_CHARACTERS:
            raise InvalidInput(reason=_("Say the %(label)s of the account.") % {"label": _(label)})
    waiting = list(BankAccount.objects.filter(person_id=person, unit=unit, state="named"))
    wanted = (holder.strip(), bank.strip(), plain.encode())
    for each in waiting:
        if (each.holder, each.bank, unseal(PURPOSE, each.number_sealed)) == wanted:
            return each
    _replace([each.id for each in waiting])
    return BankAccount.objects.create(
        tenant_id=tenant,
        public_id=new_id("bnk"),
        person_id=person,
        unit=unit,
        holder=holder.strip(),
        bank=bank.strip(),
        number_sealed=seal(PURPOSE, plain.encode()),
        number_hint=plain[-HINT_CHARACTERS:],
        named_at=clock.business_now(),
    )


def confirm_account(person: int, public_id: str, last_digits: str) -> BankAccount:
    """The owner typed the last digits again: the account counts, a changed one after the wait."""
    account = BankAccount.objects.select_for_update().filter(person_id=person, public_id=public_id).first()
    if account is None:
        raise NotFound(what="bank account")
    if account.state != "named":
        raise Conflict(reason="This account is confirmed already or was replaced.")
    if last_digits.strip().upper() != account.number_hint:
        raise InvalidInput(reason="These are not the last digits of the account that you named.")
    wait = limits.BANK_CHANGE_WAIT_S if changes_account(person, account.unit) else 0
    now = clock.business_now()
    changes = {"confirmed_at": now, "usable_from": now + timedelta(seconds=wait)}
    apply(BANK_ACCOUNT, "confirm", [account.id], role="customer", changes=changes)
    return BankAccount.objects.get(id=account.id)


def access_account(person: int, public_id: str) -> BankAccount:
    """An account of this person that is named or confirmed; NotFound."""
    found = next((each for each in accounts_of(person) if each.public_id == public_id), None)
    if found is None:
        raise NotFound(what="bank account")
    return found


def account_of(person: int, public_id: str) -> BankAccount:
    """An account that this person named, also one that was removed since; NotFound."""
    found = BankAccount.objects.filter(person_id=person, public_id=public_id).first()
    if found is None:
        raise NotFound(what="bank account")
    return found


def changes_account(person: int, unit: str) -> bool:
    """Whether this person ever confirmed an account of the currency: another one is then a change, with its wait.

    One that was removed counts too, or removing it first would be the way around the wait.
    """
    return BankAccount.objects.filter(person_id=person, unit=unit, confirmed_at__isnull=False).exists()


def remove_account(person: int, public_id: str) -> None:
    """Nothing more is sent to this account; what is owed waits until its owner has named another."""
    account = BankAccount.objects.select_for_update().filter(person_id=person, public_id=public_id).first()
    if account is None or account.state == "replaced":
        raise NotFound(what="bank account")
    _replace([account.id])


def usable_account(tenant: int, person: int, unit: str) -> BankAccount | None:
    """The newest confirmed account of a person whose wait is over."""
    return usable_accounts([(tenant, person, unit)]).get((tenant, person, unit))


def usable_accounts(wanted: Collection[Key]) -> dict[Key, BankAccount]:
    """`usable_account` of each (tenant, person, unit) that has one."""
    tenants, people, units = ([key[place] for key in wanted] for place in range(3))
    rows = SQL.rows("usable_accounts", tenants=tenants, people=people, units=units) if wanted else []
    found = BankAccount.objects.filter(id__in=[row["id"] for row in rows])
    return {(each.tenant_id, each.person_id, each.unit): each for each in found}


def accounts_of(person: int) -> list[BankAccount]:
    """The accounts of a person that are named or confirmed, newest first."""
    return list(BankAccount.objects.filter(person_id=person).exclude(state="replaced").order_by("-id"))


def _replace(ids: list[int]) -> None:
    if ids:
        apply(BANK_ACCOUNT, "replace", ids, role="customer", changes={"replaced_at": clock.business_now()})
