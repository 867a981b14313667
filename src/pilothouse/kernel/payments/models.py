"""The tables of the payments room. Amounts are whole minor units of `unit`."""

from django.conf import settings
from django.db import models
from django.db.models.fields.json import KeyTextTransform

from pilothouse.kernel.base.models import HouseModel, TenantForeignKey, TenantModel

from . import limits
from .incoming_models import SOURCES as SOURCES
from .incoming_models import Payment as Payment
from .lifecycle import BANK_ACCOUNT, CHARGEBACK, CHECKOUT, PAYOUT, SEND_REQUEST
from .returned_models import PaymentReturn as PaymentReturn
from .returned_models import ProcessorSettlement as ProcessorSettlement
from .returned_models import Refund as Refund

SIDES = ("buyer", "seller")
SEND_KINDS = ("payout", "send_back")
FAILURES = ("account_closed", "refused", "returned")


def _person(null: bool = False) -> models.ForeignKey:  # type: ignore[type-arg]
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=null, related_name="+", db_index=False
    )


class Checkout(TenantModel):
    """One card checkout for one subject.

    The row is written before the processor is asked, and its public id is the key of that order: whatever is lost on
    the way, the processor makes one session for it and its events find the row.
    """

    mutable = ("state", "session_id", "url", "payment_intent", "paid_at", "payment_id")

    public_id = models.TextField(unique=True)
    state = models.TextField(default="open")
    subject_kind = models.TextField()
    subject_ref = models.TextField()
    session_id = models.TextField(null=True, unique=True)
    url = models.TextField(default="", db_default="")
    payment_intent = models.TextField(null=True, unique=True)
    amount = models.BigIntegerField()
    unit = models.TextField()
    created_by = _person()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True)
    payment = TenantForeignKey(Payment, null=True)

    class Meta:
        db_table = "checkout"
        constraints = [
            CHECKOUT.check("checkout_state_known"),
            models.CheckConstraint(name="checkout_amount_positive", condition=models.Q(amount__gt=0)),
            models.CheckConstraint(
                name="checkout_paid_has_payment",
                condition=~models.Q(state="paid") | models.Q(payment__isnull=False, paid_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "subject_ref"], name="checkout_of_subject"),
            models.Index(fields=["expires_at"], condition=models.Q(state="open"), name="checkout_open"),
        ]

    def __str__(self) -> str:
        return self.public_id


class BankAccount(TenantModel):
    """Where a person of a market wants their money. The number is sealed; its last digits are shown."""

    mutable = ("state", "confirmed_at", "usable_from", "replaced_at")

    public_id = models.TextField(unique=True)
    state = models.TextField(default="named")
    person = _person()
    unit = models.TextField()
    holder = models.TextField()
    bank = models.TextField()
    number_sealed = models.TextField()
    number_hint = models.TextField()
    named_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    usable_from = models.DateTimeField(null=True)
    replaced_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "bank_account"
        constraints = [
            BANK_ACCOUNT.check("bank_account_state_known"),
            models.UniqueConstraint(
                fields=["tenant", "person", "unit"],
                condition=models.Q(state="named"),
                name="bank_account_named_once",
            ),
            models.CheckConstraint(
                name="bank_account_confirmed_is_dated",
                condition=~models.Q(state="confirmed")
                | models.Q(confirmed_at__isnull=False, usable_from__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["person", "unit"], condition=models.Q(state="confirmed"), name="bank_account_in_use")
        ]

    def __str__(self) -> str:
        return self.public_id


class Payout(TenantModel):
    """Money owed to one side of a subject, on its way to a bank account. The ledger moves when it is confirmed.

    The worker makes it and its amount is what the account owes (a trigger); operators send and confirm it. At every
    commit what left an account is the sum of its confirmed payouts.
    """

    writers = ("ph_worker",)
    mutable = (
        "state", "bank_account_id", "bank_reference", "attempts", "sent_by", "approved_by", "sent_at", "confirmed_at",
        "failure", "due_at", "bank_file", "filed_at", "filed_by",
    )  # fmt: skip
    grants = (
        f"GRANT UPDATE ({', '.join(mutable)}) ON payout TO ph_app",
        # One file for the bank holds the payouts of all accounts.
        "GRANT UPDATE (bank_account_id, bank_file, filed_at, filed_by) ON payout TO ph_ops",
    )

    public_id = models.TextField(unique=True)
    state = models.TextField(default="due")
    subject_kind = models.TextField()
    subject_ref = models.TextField()
    side = models.TextField()
    person = _person()
    account = models.BigIntegerField()
    amount = models.BigIntegerField()
    unit = models.TextField()
    bank_account = TenantForeignKey(BankAccount, null=True)
    bank_reference = models.TextField(default="", db_default="")
    attempts = models.IntegerField(default=0, db_default=0)
    sent_by = models.TextField(default="", db_default="")
    approved_by = models.TextField(default="", db_default="")
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    failure = models.TextField(null=True)
    due_at = models.DateTimeField(null=True)
    # The file for the bank that it stands in; set once, and emptied when it failed and is due again.
    bank_file = models.TextField(default="", db_default="")
    filed_at = models.DateTimeField(null=True)
    filed_by = models.TextField(default="", db_default="")

    class Meta:
        db_table = "payout"
        constraints = [
            models.CheckConstraint(
                name="payout_filed_is_signed",
                condition=models.Q(bank_file="", filed_at__isnull=True, filed_by="")
                | (
                    ~models.Q(bank_file="")
                    & models.Q(filed_at__isnull=False, bank_account__isnull=False)
                    & ~models.Q(filed_by="")
                ),
            ),
            PAYOUT.check("payout_state_known"),
            models.CheckConstraint(name="payout_amount_positive", condition=models.Q(amount__gt=0, attempts__gte=0)),
            models.CheckConstraint(name="payout_side_known", condition=models.Q(side__in=sorted(SIDES))),
            models.CheckConstraint(
                name="payout_two_people",
                condition=models.Q(approved_by="") | ~models.Q(approved_by=models.F("sent_by")),
            ),
            models.CheckConstraint(
                name="payout_large_takes_two",
                condition=~models.Q(state__in=["confirmed", "sent"])
                | models.Q(amount__lt=limits.SECOND_PERSON_FROM_MINOR)
                | ~models.Q(approved_by=""),
            ),
            models.CheckConstraint(
                name="payout_sent_has_reference",
                condition=~models.Q(state__in=["confirmed", "sent"])
                | (models.Q(bank_account__isnull=False, sent_at__isnull=False) & ~models.Q(bank_reference="")),
            ),
            models.CheckConstraint(
                name="payout_failure_known",
                condition=models.Q(failure__isnull=True) | models.Q(failure__in=sorted(FAILURES)),
            ),
            # At most one open payout for an account: what comes later is paid by the next one.
            models.UniqueConstraint(
                fields=["account"], condition=~models.Q(state="confirmed"), name="payout_open_once"
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "state", "due_at"], name="payout_by_state"),
            models.Index(fields=["account"], name="payout_of_account"),
            models.Index(fields=["bank_file"], condition=models.Q(state="due"), name="payout_due_in_file"),
        ]

    def __str__(self) -> str:
        return self.public_id


