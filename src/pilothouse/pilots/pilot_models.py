"""The tables of a pilot: the run, what people said about its lines, what its customer said, and what was fixed."""

from typing import Any

from django.db import models

from pilothouse.kernel.base.models import TenantForeignKey, TenantModel
from pilothouse.kernel.watch.parity_models import ParityProof

from .lifecycle import FIXES, JUDGED, PILOT

WRITERS = ("ph_app", "ph_ops", "ph_worker")
SIDES = ("customer", "ours")
# What a customer asks for, with what it means; the third moves the pilot to Enterprise (requirement ENP-049).
SIGNALS = ("concurrency", "webhook_event", "sla_contract", "parity_question", "other")
NOT_FIXABLE = "none"


def _known(name: str, field: str, values: Any) -> models.CheckConstraint:
    return models.CheckConstraint(name=name, condition=models.Q(**{f"{field}__in": sorted(values)}))


class Pilot(TenantModel):
    """One account's run of one program under one runbook version, from the first call to the decision.

    `runbook_hash` pins the version for life. `form` is what the qualification form said, with the computed need of
    credits. `since` begins the present attempt (its activation), `deadline_at` ends it; while the pilot is paused
    `deadline_left_s` holds what was left. `owner` owes the next step by `due_at`. Instants are business time.
    """

    writers = WRITERS
    mutable = (
        "state", "form", "phase", "attempt", "locked_at", "since", "deadline_at", "deadline_left_s", "paused_from",
        "paused_at", "pause_reason", "pause_note", "gave_up_at", "review_at", "reveal_link", "verdict", "findings",
        "verdict_at", "verdict_by", "verdict_note", "recommendation", "ended_at", "owner", "due_at",
    )  # fmt: skip

    public_id = models.TextField(unique=True)
    program = models.TextField()
    state = models.TextField(default="prospect")
    company = models.TextField()
    runbook = models.TextField()
    runbook_version = models.IntegerField()
    runbook_hash = models.TextField()
    form = models.JSONField(default=dict)
    phase = models.TextField()
    attempt = models.IntegerField(default=1, db_default=1)
    created_at = models.DateTimeField()
    created_by = models.TextField()
    locked_at = models.DateTimeField(null=True)
    since = models.DateTimeField(null=True)
    deadline_at = models.DateTimeField(null=True)
    deadline_left_s = models.FloatField(null=True)
    paused_from = models.TextField(default="", db_default="")
    paused_at = models.DateTimeField(null=True)
    pause_reason = models.TextField(default="", db_default="")
    pause_note = models.TextField(default="", db_default="")
    gave_up_at = models.DateTimeField(null=True)
    review_at = models.DateTimeField(null=True)
    # The one-time link from which the present attempt's key is born.
    reveal_link = models.TextField(default="", db_default="")
    verdict = models.TextField(default="", db_default="")
    # What the verdict was computed from, as it was when somebody signed: criteria, conditions, lines.
    findings = models.JSONField(default=dict)
    verdict_at = models.DateTimeField(null=True)
    verdict_by = models.TextField(default="", db_default="")
    verdict_note = models.TextField(default="", db_default="")
    recommendation = models.TextField(default="", db_default="")
    ended_at = models.DateTimeField(null=True)
    owner = models.TextField(default="", db_default="")
    due_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "pilot"
        constraints = [
            PILOT.check("pilot_state_known"),
            models.UniqueConstraint(
                fields=["tenant", "program"],
                condition=models.Q(state__in=[s for s in PILOT.open_states if s != "succeeded"]),
                name="pilot_open_once",
            ),
            models.CheckConstraint(
                name="pilot_lock_before_key", condition=models.Q(reveal_link="") | models.Q(locked_at__isnull=False)
            ),
            models.CheckConstraint(
                name="pilot_runs_from_then_on",
                condition=~models.Q(state__in=["active", "paused", "review"]) | models.Q(since__isnull=False),
            ),
            models.CheckConstraint(
                name="pilot_verdict_is_signed",
                condition=models.Q(verdict="", verdict_at__isnull=True, verdict_by="")
                | models.Q(
                    verdict__in=sorted(JUDGED),
                    verdict_at__isnull=False,
                    findings__has_keys=["criteria", "failures"],
                )
                & ~models.Q(verdict_by=""),
            ),
            models.CheckConstraint(
                name="pilot_judged_has_verdict",
                condition=~models.Q(state__in=sorted(JUDGED)) | models.Q(state=models.F("verdict")),
            ),
            models.CheckConstraint(
                name="pilot_paused_is_whole",
                condition=models.Q(state="paused", paused_at__isnull=False, paused_from__in=["active", "review"])
                | ~models.Q(state="paused") & models.Q(paused_at__isnull=True, paused_from=""),
            ),
        ]
        indexes = [
            models.Index(fields=["state", "-id"], name="pilot_by_state"),
            models.Index(fields=["tenant", "-id"], name="pilot_newest"),
        ]

    def __str__(self) -> str:
        return self.public_id


