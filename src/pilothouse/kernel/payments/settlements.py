"""What the card processor held for us and has paid to our bank, less its fees.

A card payment comes into the house by the processor and lies there until it pays it out in a sum of many. After that
movement −`world_bank` is what the bank's statement shows and −`world_psp` what the processor still holds.
"""

from django.db import IntegrityError, transaction

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.errors import InvalidInput
from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.scope import current_scope
from pilothouse.kernel.base.sql import Row, Statements
from pilothouse.kernel.ledger.commands import Leg, open_accounts, post

from . import limits
from .errors import PaymentKnown, ProcessorHoldsLess
from .incoming import bank_reference
from .models import ProcessorSettlement

SQL = Statements(__file__)


def held_by_processor(tenant: int, unit: str) -> int:
    """What the processor holds of this account's money, in minor units; below zero when it is owed."""
    row = SQL.one("held_by_processor", tenant=tenant, unit=unit)
    assert row is not None
    return int(row["held"])


def holdings() -> list[Row]:
    """What the processor holds: {tenant, name, unit, held} for each account and currency that is not even, at most
    HOLDINGS_MAX_ROWS (operator's scope)."""
    return SQL.rows("processor_holdings", count=limits.HOLDINGS_MAX_ROWS)


def record_settlement(tenant: int, *, reference: str, amount: int, fees: int, unit: str) -> ProcessorSettlement:
    """`amount` arrived at our bank and `fees` stayed with the processor; once for each reference.

    Raises ProcessorHoldsLess for more than it holds, PaymentKnown for a known reference with other values.
    """
    reference = bank_reference(reference)
    if type(amount) is not int or not 0 < amount <= limits.AMOUNT_MAX_MINOR:
        raise InvalidInput(reason="The amount must be a whole number of minor units above 0.")
    if type(fees) is not int or not 0 <= fees <= limits.AMOUNT_MAX_MINOR:
        raise InvalidInput(reason="The fees must be a whole number of minor units, 0 or more.")
    # One settlement of an account at a time, so that two cannot both take what the processor holds.
    SQL.one("settlement_lock", tenant=tenant, unit=unit)
    known = ProcessorSettlement.objects.filter(tenant_id=tenant, reference=reference)
    if known.exists():
        return _same(known.get(), amount, fees, unit)
    held = held_by_processor(tenant, unit)
    if amount + fees > held:
        raise ProcessorHoldsLess(held=held, wanted=amount + fees, unit=unit)
    try:
        with transaction.atomic(using=current_scope().alias):
            made = ProcessorSettlement.objects.create(
                tenant_id=tenant, public_id=new_id("stl"), reference=reference, amount=amount, fees=fees, unit=unit,
                recorded_by=current_scope().actor, recorded_at=clock.business_now(),
            )  # fmt: skip
    except IntegrityError as error:
        if "processor_settlement_once" not in str(error):
            raise
        return _same(known.get(), amount, fees, unit)
    bank, processor, kept = open_accounts(
        tenant, [("world_bank", "", unit), ("world_psp", "", unit), ("processor_fees", "", unit)]
    )
    post(
        tenant,
        f"collect:{made.public_id}",
        "collect",
        [Leg(bank, processor, amount), *([Leg(kept, processor, fees)] if fees else [])],
        request={"settlement": made.public_id, "amount": amount, "fees": fees},
        ref_type="settlement",
        ref_id=made.public_id,
        description=reference,
    )
    return made


def _same(known: ProcessorSettlement, amount: int, fees: int, unit: str) -> ProcessorSettlement:
    if (known.amount, known.fees, known.unit) != (amount, fees, unit):
        raise PaymentKnown(source="the card processor", reference=known.reference)
    return known
