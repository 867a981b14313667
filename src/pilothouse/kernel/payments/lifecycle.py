"""The states of what comes in and goes out."""

from pilothouse.kernel.lifecycle.table import Lifecycle, Transition

PAYMENT = Lifecycle(
    name="payment",
    table="payment",
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

PAYOUT = Lifecycle(
    name="payout",
    table="payout",
    transitions=(
        Transition("create", None, "due", ("system",)),
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
    transitions=(
        Transition("name", None, "named", ("customer",)),
        Transition("confirm", "named", "confirmed", ("customer",)),
        Transition("replace", ("confirmed", "named"), "replaced", ("customer", "system")),
    ),
    alive="true",
)
