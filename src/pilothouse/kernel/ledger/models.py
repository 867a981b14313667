"""The tables of the ledger. Money is an integer in minor units, or a count of credits.

An account is *credit-normal*: its balance is credits − debits. A hold is a transfer into a holding account, so what a
wallet shows is what is available, and money is always in a named place.
"""

from django.conf import settings
from django.db import models

from pilothouse.kernel.base.models import HotTenantModel, Tenant, TenantModel

from .lifecycle import GRANT_REQUEST
from .limits import GRANT_ONE_PERSON_MAX_CREDITS

CREDIT = "CREDIT"
# The zero-value unit of `ek_test_` keys: the same ledger, the same equation, no money.
TEST = "TEST"

TERMINAL_KINDS = ("settle", "refund")
# Credits, then what is paid by and to the world: into suspense, into escrow, out of it to a side, out to its bank; a
# lost chargeback written off, and what the card processor held and has paid to our bank.
TRANSFER_KINDS = (
    "grant", "reserve", "settle", "refund", "reverse",
    "receive", "send_back", "fund", "release", "return", "payout", "charge_off", "collect",
)  # fmt: skip


class Account(TenantModel):
    """A named bucket of one unit. Counters only rise, and only the posting trigger may move them.

    `stored` is false for kinds without a floor (revenue, issued): no row is hot for all, and their balance is folded
    from the transfers. `floor` and `stored` follow from the kind by a trigger.
    """

    insertable = ("tenant", "kind", "ref", "unit")
    # The posting trigger runs as ph_ledger; nobody else moves a counter. A grant by SQL runs as ph_ledger too.
    grants = ("GRANT UPDATE (debits, credits), INSERT (tenant, kind, ref, unit) ON account TO ph_ledger",)

    kind = models.TextField()
    ref = models.TextField(default="", db_default="")
    unit = models.TextField()
    debits = models.BigIntegerField(default=0, db_default=0)
    credits = models.BigIntegerField(default=0, db_default=0)
    stored = models.BooleanField(db_default=True)
    floor = models.BigIntegerField(null=True)

    class Meta:
        db_table = "account"
        constraints = [
            models.UniqueConstraint(fields=["tenant", "kind", "ref", "unit"], name="account_once"),
            models.CheckConstraint(
                name="account_floor",
                condition=models.Q(floor__isnull=True) | models.Q(credits__gte=models.F("debits") + models.F("floor")),
            ),
            models.CheckConstraint(name="account_counters_rise", condition=models.Q(debits__gte=0, credits__gte=0)),
            models.CheckConstraint(name="account_unit_known", condition=~models.Q(unit="")),
        ]


class Journal(TenantModel):
    """Why money moved: one row for each command that posts, with its idempotency key, kept for ever.

    `effective_at` is business time, `recorded_at` machine time, `tx` the transaction by which a seal takes it.
    """

    # A grant by SQL (the source's INSERT into credit_ledger) is posted by a function of ph_ledger.
    grants = ("GRANT INSERT ON journal TO ph_ledger",)

    # The indexes below begin with the tenant.
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, db_column="tenant", related_name="+", db_index=False)
    idempotency_key = models.TextField()
    request_hash = models.TextField()
    kind = models.TextField()
    ref_type = models.TextField()
    ref_id = models.TextField(default="", db_default="")
    request_id = models.TextField(default="", db_default="")
    description = models.TextField(default="", db_default="")
    terms_hash = models.TextField(default="", db_default="")
    effective_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    actor = models.TextField()
    reverses = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, db_constraint=False, db_index=False, db_column="reverses"
    )
    tx = models.BigIntegerField()

    class Meta:
        db_table = "journal"
        constraints = [
            models.UniqueConstraint(fields=["tenant", "idempotency_key"], name="journal_key_once"),
            models.UniqueConstraint(fields=["reverses"], name="journal_reversed_once"),
            models.CheckConstraint(name="journal_kind_known", condition=models.Q(kind__in=sorted(TRANSFER_KINDS))),
            models.CheckConstraint(name="journal_key_given", condition=~models.Q(idempotency_key="")),
            models.CheckConstraint(
                name="journal_reversal_names_one",
                condition=models.Q(kind="reverse", reverses__isnull=False)
                | (~models.Q(kind="reverse") & models.Q(reverses__isnull=True)),
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "effective_at", "id"], name="journal_by_time"),
            models.Index(fields=["tenant", "ref_id"], name="journal_by_ref"),
            # What is not sealed yet, which is all that a balance or a page need look through.
            models.Index(fields=["tenant", "tx"], name="journal_by_tx"),
        ]


class Transfer(HotTenantModel):
    """One movement of `amount` from the debited to the credited account: balanced by its form.

    Foreign keys are checked once a statement by the posting trigger (row by row they cost 0.28 of the rate). An item
    has at most one reserve and one terminal row, whatever a code path forgets.
    """

    grants = ("GRANT INSERT ON transfer TO ph_ledger",)

    journal = models.BigIntegerField()
    debit = models.BigIntegerField()
    credit = models.BigIntegerField()
    amount = models.BigIntegerField()
    kind = models.TextField()
    item = models.BigIntegerField(null=True)

    class Meta:
        db_table = "transfer"
        constraints = [
            models.CheckConstraint(name="transfer_amount_positive", condition=models.Q(amount__gt=0)),
            models.CheckConstraint(name="transfer_two_accounts", condition=~models.Q(debit=models.F("credit"))),
            models.CheckConstraint(name="transfer_kind_known", condition=models.Q(kind__in=sorted(TRANSFER_KINDS))),
            models.CheckConstraint(
                name="transfer_item_given",
                condition=models.Q(item__isnull=False) | ~models.Q(kind__in=["refund", "reserve", "settle"]),
            ),
            models.UniqueConstraint(
                fields=["item"], condition=models.Q(kind__in=sorted(TERMINAL_KINDS)), name="transfer_terminal_once"
            ),
            models.UniqueConstraint(fields=["item"], condition=models.Q(kind="reserve"), name="transfer_reserve_once"),
        ]
        indexes = [models.Index(fields=["journal"], name="transfer_by_journal")]


