"""Versioned, immutable, hashed parameters: price lists, deal templates, runbooks, policies."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from pilothouse.kernel.base.models import HouseModel
from pilothouse.kernel.lifecycle.table import Lifecycle, Transition

TERMS = Lifecycle(
    name="terms",
    table="terms",
    acts={
        "publish": _("publish this version"),
        "retire": _("retire this version"),
    },
    transitions=(
        Transition("draft", None, "draft", ("operator",)),
        Transition("publish", "draft", "published", ("operator",)),
        Transition("retire", "published", "retired", ("operator",)),
    ),
    # A draft belongs to its author and a published version to everybody; nothing has to move them on.
    alive="true",
    platform=True,
)


class Terms(HouseModel):
    """One version of one named set of parameters. Its body and hash never change after insert.

    `kind` says which room reads it (`video_price`), `name` and `version` which edition; a subject stores the hash
    of the version to which it is pinned for life.
    """

    table_class = "platform"
    mutable = ("state", "published_at", "retired_at", "published_by")
    writers = ("ph_ops", "ph_worker")
    read_by_tenants = True

    kind = models.TextField()
    name = models.TextField()
    version = models.IntegerField()
    state = models.TextField(default="draft")
    body = models.JSONField()
    hash = models.TextField()
    note = models.TextField(default="", db_default="")
    created_at = models.DateTimeField()
    created_by = models.TextField()
    published_at = models.DateTimeField(null=True)
    published_by = models.TextField(null=True)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "terms"
        constraints = [
            TERMS.check("terms_state_known"),
            models.UniqueConstraint(fields=["kind", "name", "version"], name="terms_version_once"),
            # Retiring makes room for the next version; at most one is in force.
            models.UniqueConstraint(
                fields=["kind", "name"], condition=models.Q(state="published"), name="terms_published_once"
            ),
            models.CheckConstraint(
                name="terms_published_is_dated",
                condition=models.Q(state="draft") | models.Q(published_at__isnull=False, published_by__isnull=False),
            ),
        ]
