"""What ticks the machine lines of a deals pilot and decides its criteria: the market's deals, terms, timers, disputes.

The account is the market, so all of its offered deals under the pilot's template count, whenever they were made.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any

from django.conf import settings
from django.urls import reverse

from pilothouse.kernel.access.models import Operator
from pilothouse.kernel.base.facts import Fact, Measure, PilotChecks, PilotScope
from pilothouse.kernel.base.sql import Row, Statements
from pilothouse.kernel.terms.errors import NoTerms
from pilothouse.kernel.terms.queries import Version, published

from . import metrics
from .limits import BPS, STUCK_AFTER_S, VERDICT_MIN_DEALS
from .terms_checks import KIND, bps

SQL = Statements(__file__, "sql/pilot")
EXPORT = Statements(__file__, "sql/export")


def _facts(scope: PilotScope) -> Row:
    if "deals" not in scope.memo:
        template = scope.conditions["template"]
        scope.memo["deals"] = SQL.one("facts", tenant=scope.tenant, template=template, late_s=STUCK_AFTER_S)
    found: Row = scope.memo["deals"]
    return found


def _counts(scope: PilotScope) -> Row:
    """What the metrics are made of, over this market's deals."""
    if "counts" not in scope.memo:
        rows = metrics.measure(tenant=scope.tenant, template=scope.conditions["template"])
        scope.memo["counts"] = metrics.total(rows)
    found: Row = scope.memo["counts"]
    return found


def _in_force(scope: PilotScope) -> Version | None:
    """The terms of the pilot's template that are in force, if any are."""
    if "in_force" not in scope.memo:
        try:
            scope.memo["in_force"] = published(KIND, scope.conditions["template"])
        except NoTerms:
            scope.memo["in_force"] = None
    found: Version | None = scope.memo["in_force"]
    return found


def _metrics_url() -> str:
    return reverse("deals:desk_metrics")


def template_loaded(scope: PilotScope, argument: str) -> Fact:
    """The country template in force."""
    name, version = scope.conditions["template"], _in_force(scope)
    if version is None:
        return Fact(False, f"There are no terms {name} in force.")
    return Fact(True, f"{name} v{version.version} is in force.", url=reverse("deals:desk_terms_one", args=[name]))


def parameter(scope: PilotScope, argument: str) -> Fact:
    """One of the four parameters of the template in force, against what the runbook expects (requirement ESC-011)."""
    conditions, found_terms = scope.conditions, _in_force(scope)
    if found_terms is None:
        return Fact(False, "There are no terms in force.")
    body = found_terms.body
    holdback = bps(body["holdbackRatio"], "holdbackRatio")
    found, expected, unit = {
        "inspection": (body["inspectionTtlDays"], conditions["inspection_ttl_days"], "days"),
        "dispute": (body["disputeTtlHours"], conditions["dispute_ttl_hours"], "hours"),
        "holdback": (holdback, conditions["holdback_bps"], "basis points"),
        "immediate": (BPS - holdback, conditions["immediate_bps"], "basis points"),
    }[argument]
    return Fact(found == expected, f"{found} {unit}; {expected} expected.")


def member_created(scope: PilotScope, argument: str) -> Fact:
    """Somebody is in the market with this role."""
    at = (_facts(scope)["members"] or {}).get(argument)
    words = f"There is a {argument}." if at else f"There is no {argument} yet."
    return Fact(at is not None, words, datetime.fromisoformat(at) if at else None)


def admin_created(scope: PilotScope, argument: str) -> Fact:
    """One of us may decide disputes. Read by operators only."""
    found = Operator.objects.filter(role__in=["admin", "operator"]).order_by("id").first()
    words = "There is an operator who may decide." if found else "There is no operator."
    return Fact(found is not None, words, found.added_at if found else None)


def alerting_configured(scope: PilotScope, argument: str) -> Fact:
    """Alerts have somewhere to go."""
    count = len(settings.ALERT_URLS)
    return Fact(count > 0, f"{count} addresses in ALERT_URLS.", url=reverse("desk:health"))


def first_deal(scope: PilotScope, argument: str) -> Fact:
    """The first deal that was offered."""
    row = _facts(scope)
    return Fact(row["deals"] > 0, f"{row['deals']} deals offered.", row["first_at"], reverse("deals:desk_deals"))


def timers_visible(scope: PilotScope, argument: str) -> Fact:
    """A deal came to inspection, and each that is there has its timer armed."""
    row = _facts(scope)
    done = row["handed_over"] > 0 and row["hidden_timers"] == 0
    words = f"{row['inspected']} in inspection, {row['hidden_timers']} without an armed timer."
    return Fact(done, words, row["handed_over_at"] if done else None, reverse("deals:desk_deals"))


def no_stuck_deals(scope: PilotScope, argument: str) -> Fact:
    """Every open deal has a timer that will fire."""
    row = _facts(scope)
    done = row["deals"] > 0 and row["stuck"] == 0
    return Fact(done, f"{row['stuck']} of {row['deals']} deals are stuck.", row["first_at"] if done else None,
                reverse("deals:desk_deals"))  # fmt: skip


