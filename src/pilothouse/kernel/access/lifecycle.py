"""The lives of an API key and of an invitation."""

from django.utils.translation import gettext_lazy as _

from pilothouse.kernel.lifecycle.table import Lifecycle, Transition

API_KEY = Lifecycle(
    name="api_key",
    table="enterprise_api_keys",
    acts={
        "pause": _("pause this key"),
        "resume": _("resume this key"),
        "rotate": _("rotate this key"),
        "revoke": _("revoke this key"),
    },
    transitions=(
        # The raw key is shown at this moment and never again.
        Transition("issue", None, "revealed_once", ("owner", "engineer", "operator", "system")),
        Transition("use", "revealed_once", "active", ("system",)),
        Transition(
            "revoke",
            ("revealed_once", "active"),
            "revoked",
            ("owner", "engineer", "operator", "system"),
            reasons=("leaked", "rotated", "unused", "pilot_closed", "upgraded", "other"),
        ),
    ),
    # A key waits for nobody: it works until someone ends it.
    alive="true",
)

INVITATION = Lifecycle(
    name="invitation",
    table="invitation",
    acts={
        "accept": _("accept this invitation"),
        "resend": _("send this invitation again"),
        "withdraw": _("withdraw this invitation"),
    },
    transitions=(
        Transition("send", None, "sent", ("owner", "operator"), timer="expire"),
        Transition("accept", "sent", "accepted", ("invitee",)),
        Transition("withdraw", "sent", "withdrawn", ("owner", "operator")),
        Transition("expire", "sent", "expired", ("timer",)),
    ),
)
