"""What the people of a pilot ask and report, and the answers that were worth keeping."""

from django.conf import settings
from django.db import models

from pilothouse.kernel.base.models import HouseModel, TenantModel

KINDS = ("evidence_upload", "hidden_timer", "money_unclear", "question", "safety", "security")


class FaqEntry(HouseModel):
    """One question with its answer, for the people of one program. The reports it came from point to it."""

    table_class = "platform"
    writers = ("ph_ops",)
    mutable = ("question", "answer")
    read_by_tenants = True

    program = models.TextField(default="", db_default="")
    question = models.TextField()
    answer = models.TextField()
    created_at = models.DateTimeField()
    created_by = models.TextField()

    class Meta:
        db_table = "faq_entry"
        indexes = [models.Index(fields=["program", "-id"], name="faq_of_program")]


class Report(TenantModel):
    """What somebody asked or reported, from which page and about what, and what was answered.

    It waits until `replied_at` is set. `incident` is the public id of the incident that an operator made of it.
    """

    writers = ("ph_app", "ph_ops", "ph_worker")
    mutable = ("reply", "replied_at", "replied_by", "incident", "faq_id")

    public_id = models.TextField(unique=True)
    kind = models.TextField()
    program = models.TextField(default="", db_default="")
    # The public id of what the page was about, as `deal_…`; empty for a page about nothing in particular.
    subject = models.TextField(default="", db_default="")
    page = models.TextField(default="", db_default="")
    words = models.TextField()
    sent_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    sent_at = models.DateTimeField()
    reply = models.TextField(default="", db_default="")
    replied_at = models.DateTimeField(null=True)
    replied_by = models.TextField(default="", db_default="")
    incident = models.TextField(default="", db_default="")
    faq = models.ForeignKey(FaqEntry, on_delete=models.PROTECT, related_name="+", null=True)

    class Meta:
        db_table = "report"
        constraints = [
            models.CheckConstraint(name="report_kind_known", condition=models.Q(kind__in=sorted(KINDS))),
            models.CheckConstraint(name="report_says_something", condition=~models.Q(words="")),
            models.CheckConstraint(
                name="report_reply_is_dated",
                condition=models.Q(replied_at__isnull=True, reply="")
                | models.Q(replied_at__isnull=False) & ~models.Q(reply=""),
            ),
        ]
        indexes = [
            models.Index(fields=["-id"], name="report_waiting", condition=models.Q(replied_at__isnull=True)),
            models.Index(fields=["tenant", "sent_by", "-id"], name="report_of_person"),
        ]
