"""What ticks the machine lines of a video pilot and decides its criteria: batches, deliveries, confirmations, ledger.

Everything counts from the activation. Test keys' batches are never part of a pilot.
"""

from collections.abc import Callable
from urllib.parse import urlencode

from django.urls import reverse

from pilothouse.kernel.base.facts import Fact, Measure, PilotChecks, PilotScope
from pilothouse.kernel.base.sql import Row, Statements
from pilothouse.kernel.watch.checklists import valid_run
from pilothouse.kernel.watch.parity import proofs_since, told

from .checklist import LINES, NAME

SQL = Statements(__file__, "sql/pilot")
EXPORT = Statements(__file__, "sql/export")
SECONDS_PER_HOUR = 3_600
MINUTES_PER_HOUR = 60


def _facts(scope: PilotScope) -> Row:
    """The one row of facts, read once for a look at a pilot."""
    if "video" not in scope.memo:
        scope.memo["video"] = SQL.one("facts", tenant=scope.tenant, since=scope.since, until=scope.until)
    found: Row = scope.memo["video"]
    return found


def _batch_url(public_id: str | None) -> str:
    return reverse("video:batch", args=[public_id]) if public_id else reverse("video:batches")


def internal_checklist(scope: PilotScope, argument: str) -> Fact:
    """A run of the internal checklist that passed within its ten minutes and still holds; its line, when one is named.

    Read by operators only: the checklist is the platform's.
    """
    run = valid_run(NAME)
    url = reverse("video:desk_checklist")
    if run is None:
        return Fact(False, "No run of the internal checklist holds now.", url=url)
    if not argument:
        return Fact(True, f"{run.public_id} passed in {run.seconds:.0f} s.", run.lines[-1].at, url)
    line = next((each for each in run.lines if each.name == argument and each.ok), None)
    if line is None:
        return Fact(False, f"{run.public_id} has no passed line {argument!r}.", url=url)
    return Fact(True, f"{LINES[argument]}: {line.evidence}", line.at, url)


def first_call(scope: PilotScope, argument: str) -> Fact:
    """The first call with a key since the activation."""
    at = _facts(scope)["first_call_at"]
    return Fact(at is not None, "The API was called." if at else "No call yet.", at, _batch_url(None))


def first_batch(scope: PilotScope, argument: str) -> Fact:
    """The first live batch since the activation."""
    row = _facts(scope)
    done = row["batches"] > 0
    words = f"{row['batches']} created, the first {row['first_batch']}." if done else "No batch yet."
    return Fact(done, words, row["first_batch_at"], _batch_url(row["first_batch"]))


def status_progress(scope: PilotScope, argument: str) -> Fact:
    """An item went from pending through running to an end."""
    row = _facts(scope)
    at = row["moved_at"]
    return Fact(at is not None, "Items have ended." if at else "No item has ended.", at, _batch_url(row["first_batch"]))


def batch_completed(scope: PilotScope, argument: str) -> Fact:
    """The first batch that completed."""
    row = _facts(scope)
    done = row["completed"] > 0
    words = f"{row['completed_batch']} completed." if done else "No batch has completed."
    return Fact(done, words, row["completed_at"], _batch_url(row["completed_batch"]))


def webhook_delivered(scope: PilotScope, argument: str) -> Fact:
    """A `batch.completed` that the customer's endpoint acknowledged."""
    row = _facts(scope)
    words = f"{row['delivered']} of {row['due']} events acknowledged." if row["due"] else "No event was due yet."
    return Fact(row["delivered"] > 0, words, row["delivered_at"], reverse("outbox:deliveries"))


def endpoint_configured(scope: PilotScope, argument: str) -> Fact:
    """An active HTTPS endpoint for live events, registered or named by a batch."""
    row = _facts(scope)
    words = "An HTTPS endpoint is active." if row["endpoints"] else "No active HTTPS endpoint."
    return Fact(row["endpoints"] > 0, words, row["endpoint_at"], reverse("outbox:endpoints"))


