"""Endpoints and what is sent to them.

A message's body is fixed for ever; a delivery is one message due at one endpoint; an attempt is one HTTP try.
"""

from django.db import models

from pilothouse.kernel.base.models import Tenant, TenantForeignKey, TenantModel

from .lifecycle import DELIVERY, ENDPOINT, NOTICE


class SigningSecret(TenantModel):
    """A signing secret, sealed. Those before it sign beside it for a while after they were rotated.

    `previous` holds them, newest first, each as {sealed, until}; `previous_until` is when the last of them ends.
    """

    mutable = ("sealed", "previous", "previous_until", "rotated_at", "shown_at")

    # The tenant's default secret signs for addresses that a batch names itself.
    is_default = models.BooleanField(default=False)
    sealed = models.TextField()
    previous = models.JSONField(default=list)
    previous_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    rotated_at = models.DateTimeField(null=True)
    # When a person was shown it; it is shown once, and a new one begins unseen.
    shown_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "signing_secret"
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(is_default=True), name="signing_secret_one_default"
            ),
            models.CheckConstraint(
                name="signing_secret_overlap_ends",
                condition=models.Q(previous=[], previous_until=None)
                | (~models.Q(previous=[]) & models.Q(previous_until__isnull=False)),
            ),
        ]


class Endpoint(TenantModel):
    """A customer's address. `registered` ones get every message of their mode,
    an `adhoc` one is named by a batch and hidden.

    `failures`, `trips` and `closed_until` are the breaker: failures in a row, how often it tripped since the last
    success, and the machine time before which nothing is sent.
    """

    mutable = ("url", "description", "state", "reason", "failures", "trips", "closed_until", "changed_at")

    public_id = models.TextField(unique=True)
    kind = models.TextField(default="registered")
    # Of which batches a registered one is told: those of live keys, or those of test keys.
    mode = models.TextField(default="live", db_default="live")
    url = models.TextField()
    description = models.TextField(default="")
    state = models.TextField(default="active")
    reason = models.TextField(default="")
    secret = TenantForeignKey(SigningSecret)
    created_by = models.TextField()
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField(null=True)
    failures = models.IntegerField(default=0)
    trips = models.IntegerField(default=0)
    closed_until = models.DateTimeField(null=True)

    class Meta:
        db_table = "endpoint"
        constraints = [
            ENDPOINT.check("endpoint_state_known"),
            models.CheckConstraint(name="endpoint_mode_known", condition=models.Q(mode__in=["live", "test"])),
            models.CheckConstraint(name="endpoint_kind_known", condition=models.Q(kind__in=["adhoc", "registered"])),
            models.UniqueConstraint(
                fields=["tenant", "url"], condition=models.Q(kind="adhoc"), name="endpoint_adhoc_once"
            ),
            models.CheckConstraint(
                name="endpoint_breaker_counts", condition=models.Q(failures__gte=0) & models.Q(trips__gte=0)
            ),
        ]

    def __str__(self) -> str:
        return self.public_id


class Message(TenantModel):
    """One event with the exact bytes that every attempt sends. `public_id` is the `webhook-id`."""

    public_id = models.TextField()
    type = models.TextField()
    subject_kind = models.TextField()
    subject_id = models.BigIntegerField()
    # The subject's public id, by which people look for it; empty for what has none.
    reference = models.TextField(default="", db_default="")
    body = models.BinaryField()
    body_sha256 = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        db_table = "message"
        constraints = [
            models.UniqueConstraint(fields=["public_id"], name="message_public_id"),
            # A subject tells a thing once; test events may be repeated.
            models.UniqueConstraint(
                fields=["subject_id", "subject_kind", "type", "tenant"],
                condition=~models.Q(type="test"),
                name="message_once",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "reference"], condition=~models.Q(reference=""), name="message_of_reference")
        ]

    def __str__(self) -> str:
        return self.public_id


