"""The words of the desk for what machines call by codes."""

from django.utils.translation import gettext_lazy as _

OUTCOMES = {
    "RELEASE_TO_SELLER": _("Nothing to the buyer"),
    "OFFSET_25_OF_CAP": _("A quarter of the cap"),
    "OFFSET_50_OF_CAP": _("Half of the cap"),
    "OFFSET_75_OF_CAP": _("Three quarters of the cap"),
    "OFFSET_FULL_CAP": _("The full cap"),
    "OFFSET_AS_CLAIMED": _("As claimed, up to the cap"),
    "OFFSET_AS_AGREED": _("As both agreed"),
    "OFFSET_SPLIT": _("Half of the claim"),
}
AUDIT = {
    "evidence_clear": _("The evidence is clear"),
    "evidence_missing": _("The evidence is missing"),
    "identity_problem": _("Somebody is not who they say"),
    "parties_confirmed": _("Both sides confirmed it"),
    "terms_rule": _("The terms say so"),
}
# Why a deal or a dispute moved, where no operator decided.
REASONS = {
    "AUTO_APPROVE": _("The time to look was over"),
    "DISPUTE_TTL_EXPIRED": _("Nobody decided in time"),
    "HANDOVER_CONFIRMED": _("The handover is proven"),
    "HOLDBACK_RELEASE": _("The time for claims was over"),
    "NOT_HANDED_OVER": _("The handover is not proven"),
    "OFFSET_AS_AGREED": _("As both agreed"),
    "OFFSET_AS_CLAIMED": _("As claimed, up to the cap"),
    "approved": _("By the buyer"),
    "declined": _("Declined"),
    "draft_expired": _("Ran out"),
    "funding_expired": _("Not paid in time"),
    "handover_deemed": _("The buyer stayed silent"),
    "mutual_cancel": _("Both signed"),
    "mutual_return": _("Both signed"),
    "no_handover": _("No handover in time"),
    "offer_expired": _("Ran out"),
    "price_corrected": _("A lower price"),
    "received": _("By the buyer"),
    "released_early": _("By the buyer, early"),
    "withdrawn": _("Taken back"),
}
CONTESTS = {
    "item_wrong": _("It is another item than the one offered"),
    "not_received": _("Nothing was received"),
}
DECISIONS = {
    "HANDOVER_CONFIRMED": _("The handover happened: inspection begins"),
    "NOT_HANDED_OVER": _("It did not happen: the buyer gets the price back"),
}
TIMERS = {
    "draft": _("draft ends"),
    "offer": _("offer ends"),
    "funding": _("waits for the money"),
    "handover": _("waits for the handover"),
    "handover_confirm": _("handover counts as received"),
    "handover_review": _("handover review ends"),
    "auto_approve": _("counts as approved (AUTO_APPROVE)"),
    "holdback_release": _("holdback is released"),
    "dispute_ttl": _("dispute expires"),
}
EVENTS = {
    "create": _("The deal was drafted"),
    "offer": _("It was offered"),
    "join": _("The other side joined"),
    "accept": _("The offer was accepted"),
    "withdraw": _("It was withdrawn"),
    "fund": _("The price is in escrow"),
    "correct_price": _("Both signed a lower price"),
    "file_handover": _("The seller filed the handover"),
    "contest_handover": _("The buyer contested the handover"),
    "confirm_handover": _("The handover is confirmed: inspection runs"),
    "cancel_funded": _("The price went back to the buyer"),
    "cancel_in_inspection": _("Both cancelled: the price went back"),
    "cancel_in_issue": _("The item went back: the buyer has the price"),
    "approve": _("Approved: the first part is the seller's"),
    "settle_approved": _("Approved and settled"),
    "release_holdback": _("The holdback was released"),
    "raise_issue": _("The buyer raised an issue"),
    "settle_issue": _("The dispute ended and the deal settled"),
    "open": _("The dispute is open"),
    "respond": _("The seller responded"),
    "agree": _("Both signed the same amounts"),
    "accept_claim": _("The seller accepted the claim"),
    "resolve": _("An operator decided"),
    "mutual_return": _("Both signed the return"),
    "expire": _("Nobody decided in time: the terms' default holds"),
    "expire_draft": _("The draft ended"),
    "expire_offer": _("The offer ended"),
    "expire_funding": _("The money did not come in time"),
}
