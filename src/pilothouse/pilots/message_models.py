"""What was sent of a pilot: mails, chat posts and notes, kept as they were with what they were made from."""

from django.db import models

from pilothouse.kernel.base.models import TenantForeignKey, TenantModel

from .pilot_models import Pilot

AUDIENCES = ("customer", "internal")
CHANNELS = ("chat", "mail", "note")


class PilotMessage(TenantModel):
    """One text of the pilot's runbook as it was sent: its words, to whom, and the inputs that fill it. Append-only.

    `inputs` holds {text, runbook, as_of, slots, figures}; the body is the runbook's text filled with the slots, so
    anybody can fill it again. A slot that stood in the mail alone, as a one-time link, says so. The event of the
    timeline carries both hashes. `key` sends one thing once, however often a button is pressed.
    """

    writers = ("ph_app", "ph_ops", "ph_worker")

    public_id = models.TextField(unique=True)
    pilot = TenantForeignKey(Pilot, db_index=False)
    attempt = models.IntegerField()
    text = models.TextField()
    audience = models.TextField()
    channel = models.TextField()
    recipients = models.JSONField(default=list)
    subject = models.TextField()
    body = models.TextField()
    inputs = models.JSONField()
    inputs_sha256 = models.TextField()
    body_sha256 = models.TextField()
    sent_at = models.DateTimeField()
    sent_by = models.TextField()
    key = models.TextField()

    class Meta:
        db_table = "pilot_message"
        constraints = [
            models.UniqueConstraint(fields=["pilot", "key"], name="pilot_message_once"),
            models.CheckConstraint(name="pilot_message_audience", condition=models.Q(audience__in=AUDIENCES)),
            models.CheckConstraint(name="pilot_message_channel", condition=models.Q(channel__in=CHANNELS)),
            models.CheckConstraint(
                name="pilot_message_chat_is_ours",
                condition=~models.Q(channel="chat") | models.Q(audience="internal"),
            ),
        ]
        indexes = [models.Index(fields=["pilot", "-id"], name="pilot_message_of")]

    def __str__(self) -> str:
        return self.public_id
