"""Webhooks over HTTP: endpoints, their secrets, and what was delivered to them."""

from typing import Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Router
from ninja.params.functions import Query

from pilothouse.kernel.access.api_auth import caller, mode_of
from pilothouse.kernel.access.errors import LiveKeyNeeded
from pilothouse.kernel.access.principal import Principal
from pilothouse.kernel.access.roles import MODES
from pilothouse.kernel.base import clock
from pilothouse.kernel.base.cursors import open_cursor, seal_cursor
from pilothouse.kernel.base.errors import InvalidInput, NotFound
from pilothouse.kernel.base.json_api import answer, json_body, only, page_size, text_field
from pilothouse.kernel.base.openapi import body, cursor_query, errors, id_path, limit_query
from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.kernel.base.sql import Row

from . import queries
from .api_schemas import (
    CREATE_JSON,
    UPDATE_JSON,
    AttemptsOut,
    DeletedOut,
    DeliveriesOut,
    EndpointCreatedOut,
    EndpointOut,
    EndpointsOut,
    QueuedOut,
    SecretOut,
)
from .commands import abort, replay, send_test
from .endpoints import (
    create_endpoint,
    delete_endpoint,
    pause_endpoint,
    resume_endpoint,
    rotate_secret,
    update_endpoint,
)
from .limits import DESCRIPTION_MAX_CHARACTERS, SECRET_OVERLAP_HOURS, URL_MAX_CHARACTERS
from .secrets_at_rest import reveal_default_secret, rotate_default_secret

router = Router(tags=["webhooks"])
SCOPE = "webhooks:write"


@router.get("/webhooks", response={200: EndpointsOut, **errors(401, 403, 429)}, summary="List endpoints")
def get_endpoints(request: HttpRequest) -> HttpResponse:
    """All endpoints of the account with the last attempt at each."""
    principal = _caller(request)
    with tenant_scope(principal.tenant, principal.actor):
        return answer({"ok": True, "endpoints": [_endpoint_json(row) for row in queries.endpoints()]})


@router.post(
    "/webhooks",
    response={201: EndpointCreatedOut, **errors(401, 403, 409, 413, 415, 422, 429)},
    openapi_extra=body(CREATE_JSON),
    summary="Create an endpoint",
)
def post_endpoint(request: HttpRequest) -> HttpResponse:
    """Register an https address that gets every event of the account's live batches, or with `"mode": "test"` those of
    test keys. The secret is in this answer only."""
    principal = _caller(request)
    given = json_body(request)
    only(given, "url", "description", "mode")
    mode = given.get("mode", "live")
    if mode not in MODES:
        raise InvalidInput(reason="mode must be live or test.")
    url = text_field(given, "url", maximum=URL_MAX_CHARACTERS, required=True) or ""
    description = text_field(given, "description", maximum=DESCRIPTION_MAX_CHARACTERS) or ""
    with tenant_scope(principal.tenant, principal.actor):
        made = create_endpoint(url, description, mode=mode)
        shown = _endpoint_json(_endpoint_row(made.endpoint.public_id))
        return answer({"ok": True, **shown, "secret": made.secret}, 201)


@router.get(
    "/webhooks/{endpoint_id}", response={200: EndpointOut, **errors(401, 403, 404, 429)}, summary="Get an endpoint"
)
def get_endpoint(request: HttpRequest, endpoint_id: str = id_path("an endpoint")) -> HttpResponse:
    """One endpoint."""
    principal = _caller(request)
    with tenant_scope(principal.tenant, principal.actor):
        return answer({"ok": True, **_endpoint_json(_endpoint_row(endpoint_id))})


