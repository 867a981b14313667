"""`pilothouse demo pilot`: an enterprise customer from prospect to signed verdict, and a market through its six weeks.

On the running house everything that the customer does is done with their own key or in their own name; the internal
checklist, the rollback drill, the batch, its webhook and the second batch of the parity proof are real, so the verdict
is what the facts say. The market's six weeks are played in a rehearsal's database (`pilot_demo_deals`).
"""

import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from pilothouse.kernel.access.commands import add_member, add_operator, consume_reveal_link
from pilothouse.kernel.access.models import RevealLink
from pilothouse.kernel.access.usage import USAGE
from pilothouse.kernel.base import clock
from pilothouse.kernel.base.clock import iso
from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.models import Tenant
from pilothouse.kernel.base.scope import ops_scope, tenant_scope, worker_scope
from pilothouse.kernel.ledger.grants import approve_grant
from pilothouse.kernel.outbox.endpoints import create_endpoint
from pilothouse.kernel.watch import commands as desk
from pilothouse.kernel.watch import promises
from pilothouse.kernel.watch.models import Incident
from pilothouse.kernel.watch.pilot_facts import facts_of
from pilothouse.pilots import verify
from pilothouse.pilots.activation import activate, drill_rollback
from pilothouse.pilots.advancing import advance
from pilothouse.pilots.attestations import attest_customer, attest_ours
from pilothouse.pilots.evaluation import look
from pilothouse.pilots.export import export_pilot
from pilothouse.pilots.messages import send_message
from pilothouse.pilots.paper_files import write_reports
from pilothouse.pilots.pilot_json import as_json
from pilothouse.pilots.pilot_models import Pilot
from pilothouse.pilots.pilot_reads import access_pilot
from pilothouse.pilots.pilot_words import rule_words, value_words
from pilothouse.pilots.registry import rows_of
from pilothouse.pilots.running import create_pilot, prepare, qualify
from pilothouse.pilots.verdicts import computed, record_signal, sign_verdict
from pilothouse.programs.video import desk_parity, desk_reads, intake
from pilothouse.programs.video.checklist import run_enterprise
from pilothouse.programs.video.commands import create_batch
from pilothouse.programs.video.confirmations import FIELDS, confirm_receipt
from pilothouse.programs.video.demo import CREDENTIALS_FILE, OPERATORS, World, demo_items, load_world, run_batch
from pilothouse.programs.video.parity_proofs import keep_proof

COMPANY, DOMAIN = "Alder Ceramics", "alder.example"
EXAMPLE = Path(__file__).parents[3] / "examples" / "node"
ITEMS, FAIL = 10, 1
PATIENCE_S = 60
ENGINEER = "Ada Lund"
FORM = {"contact_name": ENGINEER, "budget_usd": 1000, "batches": 3}
QUESTION = "Is Demo the same as API?"
Say = Callable[[str], None]
Claims = list[tuple[str, list[str]]]


class Story:
    """The pilot of one run, with the scopes of the people in it: of a customer who is there, with members
    `ROLE@domain`, or of a new one."""

    def __init__(self, customer: Tenant | None = None, *, name: str = COMPANY, domain: str = DOMAIN) -> None:
        self.domain = domain
        with worker_scope("demo"):
            self.tenant = customer or Tenant.objects.create(
                name=name, timezone="Europe/Copenhagen", created_at=clock.now()
            )
            self.people = [add_operator(*each).user_id for each in OPERATORS]
        if customer is None:
            with tenant_scope(self.tenant.id, f"operator:{OPERATORS[0][0]}"):
                for role in ("owner", "engineer", "finance"):
                    add_member(self.tenant.id, self.mail(role), role, f"{role.capitalize()} Alder")
        with self.ours():
            self.id = create_pilot(self.tenant.id, "video", self.tenant.name).public_id

    def mail(self, role: str) -> str:
        """A member's address."""
        return f"{role}@{self.domain}"

    def ours(self) -> Any:
        """The operator's scope."""
        return ops_scope(f"operator:{OPERATORS[0][0]}", "demo pilot")

    def theirs(self, role: str) -> Any:
        """A member's scope."""
        return tenant_scope(self.tenant.id, f"user:{self.mail(role)}")

    def says(self, group: str) -> None:
        """The customer's people confirm every line of a group, each in the role that it is for."""
        with self.ours():
            lines = look(self.row()).runbook.group(group)
        for line in lines:
            if line.kind == "customer":
                with self.theirs(line.roles[-1]):
                    attest_customer(self.id, line.id, line.roles[-1], True)

    def row(self) -> Pilot:
        """The pilot as it stands, in the open scope."""
        return access_pilot(self.id)

    def verdict(self) -> str:
        """What the facts give now: the failure conditions that hold, or the state."""
        with self.ours():
            seen, verdict = computed(self.row())
        failing = [each.failure.id for each in seen.failures if each.holds and not each.cleared]
        return f"failed ({', '.join(failing)})" if failing else verdict.state


