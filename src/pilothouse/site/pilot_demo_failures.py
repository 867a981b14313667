"""How pilots fail, in a rehearsal's database whose business time is moved: each on an account of its own, with the
commands of everybody; the database of the last one is broken on purpose, which only a rehearsal's may be.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings

from pilothouse.kernel.base import machine
from pilothouse.kernel.base.clock import business_now
from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.kernel.base.models import Tenant
from pilothouse.kernel.base.rehearsal import Script
from pilothouse.kernel.base.scope import ops_scope, tenant_scope, worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.outbox.endpoints import create_endpoint
from pilothouse.kernel.outbox.sender import sweep
from pilothouse.kernel.watch import commands as desk
from pilothouse.kernel.watch import promises
from pilothouse.kernel.watch.checklists import record_line, start_run
from pilothouse.kernel.watch.gates import reopen_gate
from pilothouse.kernel.watch.models import Incident
from pilothouse.kernel.watch.queries import closed_gates
from pilothouse.pilots import rollback
from pilothouse.pilots.activation import drill_rollback
from pilothouse.pilots.advancing import advance, advance_all
from pilothouse.pilots.attestations import attest_customer
from pilothouse.pilots.pausing import follow_gates, resume
from pilothouse.pilots.pilot_reads import access_pilot
from pilothouse.pilots.rehearsal.faults import Fault, Faults
from pilothouse.pilots.rehearsal.post import Endpoints
from pilothouse.pilots.rehearsal.stage import Played
from pilothouse.pilots.rehearsal.works import PumpRows, Timers
from pilothouse.pilots.rollback_pilots import pause_pilots
from pilothouse.pilots.triggers import watch_triggers
from pilothouse.pilots.verdicts import computed, record_signal, sign_verdict
from pilothouse.programs.deals import demo_script as stories
from pilothouse.programs.deals.demo import play
from pilothouse.programs.deals.demo_market import MN, Market, hours
from pilothouse.programs.deals.demo_market import OPERATORS as MARKET_OPERATORS
from pilothouse.programs.video import intake
from pilothouse.programs.video.checklist import LINES, NAME
from pilothouse.programs.video.commands import create_batch
from pilothouse.programs.video.confirmations import FIELDS, confirm_receipt, report_differences
from pilothouse.programs.video.demo import OPERATORS, demo_items
from pilothouse.programs.video.limits import CHECKLIST_WITHIN_S
from pilothouse.programs.video.parity_proofs import keep_proof
from pilothouse.programs.video.population import CustomerPopulation

from .migrate import admin_connection
from .pilot_demo import FAIL, ITEMS, QUESTION, Say, Story, activated, incident_told, until_prepared
from .pilot_demo_deals import SixWeeks

SEED, DAYS, LOOK_EVERY = 7, 3, timedelta(hours=12)
WORK, REST = timedelta(hours=1), timedelta(hours=50)
# Only where a rehearsal works.
LOST = """DELETE FROM transfer WHERE starts_with(current_database(), 'rehearsal_')
    AND id = (SELECT min(id) FROM transfer WHERE kind = 'refund' AND tenant = %s)"""
MARKET_DEALS = 10


class Failing:
    """One pilot that fails on purpose: its people, what happened so far, and what the demo prints of it."""

    def __init__(self, path: str, say: Say) -> None:
        self.path, self.say = path, say
        self.story = Story(name=path.replace("_", " ").capitalize(), domain=f"{path.replace('_', '-')}.example")
        self.happened: list[str] = []
        self.states: list[str] = []

    def tell(self, words: str) -> None:
        """What happened, with the pilot's state then."""
        with self.story.ours():
            state = access_pilot(self.story.id).state
        self.states.append(state)
        self.happened.append(words)
        self.say(f"{self.path}: {words} ({state})")

    def refused(self, words: str, call: Callable[[], object]) -> None:
        """Something that has to be refused, with its code."""
        try:
            call()
        except PilothouseError as refused:
            self.tell(f"{words}: refused, {refused.code}")
        else:
            self.tell(f"{words}: NOT refused")

    def begin(self) -> None:
        """From the first call to the activation; the checklist asks the live house, so here it has passed before."""
        with worker_scope("demo"):
            checklist = start_run(NAME, list(LINES), CHECKLIST_WITHIN_S, "demo")
            for line in LINES:
                record_line(checklist, line, ok=True, seconds=0.0, evidence="As rehearsed.")
        until_prepared(self.story, _silent)
        promises.run()
        with self.story.ours():
            drill_rollback(self.story.id)
        activated(self.story, _silent)
        self.tell("the pilot is activated")

    def order(self, name: str = "order-1", entry: str = "api") -> str:
        """A batch of the customer; its public id."""
        with self.story.theirs("engineer"):
            return create_batch(name, intake.items(demo_items(ITEMS, FAIL)), entry=entry).batch_id

    def endpoint(self) -> None:
        """The customer names where events go."""
        with self.story.theirs("engineer"):
            create_endpoint(f"https://hooks.{self.story.domain}/video")

    def confirms(self, batch: str, role: str, **changes: Any) -> None:
        """A member compares the body that they hold with ours; `changes` are what theirs says otherwise."""
        with self.story.theirs(role):
            (row,) = run("SELECT body FROM message WHERE reference = %s AND type = 'batch.completed'", [batch])
            body = bytes(row["body"])
            if changes:
                body = json.dumps({**json.loads(body), **changes}).encode()
            confirm_receipt(body, FIELDS, f"{batch} {role} {changes}", role)

    def proven(self) -> Iterator[timedelta]:
        """All that the criteria ask for."""
        self.endpoint()
        batch = self.order()
        yield WORK
        for role in ("engineer", "finance"):
            self.confirms(batch, role)
        self.story.says("confirmation")
        self.tell(f"{batch} completed, its webhook arrived, Engineering and Finance confirmed it")
        self.batch = batch

    def ended(self) -> dict[str, Any]:
        """The verdict as the facts give it, signed; and everything that was opened."""
        with self.story.ours():
            advance(self.story.id)
            verdict = computed(access_pilot(self.story.id))[1]
            if not verdict.blocked:
                sign_verdict(self.story.id, verdict.state, "Pause")
            row = access_pilot(self.story.id)
        self.tell(f"the verdict is {verdict.state} ({', '.join(verdict.reasons)})")
        with worker_scope("demo"):
            mine = list(Incident.objects.filter(tenant_id=self.story.tenant.id).order_by("id"))
        return {
            "path": self.path, "pilot": row.public_id, "state": row.state, "verdict": row.verdict,
            "reasons": list(verdict.reasons), "blocked": verdict.blocked, "states": self.states,
            "incidents": [incident_told(each) for each in mine], "happened": self.happened,
        }  # fmt: skip


