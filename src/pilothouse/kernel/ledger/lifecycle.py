"""The life of a request to move credits by hand."""

from pilothouse.kernel.lifecycle.table import Lifecycle, Transition

GRANT_REQUEST = Lifecycle(
    name="grant_request",
    table="grant_request",
    transitions=(
        # Within what one person may move in a day: posted at once.
        Transition("grant", None, "granted", ("operator",), posting="grant"),
        Transition("request", None, "requested", ("operator",), timer="grant_request_expiry"),
        # By another operator than the one who asked.
        Transition("approve", "requested", "approved", ("operator",), posting="grant"),
        Transition("refuse", "requested", "refused", ("operator",)),
        Transition("expire", "requested", "expired", ("timer",)),
    ),
)
