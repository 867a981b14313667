"""Incidents, the gates that they hold closed, and the record of every check."""

from django.db import models
from django.db.models.functions import Coalesce

from pilothouse.kernel.base.models import HouseModel, Tenant, TenantModel

from .lifecycle import INCIDENT, KINDS, OPEN, SEVERITIES
from .parity_models import ParityProof

__all__ = [
    "AcceptedFinding", "CheckRun", "ChecklistLine", "ChecklistRun", "ClientDay", "ErrorGroup", "ErrorHour", "Gate",
    "GateHold", "Incident", "IncidentEvent", "ParityProof", "Process",
]  # fmt: skip
MODES = ("no_dispatch", "no_new")


class Incident(HouseModel):
    """A breach or an alarm: what, where, how bad, who owns it, why it happened and how it ended.

    Its scope is (program, tenant, subject); an empty program is the platform, no tenant is all of them. One incident
    of a kind is open for a scope at a time. The state says what was done, `ack_due_at` and `update_due_at` (business
    time) when the next thing is due.
    """

    table_class = "platform"
    writers = ("ph_ops", "ph_worker")
    mutable = (
        "severity", "state", "owner", "seen_count", "seen_at", "ack_due_at", "update_due_at", "escalations",
        "root_cause", "root_cause_by", "root_cause_at", "resolution", "resolved_by", "ended_at", "sample",
        "check_name",
    )  # fmt: skip

    public_id = models.TextField(unique=True)
    kind = models.TextField()
    severity = models.TextField()
    state = models.TextField(default="open", db_default="open")
    program = models.TextField(default="", db_default="")
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, db_column="tenant", related_name="+", null=True)
    subject = models.TextField(default="", db_default="")
    title = models.TextField()
    # The check that must be green before it ends; empty when a person reported it.
    check_name = models.TextField(default="", db_default="")
    sample = models.JSONField(default=list)
    opened_by = models.TextField()
    opened_at = models.DateTimeField()
    seen_count = models.IntegerField(default=1, db_default=1)
    seen_at = models.DateTimeField()
    owner = models.TextField(default="on-call", db_default="on-call")
    ack_due_at = models.DateTimeField(null=True)
    update_due_at = models.DateTimeField(null=True)
    escalations = models.IntegerField(default=0, db_default=0)
    root_cause = models.TextField(default="", db_default="")
    root_cause_by = models.TextField(default="", db_default="")
    root_cause_at = models.DateTimeField(null=True)
    resolution = models.TextField(default="", db_default="")
    resolved_by = models.TextField(default="", db_default="")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "incident"
        constraints = [
            INCIDENT.check("incident_state_known"),
            models.CheckConstraint(name="incident_kind_known", condition=models.Q(kind__in=sorted(KINDS))),
            models.CheckConstraint(name="incident_severity_known", condition=models.Q(severity__in=sorted(SEVERITIES))),
            models.UniqueConstraint(
                fields=["kind", "program", "tenant", "subject"],
                condition=models.Q(state__in=sorted(OPEN)),
                nulls_distinct=False,
                name="incident_open_once",
            ),
            models.CheckConstraint(
                name="incident_never_stuck",
                condition=models.Q(state="open", ack_due_at__isnull=False)
                | models.Q(state__in=["investigating", "mitigated", "root_caused"], update_due_at__isnull=False)
                | models.Q(state__in=["false_alarm", "resolved"], ended_at__isnull=False),
            ),
            models.CheckConstraint(
                name="incident_cause_before_end",
                condition=~models.Q(state__in=["resolved", "root_caused"]) | ~models.Q(root_cause=""),
            ),
            models.CheckConstraint(
                name="incident_p0_second_person",
                condition=~models.Q(state="resolved", severity="P0") | ~models.Q(resolved_by=models.F("root_cause_by")),
            ),
        ]
        indexes = [
            models.Index(
                Coalesce("ack_due_at", "update_due_at"),
                condition=models.Q(state__in=sorted(OPEN)),
                name="incident_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.severity} {self.kind}"


class IncidentEvent(HouseModel):
    """One append-only line of an incident's history. Incidents belong to the platform, so the tenants' timeline
    does not hold them."""

    table_class = "platform"
    writers = ("ph_ops", "ph_worker")

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, db_column="incident", related_name="+")
    at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    actor = models.TextField()
    type = models.TextField()
    data = models.JSONField(default=dict)

    class Meta:
        db_table = "incident_event"


class Gate(TenantModel):
    """A pause over a program, for one tenant or for all (no tenant). It is closed until `opened_at` is set.

    `no_new` refuses new work; `no_dispatch` also sends nothing further upstream, while holds stay held and timers of
    money owed to people still run. `reason` is shown to customers, so it names no provider and no other customer.
    """

    writers = ("ph_ops", "ph_worker")
    mutable = ("opened_at", "opened_by")
    # A tenant sees the gates that hold it: its own and those over everybody.
    grants = (
        "DROP POLICY IF EXISTS everybodys_gates ON gate",
        "CREATE POLICY everybodys_gates ON gate FOR SELECT TO ph_app USING (tenant IS NULL)",
    )

    tenant = models.ForeignKey(  # type: ignore[assignment]  # the base class says "never null"; here null means all
        Tenant, on_delete=models.PROTECT, db_column="tenant", related_name="+", null=True
    )
    public_id = models.TextField(unique=True)
    program = models.TextField()
    mode = models.TextField()
    reason = models.TextField()
    closed_at = models.DateTimeField()
    closed_by = models.TextField()
    opened_at = models.DateTimeField(null=True)
    opened_by = models.TextField(default="", db_default="")

    class Meta:
        db_table = "gate"
        constraints = [
            models.CheckConstraint(name="gate_mode_known", condition=models.Q(mode__in=sorted(MODES))),
            models.CheckConstraint(name="gate_reason_given", condition=~models.Q(reason="") & ~models.Q(program="")),
            models.UniqueConstraint(
                fields=["program", "tenant", "mode"],
                condition=models.Q(opened_at__isnull=True),
                nulls_distinct=False,
                name="gate_closed_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.program} {self.mode}"


class GateHold(HouseModel):
    """An incident holds a gate closed. Several may hold one gate; it reopens when none of them objects."""

    table_class = "platform"
    writers = ("ph_ops", "ph_worker")

    gate = models.ForeignKey(Gate, on_delete=models.PROTECT, db_column="gate", related_name="+")
    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, db_column="incident", related_name="+")
    held_at = models.DateTimeField()

    class Meta:
        db_table = "gate_hold"
        constraints = [models.UniqueConstraint(fields=["gate", "incident"], name="gate_hold_once")]


class CheckRun(HouseModel):
    """One run of a promise or an invariant: how many rows broke it, with the first of them.

    `batches` is the number of batches looked at, or null when everything was. Green runs are deleted after a time;
    `at` is business time.
    """

    table_class = "platform"
    writers = ("ph_ops", "ph_worker")
    deletable = True

    name = models.TextField()
    program = models.TextField(default="", db_default="")
    at = models.DateTimeField()
    batches = models.IntegerField(null=True)
    rows = models.BigIntegerField()
    sample = models.JSONField(default=list)
    ms = models.IntegerField()

    class Meta:
        db_table = "check_run"
        indexes = [models.Index(fields=["name", "-id"], name="check_run_newest")]


class Process(HouseModel):
    """A running process (web, live or worker), when it was last heard of (machine time) and the settings that it said
    it runs under. No secret is among them."""

    table_class = "platform"
    writers = ("ph_worker",)
    mutable = ("report", "seen_at")
    deletable = True
    # A web process reports itself outside of any scope, with its own login.
    grants = ("GRANT SELECT, INSERT, UPDATE (report, seen_at) ON process TO ph_web",)

    name = models.TextField(unique=True)
    kind = models.TextField()
    report = models.JSONField()
    seen_at = models.DateTimeField()

    class Meta:
        db_table = "process"


class AcceptedFinding(HouseModel):
    """One offending row of a promise that stays in an append-only history for ever, and why it no longer offends.

    A second person accepts it after the root cause is written and the harm is corrected by new rows. `key` is a hash
    of the row's words, so the same row with another number in it offends again.
    """

    table_class = "platform"
    writers = ("ph_ops",)

    check_name = models.TextField()
    key = models.TextField()
    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, db_column="incident", related_name="+")
    finding = models.JSONField()
    reason = models.TextField()
    accepted_by = models.TextField()
    accepted_at = models.DateTimeField()

    class Meta:
        db_table = "accepted_finding"
        constraints = [models.UniqueConstraint(fields=["check_name", "key"], name="accepted_finding_once")]


class ChecklistRun(HouseModel):
    """One run of a checklist on the live deployment: which lines have to pass and within how many seconds.

    Append-only, in machine time: a simulated clock proves nothing here. What became of it is read from its lines.
    """

    table_class = "platform"
    writers = ("ph_ops", "ph_worker")

    public_id = models.TextField(unique=True)
    name = models.TextField()
    expects = models.JSONField()
    within_s = models.IntegerField()
    started_at = models.DateTimeField()
    started_by = models.TextField()

    class Meta:
        db_table = "checklist_run"
        indexes = [models.Index(fields=["name", "-id"], name="checklist_run_newest")]


class ChecklistLine(HouseModel):
    """One line of a run as it ended: whether it passed, how long it took, what shows it, and what to do if not."""

    table_class = "platform"
    writers = ("ph_ops", "ph_worker")

    run = models.ForeignKey(ChecklistRun, on_delete=models.PROTECT, db_column="run", related_name="+", db_index=False)
    name = models.TextField()
    ok = models.BooleanField()
    seconds = models.FloatField()
    evidence = models.TextField()
    advice = models.TextField(default="", db_default="")
    at = models.DateTimeField()

    class Meta:
        db_table = "checklist_line"
        constraints = [
            models.UniqueConstraint(fields=["run", "name"], name="checklist_line_once"),
            models.CheckConstraint(name="checklist_line_advises", condition=models.Q(ok=True) | ~models.Q(advice="")),
        ]


class ErrorGroup(HouseModel):
    """Errors that are one: ours of one kind from one place, a refusal's code at one address, a browser's of one script.

    Machine time. `words` are masked, `place` is a route, and `example` is the newest sighting; none names a person.
    Written in batches by `log_seen`, which web processes may call outside of any scope.
    """

    table_class = "platform"
    writers = ("ph_worker",)
    deletable = True
    grants = ("GRANT INSERT, UPDATE (code, place, words, count, last_at, example) ON error_group TO ph_gate",)

    fingerprint = models.TextField(unique=True)
    kind = models.TextField()
    code = models.TextField()
    place = models.TextField()
    words = models.TextField()
    # The room or program whose code it was; empty for a browser's.
    area = models.TextField(default="", db_default="")
    count = models.BigIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    example = models.JSONField(default=dict)

    class Meta:
        db_table = "error_group"
        constraints = [
            models.CheckConstraint(
                name="error_kind_known", condition=models.Q(kind__in=["browser", "refused", "server"])
            ),
            models.CheckConstraint(name="error_counted", condition=models.Q(count__gt=0)),
        ]
        indexes = [models.Index(fields=["-last_at"], name="error_newest")]


class ErrorHour(HouseModel):
    """How often the errors of one group came in one hour."""

    table_class = "platform"
    writers = ("ph_worker",)
    deletable = True
    grants = ("GRANT INSERT, UPDATE (count) ON error_hour TO ph_gate",)

    group = models.ForeignKey(ErrorGroup, on_delete=models.CASCADE, db_column="group_id", related_name="+")
    hour = models.DateTimeField()
    count = models.IntegerField()

    class Meta:
        db_table = "error_hour"
        constraints = [models.UniqueConstraint(fields=["group", "hour"], name="error_hour_once")]
        indexes = [models.Index(fields=["hour"], name="error_hour_by_time")]


class ClientDay(HouseModel):
    """What browsers told in one day (UTC): how often a page was opened and how fast it was, how often a named thing was
    pressed. Sums only; no row is anybody's."""

    table_class = "platform"
    writers = ("ph_worker",)
    deletable = True
    grants = ("GRANT INSERT, UPDATE (count, ms, quick, slow) ON client_day TO ph_gate",)

    day = models.DateField()
    kind = models.TextField()
    place = models.TextField()
    name = models.TextField(default="", db_default="")
    count = models.BigIntegerField()
    # Of pages: all milliseconds together, and how many were quick or slow (limits.py).
    ms = models.BigIntegerField(default=0, db_default=0)
    quick = models.BigIntegerField(default=0, db_default=0)
    slow = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        db_table = "client_day"
        constraints = [
            models.UniqueConstraint(fields=["day", "kind", "place", "name"], name="client_day_once"),
            models.CheckConstraint(name="client_day_kind_known", condition=models.Q(kind__in=["act", "page"])),
        ]
