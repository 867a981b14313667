"""The four playbooks of a deal pilot (requirement ESC-060), as pages that run each check over all markets.

They are for operators: to everybody else they do not exist. Nothing here changes anything.
"""

from collections.abc import Callable, Sequence

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from pilothouse.kernel.access.desk import looking
from pilothouse.kernel.access.page_access import operator_page
from pilothouse.kernel.access.principal import OperatorPrincipal
from pilothouse.kernel.base.sql import Row
from pilothouse.kernel.watch import desk_queries, slos
from pilothouse.pilots import feedback, question_reads
from pilothouse.programs.deals import desk_reads, metrics
from pilothouse.programs.deals.pilot import state_now
from pilothouse.ui.tables import Column, Table
from pilothouse.ui.units import share_text

from .guides import DEAL_PLAYBOOKS, page
from .playbooks import FAIL, PASS, ROWS_COUNT, UNKNOWN, Check

WEEK_HOURS = 7 * 24
ESCROW_CHECK = "invariant:deal_escrow_is_where_it_says"
UPLOAD_REFUSALS = ("body_too_large", "file_too_large", "file_type_refused", "image_refused", "upload_missing")


@operator_page()
def deal_playbook(request: HttpRequest, operator: OperatorPrincipal, name: str) -> HttpResponse:
    """A playbook's text, with its checks over all markets."""
    shown = next(one for one in DEAL_PLAYBOOKS if one.slug == f"playbooks/{name}")
    readings = {reading.slo.name: reading for reading in slos.read_slos()}
    with looking(request, operator):
        found = CHECKS[name](readings)
    failed = sum(check.state == FAIL for check in found)
    return page(request, shown, checks=found, failed=failed, checks_title=_("Checks over all markets"))


def check_timers(readings: dict[str, slos.SloReading]) -> list[Check]:
    """Is every timer there, seen, and fired in time?"""
    now, counts = state_now(), question_reads.counts("deals")
    stuck = desk_reads.deals(state="stuck")
    lateness = readings.get("timer_lateness")
    missing = now["inspection"] - now["armed"]
    return [
        Check(
            _("Every deal in inspection has its approval timer"), _("%(n)s without one") % {"n": missing}, "0",
            FAIL if missing else PASS, _("A deal without a timer is stuck: the list of stuck deals names it."),
        ),
        Check(
            _("No deal is stuck"), str(now["stuck"]), "0", FAIL if stuck else PASS,
            _("Look at each: its timer is missing or late, and an incident is open for it."),
            _table(_("Stuck deals"), stuck[:ROWS_COUNT], [
                Column("public_id", _("Deal"), "id"), Column("state", _("State"), "state"),
                Column("tenant_name", _("Market")), Column("due_at", _("Was due"), "instant"),
            ]),
        ),
        _reports("hidden_timer", _("Nobody reported a hidden timer"), counts["hidden_timer"],
                 _("Answer each in the inbox, and look at the page that it came from.")),
        _judged(lateness, _("Timers fire within a minute of being due")),
    ]  # fmt: skip


def check_holdback(readings: dict[str, slos.SloReading]) -> list[Check]:
    """Does the money lie where it says, and do people know it?"""
    now, counts = state_now(), question_reads.counts("deals")
    faq = question_reads.faq("deals")
    seen = desk_queries.checks().get(ESCROW_CHECK)
    run = seen if seen and seen["id"] is not None else None
    told = {(row["name"], row["answer"]): row["count"] for row in feedback.totals()}
    knew, did_not = told.get(("money_known", "yes"), 0), told.get(("money_known", "no"), 0)
    return [
        Check(
            _("Money in escrow is where each deal says"), "—" if run is None else str(run["rows"]), "0",
            UNKNOWN if run is None else FAIL if run["rows"] else PASS,
            _("The check runs each hour; a row is a P0, and the promise board has its incident."),
        ),
        _reports("money_unclear", _("Nobody reported unclear money"), counts["money_unclear"],
                 _("Answer with the sentence of Money Summary and its date.")),
        Check(
            _("Who filled in the form knew where the money was"), f"{knew} / {knew + did_not}", _("all"),
            UNKNOWN if not knew + did_not else FAIL if did_not else PASS,
            _("The forms say when they did not know; change the words of that step."),
        ),
        Check(
            _("There is an answer for everybody about it"), str(len(faq)), "≥ 1", PASS if faq else UNKNOWN,
            _("Turn an answer of the inbox into a question with an answer for everybody."),
        ),
        Check(
            _("Payouts that people wait for have left"), _("%(n)s wait for over a day") % {"n": now["payouts_late"]},
            "0", FAIL if now["payouts_late"] else PASS, _("Send or retry them on the payments desk."),
        ),
    ]  # fmt: skip