class BankFile(HouseModel):
    """A file that was made for the bank, over all accounts, sealed: given again it is the same bytes."""

    table_class = "platform"
    writers = ("ph_ops",)

    public_id = models.TextField(unique=True)
    filed_at = models.DateTimeField()
    filed_by = models.TextField()
    payouts = models.IntegerField()
    sealed = models.TextField()
    # The transaction that wrote it: no payout enters it later.
    tx = models.BigIntegerField()

    class Meta:
        db_table = "bank_file"
        constraints = [models.CheckConstraint(name="bank_file_holds_some", condition=models.Q(payouts__gt=0))]

    def __str__(self) -> str:
        return self.public_id


class ProcessorEvent(HouseModel):
    """An event that the card processor signed, once for each id, until the worker has done what it asks for.

    `facts` holds the few fields that are needed of it: nothing about a card or an address is kept.
    """

    table_class = "platform"
    mutable = ("handled_at", "outcome", "attempts", "next_run_at")
    writers = ("ph_ops", "ph_worker")

    event_id = models.TextField(unique=True)
    type = models.TextField()
    facts = models.JSONField()
    received_at = models.DateTimeField()
    next_run_at = models.DateTimeField()
    attempts = models.IntegerField(default=0, db_default=0)
    handled_at = models.DateTimeField(null=True)
    outcome = models.TextField(default="", db_default="")

    class Meta:
        db_table = "processor_event"
        indexes = [
            models.Index(fields=["next_run_at"], condition=models.Q(handled_at=None), name="processor_event_due"),
            models.Index(
                KeyTextTransform("payment_intent", "facts"),
                condition=models.Q(type__in=("charge.dispute.closed", "charge.dispute.created")),
                name="processor_event_disputes",
            ),
        ]

    def __str__(self) -> str:
        return self.event_id


class Chargeback(TenantModel):
    """A card's holder took a payment back through their bank. What it paid stays as it is.

    The amount stands in a suspense account of its own, below zero, until the bank has decided: won, it comes back;
    lost, it is written off as a loss.
    """

    mutable = ("state", "ended_at", "due_at")
    writers = ("ph_worker",)

    public_id = models.TextField(unique=True)
    state = models.TextField(default="open")
    payment = TenantForeignKey(Payment)
    dispute_id = models.TextField(unique=True)
    amount = models.BigIntegerField()
    unit = models.TextField()
    reason = models.TextField()
    opened_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "chargeback"
        constraints = [
            CHARGEBACK.check("chargeback_state_known"),
            models.CheckConstraint(name="chargeback_amount_positive", condition=models.Q(amount__gt=0)),
        ]

    def __str__(self) -> str:
        return self.public_id


class SendRequest(TenantModel):
    """An operator's wish to send out an amount that takes two of them, until the second one answers."""

    mutable = ("state", "decided_by", "decided_at", "answer")

    public_id = models.TextField(unique=True)
    state = models.TextField(default="requested")
    kind = models.TextField()
    subject = models.TextField()
    amount = models.BigIntegerField()
    unit = models.TextField()
    reference = models.TextField()
    asked_by = models.TextField()
    asked_at = models.DateTimeField()
    decided_by = models.TextField(default="", db_default="")
    decided_at = models.DateTimeField(null=True)
    answer = models.TextField(default="", db_default="")
    # The transaction of its approval (a trigger): what it allows is done there or never.
    tx = models.BigIntegerField(null=True)

    class Meta:
        db_table = "send_request"
        constraints = [
            SEND_REQUEST.check("send_request_state_known"),
            models.CheckConstraint(name="send_request_kind_known", condition=models.Q(kind__in=sorted(SEND_KINDS))),
            models.CheckConstraint(name="send_request_amount_positive", condition=models.Q(amount__gt=0)),
            models.CheckConstraint(
                name="send_request_four_eyes",
                condition=~models.Q(state="approved")
                | (~models.Q(decided_by="") & ~models.Q(decided_by=models.F("asked_by"))),
            ),
            models.UniqueConstraint(
                fields=["subject"], condition=models.Q(state="requested"), name="send_request_waits_once"
            ),
        ]
        indexes = [models.Index(fields=["-id"], condition=models.Q(state="requested"), name="send_request_waiting")]

    def __str__(self) -> str:
        return self.public_id