def run_video(data: Path, say: Say, story: Story | None = None) -> dict[str, Any]:
    """The enterprise customer's pilot on the house at SITE_URL, from the first call to the verified export: `story`'s,
    or a new customer's.

    `holds` says that the verdict is a success, somebody signed it, the promises hold and the verifier agrees.
    """
    began = time.monotonic()
    load_world(data)  # the operators' sign-ins, as `up --demo` prints them for this house
    story = story or Story()
    _until_ready(story, data, say)
    key = activated(story, say)
    proof = _worked(story, key, data, say)
    parity = _parity(story, proof, say)
    _incident(story, say)
    with story.ours():
        advance(story.id)
        for line in look(story.row()).runbook.group("review"):
            attest_ours(story.id, line.id, True, note="Ada Lund and Olga Operator, 20 minutes.")
        _, verdict = computed(story.row())
        say(f"Verdict: {verdict.state}{'; ' + verdict.blocked if verdict.blocked else ''}")
        if not verdict.blocked:
            sign_verdict(story.id, verdict.state, "Continue", "Both sides read the same numbers.")
            if verdict.state == "succeeded":
                send_message(story.row(), "success", {"batch_id": proof["batch_id"], "sender": OPERATORS[0][2]})
    told = shown(story.id, story.ours, data / "demo" / story.id, say)
    return {
        **told, "batch": proof["batch_id"], "ledger": proof["ledger"], "webhook": proof["webhook"],
        "promises": proof["promises"], "parity": parity, "look": _look(story, data),
        "seconds": round(time.monotonic() - began, 1),
        "holds": told["state"] == "succeeded" and all(proof["promises"].values()) and told["verifier"]["holds"]
        and parity["state"] == "pass",
    }  # fmt: skip


def _look(story: Story, data: Path) -> list[str]:
    """Where a person sees the pilot on this house."""
    return [
        f"pilothouse up --demo --data {data}",
        f"/desk/pilots/{story.id}/ as {OPERATORS[0][0]}, /pilot/ as {story.mail('owner')}",
        f"sign in by code: it is in the newest file of {data / 'mails'}; operators also by the password in"
        f" {data / CREDENTIALS_FILE}",
    ]


def shown(pilot: str, ours: Callable[[], Any], folder: Path, say: Say) -> dict[str, Any]:
    """What a demo shows of a pilot at its end, read from the database: phases, lines, criteria, verdict, incidents, and
    the export below `folder` with what its verifier says."""
    with ours():
        seen, verdict = computed(access_pilot(pilot))
        body = as_json(seen, verdict)
        rows = list(Incident.objects.filter(tenant_id=seen.pilot.tenant_id).order_by("id"))
    lines = [line for phase in body["phases"] for line in phase["lines"]]
    done = {
        kind: sum(line["state"] == "done" and line["kind"] == kind for line in lines)
        for kind in ("machine", "ours", "customer")
    }
    for row, each in zip(body["criteria"], seen.criteria, strict=True):
        unit = each.criterion.unit
        row["words"] = f"{value_words(each.measure.value, unit)}, target {rule_words(each.criterion.target, unit)}"
    exported, reports, claims = _exported(seen.pilot, ours, folder / "export")
    with ours():
        reports += [str(path) for path in write_reports(pilot, folder / "reports")]
    say(f"Exported to {exported['folder']}; {len(claims)} claims were checked.")
    return {
        **body,
        "lines": {"all": len(lines), "done": done},
        "incidents": [incident_told(each) for each in rows],
        "reports": reports,
        "export": exported,
        "verifier": {"holds": not any(wrong for _, wrong in claims), "claims": dict(claims)},
    }


