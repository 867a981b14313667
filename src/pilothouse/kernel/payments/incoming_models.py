"""The table of what came in. Amounts are whole minor units of `unit`."""

from django.db import models

from pilothouse.kernel.base.models import TenantModel

from .lifecycle import PAYMENT

SOURCES = ("bank", "stripe")


class Payment(TenantModel):
    """Money that came in, once for each reference of its source.

    It goes at once into a suspense account of its own, and from there to what it pays (`matched`) or back to its sender
    (`returned`). At every commit that account and these columns say the same.
    """

    mutable = ("state", "matched", "returned", "due_at")

    public_id = models.TextField(unique=True)
    state = models.TextField(default="waiting")
    source = models.TextField()
    external_ref = models.TextField()
    amount = models.BigIntegerField()
    unit = models.TextField()
    matched = models.BigIntegerField(default=0, db_default=0)
    returned = models.BigIntegerField(default=0, db_default=0)
    payer = models.TextField(default="")
    note = models.TextField(default="")
    received_at = models.DateTimeField()
    recorded_by = models.TextField()
    due_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "payment"
        constraints = [
            PAYMENT.check("payment_state_known"),
            models.UniqueConstraint(fields=["tenant", "source", "external_ref"], name="payment_once"),
            models.CheckConstraint(name="payment_source_known", condition=models.Q(source__in=sorted(SOURCES))),
            models.CheckConstraint(
                name="payment_amounts",
                condition=models.Q(
                    amount__gt=0,
                    matched__gte=0,
                    returned__gte=0,
                    amount__gte=models.F("matched") + models.F("returned"),
                ),
            ),
            models.CheckConstraint(
                name="payment_closed_is_used_up",
                condition=models.Q(state="waiting", amount__gt=models.F("matched") + models.F("returned"))
                | models.Q(state="closed", amount=models.F("matched") + models.F("returned")),
            ),
        ]
        indexes = [models.Index(fields=["tenant", "state", "-id"], name="payment_waiting")]

    def __str__(self) -> str:
        return self.public_id

    @property
    def rest(self) -> int:
        """What of it is still in suspense."""
        return self.amount - self.matched - self.returned
