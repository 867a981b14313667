"""The states of a deal and of its dispute (`docs/architecture.md` shows the pictures).

A party is `buyer` or `seller`; an offer's `creator` is one of them, the other is its `counterparty`. `admin` is an
operator who is not a party.
"""

from django.utils.translation import gettext_lazy as _

from pilothouse.kernel.lifecycle.table import Lifecycle, Transition

from . import words

OPEN_BEFORE_MONEY = ("DRAFT", "OFFERED", "AWAITING_FUNDS")
HANDOVER_REASONS = ("item_wrong", "not_received")
AUDIT_REASONS = ("evidence_clear", "evidence_missing", "identity_problem", "parties_confirmed", "terms_rule")

DEAL = Lifecycle(
    name="deal",
    table="deal",
    acts={
        "offer": _("offer this deal"),
        "accept": _("accept this deal"),
        "withdraw": _("take this deal back"),
        "correct_price": _("correct the price of this deal"),
        "file_handover": _("report the handover of this deal"),
        "contest_handover": _("contest the handover of this deal"),
        "confirm_handover": _("confirm the handover of this deal"),
        "cancel_funded": _("cancel this deal"),
        "cancel_in_inspection": _("cancel this deal"),
        "approve": _("approve this deal"),
        "settle_approved": _("approve this deal"),
        "release_holdback": _("release the holdback of this deal"),
        "raise_issue": _("raise an issue about this deal"),
        "cancel_in_issue": _("cancel this deal"),
    },
    labels=words.STATES,
    transitions=(
        Transition("create", None, "DRAFT", ("buyer", "seller"), timer="draft"),
        Transition("offer", "DRAFT", "OFFERED", ("buyer", "seller"), timer="offer"),
        Transition("accept", "OFFERED", "AWAITING_FUNDS", ("buyer", "seller"), timer="funding"),
        Transition("withdraw", OPEN_BEFORE_MONEY, "CANCELLED", ("buyer", "seller"), reasons=("declined", "withdrawn")),
        Transition("expire_draft", "DRAFT", "EXPIRED", ("timer",), reasons=("draft_expired",)),
        Transition("expire_offer", "OFFERED", "EXPIRED", ("timer",), reasons=("offer_expired",)),
        Transition("expire_funding", "AWAITING_FUNDS", "EXPIRED", ("timer",), reasons=("funding_expired",)),
        Transition("fund", "AWAITING_FUNDS", "FUNDED", ("system",), timer="handover", posting="fund"),
        Transition("correct_price", "FUNDED", "FUNDED", ("buyer", "seller"), posting="return"),
        Transition("file_handover", "FUNDED", "FUNDED", ("seller",), timer="handover_confirm"),
        Transition(
            "contest_handover", "FUNDED", "FUNDED", ("buyer",), timer="handover_review", reasons=HANDOVER_REASONS
        ),
        Transition(
            "confirm_handover",
            "FUNDED",
            "INSPECTION",
            ("buyer", "timer", "admin"),
            timer="auto_approve",
            posting="release",
            reasons=("HANDOVER_CONFIRMED", "handover_deemed", "received", *AUDIT_REASONS),
        ),
        Transition(
            "cancel_funded",
            "FUNDED",
            "REFUNDED",
            ("buyer", "seller", "timer", "admin"),
            posting="return",
            reasons=("NOT_HANDED_OVER", "mutual_cancel", "no_handover", *AUDIT_REASONS),
        ),
        Transition(
            "cancel_in_inspection",
            "INSPECTION",
            "REFUNDED",
            ("buyer", "seller"),
            posting="return",
            reasons=("mutual_cancel",),
        ),
        Transition(
            "approve",
            "INSPECTION",
            "HOLDBACK",
            ("buyer", "timer"),
            timer="holdback_release",
            posting="release",
            reasons=("AUTO_APPROVE", "approved"),
        ),
        Transition(
            "settle_approved",
            "INSPECTION",
            "SETTLED",
            ("buyer", "timer"),
            posting="release",
            reasons=("AUTO_APPROVE", "approved"),
        ),
        Transition(
            "release_holdback",
            "HOLDBACK",
            "SETTLED",
            ("buyer", "timer"),
            posting="release",
            reasons=("HOLDBACK_RELEASE", "released_early"),
        ),
        Transition("raise_issue", ("INSPECTION", "HOLDBACK"), "ISSUE", ("buyer",)),
        Transition(
            "cancel_in_issue", "ISSUE", "REFUNDED", ("buyer", "seller"), posting="return", reasons=("mutual_return",)
        ),
        Transition("settle_issue", "ISSUE", "SETTLED", ("system",), posting="release"),
    ),
    # A deal in dispute lives by its dispute's timer.
    alive=(
        "EXISTS (SELECT FROM timer t WHERE t.state = 'armed' AND t.subject_kind = '{name}' AND t.subject_id = s.id)"
        " OR EXISTS (SELECT FROM dispute d JOIN timer t ON t.subject_kind = 'dispute' AND t.subject_id = d.id"
        " WHERE t.state = 'armed' AND d.deal_id = s.id)"
    ),
)

DISPUTE = Lifecycle(
    name="dispute",
    table="dispute",
    acts={
        "respond": _("answer this dispute"),
        "agree": _("agree in this dispute"),
        "accept_claim": _("accept the claim of this dispute"),
        "resolve": _("decide this dispute"),
        "mutual_return": _("undo the deal of this dispute"),
        "withdraw": _("take this dispute back"),
    },
    labels=words.DISPUTE_STATES,
    transitions=(
        Transition("open", None, "OPEN", ("buyer",), timer="dispute_ttl"),
        Transition("respond", "OPEN", "RESPONDED", ("seller",), reasons=("accept", "contest", "counter")),
        Transition("agree", ("OPEN", "RESPONDED"), "RESOLVED", ("buyer", "seller"), reasons=("OFFSET_AS_AGREED",)),
        Transition("accept_claim", ("OPEN", "RESPONDED"), "RESOLVED", ("seller",), reasons=("OFFSET_AS_CLAIMED",)),
        Transition("resolve", ("OPEN", "RESPONDED"), "RESOLVED", ("admin",), reasons=AUDIT_REASONS),
        Transition("mutual_return", ("OPEN", "RESPONDED"), "RESOLVED", ("buyer", "seller"), reasons=("mutual_return",)),
        Transition("withdraw", ("OPEN", "RESPONDED"), "WITHDRAWN", ("buyer",), reasons=("withdrawn",)),
        Transition("expire", ("OPEN", "RESPONDED"), "EXPIRED", ("timer",), reasons=("DISPUTE_TTL_EXPIRED",)),
    ),
)
