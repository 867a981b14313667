"""The pilot of a rehearsal: its people take the same steps as at the desk, as soon as they may."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, suppress
from datetime import datetime, timedelta
from functools import partial

from pilothouse.kernel.access.commands import consume_reveal_link
from pilothouse.kernel.access.models import Operator, RevealLink
from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.kernel.base.rehearsal import Population, Refused, Script
from pilothouse.kernel.base.scope import Scope, ops_scope, tenant_scope, worker_scope
from pilothouse.kernel.ledger.grants import approve_grant
from pilothouse.kernel.watch import invariants, promises
from pilothouse.kernel.watch.commands import acknowledge
from pilothouse.kernel.watch.models import Incident

from ..activation import activate, drill_rollback
from ..advancing import advance_all
from ..attestations import attest_customer, attest_ours, lock_expectations
from ..evaluation import LineState, Look, Verdict
from ..pausing import follow_gates
from ..pilot_reads import access_pilot
from ..runbook import Line
from ..running import create_pilot, prepare, qualify
from ..verdicts import computed, sign_verdict
from . import limits
from .stage import Played

WHAT = "a rehearsal"
NOTE = "As rehearsed."


class Desk:
    """The operators of one rehearsed pilot, and the customer's people who attest its lines."""

    def __init__(self, stage: Played, program: str, population: Population) -> None:
        self.stage = stage
        self.program = program
        self.population = population
        self._on_call = stage.chance("on call")
        self._is_on_the_way = False
        # The phase of which people have said all that they may.
        self._said_all_of = ""
        # Lines that somebody of another role has tried to confirm.
        self._tried: set[str] = set()
        self.tenant = population.open(stage)
        with worker_scope(WHAT):
            operators = list(Operator.objects.select_related("user").order_by("id"))
        self.asks, self.approves = (each.user_id for each in operators[:2])
        self.actor = f"operator:{operators[0].user.email}"
        with self.ours():
            self.pilot = create_pilot(self.tenant, program, population.company).public_id

    def ours(self) -> AbstractContextManager[Scope]:
        """The scope of an operator's page."""
        return ops_scope(self.actor, WHAT)

    def activate(self) -> None:
        """From the first call to the beginning of the pilot's clock. Raises PilothouseError when it may not begin."""
        name, email = self.population.contact
        with self.ours():
            runbook = computed(access_pilot(self.pilot))[0].runbook
            answers = {line.id: group == "accept" for group in ("accept", "reject") for line in runbook.group(group)}
            qualify(self.pilot, answers, {"contact_name": name, "contact_email": email})
        if runbook.group("expectation"):
            self._attest([line for line in self.seen()[0].lines if line.line.group == "expectation"])
        else:
            with self.ours():
                lock_expectations(self.pilot)
        with self.ours():
            prepare(self.pilot)
        promises.run()
        invariants.run_all()
        self._attest([line for line in self.seen()[0].lines if line.line.group == "preparation"])
        with self.ours():
            drill_rollback(self.pilot)
            begun = activate(self.pilot, self.asks)
        if begun.state == "waiting" and begun.grant is not None:
            with worker_scope(self.actor):
                approve_grant(self.approves, begun.grant.request)
            with self.ours():
                begun = activate(self.pilot, self.asks)
        if begun.key_link:
            self._open_key(begun.key_link)

    def _open_key(self, address: str) -> None:
        """The customer opens the link of the activation mail, once."""
        token = address.rstrip("/").rpartition("/")[2]
        with tenant_scope(self.tenant, next(iter(self.population.members().values()))):
            link = RevealLink.objects.get(public_id=access_pilot(self.pilot).reveal_link)
            consume_reveal_link(self.tenant, link.id, token)

    def look(self) -> None:
        """What operators do at the desk: take incidents whose page did not reach them, attest what the phase asks
        for, let it move on."""
        self._take_incidents({"opened_at__lt": self.stage.at})
        follow_gates()
        with self.ours():
            phase = access_pilot(self.pilot).phase
        if phase != self._said_all_of:
            wanted = [line for line in self.seen()[0].lines if line.line.phase == phase and _is_for_people(line)]
            self._attest(wanted)
            if all(line.state not in ("open", "waiting") for line in wanted):
                self._said_all_of = phase
        advance_all()

    def paged(self) -> None:
        """A page has reached the operator on call, who takes what is open some minutes later; one way is enough."""
        if self._is_on_the_way:
            return
        self._is_on_the_way = True
        stalls = self._on_call.random() < limits.ON_CALL_STALLS_RATIO
        after = self._on_call.randint(*(limits.ON_CALL_STALLED_S if stalls else limits.ON_CALL_TAKES_S))
        self.stage.go(timedelta(seconds=after), "the operator on call", self._answers())

    def _answers(self) -> Script:
        self._is_on_the_way = False
        self._take_incidents({})
        yield from ()

    def _take_incidents(self, among: Mapping[str, datetime]) -> None:
        with self.ours():
            found = list(Incident.objects.filter(state="open", **among).order_by("id").values_list("public_id", "kind"))
        for public_id, kind in found:
            with suppress(Refused):
                self.stage.act(
                    f"an operator takes the incident {kind}", self.ours, partial(acknowledge, public_id), twice=False
                )

    def seen(self) -> tuple[Look, Verdict]:
        """The pilot as it stands, and what follows from it."""
        with self.ours():
            return computed(access_pilot(self.pilot))

    def sign(self) -> bool:
        """Sign the verdict when it may be signed; returns whether it was."""
        look, verdict = self.seen()
        if look.pilot.state != "review" or verdict.blocked:
            return False
        with self.ours():
            sign_verdict(self.pilot, verdict.state, "Continue" if verdict.state == "succeeded" else "Close")
        return True

    def _attest(self, lines: Iterable[LineState]) -> None:
        """People say yes to their open lines; what the product does not let them say stays open."""
        members: Mapping[str, str] = self.population.members()
        for state in lines:
            if state.state == "open" and _is_for_people(state):
                try:
                    self._say(state, members)
                except PilothouseError as refusal:
                    self.stage.refusals[refusal.code] += 1

    def _say(self, state: LineState, members: Mapping[str, str]) -> None:
        line = state.line
        if line.id not in self._tried:
            self._tried.add(line.id)
            self._trespass(line, members)
        if line.kind == "ours":
            with self.ours():
                attest_ours(self.pilot, line.id, True, note=NOTE, applicable="if available" not in line.text)
            return
        role = next((role for role in line.roles if role in members), None)
        if role is not None:
            with tenant_scope(self.tenant, members[role]):
                attest_customer(self.pilot, line.id, role, True, note=NOTE)

    def _trespass(self, line: Line, members: Mapping[str, str]) -> None:
        """A member of another role confirms the line first."""
        role = next((role for role in reversed([*members]) if role not in line.roles), None)
        if line.kind != "customer" or role is None:
            return
        self.stage.trespass(
            f"{role} confirms a line of {' or '.join(line.roles)}: {line.text}",
            partial(tenant_scope, self.tenant, members[role]),
            partial(attest_customer, self.pilot, line.id, role, True, note=NOTE),
        )


def _is_for_people(state: LineState) -> bool:
    """Whether somebody has to say yes to it."""
    return state.line.kind != "machine" and not state.line.is_optional
