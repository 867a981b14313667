"""The tables of the video program."""

from django.db import models

from pilothouse.kernel.base.models import HotTenantModel, Tenant, TenantForeignKey, TenantModel

from .lifecycle import BATCH, FAILURE_REASONS, ITEM

MODES = ("live", "test")
KINDS = ("enterprise", "studio")


class Batch(TenantModel):
    """A customer's batch: one reservation, many items, one end.

    It finishes by its own counters, never by counting children, and the equation
    `reserved = settled + refunded + in flight` stands in its CHECKs. Credits are whole numbers of `unit`.
    """

    mutable = (
        "state", "pending_count", "running_count", "succeeded_count", "failed_count", "settled", "refunded",
        "started_at", "completed_at", "cancel_requested_at", "deadline_at", "item_events",
    )  # fmt: skip

    # Two indexes below begin with the tenant.
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, db_column="tenant", related_name="+", db_index=False)
    public_id = models.TextField()
    kind = models.TextField(default="enterprise", db_default="enterprise")
    mode = models.TextField(default="live", db_default="live")
    state = models.TextField(default="pending")
    request_id = models.TextField()
    request_hash = models.TextField()
    # How it came in (api, page, demo): shown, and never part of the fingerprint.
    entry = models.TextField()
    created_by = models.TextField()
    unit = models.TextField()
    cost = models.BigIntegerField()
    terms_hash = models.TextField()
    fingerprint = models.TextField()
    # The versions under which the fingerprints were made, so that they can be recomputed after an upgrade.
    versions = models.JSONField(default=dict)
    webhook_url = models.TextField(null=True)
    total = models.IntegerField()
    pending_count = models.IntegerField()
    running_count = models.IntegerField(default=0, db_default=0)
    succeeded_count = models.IntegerField(default=0, db_default=0)
    failed_count = models.IntegerField(default=0, db_default=0)
    # How many events its items have: they are told a set at a time, and the next set's take the next numbers.
    item_events = models.IntegerField(default=0, db_default=0)
    reserved = models.BigIntegerField()
    settled = models.BigIntegerField(default=0, db_default=0)
    refunded = models.BigIntegerField(default=0, db_default=0)
    wallet_account = models.BigIntegerField()
    held_account = models.BigIntegerField()
    earned_account = models.BigIntegerField()
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    deadline_at = models.DateTimeField()

    class Meta:
        db_table = "batch"
        constraints = [
            BATCH.check("batch_state_known"),
            models.UniqueConstraint(fields=["public_id"], name="batch_public_id"),
            models.UniqueConstraint(fields=["tenant", "request_id"], name="batch_request_once"),
            models.CheckConstraint(name="batch_mode_known", condition=models.Q(mode__in=sorted(MODES))),
            # The unit of its journals too: a trigger holds its accounts to it, and the ledger each end to its reserve.
            models.CheckConstraint(
                name="batch_mode_has_its_unit",
                condition=models.Q(mode="live", unit="CREDIT") | models.Q(mode="test", unit="TEST"),
            ),
            models.CheckConstraint(name="batch_kind_known", condition=models.Q(kind__in=sorted(KINDS))),
            models.CheckConstraint(
                name="batch_counts_add_up",
                condition=models.Q(
                    total=models.F("pending_count")
                    + models.F("running_count")
                    + models.F("succeeded_count")
                    + models.F("failed_count")
                ),
            ),
            models.CheckConstraint(
                name="batch_counts_positive",
                condition=models.Q(
                    total__gt=0,
                    pending_count__gte=0,
                    running_count__gte=0,
                    succeeded_count__gte=0,
                    failed_count__gte=0,
                    cost__gt=0,
                ),
            ),
            models.CheckConstraint(
                name="batch_money_adds_up",
                condition=models.Q(
                    reserved=models.F("total") * models.F("cost"),
                    settled=models.F("succeeded_count") * models.F("cost"),
                    refunded=models.F("failed_count") * models.F("cost"),
                ),
            ),
            models.CheckConstraint(
                name="batch_completed_is_whole",
                condition=~models.Q(state="completed")
                | models.Q(reserved=models.F("settled") + models.F("refunded"), completed_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "-id"], name="batch_newest"),
            models.Index(fields=["state"], condition=~models.Q(state="completed"), name="batch_open"),
            # Whose turn it is: a claim looks at the tenants that wait, and at what each has in work.
            models.Index(
                fields=["mode", "tenant", "id"], condition=models.Q(pending_count__gt=0), name="batch_waiting"
            ),
            models.Index(fields=["mode", "tenant"], condition=models.Q(running_count__gt=0), name="batch_in_work"),
        ]


