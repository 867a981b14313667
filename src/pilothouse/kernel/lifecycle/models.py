"""The timeline and the timers."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from pilothouse.kernel.base.models import HotTenantModel, TenantModel

from .table import Lifecycle, Transition

VISIBILITIES = ("customer", "internal", "secret")


class Event(HotTenantModel):
    """One append-only fact of a subject's timeline.

    `seq` counts within the subject, `id` over all, for live streams, export and seals. `at` is business time,
    `recorded_at` machine time, `tx` the transaction by which a seal takes it.
    """

    # Operators move pilots, whose steps read several accounts' rows and so run in their own scope.
    writers = ("ph_app", "ph_ops", "ph_worker")
    # The triggers of API keys tell of what an operator does by SQL.
    # And a grant's own trigger, of what operators move by hand.
    grants = ("GRANT INSERT ON event TO ph_gate", "GRANT INSERT ON event TO ph_ledger")

    subject_kind = models.TextField()
    subject_id = models.BigIntegerField()
    seq = models.IntegerField()
    at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    actor = models.TextField()
    type = models.TextField()
    data = models.JSONField(default=dict)
    visibility = models.TextField(default="customer")
    tx = models.BigIntegerField()

    class Meta:
        db_table = "event"
        constraints = [
            models.UniqueConstraint(fields=["subject_kind", "subject_id", "seq"], name="event_once"),
            models.CheckConstraint(name="event_seq_positive", condition=models.Q(seq__gt=0)),
            models.CheckConstraint(name="event_visibility_known", condition=models.Q(visibility__in=VISIBILITIES)),
        ]


TIMER = Lifecycle(
    name="timer",
    table="timer",
    acts={
        "rearm": _("arm this timer again"),
    },
    transitions=(
        Transition("arm", None, "armed", ("system",)),
        Transition("fire", "armed", "fired", ("timer",)),
        Transition("cancel", "armed", "cancelled", ("system",)),
        Transition("fail", "armed", "stuck", ("timer",)),
        Transition("rearm", "stuck", "armed", ("operator",)),
    ),
    # An armed timer moves itself on; a stuck one is listed for an operator by the detector.
    alive="s.state = 'armed'",
)


class Timer(TenantModel):
    """A due time on a subject, with what happens then; fired exactly once and always visible."""

    writers = ("ph_app", "ph_ops", "ph_worker")
    mutable = ("state", "due_at", "ended_at", "error")
    # The trigger of a grant request arms its expiry with the ledger's rights.
    grants = ("GRANT INSERT, UPDATE (state, ended_at) ON timer TO ph_ledger",)

    subject_kind = models.TextField()
    subject_id = models.BigIntegerField()
    name = models.TextField()
    state = models.TextField(default="armed")
    due_at = models.DateTimeField()
    armed_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    error = models.TextField(default="")

    class Meta:
        db_table = "timer"
        constraints = [
            TIMER.check("timer_state_known"),
            models.UniqueConstraint(
                fields=["subject_kind", "subject_id", "name"],
                condition=models.Q(state="armed"),
                name="timer_armed_once",
            ),
        ]
        indexes = [models.Index(fields=["due_at"], condition=models.Q(state="armed"), name="timer_due")]