def _silent(words: str) -> None:
    """The beginning is the same each time and is not told again."""


def no_batch(pilot: Failing) -> Script:
    """Nobody orders anything within 48 hours."""
    yield REST


def webhook_never_received(pilot: Failing) -> Script:
    """The endpoint is down until the last try."""
    pilot.endpoint()
    batch = pilot.order()
    yield WORK
    pilot.story.says("confirmation")
    pilot.tell(f"{batch} completed")
    yield REST
    with worker_scope("demo"):
        (sent,) = run("SELECT state, attempt FROM delivery WHERE tenant = %s", [pilot.story.tenant.id])
    pilot.tell(f"its webhook is {sent['state']} after {sent['attempt']} attempts")


def finance_mismatch(pilot: Failing) -> Script:
    """Finance holds a body with other money than the ledger."""
    yield from pilot.proven()
    pilot.confirms(pilot.batch, "finance", ledger={"reserved": 100, "settled": 100, "refunded": 0})
    report_differences()
    pilot.tell("Finance holds 100 settled and 0 refunded")
    yield REST


def parity_without_proof(pilot: Failing) -> Script:
    """The question is asked and nothing is proven."""
    yield from pilot.proven()
    _asked(pilot)
    yield REST


def parity_with_proof(pilot: Failing) -> Script:
    """The question is asked, proven and accepted."""
    yield from pilot.proven()
    _asked(pilot)
    again = pilot.order("the same by the page", entry="page")
    yield WORK
    with pilot.story.ours():
        proof = keep_proof(again, pilot.batch, tenant=pilot.story.tenant.id)
    pilot.tell(f"the proof {proof.public_id} is kept: {proof.state}")
    with pilot.story.theirs("engineer"):
        attest_customer(pilot.story.id, "parity_accepted", "engineer", True, proof=proof.public_id)
    pilot.tell("the customer accepted it")
    yield REST


def _asked(pilot: Failing) -> None:
    with pilot.story.ours():
        record_signal(pilot.story.id, "parity_question", QUESTION, "Ada Lund")
    pilot.tell(f"the customer asks: {QUESTION}")
    pilot.refused("accepting without a proof", partial(pilot.story.says, "parity"))


def promise_breach(pilot: Failing) -> Script:
    """A row of the ledger is lost behind its back: P0, pause, root cause, resume."""
    yield from pilot.proven()
    with admin_connection() as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(LOST, [pilot.story.tenant.id])
    red = [result.promise.name for result in promises.run() if not result.seen.ok]
    follow_gates()
    pilot.tell(f"a refund is lost; broken: {', '.join(red)}")
    pilot.refused("resuming without a root cause", partial(_resumed, pilot))
    yield WORK
    for incident in _open_p0():
        with pilot.story.ours():
            desk.acknowledge(incident)
            desk.write_root_cause(incident, "A row was deleted behind the ledger's back.")
    pilot.refused("resuming while it is red", partial(_resumed, pilot))
    for incident in _open_p0():
        with ops_scope(f"operator:{OPERATORS[1][0]}", "demo pilot"):
            desk.accept_findings(incident, "The credits were given again by a new transfer.")
    _resumed(pilot)
    pilot.tell("the root cause is written, a second person accepted the findings, the pilot is resumed")
    yield WORK
    for incident in _open_p0():
        with ops_scope(f"operator:{OPERATORS[1][0]}", "demo pilot"):
            desk.resolve(incident, "It is put right.")
    yield REST