class Seal(TenantModel):
    """One sealed block of a stream: all rows of the transactions [from_tx, to_tx), hashed with the block before.

    `stream` is `ledger` or `timeline`. `format` names the canonical text form, so that it can change later. Only the
    sealing function writes one.
    """

    writers = ()
    grants = ("GRANT INSERT ON seal TO ph_ledger",)

    stream = models.TextField()
    n = models.IntegerField()
    from_tx = models.BigIntegerField()
    to_tx = models.BigIntegerField()
    rows = models.BigIntegerField()
    first_id = models.BigIntegerField()
    last_id = models.BigIntegerField()
    format = models.SmallIntegerField()
    previous = models.TextField()
    hash = models.TextField()
    sealed_at = models.DateTimeField()

    class Meta:
        db_table = "seal"
        constraints = [
            models.UniqueConstraint(fields=["tenant", "stream", "n"], name="seal_once"),
            models.CheckConstraint(name="seal_range", condition=models.Q(to_tx__gt=models.F("from_tx"))),
            models.CheckConstraint(name="seal_stream_known", condition=models.Q(stream__in=["ledger", "timeline"])),
        ]


class SealedDay(TenantModel):
    """What the journals of one UTC day had changed in a wallet when a block was sealed: a statement need not fold them.

    Of all journals of the unit in transactions below `to_tx` whose `effective_at` is on `day`; the row with the highest
    `to_tx` counts. None of the unit's journals below `to_tx` was recorded after `recorded_to`. Only the sealing
    function writes one.
    """

    writers = ()
    grants = ("GRANT INSERT ON sealed_day TO ph_ledger",)

    # Two indexes below begin with the tenant.
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, db_column="tenant", related_name="+", db_index=False)
    unit = models.TextField()
    day = models.DateField()
    to_tx = models.BigIntegerField()
    recorded_to = models.DateTimeField()
    available = models.BigIntegerField()
    held = models.BigIntegerField()

    class Meta:
        db_table = "sealed_day"
        constraints = [models.UniqueConstraint(fields=["tenant", "unit", "day", "to_tx"], name="sealed_day_once")]
        indexes = [models.Index(fields=["tenant", "unit", "to_tx"], name="sealed_day_newest")]


class GrantRequest(TenantModel):
    """An operator's wish to create credits (`grant`) or to take a grant back (`reverse`), and what became of it.

    Triggers do the rest: who asks and who decides are operators, the timeline and the timer are written, and the money
    moves in the statement that makes the state `granted` or `approved`. `key` is the journal's idempotency key.
    """

    mutable = ("state", "decided_by", "decided_at", "answer")
    writers = ("ph_ops", "ph_worker")

    public_id = models.TextField(unique=True)
    kind = models.TextField()
    unit = models.TextField()
    amount = models.BigIntegerField()
    source = models.TextField()
    description = models.TextField()
    key = models.TextField()
    # The journal that is turned round.
    reverses = models.BigIntegerField(null=True)
    state = models.TextField()
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_column="asked_by"
    )
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_column="decided_by", null=True
    )
    decided_at = models.DateTimeField(null=True)
    answer = models.TextField(default="", db_default="")

    class Meta:
        db_table = "grant_request"
        constraints = [
            GRANT_REQUEST.check("grant_request_state_known"),
            models.CheckConstraint(name="grant_request_amount_positive", condition=models.Q(amount__gt=0)),
            models.CheckConstraint(name="grant_request_described", condition=~models.Q(description="")),
            models.CheckConstraint(name="grant_request_unit_known", condition=models.Q(unit__in=[CREDIT, TEST])),
            models.CheckConstraint(
                name="grant_request_kind_known",
                condition=models.Q(kind="grant", reverses__isnull=True)
                | models.Q(kind="reverse", reverses__isnull=False),
            ),
            models.CheckConstraint(
                name="grant_request_four_eyes",
                condition=~models.Q(state="approved")
                | (models.Q(decided_by__isnull=False) & ~models.Q(decided_by=models.F("asked_by"))),
            ),
            models.CheckConstraint(
                name="grant_request_one_person",
                condition=~models.Q(state="granted")
                | models.Q(amount__lte=GRANT_ONE_PERSON_MAX_CREDITS)
                | models.Q(unit=TEST),
            ),
            models.CheckConstraint(
                name="grant_request_waits_or_ended",
                condition=models.Q(state__in=["requested", "granted"], decided_by__isnull=True, decided_at__isnull=True)
                | models.Q(state="expired", decided_by__isnull=True, decided_at__isnull=False)
                | models.Q(state__in=["approved", "refused"], decided_by__isnull=False, decided_at__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["tenant", "key"],
                condition=models.Q(state__in=["approved", "granted", "requested"]),
                name="grant_request_once",
            ),
        ]
        indexes = [models.Index(fields=["-id"], condition=models.Q(state="requested"), name="grant_request_waiting")]
