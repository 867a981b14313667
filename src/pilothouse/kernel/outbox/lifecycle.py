"""Transition tables of the outbox (`deliver`, `notice`, `endpoint`)."""

from django.utils.translation import gettext_lazy as _

from pilothouse.kernel.lifecycle.table import Lifecycle, Transition

OWNERS = ("customer", "operator")

# What is queued or waits has a time at which it goes on; what is being sent has a lease that ends.
_MOVED_BY_WORKER = (
    "(s.state IN ('queued', 'waiting') AND s.next_run_at IS NOT NULL)"
    " OR (s.state = 'sending' AND s.lease_until IS NOT NULL)"
)

DELIVERY = Lifecycle(
    name="delivery",
    table="delivery",
    acts={
        "abort": _("cancel this delivery"),
    },
    transitions=(
        Transition("enqueue", None, "queued", ("system",)),
        Transition("send", ("queued", "waiting"), "sending", ("system",)),
        Transition("ack", "sending", "delivered", ("endpoint",)),
        Transition("retry", "sending", "waiting", ("system",)),
        Transition("give_up", ("queued", "sending", "waiting"), "dead", ("timer",)),
        Transition("gone", "sending", "disabled", ("endpoint",)),
        Transition("abort", ("queued", "waiting"), "disabled", (*OWNERS, "system")),
    ),
    alive=_MOVED_BY_WORKER,
)

NOTICE = Lifecycle(
    name="notice",
    table="notice",
    transitions=(
        Transition("enqueue", None, "queued", ("system",)),
        Transition("send", ("queued", "waiting"), "sending", ("system",)),
        Transition("ack", "sending", "sent", ("system",)),
        Transition("retry", "sending", "waiting", ("system",)),
        Transition("give_up", ("queued", "sending", "waiting"), "dead", ("timer",)),
    ),
    alive=_MOVED_BY_WORKER,
)

ENDPOINT = Lifecycle(
    name="endpoint",
    table="endpoint",
    acts={
        "pause": _("pause this endpoint"),
        "resume": _("resume this endpoint"),
        "disable": _("disable this endpoint"),
        "delete": _("delete this endpoint"),
    },
    transitions=(
        Transition("create", None, "active", OWNERS),
        Transition("pause", "active", "paused", OWNERS),
        Transition("resume", ("paused", "disabled"), "active", OWNERS),
        Transition("gone", ("active", "paused"), "disabled", ("endpoint",)),
        Transition("disable", ("active", "paused"), "disabled", ("operator",)),
        Transition("delete", ("active", "paused", "disabled"), "deleted", OWNERS),
    ),
    # An endpoint is a thing, not work: it waits for nobody.
    alive="true",
)