class Item(HotTenantModel):
    """One video of a batch. Everything before the end is a column; the end is also told by an event of
    all that ended so in one claim (subject `batch_items` of the batch, items by position).

    `state` and its due time are the truth for the worker: `next_run_at` (business time) says when it is due,
    `lease_until` (machine time) who holds it until when, `token` rises with each claim so that a late finisher changes
    no row. Columns named `provider…` are internal and never reach a customer.
    """

    mutable = (
        "state", "next_run_at", "lease_until", "token", "attempt", "provider", "provider_ref", "provider_error",
        "dispatched_at", "timeout_at", "finished_at", "failure_reason", "output", "output_bytes", "media_sha256",
        "output_expires_at", "progress", "stuck_error", "waits",
    )  # fmt: skip

    public_id = models.TextField()
    batch = models.ForeignKey(
        Batch, on_delete=models.PROTECT, db_column="batch", db_constraint=False, db_index=False, related_name="+"
    )
    position = models.IntegerField()
    state = models.TextField(default="pending")
    params = models.JSONField()
    metadata = models.JSONField(default=dict)
    # Public id of the image's file, and the hash of its content.
    image = models.TextField(null=True)
    image_sha256 = models.TextField(null=True)
    fingerprint = models.TextField()
    next_run_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    token = models.BigIntegerField(default=0, db_default=0)
    attempt = models.SmallIntegerField(default=0, db_default=0)
    waits = models.IntegerField(default=0, db_default=0)
    provider = models.TextField(null=True)
    provider_ref = models.TextField(null=True)
    provider_error = models.TextField(null=True)
    progress = models.SmallIntegerField(default=0, db_default=0)
    created_at = models.DateTimeField()
    dispatched_at = models.DateTimeField(null=True)
    timeout_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    failure_reason = models.TextField(null=True)
    output = models.TextField(null=True)
    output_bytes = models.BigIntegerField(null=True)
    output_expires_at = models.DateTimeField(null=True)
    media_sha256 = models.TextField(null=True)
    stuck_error = models.TextField(null=True)

    class Meta:
        db_table = "item"
        constraints = [
            ITEM.check("item_state_known"),
            models.UniqueConstraint(fields=["public_id"], name="item_public_id"),
            models.UniqueConstraint(fields=["batch", "position"], name="item_position_once"),
            models.CheckConstraint(
                name="item_reason_known",
                condition=models.Q(failure_reason__isnull=True) | models.Q(failure_reason__in=sorted(FAILURE_REASONS)),
            ),
            models.CheckConstraint(
                name="item_end_is_whole",
                condition=models.Q(
                    state__in=["pending", "running"], finished_at__isnull=True, failure_reason__isnull=True
                )
                | models.Q(
                    state="succeeded", finished_at__isnull=False, output__isnull=False, failure_reason__isnull=True
                )
                | models.Q(state="refunded", finished_at__isnull=False, failure_reason__isnull=False),
            ),
        ]
        indexes = [
            # Apart, so that a claim looks at what runs without reading a backlog of a million pending items, and at
            # one batch's next items without reading another's.
            models.Index(fields=["batch", "position"], condition=models.Q(state="pending"), name="item_pending"),
            models.Index(fields=["next_run_at"], condition=models.Q(state="running"), name="item_running_due"),
            # Empty while all is well: the never-stuck detector reads it and not every open item.
            models.Index(
                fields=["id"],
                condition=models.Q(state__in=["pending", "running"])
                & (models.Q(next_run_at__isnull=True) | models.Q(stuck_error__isnull=False)),
                name="item_stuck",
            ),
        ]


class BatchRequest(HotTenantModel):
    """What was asked for, as it was given: the other end of the pipeline from the fingerprint (requirement C19).

    `given` is canonical JSON of each item's parameters before they were normalised, with its image's content hash;
    kept apart from the batch, which is read and updated all the time. Append-only.
    """

    batch = models.ForeignKey(
        Batch, on_delete=models.PROTECT, db_column="batch", db_constraint=False, db_index=False, related_name="+"
    )
    given = models.TextField()
    given_sha256 = models.TextField()

    class Meta:
        db_table = "batch_request"
        constraints = [models.UniqueConstraint(fields=["batch"], name="batch_request_of_batch")]
        indexes = [models.Index(fields=["given_sha256"], name="batch_request_same")]


class ItemAttempt(TenantModel):
    """One call to a hidden provider for one item: for operators, never for customers. Append-only."""

    writers = ("ph_worker",)

    item = models.BigIntegerField()
    n = models.IntegerField()
    at = models.DateTimeField()
    provider = models.TextField()
    step = models.TextField()
    outcome = models.TextField()
    reason = models.TextField(null=True)
    error = models.TextField(default="")
    milliseconds = models.IntegerField()

    class Meta:
        db_table = "item_attempt"
        indexes = [models.Index(fields=["item", "id"], name="item_attempt_by_item")]


class Confirmation(TenantModel):
    """What a person of the account said about one received `batch.completed`, field by field. Append-only.

    `fields` is [{field, given, ours, same, ticked}] of the eight of requirement ENT-055; `same` is our comparison
    of their body with the ledger and the batch, `ticked` theirs. It agrees when all eight are both.
    """

    writers = ("ph_app",)

    public_id = models.TextField(unique=True)
    batch = TenantForeignKey(Batch, db_column="batch")
    at = models.DateTimeField()
    actor = models.TextField()
    role = models.TextField()
    fields = models.JSONField()
    agrees = models.BooleanField()
    money_differs = models.BooleanField()
    body_sha256 = models.TextField()
    # The delivery that carried a body with exactly these bytes; empty when none did.
    delivery = models.TextField(default="", db_default="")
    # Of the form that was sent, so that a second click is the same confirmation.
    form_key = models.TextField()

    class Meta:
        db_table = "confirmation"
        constraints = [
            models.UniqueConstraint(fields=["tenant", "form_key"], name="confirmation_form_once"),
            models.CheckConstraint(
                name="confirmation_money_disagrees",
                condition=models.Q(money_differs=False) | models.Q(agrees=False),
            ),
        ]
        indexes = [
            models.Index(fields=["batch", "-id"], name="confirmation_of_batch"),
            models.Index(fields=["-id"], condition=models.Q(agrees=False), name="confirmation_differs"),
        ]
