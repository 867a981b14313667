"""What an operator's program may ask over HTTP, with the operator's own session: credits moved by hand (ENT-016).

It stands outside the document that customers read. The rules are those of the desk and of the command line.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router

from pilothouse.kernel.access.api_auth import operator_session
from pilothouse.kernel.base.errors import InvalidInput, UnknownAccount
from pilothouse.kernel.base.json_api import answer, json_body, only, text_field, whole_number
from pilothouse.kernel.base.models import Tenant
from pilothouse.kernel.base.scope import ops_scope
from pilothouse.kernel.ledger.grants import (
    Asked,
    approve_grant,
    grant_requests,
    refuse_grant,
    request_grant,
    request_reversal,
)
from pilothouse.kernel.ledger.limits import GRANT_TEXT_MAX_CHARACTERS
from pilothouse.kernel.ledger.models import CREDIT
from pilothouse.kernel.ledger.queries import entry_id, grant_of_entry

ID_MAX_CHARACTERS = 100


router = Router(tags=["admin"], auth=operator_session)


@router.get("/grants", include_in_schema=False)
def get_grants(request: HttpRequest, state: str = "requested") -> HttpResponse:
    """The newest requests in a state."""
    with ops_scope(_actor(request), "grant requests"):
        rows = grant_requests(state)
    return answer({"ok": True, "requests": [_shown(row) for row in rows]})


@router.post("/grants", include_in_schema=False)
def post_grant(request: HttpRequest) -> HttpResponse:
    """{tenant_id, amount, source, description, unit?}: granted (201), or waiting for a second operator (202).

    Once for each source and description: asked again, the same answer comes with `Idempotent-Replayed: true`; with
    another amount it is a 422.
    """
    body = json_body(request)
    only(body, "tenant_id", "amount", "source", "description", "unit")
    amount = whole_number(body.get("amount"))
    if amount is None:
        raise InvalidInput(reason="amount is a whole number of credits.")
    source = text_field(body, "source", maximum=ID_MAX_CHARACTERS) or "pilot_grant"
    why = text_field(body, "description", maximum=GRANT_TEXT_MAX_CHARACTERS, required=True) or ""
    unit = text_field(body, "unit", maximum=ID_MAX_CHARACTERS) or CREDIT
    return _do(
        request,
        lambda operator: request_grant(operator, _tenant(body), amount, source, why, unit=unit),
    )


@router.post("/reversals", include_in_schema=False)
def post_reversal(request: HttpRequest) -> HttpResponse:
    """{tenant_id, entry, reason}: take a grant back, at once or when a second operator approves it."""
    body = json_body(request)
    only(body, "tenant_id", "entry", "reason")
    entry = text_field(body, "entry", maximum=ID_MAX_CHARACTERS, required=True) or ""
    reason = text_field(body, "reason", maximum=GRANT_TEXT_MAX_CHARACTERS, required=True) or ""

    def turn_round(operator: int) -> Asked:
        tenant = _tenant(body)
        return request_reversal(operator, tenant, grant_of_entry(entry, tenant)["id"], reason)

    return _do(request, turn_round)


@router.post("/grants/{public_id}/approve", include_in_schema=False)
def post_approve(request: HttpRequest, public_id: str) -> HttpResponse:
    """Approve another operator's request."""
    return _do(request, lambda operator: approve_grant(operator, public_id))


@router.post("/grants/{public_id}/refuse", include_in_schema=False)
def post_refuse(request: HttpRequest, public_id: str) -> HttpResponse:
    """{reason}: refuse a request, or withdraw one's own."""
    body = json_body(request)
    only(body, "reason")
    reason = text_field(body, "reason", maximum=GRANT_TEXT_MAX_CHARACTERS, required=True) or ""
    return _do(request, lambda operator: refuse_grant(operator, public_id, reason))


def _do(request: HttpRequest, act: Callable[[int], Asked]) -> HttpResponse:
    operator: int = request.auth.user  # type: ignore[attr-defined]
    with ops_scope(_actor(request), "credits by hand"):
        asked = act(operator)
        entry = entry_id(asked.tenant, asked.journal) if asked.journal else None
    told = {name: value for name, value in asdict(asked).items() if name not in ("tenant", "journal", "replayed")}
    body = {"ok": True, **told, "entry": entry}
    headers = {"Idempotent-Replayed": "true"} if asked.replayed else None
    return answer(body, 202 if asked.state == "requested" else 201, headers)


def _tenant(body: dict[str, Any]) -> int:
    public_id = text_field(body, "tenant_id", maximum=ID_MAX_CHARACTERS, required=True)
    found = Tenant.objects.filter(public_id=public_id).values_list("id", flat=True).first()
    if found is None:
        raise UnknownAccount()
    return int(found)


def _actor(request: HttpRequest) -> str:
    return f"operator:{request.user.email}"  # type: ignore[union-attr]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    names = (
        "tenant_id",
        "tenant_name",
        "kind",
        "unit",
        "amount",
        "source",
        "description",
        "state",
        "asked_at",
        "answer",
    )
    return {
        "request": row["public_id"],
        **{name: row[name] for name in names},
        "asked_by": row["asked_by_email"],
        "decided_by": row["decided_by_email"],
        "entry": row["entry"],
    }
