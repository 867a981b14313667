"""The life of a request to move credits by hand."""

from django.utils.translation import gettext_lazy as _

from pilothouse.kernel.lifecycle.table import Lifecycle, Transition

GRANT_REQUEST = Lifecycle(
    name="grant_request",
    table="grant_request",
    acts={
        "approve": _("approve this request"),
        "refuse": _("refuse this request"),
    },
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
