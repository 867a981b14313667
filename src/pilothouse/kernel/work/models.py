"""Coarse jobs and the workers' heartbeats."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from pilothouse.kernel.base.models import HouseModel
from pilothouse.kernel.lifecycle.table import Lifecycle, Transition

JOB = Lifecycle(
    name="job",
    table="job",
    acts={
        "retry": _("queue this job again"),
    },
    transitions=(
        Transition("queue", None, "queued", ("system",)),
        Transition("succeed", "queued", "done", ("worker",)),
        Transition("give_up", "queued", "failed", ("worker",)),
        Transition("retry", "failed", "queued", ("operator",)),
    ),
    alive="s.next_run_at IS NOT NULL",
    platform=True,
)


class Job(HouseModel):
    """One coarse job: an import, a report, an export, a periodic task. Held by lease and token like every due row.

    `unique_key` lets only one open job of a kind exist, so asking twice is asking once.
    """

    table_class = "platform"
    mutable = ("state", "next_run_at", "lease_until", "token", "attempt", "error", "ended_at", "result")
    deletable = True
    writers = ("ph_ops", "ph_worker")
    # A tenant's transaction queues work. It can neither see nor change jobs, for they are everybody's.
    grants = ("GRANT INSERT ON job TO ph_app",)

    kind = models.TextField()
    unique_key = models.TextField(null=True)
    state = models.TextField(default="queued")
    payload = models.JSONField(default=dict)
    tenant = models.BigIntegerField(null=True)
    attempt = models.SmallIntegerField(default=0, db_default=0)
    token = models.BigIntegerField(default=0, db_default=0)
    next_run_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    error = models.TextField(default="", db_default="")
    result = models.JSONField(null=True)

    class Meta:
        db_table = "job"
        constraints = [
            JOB.check("job_state_known"),
            models.UniqueConstraint(
                fields=["kind", "unique_key"],
                condition=models.Q(state="queued", unique_key__isnull=False),
                name="job_open_once",
            ),
        ]
        indexes = [models.Index(fields=["next_run_at"], condition=models.Q(state="queued"), name="job_due")]


class Schedule(HouseModel):
    """When a periodic task last ran, so that many workers together run it once a period."""

    table_class = "platform"
    mutable = ("last_run_at",)
    writers = ("ph_worker",)

    name = models.TextField(unique=True)
    last_run_at = models.DateTimeField()

    class Meta:
        db_table = "schedule"


class Worker(HouseModel):
    """A worker process and when it was last heard of (machine time)."""

    table_class = "platform"
    mutable = ("seen_at", "stopped_at")
    writers = ("ph_worker",)
    read_by_tenants = True
    deletable = True

    name = models.TextField(unique=True)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "worker"