def fields_confirmed(scope: PilotScope, argument: str) -> Fact:
    """A confirmation of all eight fields of a body whose bytes are those that we sent."""
    row = _facts(scope)
    words = (
        f"{row['confirmed']} received bodies confirmed." if row["confirmed"] else "No body confirmed field by field."
    )
    return Fact(row["confirmed"] > 0, words, row["confirmed_at"], reverse("video:confirmations"))


def equation_holds(scope: PilotScope, argument: str) -> Fact:
    """`reserved = settled + refunded` for every completed batch, by the ledger's own transfers."""
    row = _facts(scope)
    done = 0 < row["completed"] == row["equal"]
    words = f"{row['equal']} of {row['completed']} completed batches add up in the ledger."
    return Fact(done, words, row["completed_at"] if done else None, reverse("ledger:rows"))


def receipt_differs(scope: PilotScope, argument: str) -> Fact:
    """The newest confirmation of a batch does not agree: the event was misunderstood (decision C51)."""
    row = _facts(scope)
    words = f"A confirmation of {row['differs_batch']} differs." if row["differs"] else "No confirmation differs."
    return Fact(row["differs"] > 0, words, row["differs_at"], reverse("video:confirmations"))


def finance_refuses(scope: PilotScope, argument: str) -> Fact:
    """Finance said that the numbers make no sense, or has a body with other money."""
    said = scope.attested.get("finance_confirms")
    if said is not None and not said.agrees:
        return Fact(
            True, f"{said.actor} could not reconcile: {said.note}".rstrip(": "), said.at, reverse("ledger:rows")
        )
    row = _facts(scope)
    if row["finance_differs"]:
        return Fact(True, "Finance holds a body with other money.", row["differs_at"], reverse("video:confirmations"))
    return Fact(False, "Finance has not refused.")


def still_retrying(scope: PilotScope, argument: str) -> Fact:
    """Deliveries of this pilot's events that are still being tried."""
    count = _facts(scope)["retrying"]
    return Fact(count > 0, f"{count} deliveries are still being tried.", url=reverse("outbox:deliveries"))


def batches_completed(scope: PilotScope, argument: str) -> Measure:
    """Criterion 1: batches that completed by the deadline."""
    row = _facts(scope)
    return Measure(
        row["completed_in_time"], row["batches"], f"{row['completed_in_time']} completed in time",
        url=_batch_url(row["completed_batch"]),
    )  # fmt: skip


def receipts_confirmed(scope: PilotScope, argument: str) -> Measure:
    """Criterion 2: received bodies that equal the bytes we sent, confirmed field by field by the deadline."""
    row = _facts(scope)
    return Measure(
        row["confirmed"], row["due"], f"{row['confirmed']} confirmed, {row['delivered']} delivered",
        url=reverse("video:confirmations"),
    )  # fmt: skip


def finance_verified(scope: PilotScope, argument: str) -> Measure:
    """Criterion 3: completed batches whose equation holds, once Finance has said that the numbers make sense."""
    row = _facts(scope)
    said = scope.attested.get("finance_confirms")
    spoken = said is not None and said.agrees and (scope.until is None or said.at <= scope.until)
    add_up = row["equal"] if row["equal"] == row["completed"] else 0
    words = f"{row['equal']} of {row['completed']} add up; Finance has {'' if spoken else 'not '}confirmed"
    return Measure(add_up if spoken else 0, row["completed"], words, url=reverse("ledger:rows"))


def time_to_first_batch(scope: PilotScope, argument: str) -> Measure:
    """Hours from the activation to the first batch."""
    row = _facts(scope)
    if row["first_batch_at"] is None:
        return Measure(None, 0, "no batch yet")
    hours = (row["first_batch_at"] - scope.since).total_seconds() / SECONDS_PER_HOUR
    words = f"{hours:.1f} hours" if hours >= 1 else f"{hours * MINUTES_PER_HOUR:.0f} minutes"
    return Measure(hours, 1, f"{words} after the activation", url=_batch_url(row["first_batch"]))