def check_evidence(readings: dict[str, slos.SloReading]) -> list[Check]:
    """Can people add what their claim needs?"""
    counts = question_reads.counts("deals")
    bare = desk_reads.disputes(evidence="incomplete")
    refused = [
        row for row in desk_queries.errors(kind="refused", hours=WEEK_HOURS)
        if row["code"] in UPLOAD_REFUSALS
    ]  # fmt: skip
    broken = [
        row for row in desk_queries.errors(kind="browser", hours=WEEK_HOURS) if row["place"].startswith("/deals/")
    ]
    columns = [
        Column("code", _("Code")), Column("place", _("Address")), Column("words", _("What was told")),
        Column("lately", _("Times"), "number"),
    ]  # fmt: skip
    return [
        _reports("evidence_upload", _("Nobody reported trouble with evidence"), counts["evidence_upload"],
                 _("Answer with what is missing, by name.")),
        Check(
            _("Open disputes have all the evidence that their reasons need"), _("%(n)s do not") % {"n": len(bare)}, "0",
            FAIL if bare else PASS, _("The buyer sees what is missing; it can be added until an hour before the end."),
            _table(_("Disputes without all evidence"), bare[:ROWS_COUNT], [
                Column("public_id", _("Dispute"), "id"), Column("due_at", _("Ends"), "instant"),
            ]),
        ),
        Check(
            _("Uploads were not refused for their kind or size this week"), str(sum(row["lately"] for row in refused)),
            "0", FAIL if refused else PASS, _("A kind that many send is worth taking."),
            _table(_("What was refused"), refused[:ROWS_COUNT], columns),
        ),
        Check(
            _("No browser failed on a page of deals this week"), str(sum(row["lately"] for row in broken)), "0",
            FAIL if broken else PASS, _("The errors page has the script and the line."),
            _table(_("Errors in browsers"), broken[:ROWS_COUNT], columns),
        ),
    ]  # fmt: skip


def check_outcomes(readings: dict[str, slos.SloReading]) -> list[Check]:
    """Was every decision one that the terms allow, and how many were needed?"""
    now = state_now()
    whole = metrics.total(metrics.measure())
    (intervention,) = metrics.secondary(whole)
    share = "—" if intervention.value is None else f"{100 * intervention.value:.0f} %"
    return [
        Check(
            _("Every decision is from the menu of its own deal's terms"), str(now["outside_menu"]), "0",
            FAIL if now["outside_menu"] else PASS, _("This cannot happen through the product: look at who wrote it."),
        ),
        Check(
            _("Every decision has its reason and its note"), str(now["without_reason"]), "0",
            FAIL if now["without_reason"] else PASS, _("This cannot happen through the product: look at who wrote it."),
        ),
        Check(
            _("Every published template has a closed menu for each of its reasons"), str(now["open_menus"]), "0",
            FAIL if now["open_menus"] else PASS, _("Publish a version with a menu for each reason."),
        ),
        Check(
            _("Operators had to decide"), f"{share} ({intervention.count} / {intervention.of})", _("seldom"),
            UNKNOWN, _("No target is set. When it rises, the caps or the menu may be wrong: see the weekly review."),
        ),
        _judged(readings.get("disputes_decided"), _("Disputes end by people before their time is over")),
    ]  # fmt: skip


def _reports(kind: str, claim: str, count: int, advice: str) -> Check:
    rows = question_reads.inbox(state="all", kind=kind)[:ROWS_COUNT] if count else []
    table = _table(_("Reports"), rows, [
        Column("sent_at", _("When"), "instant"), Column("words", _("Words")), Column("subject", _("Deal"), "id"),
        Column("tenant_name", _("Market")),
    ])  # fmt: skip
    return Check(claim, str(count), "0", FAIL if count else PASS, advice, table)


def _judged(reading: slos.SloReading | None, claim: str) -> Check:
    states = {"met": PASS, "breached": FAIL, "insufficient_data": UNKNOWN}
    if reading is None or reading.value is None:
        return Check(claim, "—", "", UNKNOWN, _("Nothing was measured yet."))
    value, target = share_text(reading.value), share_text(reading.slo.target)
    return Check(claim, value, target, states[reading.state], _("Look at the health of the workers."))


def _table(caption: str, rows: Sequence[Row], columns: list[Column]) -> Table | None:
    return Table(caption, columns, rows) if rows else None


CHECKS: dict[str, Callable[[dict[str, slos.SloReading]], list[Check]]] = {
    "timers": check_timers,
    "holdback": check_holdback,
    "evidence": check_evidence,
    "outcomes": check_outcomes,
}