class Delivery(TenantModel):
    """One message due at one endpoint. A replay is another row of the same message."""

    mutable = (
        "state", "attempt", "token", "lease_until", "next_run_at", "ended_at", "last_status", "last_error",
    )  # fmt: skip

    public_id = models.TextField()
    message = TenantForeignKey(Message)
    endpoint = TenantForeignKey(Endpoint, db_index=False)
    origin = models.TextField(default="event")
    state = models.TextField(default="queued")
    attempt = models.IntegerField(default=0)
    token = models.BigIntegerField(default=0)
    next_run_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    created_by = models.TextField()
    ended_at = models.DateTimeField(null=True)
    last_status = models.IntegerField(null=True)
    last_error = models.TextField(default="")

    class Meta:
        db_table = "delivery"
        constraints = [
            DELIVERY.check("delivery_state_known"),
            models.UniqueConstraint(fields=["public_id"], name="delivery_public_id"),
            models.CheckConstraint(
                name="delivery_origin_known", condition=models.Q(origin__in=["event", "replay", "test"])
            ),
            models.UniqueConstraint(
                fields=["message", "endpoint"], condition=models.Q(origin="event"), name="delivery_once"
            ),
            models.CheckConstraint(
                name="delivery_never_stuck",
                condition=models.Q(state__in=["queued", "waiting"], next_run_at__isnull=False)
                | models.Q(state="sending", lease_until__isnull=False)
                | models.Q(state__in=["dead", "delivered", "disabled"], ended_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                fields=["endpoint", "next_run_at"],
                condition=models.Q(state__in=["queued", "waiting"]),
                name="delivery_due",
            ),
            models.Index(
                fields=["created_at"], condition=models.Q(state__in=["queued", "waiting"]), name="delivery_old"
            ),
            models.Index(fields=["lease_until"], condition=models.Q(state="sending"), name="delivery_leased"),
            models.Index(fields=["endpoint"], condition=models.Q(state="sending"), name="delivery_in_flight"),
            models.Index(fields=["tenant", "-id"], name="delivery_of_tenant"),
            models.Index(fields=["endpoint", "-id"], name="delivery_of_endpoint"),
            models.Index(
                fields=["tenant", "-id"], condition=models.Q(state__in=["dead", "disabled"]), name="delivery_failed"
            ),
        ]

    def __str__(self) -> str:
        return self.public_id


class DeliveryAttempt(TenantModel):
    """One HTTP try. `status` is the answer's, or null with the `error` that stood in its way."""

    delivery = TenantForeignKey(Delivery, db_index=False)
    number = models.IntegerField()
    at = models.DateTimeField()
    ms = models.IntegerField()
    status = models.IntegerField(null=True)
    error = models.TextField(default="")
    excerpt = models.TextField(default="")
    body_sha256 = models.TextField()

    class Meta:
        db_table = "delivery_attempt"
        constraints = [
            models.UniqueConstraint(fields=["delivery", "number"], name="delivery_attempt_once"),
            models.CheckConstraint(
                name="delivery_attempt_has_outcome", condition=models.Q(status__isnull=False) | ~models.Q(error="")
            ),
        ]


class Notice(TenantModel):
    """A mail or chat message. Without a tenant it is the operator's own. Its words are sealed: they may hold a link
    that signs somebody in."""

    # Operators' incidents alert too.
    writers = ("ph_app", "ph_ops", "ph_worker")
    mutable = (
        "state", "attempt", "token", "lease_until", "next_run_at", "ended_at", "last_error",
    )  # fmt: skip

    tenant = models.ForeignKey(  # type: ignore[assignment]  # the base class says "never null"; here null has a meaning
        Tenant, on_delete=models.PROTECT, db_column="tenant", related_name="+", null=True
    )
    public_id = models.TextField(unique=True)
    channel = models.TextField()
    # A mail's recipients, or the sealed address of a chat service (it holds credentials).
    address = models.TextField()
    subject = models.TextField()
    content = models.TextField()
    state = models.TextField(default="queued")
    attempt = models.IntegerField(default=0)
    token = models.BigIntegerField(default=0)
    next_run_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    last_error = models.TextField(default="")
    # The same key never queues twice: an alert that fires each minute tells once.
    dedupe_key = models.TextField(null=True, unique=True)

    class Meta:
        db_table = "notice"
        constraints = [
            NOTICE.check("notice_state_known"),
            models.CheckConstraint(name="notice_channel_known", condition=models.Q(channel__in=["chat", "mail"])),
        ]
        indexes = [
            models.Index(
                fields=["next_run_at"], condition=models.Q(state__in=["queued", "waiting"]), name="notice_due"
            ),
            models.Index(fields=["lease_until"], condition=models.Q(state="sending"), name="notice_leased"),
        ]

    def __str__(self) -> str:
        return self.public_id
