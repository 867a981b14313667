"""The tables of what left again: to the senders of payments, and from the card processor to our bank."""

from django.db import models

from pilothouse.kernel.base.models import TenantForeignKey, TenantModel

from . import limits
from .incoming_models import Payment
from .lifecycle import REFUND


class Refund(TenantModel):
    """The rest of a card payment on its way back through the processor. The ledger moves when it has succeeded."""

    mutable = ("state", "refund_id", "round", "attempts", "next_run_at", "failure", "ended_at", "due_at")

    public_id = models.TextField(unique=True)
    state = models.TextField(default="due")
    payment = TenantForeignKey(Payment)
    payment_intent = models.TextField()
    amount = models.BigIntegerField()
    unit = models.TextField()
    reason = models.TextField()
    sent_by = models.TextField()
    approved_by = models.TextField(default="", db_default="")
    # Money that nothing waited for: it goes back without anybody asking.
    automatic = models.BooleanField(default=False, db_default=False)
    refund_id = models.TextField(null=True, unique=True)
    # How often an operator ordered it anew; each order has a key of its own at the processor.
    round = models.IntegerField(default=0, db_default=0)
    attempts = models.IntegerField(default=0, db_default=0)
    next_run_at = models.DateTimeField()
    failure = models.TextField(default="", db_default="")
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "refund"
        constraints = [
            REFUND.check("refund_state_known"),
            models.CheckConstraint(name="refund_amount_positive", condition=models.Q(amount__gt=0)),
            models.CheckConstraint(
                name="refund_two_people",
                condition=models.Q(approved_by="") | ~models.Q(approved_by=models.F("sent_by")),
            ),
            models.CheckConstraint(
                name="refund_large_takes_two",
                condition=models.Q(automatic=True)
                | models.Q(amount__lt=limits.SECOND_PERSON_FROM_MINOR)
                | ~models.Q(approved_by=""),
            ),
            models.UniqueConstraint(
                fields=["payment"], condition=~models.Q(state__in=["given_up", "succeeded"]), name="refund_open_once"
            ),
        ]
        indexes = [
            models.Index(fields=["next_run_at"], condition=models.Q(state__in=["due", "sent"]), name="refund_to_send")
        ]

    def __str__(self) -> str:
        return self.public_id


class PaymentReturn(TenantModel):
    """An amount of a payment that left for its sender: by the bank, with its reference, or by a refund that succeeded.

    A large one by the bank takes two people; a refund has that rule on its own row.
    """

    payment = TenantForeignKey(Payment)
    amount = models.BigIntegerField()
    way = models.TextField()
    reference = models.TextField()
    refund = TenantForeignKey(Refund, null=True)
    sent_by = models.TextField()
    approved_by = models.TextField(default="", db_default="")
    at = models.DateTimeField()

    class Meta:
        db_table = "payment_return"
        constraints = [
            models.CheckConstraint(name="payment_return_amount_positive", condition=models.Q(amount__gt=0)),
            models.CheckConstraint(
                name="payment_return_way_known",
                condition=models.Q(way="bank", refund__isnull=True) | models.Q(way="stripe", refund__isnull=False),
            ),
            models.CheckConstraint(
                name="payment_return_is_signed",
                condition=~models.Q(sent_by="") & ~models.Q(reference="") & ~models.Q(approved_by=models.F("sent_by")),
            ),
            models.CheckConstraint(
                name="payment_return_large_takes_two",
                condition=models.Q(way="stripe")
                | models.Q(amount__lt=limits.SECOND_PERSON_FROM_MINOR)
                | ~models.Q(approved_by=""),
            ),
            models.UniqueConstraint(fields=["refund"], name="payment_return_once_per_refund"),
        ]
        indexes = [models.Index(fields=["payment"], name="payment_return_of_payment")]


class ProcessorSettlement(TenantModel):
    """The card processor paid what it held to our bank, once for each reference, and kept its fees."""

    public_id = models.TextField(unique=True)
    reference = models.TextField()
    amount = models.BigIntegerField()
    fees = models.BigIntegerField()
    unit = models.TextField()
    recorded_by = models.TextField()
    recorded_at = models.DateTimeField()

    class Meta:
        db_table = "processor_settlement"
        constraints = [
            models.UniqueConstraint(fields=["tenant", "reference"], name="processor_settlement_once"),
            models.CheckConstraint(name="processor_settlement_amounts", condition=models.Q(amount__gt=0, fees__gte=0)),
        ]

    def __str__(self) -> str:
        return self.public_id
