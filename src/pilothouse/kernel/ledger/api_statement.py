"""What Finance asks for over HTTP: the statement of a period and the reconciliation, with the numbers of everywhere."""

import tempfile
from datetime import datetime
from typing import Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema
from ninja.params.functions import Query
from pydantic import Field

from pilothouse.kernel.base.caller import Caller, caller
from pilothouse.kernel.base.errors import Forbidden, InvalidInput
from pilothouse.kernel.base.json_api import answer, page_size
from pilothouse.kernel.base.openapi import Next, Ok, cursor_query, errors, limit_query
from pilothouse.kernel.base.scope import tenant_scope

from .errors import PeriodInvalid
from .exports import statement_csv, statement_xlsx
from .limits import LEDGER_PAGE_MAX_ROWS
from .models import CREDIT, TEST
from .periods import period, time_zone
from .places import open_place, seal_place
from .queries import reconciliation, shown
from .sealing import seal_for_export
from .statements import Cut, Statement, statement

router = Router(tags=["ledger"])
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PERIOD_WORDS = "a month (2026-03), a day (2026-03-14) or an ISO 8601 instant, in your account's time zone"
Unit = Literal["CREDIT", "TEST"]


class WalletOut(Schema):
    """A wallet at one instant."""

    available: int = Field(description="Credits that could be spent.")
    held: int = Field(description="Credits reserved for videos that had not ended.")


class StatementRowOut(Schema):
    """One movement of the wallet, with what it left."""

    id: str = Field(description="The row's id, for ever.")
    type: str = Field(description="add, freeze, settle, refund or reverse.")
    ref_type: str = Field(description="What it was for: a batch, a pilot's grant, a purchase or an adjustment.")
    ref_id: str = Field(description="The id of what it was for.")
    request_id: str = Field(description="Your request_id of the batch; empty for other rows.")
    entry: str = Field(description="The line's name for Finance, such as Reserved (initial).")
    credits_delta: int = Field(description="How the spendable credits changed.")
    amount: int = Field(description="The credits that moved; always positive.")
    balance: int = Field(description="The spendable credits after this row.")
    description: str = Field(description="Why, in words.")
    created_at: datetime = Field(description="When it took effect.")


class StatementOut(Schema):
    """The statement of a period: what the wallet was, each row, what it became."""

    ok: Ok
    unit: str = Field(description="CREDIT, or TEST for a test key.")
    timezone: str = Field(description="The time zone of your account, in which days and months begin.")
    begin: datetime = Field(alias="from", description="The first instant of the period.")
    end: datetime = Field(alias="to", description="The first instant after the period.")
    cut: str = Field(description="Exactly which rows were seen. Send it back for the same statement again, for ever.")
    opening: WalletOut = Field(description="The wallet when the period began.")
    closing: WalletOut = Field(description="The wallet when the period ended.")
    rows: list[StatementRowOut] = Field(description="The movements, oldest first.")
    next: Next


class EntryOut(Schema):
    """One of the three lines that Finance compares."""

    entry: str = Field(description="Reserved (initial), Settled (success) or Refunded (failures).")
    amount: int = Field(description="Credits, summed from the ledger's own rows.")


class HeldOut(Schema):
    """Credits that are still held, and for what."""

    ref: str = Field(description="The id of the batch.")
    unit: str = Field(description="CREDIT or TEST.")
    held: int = Field(description="Credits reserved for its videos that have not ended.")
    since: datetime = Field(description="Since when.")
    age_s: int = Field(description="For how many seconds.")


class UnpairedOut(Schema):
    """Something that has no partner on the other side."""

    ref: str = Field(description="The id of the batch or of the video.")
    what: str = Field(description="What is missing.")


class TimelinessOut(Schema):
    """How soon after it took effect each row was recorded."""

    entries: int = Field(description="Rows looked at.")
    late: int = Field(description="Rows recorded more than five minutes after they took effect.")
    longest_s: float = Field(description="The longest delay, in seconds.")


class ReconciliationOut(Schema):
    """Whether the money adds up, from the ledger's rows alone."""

    ok: Ok
    unit: str = Field(description="CREDIT, or TEST for a test key.")
    balanced: bool = Field(description="Nothing is held, all has its partner, and reserved = settled + refunded.")
    entries: list[EntryOut] = Field(description="The three amounts of the batch; empty when none was named.")
    held: list[HeldOut] = Field(description="What is still held, oldest first; at most 200.")
    without_partner: list[UnpairedOut] = Field(description="What has no partner; at most 200.")
    timeliness: TimelinessOut = Field(description="How soon the rows were recorded.")


def unit_of(principal: Caller, unit: str | None) -> str:
    """The unit to answer in: a key's own, and for a person also that of test keys. Raises Forbidden."""
    own = TEST if principal.mode == "test" else CREDIT
    if unit not in (None, own) and getattr(principal, "key", None) is not None:
        raise Forbidden(needed=f"a key whose credits are {unit}")
    return unit or own