def _exported(pilot: Pilot, ours: Callable[[], Any], folder: Path) -> tuple[dict[str, Any], list[str], Claims]:
    """The export, the reports in it, and what its check says: the verifier's claims, or where a program gives it no
    rows, the hash of each file."""
    if rows_of(pilot.program) is None:
        with ours():
            files = facts_of(pilot.program).export(pilot.tenant_id, folder)
        found = [(f"{each['path']} has its SHA-256", _differs(each)) for each in files]
        return {"folder": str(folder), "files": [dict(each) for each in files]}, [], found
    made = export_pilot(pilot.public_id, folder, f"operator:{OPERATORS[0][0]}")
    claims = verify.claims(folder, list(filter(None, made["heads"].values())))
    told = {"folder": made["folder"], "heads": made["heads"], "inputs": made["inputs"]}
    return told, [str(folder / "REPORT.md")], claims


def _differs(file: Mapping[str, Any]) -> list[str]:
    found = sha256(Path(file["path"]).read_bytes()).hexdigest()
    return [] if found == file["sha256"] else [f"it has {found}"]


def incident_told(incident: Incident) -> dict[str, Any]:
    """An incident as the demo prints it."""
    return {
        "incident": incident.public_id, "severity": incident.severity, "kind": incident.kind,
        "title": incident.title, "state": incident.state, "root_cause": incident.root_cause,
        "resolution": incident.resolution, "ended_at": iso(incident.ended_at) if incident.ended_at else None,
    }  # fmt: skip


def _until_ready(story: Story, data: Path, say: Say) -> None:
    until_prepared(story, say)
    say("The internal checklist runs on this house, within ten minutes.")
    run_enterprise(f"operator:{OPERATORS[0][0]}", example=EXAMPLE, work=data / "checklist", say=say)
    promises.run()
    with story.ours():
        drilled = drill_rollback(story.id)
    say(f"The rollback was drilled: {'✓' if drilled['ok'] else '✗'}")


def until_prepared(story: Story, say: Say) -> None:
    """From the first call to the preparation."""
    with story.ours():
        runbook = look(story.row()).runbook
        answers = {line.id: True for line in runbook.group("accept")}
        answers |= {line.id: False for line in runbook.group("reject")}
        qualify(story.id, answers, {**FORM, "contact_email": story.mail("engineer"), "items": ITEMS})
    say("Qualified: every accept line is met and no reject line true.")
    story.says("expectation")
    say("Locked: the customer confirmed what to expect.")
    with story.ours():
        prepare(story.id)


def activated(story: Story, say: Say) -> str:
    """The grant, the clock, and the key, opened once; returns the key."""
    with story.ours():
        done = activate(story.id, story.people[0], sender=OPERATORS[0][2])
        if done.state == "waiting" and done.grant:
            # More than one person may grant in a day: the second one approves, and the same step goes on.
            approve_grant(story.people[1], done.grant.request)
            done = activate(story.id, story.people[0], sender=OPERATORS[0][2])
    say("Active: 300 credits are granted and the clock of 48 hours runs.")
    token = done.key_link.rstrip("/").rpartition("/")[2]
    with story.theirs("engineer"):
        link = RevealLink.objects.get(public_id=done.pilot.reveal_link)
        _, raw = consume_reveal_link(story.tenant.id, link.id, token)
    say("The key was opened once, from its link.")
    with story.ours():
        attest_ours(story.id, "deliverables", True, note="Sent with the activation mail.")
    story.says("prerequisite")
    return raw


def _worked(story: Story, key: str, data: Path, say: Say) -> dict[str, Any]:
    world = World(story.tenant.id, story.tenant.public_id, key, {}, "")
    request_id = f"pilot-{new_id('run')[4:]}"
    proof = run_batch(world, request_id, data / "demo" / request_id, items=ITEMS, fail=FAIL, say=say)
    body = Path(proof["webhook"]["body_path"]).read_bytes()
    for role in ("engineer", "finance"):
        with story.theirs(role):
            confirm_receipt(body, FIELDS, f"{request_id} {role}", role)
    with story.theirs("engineer"):
        # For what follows; the demo's own receiver stands on this host, where no certificate is.
        create_endpoint(f"https://hooks.{story.domain}/video")
    story.says("checkpoint")
    story.says("confirmation")
    say("Engineering and Finance confirmed all eight fields and the numbers.")
    _until_calls_are_told(story)
    return proof


def _until_calls_are_told(story: Story) -> None:
    """The log of calls is written behind."""
    USAGE.flush()
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        with story.ours():
            if any(each.line.id == "first_call" and each.state == "done" for each in look(story.row()).lines):
                return
        time.sleep(1)