@router.patch(
    "/webhooks/{endpoint_id}",
    response={200: EndpointOut, **errors(401, 403, 404, 409, 413, 415, 422, 429)},
    openapi_extra=body(UPDATE_JSON),
    summary="Change, pause or resume an endpoint",
)
def patch_endpoint(request: HttpRequest, endpoint_id: str = id_path("an endpoint")) -> HttpResponse:
    """Change the address or description, or pause (`"status": "paused"`) and resume (`"active"`)."""
    principal = _caller(request)
    given = json_body(request)
    only(given, "url", "description", "status")
    status = given.get("status")
    if status not in (None, "active", "paused"):
        raise InvalidInput(reason="status must be active or paused.")
    url = text_field(given, "url", maximum=URL_MAX_CHARACTERS)
    description = text_field(given, "description", maximum=DESCRIPTION_MAX_CHARACTERS)
    with tenant_scope(principal.tenant, principal.actor):
        endpoint = update_endpoint(endpoint_id, url=url, description=description)
        if status is not None and status != endpoint.state:
            (pause_endpoint if status == "paused" else resume_endpoint)(endpoint_id)
        return answer({"ok": True, **_endpoint_json(_endpoint_row(endpoint_id))})


@router.delete(
    "/webhooks/{endpoint_id}", response={200: DeletedOut, **errors(401, 403, 404, 429)}, summary="Delete an endpoint"
)
def remove_endpoint(request: HttpRequest, endpoint_id: str = id_path("an endpoint")) -> HttpResponse:
    """Stop sending to an address; what is due to it ends undelivered, its history stays."""
    principal = _caller(request)
    with tenant_scope(principal.tenant, principal.actor):
        delete_endpoint(endpoint_id)
        return answer({"ok": True, "endpoint_id": endpoint_id})


@router.post(
    "/webhooks/{endpoint_id}/rotate",
    response={200: SecretOut, **errors(401, 403, 404, 409, 429)},
    summary="Rotate a secret",
)
def post_rotate(request: HttpRequest, endpoint_id: str = id_path("an endpoint")) -> HttpResponse:
    """A new secret, in this answer only; the old one signs beside it for 24 hours. Asking again ends none early."""
    principal = _caller(request)
    with tenant_scope(principal.tenant, principal.actor):
        return answer(_secret_json(rotate_secret(endpoint_id)))


@router.post(
    "/webhooks/{endpoint_id}/test",
    response={202: QueuedOut, **errors(401, 403, 404, 409, 429)},
    summary="Send a test event",
)
def post_test(request: HttpRequest, endpoint_id: str = id_path("an endpoint")) -> HttpResponse:
    """Queue the event `{"event":"test"}` for this endpoint."""
    principal = _caller(request)
    with tenant_scope(principal.tenant, principal.actor):
        return answer({"ok": True, "delivery_id": send_test(endpoint_id).public_id}, 202)


@router.get("/webhook-secret", response={200: SecretOut, **errors(401, 403, 429)}, summary="The default secret")
def get_default_secret(request: HttpRequest) -> HttpResponse:
    """The secret that signs for addresses which batches name in `webhook_url`."""
    principal = _caller(request)
    with tenant_scope(principal.tenant, principal.actor):
        return answer(_secret_json(reveal_default_secret()))


@router.post(
    "/webhook-secret/rotate",
    response={200: SecretOut, **errors(401, 403, 409, 429)},
    summary="Rotate the default secret",
)
def post_default_rotate(request: HttpRequest) -> HttpResponse:
    """A new default secret; the old one signs beside it for 24 hours. Asking again ends none early."""
    principal = _caller(request)
    with tenant_scope(principal.tenant, principal.actor):
        return answer(_secret_json(rotate_default_secret()))


@router.get(
    "/webhook-deliveries", response={200: DeliveriesOut, **errors(401, 403, 422, 429)}, summary="List deliveries"
)
def get_deliveries(
    request: HttpRequest,
    limit: int = limit_query(),
    cursor: str = cursor_query(),
    endpoint_id: str = Query(None, pattern="^we_[0-9a-z]+$", max_length=40, description="Only to this endpoint."),
    status: Literal["dead", "delivered", "disabled", "queued", "sending", "waiting"] = Query(
        None, description="Only in this status."
    ),
) -> HttpResponse:
    """Deliveries, newest first, optionally of one endpoint or in one status."""
    principal = _caller(request)
    size, before = page_size(limit), open_cursor("deliveries", principal.tenant, cursor)
    with tenant_scope(principal.tenant, principal.actor):
        rows = queries.deliveries(endpoint=endpoint_id, state=status, before=before, count=size)
    following = seal_cursor("deliveries", principal.tenant, rows[-1]["id"]) if len(rows) == size else None
    return answer({"ok": True, "deliveries": [_delivery_json(row) for row in rows], "next": following})


