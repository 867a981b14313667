"""The ledger over HTTP: the balance and the rows that explain it."""

from datetime import UTC, datetime
from typing import Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema
from ninja.params.functions import Query
from pydantic import Field

from pilothouse.kernel.base.caller import caller
from pilothouse.kernel.base.errors import InvalidInput
from pilothouse.kernel.base.json_api import answer, page_size
from pilothouse.kernel.base.openapi import Next, Ok, cursor_query, errors, limit_query
from pilothouse.kernel.base.scope import tenant_scope

from .api_statement import Unit, unit_of
from .api_statement import router as statement_router
from .exports import ledger_csv
from .queries import balance, ledger_page
from .sealing import seal_for_export

router = Router(tags=["ledger"])
router.add_router("", statement_router)


class BalanceOut(Schema):
    """What the wallet shows, in whole credits."""

    ok: Ok
    unit: str = Field(description="CREDIT, or TEST for a test key, whose credits have no value.")
    available: int = Field(description="Credits that can be spent now.")
    held: int = Field(description="Credits reserved for videos that have not ended.")


class LedgerRowOut(Schema):
    """One movement of the wallet."""

    id: str = Field(description="The row's id, for ever.")
    type: str = Field(description="add, freeze, settle, refund or reverse.")
    ref_type: str = Field(description="What it was for: a batch, a pilot's grant, a purchase or an adjustment.")
    ref_id: str = Field(description="The id of what it was for.")
    request_id: str = Field(description="Your request_id of the batch; empty for other rows.")
    entry: str = Field(description="The line's name for Finance, such as Reserved (initial).")
    credits_delta: int = Field(description="How the spendable credits changed; a settled video changes nothing more.")
    amount: int = Field(description="The credits that moved; always positive.")
    description: str = Field(description="Why, in words.")
    created_at: datetime = Field(description="When it took effect.")


class LedgerOut(Schema):
    """One page of the ledger, newest first."""

    ok: Ok
    unit: str = Field(description="CREDIT, or TEST for a test key.")
    rows: list[LedgerRowOut] = Field(description="The movements, newest first.")
    next: Next


@router.get("/credits/balance", response={200: BalanceOut, **errors(401, 403, 429)}, summary="The balance")
def get_balance(request: HttpRequest) -> HttpResponse:
    """Credits that can be spent, and credits held for videos in flight."""
    principal = caller(request, "ledger:read")
    chosen = unit_of(principal, None)
    with tenant_scope(principal.tenant, principal.actor):
        found = balance(principal.tenant, chosen)
    return answer({"ok": True, "unit": chosen, "available": found.available, "held": found.held})


@router.get(
    "/ledger",
    response={200: LedgerOut, **errors(401, 403, 422, 429)},
    openapi_extra={"responses": {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}},
    summary="The ledger",
)
def get_ledger(
    request: HttpRequest,
    limit: int = limit_query(),
    cursor: str = cursor_query(),
    type: Literal["add", "freeze", "settle", "refund", "reverse"] = Query(None, description="Only rows of this type."),
    batch_id: str = Query(None, pattern="^bat_[0-9a-z]+$", max_length=40, description="Only rows of this batch."),
    since: datetime = Query(None, description="Only rows that took effect then or later."),
    until: datetime = Query(None, description="Only rows that took effect before."),
    unit: Unit = Query(None, description="TEST for the rows of test keys, for a signed-in person."),
    format: Literal["json", "csv"] = Query("json", description="csv answers with all matching rows as one file."),
) -> HttpResponse:
    """Every movement of the wallet, newest first. `format=csv` exports all matching rows."""
    principal = caller(request, "ledger:read")
    chosen = unit_of(principal, unit)
    filters: dict[str, Any] = {"type": type, "ref_id": batch_id, "since": _utc(since), "until": _utc(until)}
    if format == "csv":
        principal.count_export()
    with tenant_scope(principal.tenant, principal.actor):
        if format == "csv":
            seal_for_export()
            response = HttpResponse("".join(ledger_csv(principal.tenant, chosen, **filters)), content_type="text/csv")
            response["Content-Disposition"] = 'attachment; filename="ledger.csv"'
            return response
        rows, following = ledger_page(principal.tenant, chosen, count=page_size(limit), cursor=cursor, **filters)
    return answer({"ok": True, "unit": chosen, "rows": rows, "next": following})


def _utc(at: datetime | None) -> datetime | None:
    """The instant in UTC: PostgreSQL does not take every offset that ISO 8601 allows. Without one, UTC is meant."""
    if at is None:
        return None
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:
        raise InvalidInput(reason="since and until must be between the years 1 and 9999 in UTC.") from None