class Attestation(TenantModel):
    """One person's word on one line of a pilot, yes or no, with what shows it. Append-only: the newest counts.

    A trigger holds it to the pinned runbook: there is such a line, it is not a machine's, and who says it has the
    line's side and role. `period` is the day of a line that returns daily, else empty. `proof` is what was accepted on
    a line that takes a failure condition back: such a line is agreed to with a proof of the account that passed, and
    no other line has one.
    """

    writers = WRITERS

    public_id = models.TextField(unique=True)
    pilot = TenantForeignKey(Pilot)
    attempt = models.IntegerField()
    line = models.TextField()
    period = models.TextField(default="", db_default="")
    side = models.TextField()
    role = models.TextField()
    actor = models.TextField()
    at = models.DateTimeField()
    agrees = models.BooleanField()
    # "Not applicable" is a yes with a reason, for lines that the source marks "if available".
    is_applicable = models.BooleanField(default=True, db_default=True)
    note = models.TextField(default="", db_default="")
    evidence = models.TextField(default="", db_default="")
    proof = TenantForeignKey(ParityProof, null=True)

    class Meta:
        db_table = "pilot_attestation"
        constraints = [
            _known("attestation_side_known", "side", SIDES),
            models.CheckConstraint(
                name="attestation_na_has_reason", condition=models.Q(is_applicable=True) | ~models.Q(note="")
            ),
        ]
        indexes = [models.Index(fields=["pilot", "line", "-id"], name="attestation_of_line")]


class Signal(TenantModel):
    """What somebody of the customer said, word for word: recorded, never initiated. Append-only."""

    writers = WRITERS

    public_id = models.TextField(unique=True)
    pilot = TenantForeignKey(Pilot)
    kind = models.TextField()
    quote = models.TextField()
    person = models.TextField()
    said_at = models.DateTimeField()
    recorded_by = models.TextField()

    class Meta:
        db_table = "pilot_signal"
        constraints = [
            _known("signal_kind_known", "kind", SIGNALS),
            models.CheckConstraint(name="signal_quotes_somebody", condition=~models.Q(quote="") & ~models.Q(person="")),
        ]
        indexes = [models.Index(fields=["pilot", "-id"], name="signal_of_pilot")]


class Fix(TenantModel):
    """Why an attempt did not succeed, whose side can mend it, and what was changed; a retry needs it closed."""

    writers = WRITERS
    mutable = ("change", "closed_at", "closed_by")

    public_id = models.TextField(unique=True)
    pilot = TenantForeignKey(Pilot)
    attempt = models.IntegerField()
    side = models.TextField()
    cause = models.TextField()
    recorded_at = models.DateTimeField()
    recorded_by = models.TextField()
    change = models.TextField(default="", db_default="")
    closed_at = models.DateTimeField(null=True)
    closed_by = models.TextField(default="", db_default="")

    class Meta:
        db_table = "pilot_fix"
        constraints = [
            _known("fix_side_known", "side", (*FIXES, NOT_FIXABLE)),
            models.CheckConstraint(
                name="fix_closed_says_what",
                condition=models.Q(closed_at__isnull=True) | ~models.Q(change="") & ~models.Q(closed_by=""),
            ),
        ]
        indexes = [models.Index(fields=["pilot", "-id"], name="fix_of_pilot")]
