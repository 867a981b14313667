"""The tables of the deals program. Amounts are whole minor units of the deal's `unit`."""

from typing import Any

from django.conf import settings
from django.db import models

from pilothouse.kernel.base.models import TenantForeignKey, TenantModel
from pilothouse.kernel.files.models import File

from .lifecycle import AUDIT_REASONS, DEAL, DISPUTE, HANDOVER_REASONS
from .terms_checks import EVIDENCE_TYPES

SIDES = ("buyer", "seller")
STAGES = ("INSPECTION", "HOLDBACK")
PURPOSES = ("claim", "handover", "item", "response")
AGREEMENTS = ("cancel", "price", "return", "settlement")


def _person(null: bool) -> models.ForeignKey:  # type: ignore[type-arg]
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=null, related_name="+", db_index=False
    )


def _event_or_null(name: str, field: str, values: Any) -> models.CheckConstraint:
    return models.CheckConstraint(
        name=name, condition=models.Q(**{f"{field}__isnull": True}) | models.Q(**{f"{field}__in": sorted(values)})
    )


class Deal(TenantModel):
    """One sale: a price in escrow, two people, and the terms to which it is pinned for life.

    Money is always in one named place, and the row says where: `funded` came in, `returned` went back before the end
    (a corrected price), and the rest is in escrow, the seller's or the buyer's. A trigger holds `in_escrow` to the
    ledger's own account at every commit. `price` is what is being settled; it can only fall, before handover.
    """

    mutable = (
        "state", "buyer_id", "seller_id", "title", "first_price", "price", "item", "offer_hash", "immediate",
        "holdback", "funded", "returned",
        "in_escrow", "to_seller", "to_buyer", "escrow_account", "seller_account", "buyer_account", "stage",
        "offered_at", "accepted_at", "funded_at", "handover_filed_at", "contested_at", "contest_reason",
        "contest_note", "handover_at", "approved_at", "ended_at", "ended_by", "invited_email", "invitation_hash",
    )  # fmt: skip

    public_id = models.TextField(unique=True)
    state = models.TextField(default="DRAFT")
    template = models.TextField()
    terms_version = models.IntegerField()
    terms_hash = models.TextField()
    unit = models.TextField()
    price = models.BigIntegerField()
    first_price = models.BigIntegerField()
    immediate = models.BigIntegerField()
    holdback = models.BigIntegerField()
    title = models.TextField()
    item = models.JSONField(default=dict)
    creator_side = models.TextField()
    created_by = _person(null=False)
    buyer = _person(null=True)
    seller = _person(null=True)
    invited_email = models.TextField(default="", db_default="")
    # SHA-256 of the one-time link's secret; the link dies with the offer.
    invitation_hash = models.TextField(null=True, unique=True)
    # What both sides promised: the hash of price, item, photos and terms.
    offer_hash = models.TextField(default="", db_default="")
    funded = models.BigIntegerField(default=0, db_default=0)
    returned = models.BigIntegerField(default=0, db_default=0)
    in_escrow = models.BigIntegerField(default=0, db_default=0)
    to_seller = models.BigIntegerField(default=0, db_default=0)
    to_buyer = models.BigIntegerField(default=0, db_default=0)
    escrow_account = models.BigIntegerField(null=True)
    seller_account = models.BigIntegerField(null=True)
    buyer_account = models.BigIntegerField(null=True)
    # Where a claim was raised; it decides what the seller has had before.
    stage = models.TextField(null=True)
    created_at = models.DateTimeField()
    offered_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True)
    funded_at = models.DateTimeField(null=True)
    handover_filed_at = models.DateTimeField(null=True)
    contested_at = models.DateTimeField(null=True)
    contest_reason = models.TextField(null=True)
    contest_note = models.TextField(default="", db_default="")
    handover_at = models.DateTimeField(null=True)
    approved_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    # The reason code of the move that ended it.
    ended_by = models.TextField(null=True)

    class Meta:
        db_table = "deal"
        constraints = [
            DEAL.check("deal_state_known"),
            models.CheckConstraint(name="deal_side_known", condition=models.Q(creator_side__in=sorted(SIDES))),
            _event_or_null("deal_stage_known", "stage", STAGES),
            _event_or_null("deal_contest_known", "contest_reason", HANDOVER_REASONS),
            models.CheckConstraint(name="deal_two_people", condition=~models.Q(buyer=models.F("seller"))),
            models.CheckConstraint(
                name="deal_price_positive", condition=models.Q(price__gt=0, first_price__gte=models.F("price"))
            ),
            models.CheckConstraint(
                name="deal_parts_are_the_price",
                condition=models.Q(
                    price=models.F("immediate") + models.F("holdback"), immediate__gte=0, holdback__gte=0
                ),
            ),
            models.CheckConstraint(
                name="deal_money_is_somewhere",
                condition=models.Q(
                    funded=models.F("returned") + models.F("in_escrow") + models.F("to_seller") + models.F("to_buyer")
                ),
            ),
            models.CheckConstraint(
                name="deal_money_not_negative",
                condition=models.Q(funded__gte=0, returned__gte=0, in_escrow__gte=0, to_seller__gte=0, to_buyer__gte=0),
            ),
            models.CheckConstraint(
                name="deal_funded_is_the_price",
                condition=models.Q(funded=0) | models.Q(funded=models.F("price") + models.F("returned")),
            ),
            models.CheckConstraint(
                name="deal_unfunded_has_no_money",
                condition=~models.Q(state__in=["AWAITING_FUNDS", "CANCELLED", "DRAFT", "EXPIRED", "OFFERED"])
                | models.Q(funded=0),
            ),
            models.CheckConstraint(
                name="deal_end_is_whole",
                condition=~models.Q(state__in=["REFUNDED", "SETTLED"])
                | models.Q(in_escrow=0, funded__gt=0, ended_at__isnull=False),
            ),
            models.CheckConstraint(
                name="deal_refunded_is_the_buyers", condition=~models.Q(state="REFUNDED") | models.Q(to_seller=0)
            ),
            # Nothing beyond the holdback can be taken from a seller by a claim.
            models.CheckConstraint(
                name="deal_offset_within_holdback",
                condition=~models.Q(state="SETTLED") | models.Q(to_buyer__lte=models.F("holdback")),
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "-id"], name="deal_newest"),
            models.Index(fields=["tenant", "state", "-id"], name="deal_by_state"),
            models.Index(fields=["buyer"], name="deal_of_buyer"),
            models.Index(fields=["seller"], name="deal_of_seller"),
            # All that the metrics count, so that they read no row.
            models.Index(
                fields=["template", "terms_version", "created_at", "state", "ended_at", "tenant"], name="deal_measured"
            ),
            models.Index(
                fields=["contested_at"],
                condition=models.Q(state="FUNDED", contested_at__isnull=False),
                name="deal_contested",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    def person(self, side: str) -> int | None:
        """The row id of the person on this side, or None before they joined."""
        return self.buyer_id if side == "buyer" else self.seller_id


class Agreement(TenantModel):
    """One side's signature under one proposal; when both signed the same, it is done in the same transaction."""

    mutable = ("withdrawn_at",)

    deal = TenantForeignKey(Deal)
    kind = models.TextField()
    side = models.TextField()
    content = models.JSONField(default=dict)
    signed_by = _person(null=False)
    signed_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "deal_agreement"
        constraints = [
            models.UniqueConstraint(
                fields=["deal", "kind", "side"],
                condition=models.Q(withdrawn_at__isnull=True),
                name="agreement_stands_once",
            ),
            models.CheckConstraint(name="agreement_kind_known", condition=models.Q(kind__in=sorted(AGREEMENTS))),
            models.CheckConstraint(name="agreement_side_known", condition=models.Q(side__in=sorted(SIDES))),
        ]


class Dispute(TenantModel):
    """A buyer's claim on one deal, and how it ended. One for each deal."""

    mutable = (
        "state", "response", "response_note", "responded_at", "ended_at", "ended_by", "audit_reason", "audit_note",
        "decided_by", "granted",
    )  # fmt: skip

    public_id = models.TextField(unique=True)
    deal = TenantForeignKey(Deal)
    state = models.TextField(default="OPEN")
    opened_at = models.DateTimeField()
    due_at = models.DateTimeField()
    response = models.TextField(null=True)
    response_note = models.TextField(default="", db_default="")
    responded_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.TextField(null=True)
    audit_reason = models.TextField(null=True)
    audit_note = models.TextField(default="", db_default="")
    decided_by = models.TextField(default="", db_default="")
    granted = models.BigIntegerField(null=True)

    class Meta:
        db_table = "dispute"
        constraints = [
            DISPUTE.check("dispute_state_known"),
            models.UniqueConstraint(fields=["deal"], name="dispute_once_per_deal"),
            _event_or_null("dispute_response_known", "response", ("accept", "contest", "counter")),
            _event_or_null("dispute_audit_known", "audit_reason", AUDIT_REASONS),
            models.CheckConstraint(
                name="dispute_end_is_dated",
                condition=models.Q(state__in=["OPEN", "RESPONDED"], ended_at__isnull=True)
                | (~models.Q(state__in=["OPEN", "RESPONDED"]) & models.Q(ended_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="dispute_decision_has_reason",
                condition=models.Q(decided_by="") | models.Q(audit_reason__isnull=False) & ~models.Q(audit_note=""),
            ),
        ]
        indexes = [
            models.Index(
                fields=["tenant", "due_at"], condition=models.Q(state__in=["OPEN", "RESPONDED"]), name="dispute_due"
            )
        ]

    def __str__(self) -> str:
        return self.public_id


class ClaimLine(TenantModel):
    """One line of a claim: what is wrong by its reason code, what is asked for it, and what was granted."""

    mutable = ("counter", "outcome", "granted")

    dispute = TenantForeignKey(Dispute)
    position = models.IntegerField()
    code = models.TextField()
    claimed = models.BigIntegerField()
    note = models.TextField()
    # What the seller offers instead.
    counter = models.BigIntegerField(null=True)
    outcome = models.TextField(null=True)
    granted = models.BigIntegerField(null=True)

    class Meta:
        db_table = "claim_line"
        constraints = [
            models.UniqueConstraint(fields=["dispute", "position"], name="claim_line_once"),
            models.CheckConstraint(name="claim_line_positive", condition=models.Q(claimed__gt=0, position__gt=0)),
            models.CheckConstraint(
                name="claim_line_granted_within",
                condition=models.Q(granted__isnull=True)
                | models.Q(granted__gte=0, granted__lte=models.F("claimed"), outcome__isnull=False),
            ),
        ]


class Evidence(TenantModel):
    """One file that one side put forward, for the item, the handover, a claim line or the response to one."""

    deal = TenantForeignKey(Deal)
    line = TenantForeignKey(ClaimLine, null=True)
    purpose = models.TextField()
    side = models.TextField()
    type = models.TextField()
    file = TenantForeignKey(File)
    thumbnail = TenantForeignKey(File, null=True)
    caption = models.TextField(default="", db_default="")
    added_by = _person(null=False)
    added_at = models.DateTimeField()

    class Meta:
        db_table = "deal_evidence"
        constraints = [
            models.CheckConstraint(name="evidence_purpose_known", condition=models.Q(purpose__in=sorted(PURPOSES))),
            models.CheckConstraint(name="evidence_side_known", condition=models.Q(side__in=sorted(SIDES))),
            models.CheckConstraint(name="evidence_type_known", condition=models.Q(type__in=sorted(EVIDENCE_TYPES))),
            models.CheckConstraint(
                name="evidence_of_a_line",
                condition=models.Q(purpose__in=["claim", "response"], line__isnull=False)
                | models.Q(purpose__in=["handover", "item"], line__isnull=True),
            ),
        ]
        indexes = [
            models.Index(fields=["deal", "id"], name="evidence_of_deal"),
            models.Index(
                fields=["line", "side", "type"], condition=models.Q(line__isnull=False), name="evidence_of_line"
            ),
        ]


class DealRequest(TenantModel):
    """A request with an Idempotency-Key that was carried out, and its answer.

    `deal` is where the key counts: one deal, or `user:ID` for what a person asks about no deal yet.
    """

    deal = models.TextField(default="", db_default="")
    kind = models.TextField()
    key = models.TextField()
    request_hash = models.TextField()
    answer = models.JSONField()
    person = _person(null=False)
    at = models.DateTimeField()

    class Meta:
        db_table = "deal_request"
        constraints = [
            models.UniqueConstraint(fields=["tenant", "deal", "kind", "key"], name="deal_request_once"),
        ]


class DealMail(TenantModel):
    """A mail that a step or a timer asks for, and what became of it. Its words are written when it is due."""

    mutable = ("done_at", "outcome", "error")

    deal = TenantForeignKey(Deal)
    # What asks for it: an event, a reminder of a timer, a payment. Asked for twice is asked for once.
    key = models.TextField()
    about = models.TextField()
    actor = models.TextField()
    data = models.JSONField(default=dict)
    # Empty for both sides.
    side = models.TextField(default="", db_default="")
    # The instant that it tells of: the event's, or for a reminder its timer's end.
    at = models.DateTimeField()
    due_at = models.DateTimeField()
    # The timer that must still run, for a reminder.
    timer = models.BigIntegerField(null=True)
    # An invitation's secret: the database alone cannot open it.
    sealed = models.TextField(default="", db_default="")
    done_at = models.DateTimeField(null=True)
    outcome = models.TextField(default="", db_default="")
    error = models.TextField(default="", db_default="")

    class Meta:
        db_table = "deal_mail"
        constraints = [
            models.UniqueConstraint(fields=["tenant", "key"], name="deal_mail_once"),
            models.CheckConstraint(
                name="deal_mail_outcome_known",
                condition=models.Q(done_at__isnull=True, outcome="")
                | models.Q(done_at__isnull=False, outcome__in=["dropped", "failed", "sent"]),
            ),
        ]
        indexes = [
            models.Index(fields=["due_at", "id"], condition=models.Q(done_at__isnull=True), name="deal_mail_due"),
            models.Index(fields=["deal"], name="deal_mail_of_deal"),
        ]
