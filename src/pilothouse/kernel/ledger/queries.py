"""Reads of the ledger."""

from dataclasses import dataclass

from pilothouse.kernel.base.sql import Statements

from .models import CREDIT

SQL = Statements(__file__)


@dataclass(frozen=True, slots=True)
class Balance:
    """What a wallet shows: `available` to spend and `held` for work in flight, in the unit asked for."""

    available: int
    held: int


def balance(tenant: int, unit: str = CREDIT) -> Balance:
    """The tenant's balance, from the stored counters."""
    row = SQL.one("balance", tenant=tenant, unit=unit)
    return Balance(0, 0) if row is None else Balance(row["available"], row["held"])
