"""What the deals program tells of a pilot in one market: its numbers, its daily lines, its people, its exports."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from pilothouse.kernel.base.errors import Conflict, NotFound
from pilothouse.kernel.base.sql import Row, Statements
from pilothouse.kernel.watch.pilot_facts import Comparison, FeedbackFacts, JudgedMetric, Line, Party, PilotFacts, Trend
from pilothouse.ui.units import share_text

from . import metrics
from .commands import PROGRAM_NAME, access_deal
from .exports import write_exports
from .limits import STUCK_AFTER_S, VERDICT_MIN_DEALS
from .models import Deal, Dispute
from .switch import ENABLED_FLAG

SQL = Statements(__file__, "sql/pilot")
DISPUTES_PAGE, DEALS_PAGE, METRICS_PAGE = "/admin/disputes", "/desk/deals/", "/desk/deals/metrics"


def tenants() -> list[int]:
    """The markets that have had a deal."""
    return [row["tenant"] for row in SQL.rows("tenants")]


def day(tenant: int, since: datetime, until: datetime) -> Mapping[str, int]:
    """The counters of the daily summary over [since, until)."""
    row = _one("day", tenant=tenant, since=since, until=until)
    return {
        _("Deals created"): row["created"],
        _("Deals settled"): row["settled"],
        _("Disputes opened"): row["disputes"],
    }


def lines(tenant: int, since: datetime, until: datetime) -> Mapping[str, Sequence[Line]]:
    """The lines of the daily checklist that only this program can fill."""
    now = state_now(tenant)
    told = {each.name: each for each in metrics.primary(_whole(tenant))}
    broken = now["outside_menu"] + now["without_reason"] + now["open_menus"]
    return {
        "morning": (
            Line(
                _("Dispute list reviewed"),
                _("%(disputes)s open, %(soon)s end within 12 hours, %(bare)s without all evidence") % now,
                page=DISPUTES_PAGE,
            ),
            Line(
                _("Admin constraints verified"),
                _("%(outside_menu)s decisions outside their menu, %(without_reason)s without a reason, "
                  "%(open_menus)s templates without a closed menu") % now,
                broken == 0,
            ),
        ),
        "afternoon": (
            Line(
                _("Active deals reviewed"),
                _("%(open)s open, %(inspection)s in inspection of which %(armed)s have an approval timer, "
                  "%(stuck)s stuck") % now,
                None if now["stuck"] == 0 and now["inspection"] == now["armed"] else False,
                page=DEALS_PAGE,
            ),
            Line(_("Metrics monitored"), ", ".join(_written(each) for each in told.values()), page=METRICS_PAGE),
        ),
    }  # fmt: skip


def _written(each: JudgedMetric) -> str:
    if each.value is None:
        return f"{each.title} —"
    return f"{each.title} " + (f"{each.value:.1f}" if each.unit == "days" else share_text(each.value))


def primary(tenant: int) -> Sequence[JudgedMetric]:
    """The four metrics over matured deals."""
    return metrics.primary(_whole(tenant))


def secondary(tenant: int) -> Sequence[JudgedMetric]:
    """How often an operator had to decide."""
    return metrics.secondary(_whole(tenant))


def weeks(tenant: int) -> Sequence[Trend]:
    """The four metrics by the week in which deals were made, the newest first."""
    return [
        Trend(row["part"], row["created"], metrics.primary(row)) for row in metrics.measure(tenant=tenant, by="week")
    ]


def versions(tenant: int) -> Sequence[Comparison]:
    """Each version of the terms against the one before it."""
    rows = metrics.measure(tenant=tenant, by="version")
    return [
        Comparison(
            name, f"v{old}", f"v{new}",
            [(each["old"], each["new"], each["differs"]) for each in metrics.compared(before, after)],
        )
        for name, old, before, new, after in metrics.versions(rows)
    ]  # fmt: skip


def triggers(tenant: int) -> Sequence[str]:
    """The threshold of the rollback, over matured deals."""
    row = _whole(tenant)
    if not metrics.rollback_triggered(row):
        return []
    of = {"settled": row["settled"], "matured": row["matured"], "least": VERDICT_MIN_DEALS}
    return [_("%(settled)s of %(matured)s matured deals settled: less than half (at least %(least)s count)") % of]


def open_work(tenant: int) -> Mapping[str, int]:
    """How much goes on during a stop: open deals, and the timers that run for them."""
    now = state_now(tenant)
    return {"open": now["open"], "timers": now["timers"]}


def parties(tenant: int) -> Sequence[Party]:
    """Everybody with an open deal, by address."""
    return [Party(row["email"], row["person"], row["subjects"]) for row in SQL.rows("parties", tenant=tenant)]


def export(tenant: int, folder: Path) -> Sequence[Mapping[str, Any]]:
    """All timelines and ledger rows of the market as files with their hashes."""
    return write_exports(folder, tenant)


def feedback(person: int, subject: str) -> FeedbackFacts:
    """What a party's feedback is about. Raises NotFound for a stranger's deal, Conflict before its end."""
    deal, side = access_deal(subject, person)
    if deal.ended_at is None:
        raise Conflict(reason=_("This deal has not ended yet; the form opens when it has."))
    return FeedbackFacts(deal.title, side, f"{deal.template} v{deal.terms_version}", f"/deals/{deal.public_id}/")


def judged(subject: str) -> tuple[int, FeedbackFacts]:
    """What an operator's feedback about a deal is about. Raises NotFound, and Conflict where nothing was in dispute or
    the dispute is still open."""
    deal = Deal.objects.filter(public_id=subject).first()
    found = Dispute.objects.filter(deal=deal, ended_at__isnull=False).order_by("-id").first() if deal else None
    if deal is None:
        raise NotFound(what="deal")
    if found is None:
        raise Conflict(reason=_("No dispute of this deal has ended; the form opens when one has."))
    version = f"{deal.template} v{deal.terms_version}"
    return deal.tenant_id, FeedbackFacts(deal.title, "operator", version, f"/admin/disputes/{found.public_id}")


def state_now(tenant: int | None = None) -> Row:
    """What the deals of a market, or of all markets, are doing, and what operators could not have done (now.sql)."""
    return _one("now", tenant=tenant, late_s=STUCK_AFTER_S)


def _whole(tenant: int) -> Row:
    return metrics.total(metrics.measure(tenant=tenant))


def _one(name: str, **params: Any) -> Row:
    row = SQL.one(name, **params)
    assert row is not None
    return row


FACTS = PilotFacts(
    program=PROGRAM_NAME,
    title="Escrow deals",
    subjects=gettext_noop("deals"),
    flag=ENABLED_FLAG,
    tenants=tenants,
    day=day,
    lines=lines,
    primary=primary,
    secondary=secondary,
    weeks=weeks,
    versions=versions,
    triggers=triggers,
    open_work=open_work,
    parties=parties,
    export=export,
    feedback=feedback,
    judged=judged,
    pages=(("Disputes", "deals:desk_disputes"), ("Deals", "deals:desk_deals"), ("Metrics", "deals:desk_metrics")),
)
