"""What ticks the lines that pilots of every program have: the key, the grant, messages, the drill, signals, fixes."""

from collections.abc import Callable
from datetime import datetime

from django.urls import reverse

from pilothouse.kernel.base.clock import business_now
from pilothouse.kernel.base.facts import Fact, LineCheck, Measure, MeasureCheck, PilotScope
from pilothouse.kernel.base.sql import Row, Statements
from pilothouse.kernel.watch import backups
from pilothouse.kernel.watch.checks import REGISTRY

from .question_models import Report

SQL = Statements(__file__, "sql/pilot")


def common_facts(scope: PilotScope) -> Row:
    """The one row of facts of a pilot, read once for a look at it."""
    if "common" not in scope.memo:
        scope.memo["common"] = SQL.one("common", pilot=scope.pilot)
    found: Row = scope.memo["common"]
    return found


def key_made(scope: PilotScope, argument: str) -> Fact:
    """The one-time link of this attempt's key."""
    row = common_facts(scope)
    done = row["link_at"] is not None
    return Fact(done, "The one-time link to the key is made." if done else "There is no key yet.", row["link_at"])


def key_opened(scope: PilotScope, argument: str) -> Fact:
    """The link was opened, so that the key exists."""
    at = common_facts(scope)["opened_at"]
    return Fact(at is not None, "The key was revealed once." if at else "The link was not opened.", at)


def credits_granted(scope: PilotScope, argument: str) -> Fact:
    """Pilot credits that stand in the ledger, at least as many as the qualification form says."""
    row = common_facts(scope)
    needed = int(scope.conditions.get("credits", 0))
    done = 0 < needed <= row["granted"]
    words = f"{row['granted']} of {needed} credits granted."
    return Fact(done, words, row["granted_at"] if done else None, reverse("ledger:rows"))


def message_sent(scope: PilotScope, argument: str) -> Fact:
    """A message by the id of its text in the runbook, sent from this pilot."""
    at = common_facts(scope)["messages"].get(argument)
    words = f"The message {argument!r} was sent." if at else f"The message {argument!r} was not sent."
    return Fact(at is not None, words, datetime.fromisoformat(at) if at else None)


def rollback_drill(scope: PilotScope, argument: str) -> Fact:
    """The rollback was tried for this account in this attempt, and everything opened again."""
    at = common_facts(scope)["drill_at"]
    return Fact(at is not None, "The drill passed." if at else "No drill in this attempt.", at)


def promises_green(scope: PilotScope, argument: str) -> Fact:
    """The program's promises at their newest look over everything. Read by operators only."""
    names = sorted(name for name, promise in REGISTRY.items() if promise.program == scope.program)
    rows = SQL.rows("promises", names=names)
    url = reverse("desk:promises")
    red = [row["name"] for row in rows if row["rows"]]
    if red or len(rows) < len(names) or not names:
        missing = sorted(set(names) - {row["name"] for row in rows})
        words = f"broken: {', '.join(red)}" if red else f"never looked at: {', '.join(missing) or 'any promise'}"
        return Fact(False, f"The promises are not proven: {words}.", url=url)
    return Fact(True, f"{len(rows)} promises hold.", min(row["at"] for row in rows), url)


def invariants_green(scope: PilotScope, argument: str) -> Fact:
    """The ledger's and the programs' invariants at their newest look. Read by operators only."""
    rows = SQL.rows("invariants")
    url = reverse("desk:promises")
    red = [row["name"] for row in rows if row["rows"]]
    if red or not rows:
        return Fact(False, f"Broken: {', '.join(red)}." if red else "No invariant was looked at yet.", url=url)
    return Fact(True, f"{len(rows)} invariants hold.", min(row["at"] for row in rows), url)


def backup_verified(scope: PilotScope, argument: str) -> Fact:
    """A backup was restored and found whole within a day (requirement STO-005). Read by operators only."""
    at = backups.last_verified()
    if at is None:
        return Fact(False, "No backup was ever verified.", url=reverse("desk:health"))
    hours = (business_now() - at).total_seconds() / 3600
    words = f"The last verified backup is {hours:.0f} h old."
    return Fact(not backups.is_stale(), words, at, reverse("desk:health"))


def fix_recorded(scope: PilotScope, argument: str) -> Fact:
    """Why this attempt did not succeed is recorded."""
    at = common_facts(scope)["fix_at"]
    return Fact(at is not None, "The cause is recorded." if at else "No cause is recorded.", at)


def parity_questioned(scope: PilotScope, argument: str) -> Fact:
    """Somebody asked whether the demo is the same as the API."""
    at = common_facts(scope)["parity_at"]
    return Fact(at is not None, "The customer asked it." if at else "Nobody asked it.", at)


def reports(scope: PilotScope, argument: str) -> Measure:
    """What the people of the account reported of one kind since the activation."""
    count = Report.objects.filter(tenant_id=scope.tenant, kind=argument, sent_at__gte=scope.since).count()
    return Measure(float(count), 1, f"{count} reported", url=reverse("pilots:inbox"))


def api_error_rate(scope: PilotScope, argument: str) -> Measure:
    """Calls that failed on our side over all calls of the account since the activation."""
    row = SQL.one("api_calls", tenant=scope.tenant, since=scope.since)
    assert row is not None
    words = f"{row['failed']} of {row['calls']} calls failed"
    return Measure(row["failed"] / row["calls"] if row["calls"] else None, row["calls"], words)


def _named(*functions: Callable[[PilotScope, str], Fact]) -> dict[str, LineCheck]:
    return {function.__name__: function for function in functions}


COMMON = _named(
    key_made, key_opened, credits_granted, message_sent, rollback_drill, promises_green, invariants_green,
    backup_verified, fix_recorded, parity_questioned,
)  # fmt: skip
COMMON_MEASURES: dict[str, MeasureCheck] = {"api_error_rate": api_error_rate, "reports": reports}
