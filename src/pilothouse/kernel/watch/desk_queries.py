"""Reads of the operator desk, over all tenants. Each needs an operator's scope and returns plain rows."""

from collections.abc import Sequence

from pilothouse.kernel.access.limits import DESK_PAGE_ROWS
from pilothouse.kernel.base.errors import NotFound
from pilothouse.kernel.base.program import program_title
from pilothouse.kernel.base.sql import Row, Statements

from .limits import DESK_SUGGESTIONS_COUNT, DESK_TAIL_ROWS, ERROR_TREND_BARS_COUNT

SQL = Statements(__file__, "sql/desk")


def incidents(
    *,
    state: str = "",
    search: str = "",
    tenant: int | None = None,
    check_name: str | None = None,
    count: int = DESK_PAGE_ROWS + 1,
    skip: int = 0,
) -> list[Row]:
    """Incidents, open ones first, then the worst, then the newest; `state` is open, ended or empty for all."""
    return SQL.rows(
        "incidents", state=state, search=search, tenant=tenant, check_name=check_name, count=count, skip=skip
    )


def incident(public_id: str) -> Row:
    """One incident with its tenant's name and the business time now; NotFound."""
    row = SQL.one("incident", public_id=public_id)
    if row is None:
        raise NotFound(what="incident")
    return row


def gates_of_incident(incident_id: int) -> list[Row]:
    """The gates that an incident holds or held closed."""
    return _called(SQL.rows("gates_of_incident", incident=incident_id))


def closed_gates(count: int = DESK_PAGE_ROWS, tenant: int | None = None) -> list[Row]:
    """Closed gates, oldest first, with how many incidents hold each; with `tenant`, those that hold that tenant.

    `what` is what the gate's program is called.
    """
    return _called(SQL.rows("closed_gates", count=count, tenant=tenant))


def reopened_gates(count: int = DESK_PAGE_ROWS + 1, skip: int = 0) -> list[Row]:
    """Gates that were closed once and are open again, the newest first; `what` as of those that are closed."""
    return _called(SQL.rows("reopened_gates", count=count, skip=skip))


def _called(gates: list[Row]) -> list[Row]:
    return [{**gate, "what": program_title(gate["program"])} for gate in gates]


def home_counts() -> Row:
    """{incidents, stuck, gates, grants, jobs, dead}: how much of each waits for an operator; `stuck` counts kinds."""
    row = SQL.one("home_counts", tail=DESK_TAIL_ROWS)
    assert row is not None
    return row


def last_looks() -> dict[str, Row]:
    """When each periodic look last ran, by its name: watch_promises, watch_invariants, watch_stuck."""
    return {row["name"]: row for row in SQL.rows("last_looks")}


def checks() -> dict[str, Row]:
    """The newest look over everything of each check, by the check's name, with red looks at single batches since."""
    return {row["name"]: row for row in SQL.rows("checks")}


def red_checks() -> list[Row]:
    """The checks whose newest look found something."""
    return [row for row in checks().values() if row["rows"] or row["red_since"]]


def check_runs(name: str, *, wide: bool, count: int = DESK_PAGE_ROWS + 1, skip: int = 0) -> list[Row]:
    """The runs of a check, newest first; `wide` leaves out those over single batches that found nothing."""
    return SQL.rows("check_runs", name=name, wide=wide, count=count, skip=skip)


def accepted(check_name: str) -> list[Row]:
    """The findings of a check that were accepted with an incident's root cause, newest first."""
    return SQL.rows("accepted", check_name=check_name)


def queues() -> list[Row]:
    """What waits for the workers, one row a queue: {queue, waiting, running, oldest_due_s, tries, dead}."""
    return SQL.rows("queues", tail=DESK_TAIL_ROWS)


def failing_jobs(count: int = DESK_PAGE_ROWS + 1, skip: int = 0) -> list[Row]:
    """Jobs that gave up, then those that wait for another try after an error."""
    return SQL.rows("failing_jobs", count=count, skip=skip)


def dead_deliveries(search: str = "", *, count: int = DESK_PAGE_ROWS + 1, skip: int = 0) -> list[Row]:
    """Webhook deliveries that gave up and whose message nobody has taken since, the newest first."""
    return SQL.rows("dead_deliveries", search=search, count=count, skip=skip, tail=DESK_TAIL_ROWS)


def sick_endpoints() -> list[Row]:
    """Endpoints that failed lately, the worst first."""
    return SQL.rows("sick_endpoints", count=DESK_PAGE_ROWS)


def workers() -> list[Row]:
    """Worker processes that have not said goodbye, and how long ago each was heard of (machine time)."""
    return SQL.rows("workers")


def tenants(search: str, count: int = DESK_PAGE_ROWS + 1, skip: int = 0) -> list[Row]:
    """Accounts by name, with wallet, holds and what is open for each."""
    return SQL.rows("tenants", search=search, count=count, skip=skip)


def account_names(search: str) -> list[Row]:
    """The first accounts whose names have these words in them; `shared` where another one has the same name."""
    return SQL.rows("account_names", search=search, count=DESK_SUGGESTIONS_COUNT)


def tenant(public_id: str) -> Row:
    """One account by its public id; NotFound."""
    row = SQL.one("tenant", public_id=public_id)
    if row is None:
        raise NotFound(what="tenant")
    return row


def usage_by_day(tenant_id: int) -> Sequence[Row]:
    """API calls and refused ones of the last days, newest first."""
    return SQL.rows("usage_by_day", tenant=tenant_id)


def flags(tenant_id: int) -> list[Row]:
    """The switches in force for an account: its own and the platform's."""
    return SQL.rows("flags", tenant=tenant_id)


def platform_flags(name: str = "", *, count: int, skip: int = 0) -> list[Row]:
    """The settings of the platform's switches, newest first: {name, value, json, reason, set_at, set_by, in_force,
    own_count}; `own_count` accounts have a setting of their own, which goes before it."""
    return SQL.rows("platform_flags", name=name, count=count, skip=skip)


def grants_of(tenant_id: int, count: int) -> list[Row]:
    """The newest grants of an account that stand in the ledger."""
    return SQL.rows("grants_of", tenant=tenant_id, count=count)


def errors(*, kind: str = "", hours: int = 24, search: str = "", skip: int = 0) -> list[Row]:
    """One page of groups of errors seen within the last hours and one row more; `bars` {number: count} is their trend.

    Ours come first, then browsers', then refusals; within each the most frequent.
    """
    return SQL.rows(
        "errors", kind=kind, hours=hours, search=search, skip=skip, count=DESK_PAGE_ROWS + 1,
        bars=ERROR_TREND_BARS_COUNT,
    )  # fmt: skip


def error_counts(hours: int) -> dict[str, Row]:
    """{kind: {count, groups}} of the last hours, zero where nothing came."""
    found = {row["kind"]: row for row in SQL.rows("error_counts", hours=hours)}
    return {kind: found.get(kind, {"count": 0, "groups": 0}) for kind in ("server", "browser", "refused")}


def client_days(kind: str, days: int, search: str = "", skip: int = 0) -> list[Row]:
    """What browsers told in the last days, the most frequent first; one row more than a page holds.

    Of pages (`page`) {place, count, mean_ms, quick, slow}, of acts (`act`) {place, name, count}.
    """
    return SQL.rows("client_days", kind=kind, days=days, search=search, skip=skip, count=DESK_PAGE_ROWS + 1)