def issues_have_evidence(scope: PilotScope, argument: str) -> Fact:
    """Every dispute has a file of the buyer."""
    row = _facts(scope)
    done = row["deals"] > 0 and row["without_evidence"] == 0
    words = f"{row['without_evidence']} of {row['disputes']} disputes are without evidence."
    return Fact(done, words, row["last_dispute_at"] if done else None, reverse("deals:desk_disputes"))


def resolutions_audited(scope: PilotScope, argument: str) -> Fact:
    """Every resolution by one of us has an audit reason and an outcome that the pinned terms allow."""
    row = _facts(scope)
    done = row["deals"] > 0 and row["unaudited"] == 0
    words = f"{row['decided'] - row['unaudited']} of {row['decided']} resolutions are audited and allowed."
    return Fact(done, words, row["decided_at"] if done else None, reverse("deals:desk_disputes"))


def enough_deals(scope: PilotScope, argument: str) -> Fact:
    """Enough matured deals to judge by."""
    matured = _counts(scope)["matured"]
    return Fact(
        matured >= VERDICT_MIN_DEALS, f"{matured} of {VERDICT_MIN_DEALS} deals have matured.", url=_metrics_url()
    )


def new_version(scope: PilotScope, argument: str) -> Fact:
    """A later version of the template than the first deal's is in force."""
    name = scope.conditions["template"]
    first, found = _facts(scope)["first_used"], _in_force(scope)
    version = found.version if found else 0
    done = first is not None and version > first
    return Fact(done, f"v{version} is in force; the pilot began with v{first or '—'}.",
                url=reverse("deals:desk_terms_one", args=[name]))  # fmt: skip


def deals_of_new_version(scope: PilotScope, argument: str) -> Fact:
    """Deals under the later version."""
    count = _facts(scope)["on_new_version"]
    return Fact(count > 0, f"{count} deals under a later version.", url=_metrics_url())


def _criterion(name: str) -> Callable[[PilotScope, str], Measure]:
    """A primary metric over matured deals, with the source's plain formula beside it."""

    def measured(scope: PilotScope, argument: str) -> Measure:
        row = _counts(scope)
        found = next(each for each in metrics.primary(row) if each.name == name)
        value, words = found.value, f"{found.count} of {found.of}"
        if name == "days":
            words = f"over {found.count} settled deals"
        elif name == "evidence" and found.of == 0:
            value, words = 1.0, "no dispute"
        return Measure(
            value, row["matured"], f"{words}; {row['matured']} matured", found.low, found.high, found.plain,
            _metrics_url(),
        )  # fmt: skip

    return measured


def admin_intervention(scope: PilotScope, argument: str) -> Measure:
    """Disputes that one of us decided over disputes that ended."""
    row = _counts(scope)
    ended = row["disputes_ended"]
    return Measure(row["decided"] / ended if ended else None, ended, f"{row['decided']} of {ended}", url=_metrics_url())


def report_slots(scope: PilotScope) -> dict[str, str]:
    """What changed in the terms since the pilot began, with the reason that each version was given."""
    rows = SQL.rows("versions", template=scope.conditions["template"])
    first = _facts(scope)["first_used"] or 1
    newer = [(old, new) for old, new in pairwise(rows) if new["version"] > first]
    changes = [f"v{old['version']} to v{new['version']}: {_changed(old['body'], new['body'])}" for old, new in newer]
    return {
        "changes": "; ".join(changes) or "none",
        "rationale": "; ".join(f"v{new['version']}: {new['note'] or 'no note'}" for _old, new in newer)
        or "none needed",
    }


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    names = sorted(name for name in {*old, *new} if old.get(name) != new.get(name) and name != "version")
    short = [
        f"{name} {old.get(name, '—')} → {new.get(name, '—')}"
        if not isinstance(new.get(name), dict | list) else f"{name} changed"
        for name in names
    ]  # fmt: skip
    return ", ".join(short) or "nothing but its number"


def exported(scope: PilotScope) -> dict[str, list[Row]]:
    """The market's deals under the pilot's template, their disputes, and the terms, for an export."""
    template = scope.conditions["template"]
    return {name: EXPORT.rows(name, tenant=scope.tenant, template=template) for name in ("deals", "disputes", "terms")}


CHECKS = PilotChecks(
    lines={
        function.__name__: function
        for function in (
            template_loaded, parameter, member_created, admin_created, alerting_configured, first_deal, timers_visible,
            no_stuck_deals, issues_have_evidence, resolutions_audited, enough_deals, new_version, deals_of_new_version,
        )
    },
    measures={
        "completion": _criterion("completion"),
        "days_to_settle": _criterion("days"),
        "dispute_frequency": _criterion("disputes"),
        "evidence_completeness": _criterion("evidence"),
        "admin_intervention": admin_intervention,
    },
    slots=report_slots,
    rows=exported,
)  # fmt: skip