def _parity(story: Story, proof: dict[str, Any], say: Say) -> dict[str, Any]:
    """The question that fails a pilot until it is answered: the same videos through the form's path, compared, kept as
    a proof, and accepted by the customer; before there is a proof nothing can be accepted."""
    with story.ours():
        record_signal(story.id, "parity_question", QUESTION, ENGINEER)
    asked = story.verdict()
    say(f"{ENGINEER} asks: “{QUESTION}” The facts now say: {asked}.")
    refused = _accepts(story, say)
    request_id = f"parity-{story.id}"
    body = {"request_id": request_id, "mode": "test", "items": demo_items(ITEMS, FAIL)}
    with story.theirs("engineer"):
        again = create_batch(request_id, intake.items(body["items"]), entry="page", mode="test").batch_id
    until = time.monotonic() + PATIENCE_S
    while True:
        with story.ours():
            found = desk_parity.compare(desk_reads.parity_side(proof["batch_id"]), desk_reads.parity_side(again))
        if found.state != "insufficient" or time.monotonic() > until:
            break
        time.sleep(1)
    with story.ours():
        kept = keep_proof(again, proof["batch_id"], tenant=story.tenant.id)
    say(f"Proof of parity {kept.public_id}: {kept.state}. {found.sentence}")
    proven = story.verdict()
    _accepts(story, say)
    answered = story.verdict()
    say(f"The facts now say: {answered}.")
    return {
        "question": QUESTION, "batches": [proof["batch_id"], again], "proof": kept.public_id, "state": kept.state,
        "sentence": found.sentence, "verdict_when_asked": asked, "refused_without_proof": refused,
        "verdict_when_proven": proven, "verdict_when_accepted": answered,
    }  # fmt: skip


def _accepts(story: Story, say: Say) -> str:
    """The customer accepts the proof of parity; the code of the refusal, empty when it was accepted."""
    try:
        story.says("parity")
    except PilothouseError as refused:
        say(f"Refused ({refused.code}): {refused}")
        return refused.code
    return ""


def _incident(story: Story, say: Say) -> None:
    """A customer's report that costs nobody anything: opened, taken, understood and ended, step by step."""
    with story.ours():
        opened = desk.open_incident(
            "webhook_signature", "The customer's library refuses a signature", program="video", tenant=story.tenant.id
        )["public_id"]
        desk.acknowledge(opened)
        desk.mitigate(
            opened,
            paused="Nothing: the events were delivered and acknowledged by another receiver.",
            logs="One attempt, answered 200.",
            verification="Signatures cover the raw bytes; no guarantee is touched.",
        )
        desk.write_root_cause(opened, "Their proxy re-encoded the body before the signature was checked.")
        desk.resolve(opened, "They check the raw bytes now, as the guide says.")
    say(f"Incident {opened} (P1, webhook_signature) was opened, understood and ended.")


def told(run: dict[str, Any]) -> str:
    """A pilot's run for a person."""
    phases = [f"  {each['number']} {each['title']}: {_counts(each['lines'])}" for each in run["phases"]]
    criteria = [
        f"{each['verdict']:>13}  {each['title']}: {each['words']} ({each['sentence']})" for each in run["criteria"]
    ]
    kinds = {"machine": "ticked by facts", "ours": "attested by us", "customer": "attested by the customer"}
    done = ", ".join(f"{count} {kinds[kind]}" for kind, count in run["lines"]["done"].items())
    incidents = [f"{each['incident']}: {each['severity']} {each['kind']}, {each['state']}" for each in run["incidents"]]
    signer = run["verdict_by"].partition(":")[2]
    failed = {claim: found for claim, found in run["verifier"]["claims"].items() if found}
    verifier = f"{len(run['verifier']['claims'])} claims, " + (f"✗ {failed}" if failed else "all ✓")
    lines = [
        "", f"{run['company']} ({run['pilot']}): {run['state']}, signed by {signer or 'nobody'}.",
        *phases, f"Lines: {done}.", *criteria,
        *[f"Incident  {each}" for each in incidents],
        *[f"Report    {path}" for path in run["reports"]],
        *[f"Look      {line}" for line in run.get("look", ())],
        f"Export    {run['export']['folder']}", f"Verifier  {verifier}",
        "Every number holds." if run["holds"] else "The proof does NOT hold.",
    ]  # fmt: skip
    return "\n".join(lines)


def _counts(lines: list[dict[str, Any]]) -> str:
    return f"{sum(each['state'] in ('done', 'na') for each in lines)} of {len(lines)} lines"
