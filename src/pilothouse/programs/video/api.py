"""The enterprise batch API."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI, Router, Schema

from pilothouse.kernel.access.api_auth import caller, entry_of
from pilothouse.kernel.base.errors import InvalidInput
from pilothouse.kernel.base.json_api import answer, json_body, only, page_size, text_field
from pilothouse.kernel.base.openapi import body, errors
from pilothouse.kernel.base.scope import tenant_scope

from . import intake
from .api_schemas import CREATE_JSON, CREATE_MULTIPART
from .commands import access_batch, cancel_batch, create_batch
from .queries import batch_rows, batches_json, item_rows, items_json
from .uploads import WEBHOOK_URL_MAX_CHARACTERS, batch_from_multipart

router = Router(tags=["batches"])
CURSOR_MAX = 2**62


class CreatedOut(Schema):
    """A batch was accepted, or had been before (header `Idempotent-Replayed`)."""

    ok: bool
    batch_id: str
    status: str


class SummaryOut(Schema):
    """Items by status; they always add up to `total`."""

    total: int
    pending: int
    running: int
    succeeded: int
    failed: int


class MoneyOut(Schema):
    """Credits of the batch: reserved = settled + refunded + in_flight, always."""

    reserved: int
    settled: int
    refunded: int
    in_flight: int


class WebhookOut(Schema):
    """Where the end is told, and how far that is: none, pending, delivered or failed."""

    url: str | None
    status: str


class BatchBody(Schema):
    """A batch as the API shows it."""

    batch_id: str
    request_id: str
    status: str
    summary: SummaryOut
    ledger: MoneyOut
    webhook: WebhookOut
    created_at: datetime
    completed_at: datetime | None


class BatchOut(BatchBody):
    """One batch."""

    ok: bool


class BatchesOut(Schema):
    """One page of batches, newest first."""

    ok: bool
    batches: list[BatchBody]
    next: str | None


class OutputOut(Schema):
    """A finished video."""

    url: str
    expires_at: datetime
    bytes: int
    media_sha256: str


class StepOut(Schema):
    """One status of an item and when it began."""

    status: str
    at: datetime


class ItemOut(Schema):
    """One item: what was asked, how it went, what came of it."""

    item_id: str
    position: int
    status: str
    failure_reason: str | None
    hint: str | None
    params: dict[str, Any]
    metadata: dict[str, Any]
    fingerprint: str
    progress: int
    history: list[StepOut]
    output: OutputOut | None


class ItemsOut(Schema):
    """One page of items by position."""

    ok: bool
    items: list[ItemOut]
    next: str | None


class CancelledOut(Schema):
    """How many waiting items were cancelled; their credits are back."""

    ok: bool
    batch_id: str
    cancelled: int


@router.post(
    "/batches",
    response={201: CreatedOut, **errors(401, 402, 403, 409, 413, 415, 422, 429)},
    openapi_extra=body(CREATE_JSON, multipart=CREATE_MULTIPART),
    summary="Create a batch",
)
def post_batch(request: HttpRequest) -> HttpResponse:
    """Reserve the credits of all items and accept them, or change nothing.

    The same `request_id` with the same body answers with the first batch again (`Idempotent-Replayed: true`).
    """
    principal = caller(request, "batches:write")
    with tenant_scope(principal.tenant, principal.actor):
        if (request.content_type or "").startswith("multipart/"):
            given = batch_from_multipart(request)
        else:
            given = json_body(request)
        only(given, "request_id", "webhook_url", "items")
        created = create_batch(
            intake.request_id(given.get("request_id")),
            intake.items(given.get("items")),
            webhook_url=text_field(given, "webhook_url", maximum=WEBHOOK_URL_MAX_CHARACTERS),
            entry=entry_of(principal),
            mode=principal.mode,
        )
    headers = {"Idempotent-Replayed": "true"} if created.replayed else {}
    return answer({"ok": True, "batch_id": created.batch_id, "status": "pending"}, 201, headers)


@router.get("/batches", response={200: BatchesOut, **errors(401, 403, 422, 429)}, summary="List batches")
def get_batches(
    request: HttpRequest,
    limit: int | None = None,
    cursor: str | None = None,
    status: str | None = None,
    request_id: str | None = None,
) -> HttpResponse:
    """Batches of your account, newest first."""
    principal = caller(request, "batches:read")
    if status is not None and status not in ("pending", "running", "completed"):
        raise InvalidInput(reason="status must be pending, running or completed.")
    count = page_size(limit)
    with tenant_scope(principal.tenant, principal.actor):
        rows = batch_rows(
            principal.tenant,
            count=count + 1,
            before=_cursor(cursor),
            state=status,
            request_id=None if request_id is None else intake.request_id(request_id),
        )
        found = batches_json(rows[:count])
    following = str(rows[count - 1]["id"]) if len(rows) > count else None
    return answer({"ok": True, "batches": found, "next": following})


@router.get("/batches/{batch_id}", response={200: BatchOut, **errors(401, 403, 404, 429)}, summary="One batch")
def get_batch(request: HttpRequest, batch_id: str) -> HttpResponse:
    """A batch with its live counts and its money."""
    principal = caller(request, "batches:read")
    with tenant_scope(principal.tenant, principal.actor):
        (found,) = batches_json([access_batch(batch_id).__dict__])
    return answer({"ok": True, **found})


@router.get(
    "/batches/{batch_id}/items", response={200: ItemsOut, **errors(401, 403, 404, 422, 429)}, summary="Its items"
)
def get_items(
    request: HttpRequest, batch_id: str, limit: int | None = None, cursor: str | None = None, status: str | None = None
) -> HttpResponse:
    """The items of a batch by position, each with its history and, when it succeeded, a link to its video.

    `status` is pending, running, succeeded, failed or refunded; failed and refunded match the same items.
    """
    principal = caller(request, "batches:read")
    count = page_size(limit)
    with tenant_scope(principal.tenant, principal.actor):
        batch = access_batch(batch_id)
        rows = item_rows(batch.id, count=count + 1, after=_cursor(cursor) or 0, status=status)
        found = items_json(rows[:count])
    following = str(rows[count - 1]["position"]) if len(rows) > count else None
    return answer({"ok": True, "items": found, "next": following})


@router.post(
    "/batches/{batch_id}/cancel", response={200: CancelledOut, **errors(401, 403, 404, 409, 429)}, summary="Cancel"
)
def post_cancel(request: HttpRequest, batch_id: str) -> HttpResponse:
    """Cancel the items that were not dispatched; their credits return at once. Running items go on to their end."""
    principal = caller(request, "batches:write")
    with tenant_scope(principal.tenant, principal.actor):
        count = cancel_batch(batch_id)
    return answer({"ok": True, "batch_id": batch_id, "cancelled": count})


def _cursor(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 18:
        raise InvalidInput(reason="cursor must be the `next` of an earlier answer.")
    return int(cursor)


def add_to(api: NinjaAPI) -> None:
    """Mount the program's routers."""
    from .uploads import router as uploads_router

    api.add_router("/v1", router)
    api.add_router("/v1", uploads_router)
