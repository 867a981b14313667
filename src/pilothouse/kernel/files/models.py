"""Files of tenants: what is stored, where, and until when."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from pilothouse.kernel.base.models import TenantForeignKey, TenantModel
from pilothouse.kernel.lifecycle.table import Lifecycle, Transition

FILE = Lifecycle(
    name="file",
    table="file",
    acts={
        "delete": _("delete this file"),
    },
    transitions=(
        Transition("store", None, "stored", ("customer", "system")),
        Transition("expire", "stored", "deleted", ("timer",)),
        Transition("delete", "stored", "deleted", ("customer", "operator")),
    ),
    # A stored file without an end is kept by decision; one with an end is swept when it comes.
    alive="true",
)

UPLOAD = Lifecycle(
    name="upload",
    table="upload",
    acts={
        "complete": _("complete this upload"),
    },
    transitions=(
        Transition("create", None, "awaited", ("customer",)),
        Transition("complete", "awaited", "completed", ("customer",)),
        Transition("expire", "awaited", "expired", ("timer",)),
    ),
    # Every awaited upload has an end, which the sweep of expired files keeps.
    alive="true",
)


class File(TenantModel):
    """One stored file. Its bytes, type and hash never change; the object behind it is deleted at `expires_at`."""

    mutable = ("state", "expires_at", "deleted_at")

    public_id = models.TextField(unique=True)
    state = models.TextField(default="stored")
    kind = models.TextField()
    # What it is for: input (a customer's image), output (a rendered video), evidence, export.
    purpose = models.TextField()
    name = models.TextField(default="")
    content_type = models.TextField()
    size_bytes = models.BigIntegerField()
    sha256 = models.TextField()
    storage_key = models.TextField(unique=True)
    created_by = models.TextField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "file"
        constraints = [
            FILE.check("file_state_known"),
            models.CheckConstraint(name="file_size_positive", condition=models.Q(size_bytes__gt=0)),
            models.CheckConstraint(name="file_sha256_is_hex", condition=models.Q(sha256__regex="^[0-9a-f]{64}$")),
            models.CheckConstraint(
                name="file_deleted_has_time",
                condition=models.Q(state="stored", deleted_at=None)
                | models.Q(state="deleted", deleted_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["expires_at"], condition=models.Q(state="stored"), name="file_expiring"),
            models.Index(fields=["tenant", "-id"], name="file_of_tenant"),
        ]

    def __str__(self) -> str:
        return self.public_id


class Upload(TenantModel):
    """A place to which a customer sends bytes directly; they become a `File` only after their content was checked."""

    mutable = ("state", "file_id", "ended_at")

    public_id = models.TextField(unique=True)
    state = models.TextField(default="awaited")
    purpose = models.TextField()
    content_type = models.TextField()
    size_bytes = models.BigIntegerField()
    storage_key = models.TextField(unique=True)
    created_by = models.TextField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    file = TenantForeignKey(File, null=True)

    class Meta:
        db_table = "upload"
        constraints = [
            UPLOAD.check("upload_state_known"),
            models.CheckConstraint(
                name="upload_completed_has_file", condition=~models.Q(state="completed") | models.Q(file__isnull=False)
            ),
        ]
        indexes = [models.Index(fields=["expires_at"], condition=models.Q(state="awaited"), name="upload_expiring")]

    def __str__(self) -> str:
        return self.public_id
