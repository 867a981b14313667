"""A video pilot with its people, and the steps by which it comes to where a test begins."""

import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from pilothouse.kernel.access.commands import add_member, add_operator, consume_reveal_link
from pilothouse.kernel.access.models import RevealLink
from pilothouse.kernel.base import clock, simulated_clock
from pilothouse.kernel.base.scope import ops_scope, tenant_scope, worker_scope
from pilothouse.kernel.base.sql import run
from pilothouse.kernel.lifecycle.timers import fire_due
from pilothouse.kernel.watch import promises
from pilothouse.kernel.watch.checklists import record_line, start_run
from pilothouse.pilots.activation import Activated, activate, drill_rollback
from pilothouse.pilots.advancing import advance_all
from pilothouse.pilots.attestations import attest_customer, attest_ours
from pilothouse.pilots.evaluation import Look, Verdict, look
from pilothouse.pilots.pilot_models import Pilot
from pilothouse.pilots.pilot_reads import access_pilot
from pilothouse.pilots.publishing import publish_first_runbooks
from pilothouse.pilots.running import create_pilot, prepare, qualify
from pilothouse.pilots.verdicts import computed
from pilothouse.programs.video.checklist import LINES, NAME
from pilothouse.programs.video.confirmations import FIELDS, confirm_receipt
from pilothouse.programs.video.parity_proofs import keep_proof

sys.path.insert(0, str(Path(__file__).parents[1] / "watch"))
from world import Made, complete, open_batch

ACCEPT = ("engineering_team", "use_case", "webhook_willing", "budget_aligned")
REJECT = ("wants_success_rate", "expects_sla", "no_technical_contact", "just_trying")
YES = {**dict.fromkeys(ACCEPT, True), **dict.fromkeys(REJECT, False)}
EXPECTED = ("understands_orchestration", "understands_item_level", "understands_guarantees")
FORM = {"contact_name": "Ada", "contact_email": "ada@northwind.example", "budget_usd": 1000, "batches": 3, "items": 10}
PASSWORD = "a long pass phrase 7"


