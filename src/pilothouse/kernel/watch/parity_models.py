"""A kept proof of parity: two batches of one account that asked for the same thing, and whether they are the same."""

from django.db import models

from pilothouse.kernel.base.models import TenantModel

PASS, FAIL, INCONCLUSIVE = "pass", "fail", "inconclusive"
STATES = (PASS, FAIL, INCONCLUSIVE)


class ParityProof(TenantModel):
    """What a comparison of two pieces of work of one account found: `first` by page or demo, `second` by the API.

    Append-only. Its program's trigger fills in the fingerprints, the media and `body` from the rows themselves and
    refuses a verdict that is better than they are; without such a trigger nothing can be kept. `body` is {first,
    second}, each with all that its fingerprint is computed from, so that anybody can compute it again.
    """

    writers = ("ph_ops", "ph_worker")
    insertable = ("public_id", "tenant", "program", "first", "second", "state", "actor")

    public_id = models.TextField(unique=True)
    program = models.TextField()
    first = models.TextField()
    second = models.TextField()
    first_fingerprint = models.TextField()
    second_fingerprint = models.TextField()
    state = models.TextField()
    # Of the videos that can be compared byte for byte, how many are the same.
    media_equal = models.IntegerField()
    media_compared = models.IntegerField()
    body = models.JSONField()
    is_checked = models.BooleanField()
    at = models.DateTimeField()
    actor = models.TextField()

    class Meta:
        db_table = "parity_proof"
        constraints = [
            models.UniqueConstraint(fields=["tenant", "program", "first", "second"], name="parity_proof_once"),
            models.CheckConstraint(name="parity_state_known", condition=models.Q(state__in=sorted(STATES))),
            models.CheckConstraint(name="parity_has_two_sides", condition=~models.Q(first=models.F("second"))),
            models.CheckConstraint(name="parity_checked_by_its_program", condition=models.Q(is_checked=True)),
            models.CheckConstraint(
                name="parity_pass_is_equal",
                condition=~models.Q(state=PASS)
                | models.Q(first_fingerprint=models.F("second_fingerprint"), media_equal=models.F("media_compared")),
            ),
        ]
        indexes = [models.Index(fields=["tenant", "-id"], name="parity_proof_newest")]

    def __str__(self) -> str:
        return f"{self.public_id} {self.state}"