def webhook_receipt_rate(scope: PilotScope, argument: str) -> Measure:
    """Events finally acknowledged over events due (decision C21), each at every endpoint that it was due at."""
    row = _facts(scope)
    return _share(row["acknowledged"], row["owed"], "events acknowledged", reverse("outbox:deliveries"))


def reconciliation_success(scope: PilotScope, argument: str) -> Measure:
    """Completed batches that add up in the ledger over completed batches."""
    row = _facts(scope)
    return _share(row["equal"], row["completed"], "batches add up", reverse("ledger:rows"))


def upstream_failure_rate(scope: PilotScope, argument: str) -> Measure:
    """Failed calls over calls to the providers; internal."""
    row = _upstream(scope)
    return _share(row["failed"], row["calls"], "calls failed", reverse("video:desk_providers"))


def upstream_latency(scope: PilotScope, argument: str) -> Measure:
    """A quantile of the seconds of a provider call; internal."""
    row = _upstream(scope, float(argument))
    value = None if row["seconds"] is None else float(row["seconds"])
    return Measure(value, row["calls"], f"over {row['calls']} calls", url=reverse("video:desk_providers"))


def provider_distribution(scope: PilotScope, argument: str) -> Measure:
    """The share of the most used provider; internal."""
    row = _upstream(scope)
    return _share(int(row["largest"] or 0), row["calls"], "calls at the most used one", reverse("video:desk_providers"))


def _upstream(scope: PilotScope, quantile: float = 0.5) -> Row:
    row = SQL.one("upstream", tenant=scope.tenant, since=scope.since, quantile=quantile)
    assert row is not None
    return row


def exported(scope: PilotScope) -> dict[str, list[Row]]:
    """The pilot's batches, what was told of them and what was confirmed, for an export."""
    return {
        name: EXPORT.rows(name, tenant=scope.tenant, since=scope.since)
        for name in ("batches", "confirmations", "messages")
    } | {"proofs": [told(proof) for proof in proofs_since(scope.tenant, scope.program, scope.since)]}


def parity_url(account: str, first: str, second: str) -> str:
    """The desk's page on which a proof of parity is made, for an account or of two batches."""
    asked = {"account": account} if not first else {"a": first, "b": second}
    return f"{reverse('video:desk_parity')}?{urlencode(asked)}"


def report_slots(scope: PilotScope) -> dict[str, str]:
    """What the reports say of the pilot's batches that have ended."""
    row = SQL.one("report", tenant=scope.tenant, since=scope.since, now=scope.now)
    assert row is not None
    rate = f"{100 * row['succeeded'] / row['items']:.1f}".removesuffix(".0") if row["items"] else ""
    return {
        **{name: str(row[name]) for name in ("batches", "items", "succeeded", "credits_used")},
        "success_rate": rate, "batch_id": row["batch_id"] or "", "webhook_url": row["webhook_url"] or "",
    }  # fmt: skip


def _share(count: int, of: int, words: str, url: str) -> Measure:
    return Measure(count / of if of else None, of, f"{count} of {of} {words}", url=url)


def _named(*functions: Callable[[PilotScope, str], Fact]) -> dict[str, Callable[[PilotScope, str], Fact]]:
    return {function.__name__: function for function in functions}


def _measured(*functions: Callable[[PilotScope, str], Measure]) -> dict[str, Callable[[PilotScope, str], Measure]]:
    return {function.__name__: function for function in functions}


CHECKS = PilotChecks(
    lines=_named(
        internal_checklist, first_call, first_batch, status_progress, batch_completed, webhook_delivered,
        endpoint_configured, fields_confirmed, equation_holds, receipt_differs, finance_refuses,
    ),
    measures=_measured(
        batches_completed, receipts_confirmed, finance_verified, time_to_first_batch, webhook_receipt_rate,
        reconciliation_success, upstream_failure_rate, upstream_latency, provider_distribution,
    ),
    waits=still_retrying,
    rows=exported,
    slots=report_slots,
    parity_url=parity_url,
)  # fmt: skip
