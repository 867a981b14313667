"""The ledger over HTTP: the balance and the rows that explain it."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema

from pilothouse.kernel.base.caller import caller
from pilothouse.kernel.base.errors import InvalidInput
from pilothouse.kernel.base.json_api import answer, page_size, storable
from pilothouse.kernel.base.openapi import errors
from pilothouse.kernel.base.scope import tenant_scope

from .exports import ledger_csv
from .models import CREDIT, TEST
from .queries import balance, ledger_page

router = Router(tags=["ledger"])
FORMATS = ("json", "csv")


class BalanceOut(Schema):
    """What the wallet shows, in whole credits."""

    ok: bool
    unit: str
    available: int
    held: int


class LedgerRowOut(Schema):
    """One movement of the wallet."""

    id: str
    type: str
    ref_type: str
    ref_id: str
    request_id: str
    entry: str
    credits_delta: int
    amount: int
    description: str
    created_at: datetime


class LedgerOut(Schema):
    """One page of the ledger, newest first; `next` is the cursor of the next page or null."""

    ok: bool
    unit: str
    rows: list[LedgerRowOut]
    next: str | None


@router.get("/credits/balance", response={200: BalanceOut, **errors(401, 403, 429)}, summary="The balance")
def get_balance(request: HttpRequest) -> HttpResponse:
    """Credits that can be spent, and credits held for videos in flight."""
    principal = caller(request, "ledger:read")
    unit = TEST if principal.mode == "test" else CREDIT
    with tenant_scope(principal.tenant, principal.actor):
        found = balance(principal.tenant, unit)
    return answer({"ok": True, "unit": unit, "available": found.available, "held": found.held})


@router.get("/ledger", response={200: LedgerOut, **errors(401, 403, 422, 429)}, summary="The ledger")
def get_ledger(
    request: HttpRequest,
    limit: int | None = None,
    cursor: str | None = None,
    type: str | None = None,
    batch_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    format: str = "json",
) -> HttpResponse:
    """Every movement of the wallet, newest first. `format=csv` exports all matching rows.

    `type` is one of add, freeze, settle, refund, adjust; `since` is inclusive, `until` exclusive.
    """
    principal = caller(request, "ledger:read")
    unit = TEST if principal.mode == "test" else CREDIT
    if format not in FORMATS:
        raise InvalidInput(reason=f"format must be {' or '.join(FORMATS)}.")
    if batch_id is not None and not storable(batch_id):
        raise InvalidInput(reason="batch_id must be the id of a batch.")
    filters: dict[str, Any] = {"type": type, "ref_id": batch_id, "since": since, "until": until}
    with tenant_scope(principal.tenant, principal.actor):
        if format == "csv":
            response = HttpResponse("".join(ledger_csv(principal.tenant, unit, **filters)), content_type="text/csv")
            response["Content-Disposition"] = 'attachment; filename="ledger.csv"'
            return response
        rows, following = ledger_page(principal.tenant, unit, count=page_size(limit), cursor=cursor, **filters)
    return answer({"ok": True, "unit": unit, "rows": rows, "next": following})
