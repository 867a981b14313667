"""What operators decide over HTTP, with their own sessions: disputes and contested handovers, within the pinned terms.

It stands outside the document that the two sides read. Nobody types an amount or an outcome of their own.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router

from pilothouse.kernel.access.api_auth import operator_session
from pilothouse.kernel.access.principal import OperatorPrincipal
from pilothouse.kernel.base.errors import InvalidInput, NotFound
from pilothouse.kernel.base.json_api import answer, json_body, only, page_size, text_field
from pilothouse.kernel.base.scope import ops_scope, tenant_scope

from . import desk_reads, disputes, judgement, limits
from .api_views import dated, deal_json, dispute_json, outcomes_json, timeline_json
from .models import Deal, Dispute
from .requests import checked_key, once

router = Router(tags=["admin"], auth=operator_session)


def _operator(request: HttpRequest) -> OperatorPrincipal:
    found: OperatorPrincipal = request.auth  # type: ignore[attr-defined]
    return found


@router.get("/disputes", include_in_schema=False)
def get_disputes(
    request: HttpRequest, limit: int | None = None, search: str | None = None, code: str | None = None
) -> HttpResponse:
    """Open disputes by time to expiry, the nearest first, with the state of both sides' evidence."""
    count = page_size(limit)
    with ops_scope(_operator(request).actor, "disputes"):
        rows = desk_reads.disputes(search=search or "", code=code or "", count=count)
    names = (
        "state", "opened_at", "due_at", "response", "title", "unit", "price", "codes", "claimed", "missing",
        "buyer_files", "seller_files",
    )  # fmt: skip
    shown = [
        {
            "dispute_id": row["public_id"],
            "deal_id": row["deal"],
            "stage": row["raised_in"],
            "left_s": int((row["due_at"] - row["now"]).total_seconds()),
            **dated({name: row[name] for name in names}),
        }
        for row in rows
    ]
    return answer({"ok": True, "disputes": shown})


@router.get("/handovers", include_in_schema=False)
def get_handovers(request: HttpRequest, limit: int | None = None) -> HttpResponse:
    """Contested handovers, the nearest review first."""
    count = page_size(limit)
    with ops_scope(_operator(request).actor, "contested handovers"):
        rows = desk_reads.handovers(count=count)
    names = ("title", "unit", "price", "contest_reason", "contest_note", "contested_at", "due_at")
    shown = [{"deal_id": row["public_id"], **dated({name: row[name] for name in names})} for row in rows]
    return answer({"ok": True, "handovers": shown})


@router.get("/disputes/{deal_id}", include_in_schema=False)
def get_dispute(request: HttpRequest, deal_id: str) -> HttpResponse:
    """The dispute of a deal, with the menu of each line and its evidence."""
    operator = _operator(request)
    with tenant_scope(_tenant(operator, deal_id), operator.actor):
        deal = Deal.objects.get(public_id=deal_id)
        dispute = Dispute.objects.filter(deal=deal).first()
        if dispute is None:
            raise NotFound(what="dispute")
        told = {
            "ok": True,
            "dispute": dispute_json(deal, dispute),
            "menu": outcomes_json(disputes.choices(deal, dispute)),
            "evidence": deal_json(deal, "buyer")["evidence"],
            "timeline": timeline_json(deal),
        }
    return answer(told)


@router.post("/disputes/{deal_id}/resolve", include_in_schema=False)
def post_resolve(request: HttpRequest, deal_id: str) -> HttpResponse:
    """{outcomes, audit_reason, note}: one outcome of the pinned terms for each line, and why."""
    given = json_body(request)
    only(given, "outcomes", "audit_reason", "note")
    outcomes = given.get("outcomes")
    if not isinstance(outcomes, list) or not all(isinstance(each, str) for each in outcomes):
        raise InvalidInput(reason="outcomes lists one outcome for each line.")
    audit, note = _why(given)

    def run(operator: OperatorPrincipal) -> None:
        disputes.resolve(
            deal_id, admin=operator.user, outcomes=outcomes, audit_reason=audit, note=note, decided_by=operator.email
        )

    return _decide(request, deal_id, "resolve", given, run)


@router.post("/handovers/{deal_id}/decide", include_in_schema=False)
def post_decide(request: HttpRequest, deal_id: str) -> HttpResponse:
    """{decision, audit_reason, note}: HANDOVER_CONFIRMED or NOT_HANDED_OVER, and why."""
    given = json_body(request)
    only(given, "decision", "audit_reason", "note")
    decision = text_field(given, "decision", maximum=limits.NAME_MAX_CHARACTERS, required=True) or ""
    audit, note = _why(given)

    def run(operator: OperatorPrincipal) -> None:
        judgement.decide_handover(
            deal_id, admin=operator.user, decision=decision, audit_reason=audit, note=note, decided_by=operator.email
        )

    return _decide(request, deal_id, "decide_handover", given, run)


def _why(given: dict[str, Any]) -> tuple[str, str]:
    """The audit reason and its note; that they are missing is refused by the command, in its own words."""
    return tuple(text_field(given, name, maximum=limits.NOTE_MAX_CHARACTERS) or "" for name in ("audit_reason", "note"))  # type: ignore[return-value]


def _decide(request: HttpRequest, deal_id: str, kind: str, given: dict[str, Any], run: Any) -> HttpResponse:
    operator, key = _operator(request), checked_key(request.headers.get("Idempotency-Key"))

    def decide() -> dict[str, Any]:
        run(operator)
        deal = Deal.objects.get(public_id=deal_id)
        names = ("state", "ended_by", "unit", "to_seller", "to_buyer", "in_escrow")
        return {"ok": True, "deal_id": deal_id, **{name: getattr(deal, name) for name in names}}

    with tenant_scope(_tenant(operator, deal_id), operator.actor):
        told, replayed = once(deal_id, kind, key, operator.user, given, decide)
    return answer(told, 200, {"Idempotent-Replayed": "true"} if replayed else None)


def _tenant(operator: OperatorPrincipal, deal_id: str) -> int:
    with ops_scope(operator.actor, f"deal {deal_id[: limits.NAME_MAX_CHARACTERS]}"):
        found = Deal.objects.filter(public_id=deal_id).values_list("tenant_id", flat=True).first()
    if found is None:
        raise NotFound(what="deal")
    return int(found)