class VideoPilot:
    """One enterprise customer of the video program; `house` may have a clock that is moved by hand."""

    def __init__(self, house: Any, name: str = "Northwind") -> None:
        self.house = house
        self.tenant = house.tenant(name)
        self.domain = f"{name.lower()}.example"
        with worker_scope("test"):
            publish_first_runbooks()
            made = [add_operator(f"{who}@ours.example", who, who, PASSWORD) for who in ("operator", "admin", "support")]
            self.operator, self.second = made[0].user_id, made[1].user_id
        with tenant_scope(self.tenant.id, "test"):
            for role in ("owner", "engineer", "finance"):
                add_member(self.tenant.id, f"{role}@{self.domain}", role, role, PASSWORD)
        with self.ours():
            self.id = create_pilot(self.tenant.id, "video", name).public_id

    def ours(self, who: str = "operator") -> Any:
        """The scope of an operator's page."""
        return ops_scope(f"operator:{who}@ours.example", "test")

    def theirs(self, role: str = "engineer") -> Any:
        """The scope of a member's page."""
        return tenant_scope(self.tenant.id, f"user:{role}@{self.domain}")

    @property
    def row(self) -> Pilot:
        """The pilot as it stands."""
        with self.ours():
            return access_pilot(self.id)

    def look(self) -> Look:
        """A look for operators."""
        with self.ours():
            return look(access_pilot(self.id))

    def line(self, name: str) -> str:
        """The state of one line."""
        return next(each.state for each in self.look().lines if each.line.id == name)

    def verdict(self) -> Verdict:
        """What follows now."""
        with self.ours():
            return computed(access_pilot(self.id))[1]

    def qualified(self) -> "VideoPilot":
        with self.ours():
            qualify(self.id, YES, FORM)
        return self

    def locked(self) -> "VideoPilot":
        self.qualified()
        for line in EXPECTED:
            self.says(line, "engineer")
        return self

    def preparing(self) -> "VideoPilot":
        self.locked()
        with self.ours():
            prepare(self.id)
        return self

    def ready(self) -> "VideoPilot":
        """Prepared, with every line of the preparation done."""
        self.preparing()
        self.checklist()
        promises.run()
        with self.ours():
            assert drill_rollback(self.id)["ok"]
        return self

    def checklist(self, seconds: float = 1.0) -> None:
        """A run of the internal checklist that passed."""
        with worker_scope("test"):
            started = start_run(NAME, list(LINES), 600, "test")
            for name in LINES:
                record_line(started, name, ok=True, seconds=seconds, evidence="seen")

    def activate(self, **options: Any) -> Activated:
        with self.ours():
            return activate(self.id, self.operator, **options)

    def active(self) -> "VideoPilot":
        self.ready()
        assert self.activate().state == "active"
        return self

    def finished(self) -> "VideoPilot":
        """Active, with everything done and true up to the review, which the next `advance_all` begins."""
        self.active().open_key()
        self.call()
        self.proven()
        self.finish_all_lines()
        return self

    def call(self) -> None:
        """One call of the API, as the usage log keeps it."""
        with worker_scope("test"):
            run(
                "INSERT INTO api_usage"
                " (tenant, key, actor, at, method, path, status, milliseconds, request_id, ip_hash)"
                " SELECT tenant, id, 'key:x', base.clock_now(), 'GET', '/v1/batches', 200, 3, 'req_1', 'x'"
                " FROM enterprise_api_keys WHERE tenant = %s LIMIT 1", [self.tenant.id],
            )  # fmt: skip

    def open_key(self) -> str:
        """The customer opens the link; returns the raw key. The token is only in the mail, so a new link is made."""
        from pilothouse.pilots.activation import renew_key_link

        with self.ours():
            address = renew_key_link(self.id)
        token = address.rstrip("/").rpartition("/")[2]
        with self.theirs():
            link = RevealLink.objects.get(public_id=access_pilot(self.id).reveal_link)
            return consume_reveal_link(self.tenant.id, link.id, token)[1]

    def says(self, line: str, role: str, agrees: bool = True) -> None:
        """A member attests one of the customer's lines."""
        with self.theirs(role):
            attest_customer(self.id, line, role, agrees)

    def we_say(self, line: str, agrees: bool = True) -> None:
        """An operator attests one of our lines."""
        with self.ours():
            attest_ours(self.id, line, agrees)

    def batch(self, request_id: str = "order-1", *, ended: bool = True) -> Made:
        """A batch of ten, completed with two refunds."""
        made = open_batch(self.house, tenant=self.tenant, request_id=request_id)
        return complete(made) if ended else made

    def proof(self, made: Made, name: str = "again", **changes: Any) -> Any:
        """The same videos through the page, compared with a batch of the API; kept. `changes` are of what is asked."""
        again = complete(open_batch(self.house, tenant=self.tenant, request_id=name, entry="page", **changes))
        with self.ours():
            return keep_proof(made.public_id, again.public_id)

    def endpoint(self) -> None:
        """An HTTPS endpoint of the customer."""
        from pilothouse.kernel.outbox.endpoints import create_endpoint

        with self.theirs():
            create_endpoint("https://hooks.northwind.example/video")

    def deliver(self, state: str = "delivered") -> None:
        """What waits for the customer's endpoint is acknowledged."""
        with worker_scope("test"):
            run(
                "UPDATE delivery SET state = 'sending', lease_until = base.clock_now(), next_run_at = NULL"
                " WHERE tenant = %s AND state = 'queued'", [self.tenant.id],
            )  # fmt: skip
            run(
                "UPDATE delivery SET state = %s, ended_at = base.clock_now(), lease_until = NULL, last_status = 200"
                " WHERE tenant = %s AND state = 'sending'", [state, self.tenant.id],
            )  # fmt: skip

    def body(self, made: Made) -> bytes:
        """The bytes of the batch's `batch.completed`."""
        with self.theirs():
            (row,) = run("SELECT body FROM message WHERE reference = %s", [made.public_id])
        return bytes(row["body"])

    def confirm(self, made: Made, role: str = "engineer", **changes: Any) -> None:
        """A member confirms a received body field by field; `changes` are what their body has otherwise."""
        body = self.body(made)
        if changes:
            body = json.dumps({**json.loads(body), **changes}).encode()
        with self.theirs(role):
            confirm_receipt(body, FIELDS, f"form {made.public_id} {role} {changes}", role)

    def proven(self) -> Made:
        """Everything that the three criteria ask for."""
        self.endpoint()
        made = self.batch()
        self.deliver()
        self.confirm(made)
        self.says("finance_confirms", "finance")
        return made

    def pass_time(self, **length: float) -> None:
        """Move business time, firing what becomes due, then let the pilots move on."""
        until = self.now() + timedelta(**length)
        with worker_scope("test"):
            simulated_clock.move_to(until)
        while fire_due():
            pass
        advance_all()

    def now(self) -> Any:
        with worker_scope("test"):
            return clock.business_now()

    def finish_all_lines(self) -> None:
        """Every line up to the review that people tick."""
        for line in self.look().runbook.lines.values():
            if line.phase in ("activation", "first_batch", "verification") and not line.is_optional:
                if line.kind == "customer" and line.id != "finance_confirms":
                    self.says(line.id, line.roles[0])
                elif line.kind == "ours":
                    self.we_say(line.id)
