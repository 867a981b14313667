"""The states of a batch and of its items (`docs/architecture.md` shows the pictures)."""

from django.utils.translation import gettext_lazy as _

from pilothouse.kernel.lifecycle.table import Lifecycle, Transition

# The one message about a batch (requirement ENT-050).
COMPLETED_EVENT = "batch.completed"
FAILURE_REASONS = ("cancelled", "model_error", "param_error", "timeout")

ITEM = Lifecycle(
    name="item",
    table="item",
    acts={
        "cancel": _("cancel this video"),
    },
    transitions=(
        Transition("create", None, "pending", ("customer",), posting="reserve"),
        Transition("dispatch", "pending", "running", ("system",)),
        Transition("succeed", "running", "succeeded", ("system",), posting="settle"),
        Transition(
            "fail",
            "running",
            "refunded",
            ("system", "timer"),
            passes="failed",
            posting="refund",
            reasons=("model_error", "param_error", "timeout"),
        ),
        Transition(
            "reject",
            "pending",
            "refunded",
            ("system", "timer"),
            passes="failed",
            posting="refund",
            reasons=("param_error", "timeout"),
        ),
        Transition(
            "cancel", "pending", "refunded", ("customer",), passes="failed", posting="refund", reasons=("cancelled",)
        ),
    ),
    # An item has no timer row: its due time is a column, and its batch's deadline is the net below it.
    alive="s.next_run_at IS NOT NULL AND s.stuck_error IS NULL",
)

BATCH = Lifecycle(
    name="batch",
    table="batch",
    transitions=(
        Transition("create", None, "pending", ("customer",), timer="batch_deadline", posting="reserve"),
        Transition("start", "pending", "running", ("system",)),
        Transition("finish", ("pending", "running"), "completed", ("system", "timer")),
    ),
)