@router.get(
    "/ledger/statement",
    response={200: StatementOut, **errors(401, 403, 422, 429)},
    openapi_extra={"responses": {200: {"content": {
        "text/csv": {"schema": {"type": "string"}}, XLSX_TYPE: {"schema": {"type": "string", "format": "binary"}},
    }}}},
    summary="The statement of a period",
    by_alias=True,
)  # fmt: skip
def get_statement(
    request: HttpRequest,
    # Asked for below: who may not read the ledger is told so first.
    begin: str = Query(
        "", alias="from", max_length=40, description=f"Where the period begins, always given: {PERIOD_WORDS}."
    ),
    end: str = Query(
        "", alias="to", max_length=40, description="Where it ends, not included; the end of from's own month or day."
    ),
    unit: Unit = Query(None, description="TEST for the rows of test keys, for a signed-in person."),
    cut: str = Query("", max_length=4000, description="The cut of an earlier statement, for exactly its rows again."),
    limit: int = limit_query(),
    cursor: str = cursor_query(),
    format: Literal["json", "csv", "xlsx"] = Query("json", description="csv and xlsx answer with the whole period."),
) -> HttpResponse:
    """Opening balance, every row, closing balance. Days and months begin in your account's time zone. What is finished
    is sealed before it is read; with the `cut` of an earlier answer the same bytes come again."""
    principal = caller(request, "ledger:read")
    chosen = unit_of(principal, unit)
    if format != "json":
        principal.count_export()
    with tenant_scope(principal.tenant, principal.actor):
        zone = time_zone(principal.tenant)
        start, finish = period(begin, end, zone)
        if not cut:
            seal_for_export()
        found = statement(principal.tenant, chosen, start, finish, cut=Cut.parse(cut) if cut else None)
        if format != "json":
            return _file(found, principal.tenant_public_id, format)
        return answer(_page(found, zone, page_size(limit), cursor))


@router.get(
    "/ledger/reconciliation",
    response={200: ReconciliationOut, **errors(401, 403, 404, 422, 429)},
    summary="The reconciliation",
)
def get_reconciliation(
    request: HttpRequest,
    batch_id: str = Query(None, pattern="^bat_[0-9a-z]+$", max_length=40, description="One batch; else the account."),
    begin: str = Query("", alias="from", max_length=40, description=f"Only a period: {PERIOD_WORDS}."),
    end: str = Query("", alias="to", max_length=40, description="Where the period ends, not included."),
    unit: Unit = Query(None, description="TEST for the credits of test keys, for a signed-in person."),
) -> HttpResponse:
    """Reserved = settled + refunded from the ledger's rows alone, what is still held, and what has no partner."""
    principal = caller(request, "ledger:read")
    chosen = unit_of(principal, unit)
    if chosen == TEST and not batch_id:
        raise InvalidInput(reason="Credits without value are reconciled one batch at a time: give batch_id.")
    if end and not begin:
        raise PeriodInvalid(reason="Give from as well.")
    with tenant_scope(principal.tenant, principal.actor):
        start, finish = period(begin, end, time_zone(principal.tenant)) if begin else (None, None)
        found = reconciliation(principal.tenant, batch_id, unit=chosen, start=start, end=finish)
    lines = found.entries.lines if found.entries else []
    return answer(
        {
            "ok": True,
            "unit": chosen,
            "balanced": found.balanced,
            "entries": [{"entry": label, "amount": amount} for label, amount in lines],
            "held": found.clearing[:LEDGER_PAGE_MAX_ROWS],
            "without_partner": found.completeness[:LEDGER_PAGE_MAX_ROWS],
            "timeliness": found.timeliness,
        }
    )


def _file(found: Statement, tenant: str, format: str) -> HttpResponse:
    name = f'attachment; filename="statement.{format}"'
    if format == "csv":
        text = "".join(statement_csv(found, tenant))
        return HttpResponse(text, content_type="text/csv; charset=utf-8", headers={"Content-Disposition": name})
    with tempfile.TemporaryFile() as target:
        statement_xlsx(found, tenant, target)
        target.seek(0)
        return HttpResponse(target.read(), content_type=XLSX_TYPE, headers={"Content-Disposition": name})


def _page(found: Statement, zone: str, count: int, cursor: str) -> dict[str, Any]:
    lines = list(found.rows(open_place(found, cursor) if cursor else None, count + 1))
    more, lines = len(lines) > count, lines[:count]
    return {
        "ok": True,
        "unit": found.unit,
        "timezone": zone,
        "from": found.start,
        "to": found.end,
        "cut": str(found.cut),
        "opening": {"available": found.opening.available, "held": found.opening.held},
        "closing": {"available": found.closing.available, "held": found.closing.held},
        "rows": [{**shown(entry), "balance": after} for entry, after in lines],
        "next": seal_place(found, *lines[-1]) if more else None,
    }
