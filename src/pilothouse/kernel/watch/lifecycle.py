"""The states of an incident."""

from django.utils.translation import gettext_lazy as _

from pilothouse.kernel.lifecycle.table import Lifecycle, Transition

SEVERITIES = ("P0", "P1", "P2")
# Each kind with the severity at which it opens. A failed promise check is the verification itself and opens a P0.
KINDS = {
    "backup_stale": "P2",
    "chargeback": "P1",
    "control_contamination": "P1",
    "data_integrity": "P0",
    "demo_api_divergence": "P0",
    "deny_list_leak": "P0",
    "dispute_expired": "P1",
    "ledger_mismatch": "P1",
    "rollback_proposed": "P1",
    "security": "P0",
    "slo_breach": "P2",
    "stuck_subject": "P1",
    "user_safety": "P0",
    "webhook_signature": "P1",
    "wrong_charge": "P1",
}
OPEN = ("investigating", "mitigated", "open", "root_caused")
WITHOUT_CAUSE = ("investigating", "mitigated", "open")
DISMISS_REASONS = ("duplicate", "expected", "not_reproduced", "rehearsed")

INCIDENT = Lifecycle(
    name="incident",
    table="incident",
    platform=True,
    acts={
        "acknowledge": _("acknowledge this incident"),
        "promote": _("make this incident a P0"),
        "update": _("post news on this incident"),
        "mitigate": _("mitigate this incident"),
        "root_cause": _("write the root cause of this incident"),
        "resolve": _("resolve this incident"),
        "dismiss": _("dismiss this incident"),
    },
    transitions=(
        Transition("open", None, "open", ("check", "customer", "operator", "slo"), timer="ack"),
        Transition("acknowledge", "open", "investigating", ("operator",), timer="update"),
        # The severity changes, the state does not.
        *(Transition("promote", state, state, ("check", "operator")) for state in OPEN),
        *(Transition("update", state, state, ("operator",), timer="update") for state in OPEN if state != "open"),
        Transition("mitigate", "investigating", "mitigated", ("operator",), timer="update"),
        Transition("root_cause", ("investigating", "mitigated"), "root_caused", ("operator",), timer="update"),
        Transition("resolve", "root_caused", "resolved", ("operator",)),
        Transition("dismiss", ("investigating", "open"), "false_alarm", ("operator",), reasons=DISMISS_REASONS),
    ),
    # Its two due times are columns, because a platform's incident has no tenant and so no timer row.
    alive="coalesce(s.ack_due_at, s.update_due_at) IS NOT NULL AND s.owner <> ''",
)