def _open_p0() -> list[str]:
    with worker_scope("demo"):
        rows = Incident.objects.filter(severity="P0", ended_at=None).order_by("id")
        return list(rows.values_list("public_id", flat=True))


def _resumed(pilot: Failing) -> None:
    """A breach that may concern everybody closes a gate over everybody."""
    with pilot.story.ours():
        for gate in closed_gates("video", pilot.story.tenant.id):
            reopen_gate(gate["public_id"])
        resume(pilot.story.id)


# Each with the verdict and the reasons that have to follow; the breach last, for it breaks the database.
PATHS: tuple[tuple[Callable[[Failing], Script], str, tuple[str, ...]], ...] = (
    (no_batch, "failed", ("no_batch", "webhook_fails", "no_reconciliation")),
    (webhook_never_received, "failed", ("webhook_fails",)),
    (finance_mismatch, "failed", ("webhook_fails", "no_reconciliation")),
    (parity_without_proof, "failed", ("parity_question",)),
    (parity_with_proof, "succeeded", ("batch_run", "webhook_received", "finance_verified")),
    (promise_breach, "failed", ("no_reconciliation",)),
)


def run_failures(say: Say) -> dict[str, Any]:
    """Play every failure in the rehearsal's database that is open; `holds` says that each ended as it has to."""
    settings.ALERT_URLS = settings.ALERT_URLS or ["json://localhost"]
    played = [_rolled_back(say), *(_played(path, verdict, reasons, say) for path, verdict, reasons in PATHS)]
    return {"paths": played, "holds": all(each["holds"] for each in played)}


def _played(path: Callable[[Failing], Script], verdict: str, reasons: tuple[str, ...], say: Say) -> dict[str, Any]:
    with worker_scope("demo"):
        begins = business_now()
    spells = [Fault("endpoint_down", begins, begins + timedelta(days=DAYS))] if path is webhook_never_received else []
    stage = Played(SEED, begins, DAYS, Faults(planned=spells))
    with machine.driven(f"{SEED}:{path.__name__}", lambda: stage.at), asyncio.Runner() as loop:
        pilot = Failing(path.__name__, say)
        theirs = CustomerPopulation().works(stage, partial(PumpRows, loop), partial(Endpoints, stage))
        stage.works = [Timers(), *theirs]
        pilot.begin()
        stage.go(timedelta(minutes=5), path.__name__, path(pilot))
        stage.play(_looked, LOOK_EVERY)
        told = pilot.ended()
    unexpected = [f"{each.check}: {each.what}" for each in stage.findings.values()]
    holds = (told["verdict"], tuple(told["reasons"])) == (verdict, reasons) and not unexpected
    return {**told, "unexpected": unexpected, "holds": holds and not any("NOT" in each for each in told["happened"])}


def _looked() -> None:
    sweep()
    follow_gates()
    advance_all()


def _rolled_back(say: Say) -> dict[str, Any]:
    """A market of which no offer is taken: the rollback is proposed by the threshold, and one step stops new work."""
    with worker_scope("demo"):
        market = Market(business_now())
    with machine.driven(SEED, lambda: market.at):
        market.open()
        pilot = SixWeeks(market)
        pilot.begin()
        tales = ((MN, stories.never_accepted),) * MARKET_DEALS
        play(market, lambda words: None, stories=tales, apart=hours(1), look_at=pilot.at_desk)
        why = [each["why"] for each in watch_triggers()]
        say(f"rollback_trigger: {why[0] if why else 'nothing is proposed'}")
        actor = f"operator:{MARKET_OPERATORS[0]}"
        with tenant_scope(market.tenant, actor):
            stopped = rollback.stop("deals", Tenant.objects.get(id=market.tenant), why[0])
        with pilot.ours():
            pause_pilots("deals", market.tenant)
            row = access_pilot(pilot.id)
        with worker_scope("demo"):
            opened = list(Incident.objects.filter(tenant_id=market.tenant).order_by("id"))
    say(f"rollback_trigger: {stopped.public_id} stops new work ({row.state})")
    return {
        "path": "rollback_trigger", "pilot": row.public_id, "state": row.state, "verdict": row.verdict, "reasons": why,
        "blocked": "", "states": ["active", row.state], "incidents": [incident_told(each) for each in opened],
        "happened": [*why, f"{stopped.public_id} stops new work"], "unexpected": [],
        "holds": (row.state, row.pause_reason) == ("paused", "rollback")
        and [each.kind for each in opened] == ["rollback_proposed"],
    }  # fmt: skip


def failures_told(run: dict[str, Any]) -> str:
    """The failures for a person: one line each."""
    lines = ["", "How pilots fail, in simulated time:"]
    for each in run["paths"]:
        opened = ", ".join(f"{one['severity']} {one['kind']}" for one in each["incidents"]) or "no incident"
        mark = "✓" if each["holds"] else "✗"
        lines.append(f"{mark} {each['path']}: {each['state']}, {opened}; {'; '.join(each['reasons'])}")
    return "\n".join(lines)
