"""The days and weeks of a pilot, its rollbacks with who was told, and what people said at the end."""

from django.conf import settings
from django.db import models

from pilothouse.kernel.base.models import TenantForeignKey, TenantModel

from .rollback_lifecycle import ROLLBACK

DIGEST_PARTS = ("afternoon", "evening", "morning", "week")


class DigestPlan(TenantModel):
    """A program that is watched in one tenant: its digests and reviews come at the tenant's local times."""

    writers = ("ph_worker",)

    program = models.TextField()
    started_at = models.DateTimeField()

    class Meta:
        db_table = "digest_plan"
        constraints = [models.UniqueConstraint(fields=["tenant", "program"], name="digest_plan_once")]


class Digest(TenantModel):
    """What a digest or a weekly review said when it was sent. `day` is the tenant's local day; append-only."""

    writers = ("ph_worker",)

    plan = TenantForeignKey(DigestPlan, db_index=False)
    part = models.TextField()
    day = models.DateField()
    made_at = models.DateTimeField()
    body = models.JSONField()

    class Meta:
        db_table = "digest"
        constraints = [
            models.UniqueConstraint(fields=["plan", "day", "part"], name="digest_once"),
            models.CheckConstraint(name="digest_part_known", condition=models.Q(part__in=DIGEST_PARTS)),
        ]


class Rollback(TenantModel):
    """A stop of a program's new work in one tenant: why, what was exported, what people were told, and its end.

    Open work goes on by itself. `export` holds {folder, files: [{file, rows, sha256}], sha256}, whose last hash is the
    manifest's; `told` and `resumed_told` are the words as they were sent.
    """

    # An operator works inside the account (kernel/access/desk.py, `commanding`).
    writers = ("ph_app",)
    mutable = (
        "state", "export", "subject", "words", "told", "told_at", "told_by", "resumed_told", "resumed_at", "resumed_by",
    )  # fmt: skip

    public_id = models.TextField(unique=True)
    program = models.TextField()
    state = models.TextField(default="stopped")
    reason = models.TextField()
    opened_at = models.DateTimeField()
    opened_by = models.TextField()
    export = models.JSONField(default=dict)
    # The notice as it is drafted and edited.
    subject = models.TextField()
    words = models.TextField()
    told = models.JSONField(default=dict)
    told_at = models.DateTimeField(null=True)
    told_by = models.TextField(default="", db_default="")
    resumed_told = models.JSONField(default=dict)
    resumed_at = models.DateTimeField(null=True)
    resumed_by = models.TextField(default="", db_default="")

    class Meta:
        db_table = "rollback"
        constraints = [
            ROLLBACK.check("rollback_state_known"),
            models.UniqueConstraint(
                fields=["tenant", "program"], condition=~models.Q(state="resumed"), name="rollback_open_once"
            ),
            models.CheckConstraint(name="rollback_says_why", condition=~models.Q(reason="")),
            models.CheckConstraint(
                name="rollback_end_is_dated",
                condition=~models.Q(state="resumed") | models.Q(resumed_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.public_id


class RollbackReceipt(TenantModel):
    """One mail to one person about a rollback or its end; `notice` is the outbox's public id, whose row says whether it
    was sent. One for each person and occasion, whoever runs the command how often."""

    writers = ("ph_app",)

    rollback = TenantForeignKey(Rollback, db_index=False)
    about = models.TextField()
    email = models.TextField()
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    subjects = models.JSONField(default=list)
    notice = models.TextField()

    class Meta:
        db_table = "rollback_receipt"
        constraints = [
            models.UniqueConstraint(fields=["rollback", "about", "email"], name="rollback_receipt_once"),
            models.CheckConstraint(name="rollback_receipt_known", condition=models.Q(about__in=["resume", "stop"])),
        ]


class Feedback(TenantModel):
    """What a person said of their own work once it had ended, by the questions of the form; once for each.

    `answers` holds the form's fields; `version` is that of the pinned terms.
    """

    writers = ("ph_app",)

    public_id = models.TextField(unique=True)
    program = models.TextField()
    subject = models.TextField()
    role = models.TextField()
    version = models.TextField(default="", db_default="")
    answers = models.JSONField()
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    given_at = models.DateTimeField()

    class Meta:
        db_table = "feedback"
        constraints = [models.UniqueConstraint(fields=["tenant", "subject", "person"], name="feedback_once")]
