"""The states of what comes in and goes out."""

from django.utils.translation import gettext_lazy as _

from pilothouse.kernel.lifecycle.table import Lifecycle, Transition

PAYMENT = Lifecycle(
    name="payment",
    table="payment",
    acts={
        "match": _("match this payment"),
        "close": _("close this payment"),
    },
    transitions=(
        Transition("receive", None, "waiting", ("operator", "system"), posting="receive"),
        Transition("match", "waiting", "waiting", ("operator", "system"), posting="fund"),
        Transition("close", "waiting", "closed", ("operator", "system")),
    ),
    # What waits belongs to the operators, with a due time.
    alive="s.due_at IS NOT NULL",
)

CHECKOUT = Lifecycle(
    name="checkout",
    table="checkout",
    transitions=(
        Transition("create", None, "open", ("customer",)),
        Transition("pay", "open", "paid", ("system",)),
        Transition("expire", "open", "expired", ("system", "timer")),
        Transition("pay_late", "expired", "paid", ("system",)),
    ),
    alive="s.expires_at IS NOT NULL",
)

REFUND = Lifecycle(
    name="refund",
    table="refund",
    acts={
        "retry": _("retry this refund"),
        "give_up": _("give this refund up"),
    },
    transitions=(
        Transition("create", None, "due", ("operator", "system")),
        # The processor took the order and has not ended it.
        Transition("send", "due", "sent", ("system",)),
        Transition("succeed", ("due", "sent"), "succeeded", ("system",), posting="send_back"),
        Transition("fail", ("due", "sent"), "failed", ("system",)),
        Transition("retry", "failed", "due", ("operator",)),
        # The money went back another way.
        Transition("give_up", "failed", "given_up", ("operator", "system")),
    ),
    alive="s.due_at IS NOT NULL",
)

CHARGEBACK = Lifecycle(
    name="chargeback",
    table="chargeback",
    transitions=(
        Transition("open", None, "open", ("system",), posting="send_back"),
        Transition("win", "open", "won", ("system",), posting="receive"),
        Transition("lose", "open", "lost", ("system",), posting="charge_off"),
    ),
    alive="s.due_at IS NOT NULL",
)

SEND_REQUEST = Lifecycle(
    name="send_request",
    table="send_request",
    acts={
        "approve": _("approve this request"),
        "refuse": _("refuse this request"),
    },
    transitions=(
        Transition("request", None, "requested", ("operator",), timer="send_request_expiry"),
        # By another operator than the one who asked.
        Transition("approve", "requested", "approved", ("operator",)),
        Transition("refuse", "requested", "refused", ("operator",)),
        Transition("expire", "requested", "expired", ("timer",)),
    ),
)

PAYOUT = Lifecycle(
    name="payout",
    table="payout",
    acts={
        "file": _("put this payout into a file"),
        "send": _("send this payout"),
        "confirm": _("confirm this payout"),
        "fail": _("report this payout as failed"),
        "retry": _("retry this payout"),
    },
    transitions=(
        Transition("create", None, "due", ("system",)),
        # Into a file for the bank, once.
        Transition("file", "due", "due", ("operator",)),
        Transition("send", "due", "sent", ("operator", "system")),
        Transition("confirm", "sent", "confirmed", ("operator", "system"), posting="payout"),
        Transition("fail", "sent", "failed", ("operator", "system"), reasons=("account_closed", "refused", "returned")),
        Transition("retry", "failed", "due", ("operator", "system")),
    ),
    # Every open payout belongs to the operators, with a due time.
    alive="s.due_at IS NOT NULL",
)

BANK_ACCOUNT = Lifecycle(
    name="bank_account",
    table="bank_account",
    acts={
        "confirm": _("confirm this bank account"),
        "replace": _("remove this bank account"),
    },
    transitions=(
        Transition("name", None, "named", ("customer",)),
        Transition("confirm", "named", "confirmed", ("customer",)),
        Transition("replace", ("confirmed", "named"), "replaced", ("customer", "system")),
    ),
    alive="true",
)