@router.get(
    "/webhook-deliveries/{delivery_id}/attempts",
    response={200: AttemptsOut, **errors(401, 403, 404, 429)},
    summary="List the attempts of a delivery",
)
def get_attempts(request: HttpRequest, delivery_id: str = id_path("a delivery")) -> HttpResponse:
    """Every HTTP try of one delivery."""
    principal = _caller(request)
    with tenant_scope(principal.tenant, principal.actor):
        rows = queries.attempts(delivery_id)
    for row in rows:
        row["message"] = queries.ERROR_TEXT.get(row["error"], "")
    return answer({"ok": True, "delivery_id": delivery_id, "attempts": rows})


@router.post(
    "/webhook-deliveries/{delivery_id}/replay",
    response={202: QueuedOut, **errors(401, 403, 404, 409, 429)},
    summary="Send a delivery again",
)
def post_replay(request: HttpRequest, delivery_id: str = id_path("a delivery")) -> HttpResponse:
    """A new delivery of the same event: the same `webhook-id`, the same bytes, a new timestamp."""
    principal = _caller(request)
    with tenant_scope(principal.tenant, principal.actor):
        return answer({"ok": True, "delivery_id": replay([delivery_id])[0]}, 202)


@router.post(
    "/webhook-deliveries/{delivery_id}/cancel",
    response={200: QueuedOut, **errors(401, 403, 404, 429)},
    summary="Cancel a delivery",
)
def post_cancel(request: HttpRequest, delivery_id: str = id_path("a delivery")) -> HttpResponse:
    """End an open delivery without sending it; one that has ended, or is being sent, is left alone."""
    principal = _caller(request)
    with tenant_scope(principal.tenant, principal.actor):
        abort([delivery_id])
        return answer({"ok": True, "delivery_id": delivery_id})


def _caller(request: HttpRequest) -> Principal:
    """Who may see and change webhooks. They are the account's live ones, so a test key may not."""
    principal = caller(request, SCOPE)
    if mode_of(principal) == "test":
        raise LiveKeyNeeded()
    return principal


def _endpoint_row(public_id: str) -> Row:
    for row in queries.endpoints():
        if row["public_id"] == public_id:
            return row
    raise NotFound(what="webhook endpoint")


def _endpoint_json(row: Row) -> dict[str, Any]:
    last = {"at": row["last_at"], "status": row["last_status"], "error": row["last_error"]}
    return {
        "endpoint_id": row["public_id"],
        "url": row["url"],
        "mode": row["mode"],
        "description": row["description"],
        "status": row["state"],
        "reason": row["reason"],
        "created_at": clock.iso(row["created_at"]),
        "overlap_until": row["overlap_until"] and clock.iso(row["overlap_until"]),
        "last_attempt": last if row["last_at"] else None,
    }


def _delivery_json(row: Row) -> dict[str, Any]:
    return {
        "delivery_id": row["public_id"],
        "event_id": row["message_id"],
        "event": row["type"],
        "endpoint_id": row["endpoint_id"],
        "url": row["url"],
        "origin": row["origin"],
        "status": row["state"],
        "attempts": row["attempt"],
        "next_attempt_at": row["next_run_at"],
        "created_at": row["created_at"],
        "ended_at": row["ended_at"],
        "last_status": row["last_status"],
        "last_error": row["last_error"],
    }


def _secret_json(secret: str) -> dict[str, Any]:
    return {"ok": True, "secret": secret, "overlap_hours": SECRET_OVERLAP_HOURS}
