"""The enterprise batch API."""

from typing import Literal

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI, Router
from ninja.params.functions import Query

from pilothouse.kernel.access.api_auth import caller, entry_of, mode_of
from pilothouse.kernel.access.principal import Principal
from pilothouse.kernel.base.cursors import open_cursor, seal_cursor
from pilothouse.kernel.base.json_api import answer, json_body, only, page_size, text_field
from pilothouse.kernel.base.openapi import DIGITS_PATTERN, body, cursor_query, errors, id_path, limit_query
from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.kernel.files.commands import StoredObject, discard_objects, discarded_on_error

from . import intake
from .api_schemas import (
    CREATE_JSON,
    CREATE_MULTIPART,
    BatchCreatedOut,
    BatchesOut,
    BatchOut,
    CancelledOut,
    ItemsOut,
)
from .commands import access_batch, cancel_batch, create_batch, refuse_too_many
from .limits import (
    PILOT_BATCH_ITEMS_MAX_COUNT,
    REQUEST_ID_MAX_CHARACTERS,
    REQUEST_ID_PATTERN,
    WEBHOOK_URL_MAX_CHARACTERS,
)
from .queries import batch_rows, batches_json, item_rows, items_json
from .uploads import Parts, read_multipart, record_inputs, store_parts

router = Router(tags=["batches"])


@router.post(
    "/batches",
    response={201: BatchCreatedOut, **errors(401, 402, 403, 409, 413, 415, 422, 429)},
    openapi_extra=body(CREATE_JSON, multipart=CREATE_MULTIPART),
    summary="Create a batch",
)
def post_batch(request: HttpRequest) -> HttpResponse:
    """Reserve the credits of all items and accept them, or change nothing.

    The same `request_id` with the same body answers with the first batch again (`Idempotent-Replayed: true`).
    """
    principal = caller(request, "batches:write")
    # Everything that reads the body or costs work comes before the transaction: a slow client holds no connection.
    parts: Parts = {}
    if (request.content_type or "").startswith("multipart/"):
        given, parts = read_multipart(request)
    else:
        given = json_body(request)
    only(given, "request_id", "webhook_url", "items")
    wanted_id = intake.request_id(given.get("request_id"))
    webhook_url = text_field(given, "webhook_url", maximum=WEBHOOK_URL_MAX_CHARACTERS)
    _refuse_size_early(principal, wanted_id, given.get("items"))
    stored: list[StoredObject] = []
    with discarded_on_error(stored):
        store_parts(principal.tenant, given, parts, stored)
        items = intake.items(given.get("items"))
        with tenant_scope(principal.tenant, principal.actor) as scope:
            record_inputs(stored)
            created = create_batch(
                wanted_id, items, webhook_url=webhook_url, entry=entry_of(principal), mode=principal.mode
            )
            if created.replayed:
                # The first request kept its images; those that came again leave neither row nor object.
                transaction.set_rollback(True, using=scope.alias)
    if created.replayed:
        discard_objects(stored)
    headers = {"Idempotent-Replayed": "true"} if created.replayed else {}
    return answer({"ok": True, "batch_id": created.batch_id, "status": "pending"}, 201, headers)


@router.get("/batches", response={200: BatchesOut, **errors(401, 403, 422, 429)}, summary="List batches")
def get_batches(
    request: HttpRequest,
    limit: int = limit_query(),
    cursor: str = cursor_query(),
    status: Literal["pending", "running", "completed"] = Query(None, description="Only batches in this status."),
    request_id: str = Query(
        None,
        min_length=1,
        max_length=REQUEST_ID_MAX_CHARACTERS,
        pattern=REQUEST_ID_PATTERN,
        description="Only the batch with this request_id of yours.",
    ),
) -> HttpResponse:
    """Batches of your account, newest first."""
    principal = caller(request, "batches:read")
    count = page_size(limit)
    with tenant_scope(principal.tenant, principal.actor):
        rows = batch_rows(
            principal.tenant,
            count=count + 1,
            before=open_cursor("batches", principal.tenant, cursor),
            state=status,
            mode=mode_of(principal),
            request_id=None if request_id is None else intake.request_id(request_id),
        )
        found = batches_json(rows[:count])
    following = seal_cursor("batches", principal.tenant, rows[count - 1]["id"]) if len(rows) > count else None
    return answer({"ok": True, "batches": found, "next": following})


@router.get("/batches/{batch_id}", response={200: BatchOut, **errors(401, 403, 404, 429)}, summary="One batch")
def get_batch(request: HttpRequest, batch_id: str = id_path("a batch")) -> HttpResponse:
    """A batch with its live counts and its money."""
    principal = caller(request, "batches:read")
    with tenant_scope(principal.tenant, principal.actor):
        (found,) = batches_json([access_batch(batch_id, mode_of(principal)).__dict__])
    return answer({"ok": True, **found})


@router.get(
    "/batches/{batch_id}/items", response={200: ItemsOut, **errors(401, 403, 404, 422, 429)}, summary="Its items"
)
def get_items(
    request: HttpRequest,
    batch_id: str = id_path("a batch"),
    limit: int = limit_query(),
    cursor: str = cursor_query(DIGITS_PATTERN),
    status: Literal["pending", "running", "succeeded", "failed", "refunded"] = Query(
        None, description="Only items in this status; failed and refunded match the same items."
    ),
) -> HttpResponse:
    """The items of a batch by position, each with its history and, when it succeeded, a link to its video."""
    principal = caller(request, "batches:read")
    count = page_size(limit)
    with tenant_scope(principal.tenant, principal.actor):
        batch = access_batch(batch_id, mode_of(principal))
        rows = item_rows(batch.id, count=count + 1, after=int(cursor) if cursor else 0, status=status)
        found = items_json(rows[:count])
    following = str(rows[count - 1]["position"]) if len(rows) > count else None
    return answer({"ok": True, "items": found, "next": following})


@router.post(
    "/batches/{batch_id}/cancel", response={200: CancelledOut, **errors(401, 403, 404, 409, 429)}, summary="Cancel"
)
def post_cancel(request: HttpRequest, batch_id: str = id_path("a batch")) -> HttpResponse:
    """Cancel the items that were not dispatched; their credits return at once. Running items go on to their end."""
    principal = caller(request, "batches:write")
    with tenant_scope(principal.tenant, principal.actor):
        count = cancel_batch(batch_id, mode_of(principal))
    return answer({"ok": True, "batch_id": batch_id, "cancelled": count})


def _refuse_size_early(principal: Principal, request_id: str, items: object) -> None:
    """Refuse a batch that is far too large before each of its items is looked at and its images are stored."""
    if isinstance(items, list) and len(items) > PILOT_BATCH_ITEMS_MAX_COUNT:
        with tenant_scope(principal.tenant, principal.actor):
            refuse_too_many(principal.tenant, request_id, len(items))


def add_to(api: NinjaAPI) -> None:
    """Mount the program's routers."""
    from .uploads import router as uploads_router

    api.add_router("/v1", router)
    api.add_router("/v1", uploads_router)
