"""Digests and weekly reviews: made once for each local day and part, kept as they were, mailed to the operators.

1. `follow` begins a plan and arms its four timers. 2. A timer that fires makes the digest of the day on which it was
due, queues its mail and arms the next, all in the transaction of the timer: a kill leaves the timer armed and nothing
sent. 3. The row of (plan, day, part) and the mail's key hold it to once, whoever runs it how often.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.conf import settings

from pilothouse.kernel.base.clock import business_now
from pilothouse.kernel.base.errors import NotFound
from pilothouse.kernel.base.sql import Row, Statements
from pilothouse.kernel.lifecycle.commands import arm
from pilothouse.kernel.outbox.limits import MAIL_RECIPIENTS_MAX
from pilothouse.kernel.outbox.notices import Mail, notify
from pilothouse.kernel.watch.pilot_facts import facts_of, piloted

from . import review
from .checklist import as_text, checklist
from .daily_models import DigestPlan
from .times import TIMES, local_day, next_due

SQL = Statements(__file__)
KIND = "digest_plan"
TITLES = {"morning": "Morning", "afternoon": "Afternoon", "evening": "End of day", "week": "Weekly review"}


@dataclass(frozen=True, slots=True)
class Made:
    """A digest that was made: its plan, its part, the local day, what it says, and the mail that goes out."""

    plan: DigestPlan
    part: str
    day: date
    body: dict[str, Any]
    mail: Mail | None


def timer_name(part: str) -> str:
    """The name of a part's timer."""
    return f"digest_{part}"


def follow(program: str, tenant: int) -> DigestPlan:
    """Watch a program in a tenant from now on (worker's scope); following it again changes nothing."""
    facts_of(program)
    row = SQL.one("follow", tenant=tenant, program=program)
    plan = DigestPlan.objects.select_related("tenant").get(tenant_id=tenant, program=program)
    if row is not None:
        for part in TIMES:
            _arm_next(plan, part, business_now())
    return plan


def follow_all() -> list[DigestPlan]:
    """Follow every tenant that has work of a program with facts (worker's scope); returns the plans that are new."""
    found = []
    for facts in piloted():
        known = set(DigestPlan.objects.filter(program=facts.program).values_list("tenant_id", flat=True))
        found += [follow(facts.program, tenant) for tenant in facts.tenants() if tenant not in known]
    return found


def fire(part: str, fired: Sequence[Row]) -> None:
    """Make the digests whose timers fired, queue their mails together, and arm the next timer of each."""
    plans = {plan.id: plan for plan in _plans([row["subject_id"] for row in fired])}
    to = recipients()
    made = [
        make(plans[row["subject_id"]], part, local_day(row["due_at"], plans[row["subject_id"]].tenant.timezone), to)
        for row in fired
    ]
    keep(made)
    for plan in plans.values():
        _arm_next(plan, part, business_now())


def make(plan: DigestPlan, part: str, day: date, to: Sequence[str] = ()) -> Made:
    """What a digest says now; nothing is kept. Without recipients there is no mail."""
    facts, now, zone = facts_of(plan.program), business_now(), plan.tenant.timezone
    body: dict[str, Any] = {"part": part, "zone": zone, "at": now.isoformat()}
    if part == "week":
        body |= review.review(plan, facts, now)
        words = review.as_text(body)
    else:
        body |= checklist(plan, facts, day, now, zone)
        words = as_text(body, [part])
    if not to:
        return Made(plan, part, day, body, None)
    head = f"{TITLES[part]}, {facts.title}, {plan.tenant.name}, {day.isoformat()}"
    link = f"{settings.SITE_URL}/desk/daily/{plan.tenant.public_id}/{plan.program}/"
    link += "review" if part == "week" else f"?day={day.isoformat()}"
    key = f"digest:{plan.id}:{day.isoformat()}:{part}"
    return Made(plan, part, day, body, Mail(to, head[:200], f"{words}\n\n{link}\n", dedupe_key=key))


def keep(made: Sequence[Made]) -> int:
    """Keep digests and queue their mails; those of a day and part that were kept before are left out. How many."""
    rows = SQL.rows(
        "keep_digests",
        plans=[one.plan.id for one in made],
        tenants=[one.plan.tenant_id for one in made],
        parts=[one.part for one in made],
        days=[one.day.isoformat() for one in made],
        bodies=[json.dumps(one.body) for one in made],
    )
    new = {(row["plan"], row["part"], row["day"]) for row in rows}
    notify([one.mail for one in made if one.mail is not None and (one.plan.id, one.part, one.day) in new])
    return len(new)


def recipients() -> list[str]:
    """The operators who act: whom digests go to."""
    return [row["email"] for row in SQL.rows("operators", count=MAIL_RECIPIENTS_MAX)]


def access_plan(program: str, tenant: str) -> DigestPlan:
    """The plan of a program in a tenant by its public id; NotFound."""
    found = DigestPlan.objects.select_related("tenant").filter(program=program, tenant__public_id=tenant).first()
    if found is None:
        raise NotFound(what="pilot")
    return found


def _plans(ids: Sequence[int]) -> list[DigestPlan]:
    return list(DigestPlan.objects.select_related("tenant").filter(id__in=ids).order_by("id"))


def _arm_next(plan: DigestPlan, part: str, now: datetime) -> None:
    seconds = (next_due(part, now, plan.tenant.timezone) - now).total_seconds()
    arm(KIND, timer_name(part), [(plan.tenant_id, plan.id)], seconds)
