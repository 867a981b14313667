"""The six weeks of a market's pilot, in a rehearsal's database whose business time is moved: twelve deals, one of them
disputed, judged over the deals that matured."""

from pathlib import Path
from typing import Any

from django.conf import settings

from pilothouse.kernel.base import machine
from pilothouse.kernel.base.clock import business_now
from pilothouse.kernel.base.days import SECONDS_PER_DAY
from pilothouse.kernel.base.scope import ops_scope, worker_scope
from pilothouse.kernel.watch.invariants import run_all
from pilothouse.pilots.activation import activate, drill_rollback
from pilothouse.pilots.advancing import advance_all
from pilothouse.pilots.attestations import attest_ours, lock_expectations
from pilothouse.pilots.digests import follow
from pilothouse.pilots.evaluation import look
from pilothouse.pilots.lifecycle import PILOT
from pilothouse.pilots.pausing import follow_gates
from pilothouse.pilots.pilot_reads import access_pilot
from pilothouse.pilots.running import create_pilot, prepare, qualify
from pilothouse.pilots.verdicts import computed, sign_verdict
from pilothouse.programs.deals import demo_script as stories
from pilothouse.programs.deals.demo import desk, play
from pilothouse.programs.deals.demo_market import MARKET_NAME, MN, OPERATORS, Market, hours
from pilothouse.programs.deals.lifecycle import DEAL, DISPUTE

from .pilot_demo import Say, shown

SEED = 6
APART = hours(60)
FORM = {"contact_name": "Bat Erdene", "contact_email": "bat@nomad.example"}
# One disputed deal of twelve: the target of the criterion is less than a tenth.
STORIES = tuple(
    (MN, tale)
    for tale in (
        stories.no_issue, stories.auto_approve, stories.no_issue, stories.early_release, stories.deemed_handover,
        stories.claim_agreed, stories.no_issue, stories.paid_in_two_parts, stories.auto_approve,
        stories.price_correction, stories.no_issue, stories.early_release,
    )
)  # fmt: skip
# Nothing of a rehearsal is sent; the runbook asks that alerts have somewhere to go.
ALERTS = ["json://localhost"]


class SixWeeks:
    """One market's pilot at the operators' desk."""

    def __init__(self, market: Market) -> None:
        self.market = market
        with self.ours():
            self.id = create_pilot(market.tenant, "deals", MARKET_NAME).public_id

    def ours(self) -> Any:
        """The operator's scope."""
        return ops_scope(f"operator:{OPERATORS[0]}", "demo pilot")

    def begin(self) -> None:
        """From the prospect to the activation."""
        with self.ours():
            runbook = look(access_pilot(self.id)).runbook
            qualify(self.id, {line.id: True for line in runbook.group("accept")}, FORM)
            lock_expectations(self.id)
            prepare(self.id)
            for line in runbook.group("preparation"):
                if line.kind == "ours":
                    there = "if available" not in line.text and "if analytics" not in line.text
                    attest_ours(self.id, line.id, True, note="" if there else "Not used here.", applicable=there)
            drill_rollback(self.id)
        run_all()
        with self.ours():
            activate(self.id, self.market.judge)
        with worker_scope("demo"):
            follow("deals", self.market.tenant)

    def at_desk(self, market: Market) -> None:
        """What the operators do twice a day: payouts, and the lines of a phase in its last days."""
        desk(market)
        follow_gates()
        with self.ours():
            seen = look(access_pilot(self.id))
            phase = next(each for each in seen.runbook.phases if each.id == seen.pilot.phase)
            days = (seen.scope.now - seen.scope.since).total_seconds() / SECONDS_PER_DAY
            if phase.day_to is None or days >= phase.day_to:
                self.attest(phase.id)
        advance_all()

    def attest(self, phase: str) -> None:
        """Our word on our open lines of a phase, in the open scope."""
        for each in look(access_pilot(self.id)).open_lines(phase=phase):
            if each.line.kind == "ours":
                attest_ours(self.id, each.line.id, True, evidence="/desk/pilots/")

    def sign(self, say: Say) -> None:
        """The end: the review's lines, the computed verdict and its signature."""
        with self.ours():
            self.attest(access_pilot(self.id).phase)
            _, verdict = computed(access_pilot(self.id))
            say(f"Verdict: {verdict.state}{'; ' + verdict.blocked if verdict.blocked else ''}")
            if not verdict.blocked:
                sign_verdict(self.id, verdict.state, "Continue", "The numbers are the ledger's.")


def run_deals(data: Path, say: Say) -> dict[str, Any]:
    """Play the pilot in the rehearsal's database that is open, and return what it shows; files go below `data`.

    `holds` says that the verdict is a success, somebody signed it and no invariant is broken.
    """
    settings.ALERT_URLS = settings.ALERT_URLS or ALERTS
    with worker_scope("demo"):
        market = Market(business_now())
    with machine.driven(SEED, lambda: market.at):
        market.open()
        pilot = SixWeeks(market)
        pilot.begin()
        say("Active: the clock of six weeks runs.")
        kinds = (DEAL.name, DISPUTE.name, PILOT.name)
        play(market, say, stories=STORIES, apart=APART, look_at=pilot.at_desk, kinds=kinds)
        pilot.sign(say)
        broken = [result["name"] for result in run_all() if result["rows"]]
        told = shown(pilot.id, pilot.ours, data / "demo" / pilot.id, say)
    return {
        **told, "deals": len(market.trades), "invariants_broken": broken,
        "holds": told["state"] == "succeeded" and bool(told["verdict_by"]) and not broken
        and told["verifier"]["holds"],
    }  # fmt: skip
