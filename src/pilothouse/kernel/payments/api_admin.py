"""Money in and out over HTTP, for operators with their own sessions: what the desk's forms do, by the same commands.

It stands outside the document that customers read. Asked again, no command moves anything twice: a payment is known by
its reference, and everything else by the state in which it is found.
"""

from collections.abc import Callable
from typing import Any

from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from ninja import Router

from pilothouse.kernel.access.api_auth import operator_session
from pilothouse.kernel.access.desk import commanding, looking
from pilothouse.kernel.access.principal import OperatorPrincipal
from pilothouse.kernel.base.clock import iso
from pilothouse.kernel.base.errors import InvalidInput, NotFound, UnknownAccount
from pilothouse.kernel.base.json_api import answer, json_body, only, page_size, text_field, whole_number
from pilothouse.kernel.base.models import Tenant
from pilothouse.kernel.base.scope import tenant_scope

from . import bank_files, limits, outgoing, queries
from .amounts import CURRENCIES
from .incoming import match, record_payment
from .models import FAILURES, Payment, Payout, SendRequest
from .sending import Sent, approve_sending, refuse_sending, send_payment_back, send_payout

router = Router(tags=["admin"], auth=operator_session)
SKIP_MAX_ROWS = 100_000


@router.get("/payments", include_in_schema=False)
def get_payments(
    request: HttpRequest, state: str = "waiting", search: str = "", limit: int | None = None, skip: int = 0
) -> HttpResponse:
    """Money that came in. `state` is waiting (by its due time), closed or all (the newest first)."""
    rows = _listed(request, queries.payments, (*queries.PAYMENT_STATES, "all"), state, search, limit, skip)
    return answer({"ok": True, "payments": [_payment(row["row"], row["overdue"]) for row in rows]})


@router.post("/payments", include_in_schema=False)
def post_payment(request: HttpRequest) -> HttpResponse:
    """{tenant_id, unit, amount, reference, payer?, note?}: record a bank transfer that came in, in minor units.

    The same reference with the same values is recorded once and answered again; with others it is `payment_known`.
    """
    given = json_body(request)
    only(given, "tenant_id", "unit", "amount", "reference", "payer", "note")
    tenant_id, unit = _text(given, "tenant_id"), _text(given, "unit")
    if unit not in CURRENCIES:
        raise InvalidInput(reason=f"unit is one of {', '.join(CURRENCIES)}.")
    amount = whole_number(given.get("amount"))
    if amount is None:
        raise InvalidInput(reason="amount is a whole number of minor units.")
    reference = _text(given, "reference")
    payer, note = (text_field(given, name, maximum=limits.TEXT_MAX_CHARACTERS) or "" for name in ("payer", "note"))
    with looking(request, _operator(request)):
        tenant = Tenant.objects.filter(public_id=tenant_id).values_list("id", flat=True).first()
    if tenant is None:
        raise UnknownAccount()
    with commanding(request, _operator(request), int(tenant)):
        made = record_payment(
            int(tenant), source="bank", reference=reference, amount=amount, unit=unit, payer=payer, note=note
        )
        told = _payment(made)
    return answer({"ok": True, **told}, 201)


@router.get("/payments/{payment_id}", include_in_schema=False)
def get_payment(request: HttpRequest, payment_id: str) -> HttpResponse:
    """One payment, what it may be meant for, and the way of a card payment back."""
    operator = _operator(request)
    tenant = _tenant(request, Payment, payment_id, "payment")
    with looking(request, operator):
        found = Payment.objects.select_related("tenant").get(public_id=payment_id)
        asked = queries.waiting_request(payment_id)
        refunds = [
            {"refund_id": each.public_id, "state": each.state, "amount": each.amount, "failure": each.failure}
            for each in queries.refunds_of(found)
        ]
    with tenant_scope(tenant, operator.actor):
        meant = [
            {
                "kind": row["waiting"].kind, "ref": row["waiting"].ref, "title": row["waiting"].title,
                "amount": row["waiting"].amount, "unit": row["waiting"].unit, "payer": row["waiting"].payer,
                "missing": row["short"], "left_over": row["left"],
            }
            for row in (queries.suggestions(found) if found.state == "waiting" else [])
        ]  # fmt: skip
    told = {"waits_for": asked.public_id if asked else None, "refunds": refunds, "suggestions": meant}
    return answer({"ok": True, **_payment(found), **told})


@router.post("/payments/{payment_id}/match", include_in_schema=False)
def post_match(request: HttpRequest, payment_id: str) -> HttpResponse:
    """{kind, ref, with?}: pay a subject with this payment, and with others; what is too much stays in suspense."""
    given = json_body(request)
    only(given, "kind", "ref", "with")
    kind, ref, others = _text(given, "kind"), _text(given, "ref"), given.get("with", [])
    known = isinstance(others, list) and all(isinstance(each, str) for each in others)
    if not known or len(others) > limits.SUGGESTIONS_MAX_ROWS:
        raise InvalidInput(reason=f"with lists at most {limits.SUGGESTIONS_MAX_ROWS} other payments.")
    tenant = _tenant(request, Payment, payment_id, "payment")
    with commanding(request, _operator(request), tenant):
        left = match([payment_id, *others], kind, ref)
        told = _payment(Payment.objects.get(public_id=payment_id))
    return answer({"ok": True, **told, "paid": ref, "left_over": left})


@router.post("/payments/{payment_id}/back", include_in_schema=False)
def post_back(request: HttpRequest, payment_id: str) -> HttpResponse:
    """{reference?}: the rest goes back to its sender, a card's through the processor when no reference is given.

    Above the limit it waits for a second operator (202, with the request's id).
    """
    given = json_body(request)
    only(given, "reference")
    reference = text_field(given, "reference", maximum=limits.TEXT_MAX_CHARACTERS) or ""
    return _send(request, Payment, payment_id, "payment", lambda: send_payment_back(payment_id, reference))


@router.get("/payouts", include_in_schema=False)
def get_payouts(
    request: HttpRequest, state: str = "due", search: str = "", limit: int | None = None, skip: int = 0
) -> HttpResponse:
    """Money that is owed and on its way. `state` is due, sent, failed, confirmed or all."""
    rows = _listed(request, queries.payouts, (*queries.PAYOUT_STATES, "all"), state, search, limit, skip)
    with looking(request, _operator(request)):
        nowhere = queries.without_account([row["row"] for row in rows])
    shown = [{**_payout(row["row"], row["overdue"]), "has_account": row["row"].id not in nowhere} for row in rows]
    return answer({"ok": True, "payouts": shown})


@router.get("/payouts/{payout_id}", include_in_schema=False)
def get_payout(request: HttpRequest, payout_id: str) -> HttpResponse:
    """One payout, and the request that waits for a second operator if there is one."""
    with looking(request, _operator(request)):
        rows = Payout.objects.select_related("tenant", "person", "bank_account")
        found = rows.filter(public_id=payout_id).first()
        if found is None:
            raise NotFound(what="payout")
        asked = queries.waiting_request(payout_id)
    return answer({"ok": True, **_payout(found), "waits_for": asked.public_id if asked else None})


@router.post("/payouts/{payout_id}/send", include_in_schema=False)
def post_send(request: HttpRequest, payout_id: str) -> HttpResponse:
    """{reference}: it was sent by the bank; above the limit it waits for a second operator (202)."""
    given = json_body(request)
    only(given, "reference")
    reference = _text(given, "reference")
    return _send(request, Payout, payout_id, "payout", lambda: send_payout(payout_id, reference))


@router.post("/payouts/{payout_id}/confirm", include_in_schema=False)
def post_confirm(request: HttpRequest, payout_id: str) -> HttpResponse:
    """The bank says that it arrived: the ledger moves."""
    _nothing(request)
    return _step(request, payout_id, lambda: outgoing.confirm(payout_id))


@router.post("/payouts/{payout_id}/fail", include_in_schema=False)
def post_fail(request: HttpRequest, payout_id: str) -> HttpResponse:
    """{reason}: the bank did not pay it: account_closed, refused or returned."""
    given = json_body(request)
    only(given, "reason")
    reason = _text(given, "reason")
    if reason not in FAILURES:
        raise InvalidInput(reason=f"reason is one of {', '.join(FAILURES)}.")
    return _step(request, payout_id, lambda: outgoing.fail(payout_id, reason))


@router.post("/payouts/{payout_id}/retry", include_in_schema=False)
def post_retry(request: HttpRequest, payout_id: str) -> HttpResponse:
    """Send it again, to the account that its person names now."""
    _nothing(request)
    return _step(request, payout_id, lambda: outgoing.retry(payout_id))


@router.get("/bank-files", include_in_schema=False)
def get_bank_files(request: HttpRequest, limit: int | None = None, skip: int = 0) -> HttpResponse:
    """Files for the bank that still hold payouts which nobody has written as sent, the oldest first."""

    def files(_state: str, _words: str, *, count: int, skip: int) -> list[bank_files.OpenFile]:
        return bank_files.open_files(count, skip)

    rows = _listed(request, files, ("all",), "all", "", limit, skip)
    shown = [
        {
            "bank_file": row.public_id, "filed_at": iso(row.filed_at), "filed_by": row.filed_by,
            "payouts": row.payouts, "unsent": row.unsent, "unsent_amounts": row.amounts,
        }
        for row in rows
    ]  # fmt: skip
    return answer({"ok": True, "bank_files": shown})


@router.post("/bank-files", include_in_schema=False)
def post_bank_file(request: HttpRequest) -> HttpResponse:
    """Put what is due and in no file into a new one (201); `nothing_to_file` when nothing is left."""
    _nothing(request)
    with commanding(request, _operator(request)):
        made = bank_files.bank_file()
    told = {"bank_file": made.public_id, "filed_at": iso(made.filed_at), "payouts": made.payouts}
    return answer({"ok": True, **told}, 201)


@router.get("/bank-files/{bank_file}", include_in_schema=False)
def get_bank_file(request: HttpRequest, bank_file: str) -> HttpResponse:
    """A file's CSV, the same bytes each time."""
    with looking(request, _operator(request)):
        text = bank_files.bank_file_text(bank_file)
    return HttpResponse(text, content_type="text/csv; charset=utf-8")


@router.get("/send-requests", include_in_schema=False)
def get_requests(
    request: HttpRequest, state: str = "requested", limit: int | None = None, skip: int = 0
) -> HttpResponse:
    """What one operator asked to send out. `state` is requested, approved, refused, expired or all."""

    def requests(state: str, _words: str, *, count: int, skip: int) -> list[SendRequest]:
        return queries.requests(state, count=count, skip=skip)

    rows = _listed(request, requests, (*queries.REQUEST_STATES, "all"), state, "", limit, skip)
    shown = [
        {
            "request": row.public_id, "state": row.state, "kind": row.kind, "subject": row.subject,
            "tenant_id": row.tenant.public_id, "amount": row.amount, "unit": row.unit, "reference": row.reference,
            "asked_by": row.asked_by, "asked_at": iso(row.asked_at), "decided_by": row.decided_by,
            "answer": row.answer,
        }
        for row in rows
    ]  # fmt: skip
    return answer({"ok": True, "requests": shown})


@router.post("/send-requests/{request_id}/approve", include_in_schema=False)
def post_approve(request: HttpRequest, request_id: str) -> HttpResponse:
    """Approve as the second operator: it is written as sent, or ordered, now."""
    _nothing(request)
    return _send(request, SendRequest, request_id, "request", lambda: approve_sending(request_id))


@router.post("/send-requests/{request_id}/refuse", include_in_schema=False)
def post_refuse(request: HttpRequest, request_id: str) -> HttpResponse:
    """{reason}: refuse a request, or withdraw one's own; nothing is sent."""
    given = json_body(request)
    only(given, "reason")
    reason = _text(given, "reason")
    tenant = _tenant(request, SendRequest, request_id, "request")
    with commanding(request, _operator(request), tenant):
        refuse_sending(request_id, reason)
    return answer({"ok": True, "request": request_id, "state": "refused"})


def _operator(request: HttpRequest) -> OperatorPrincipal:
    found: OperatorPrincipal = request.auth  # type: ignore[attr-defined]
    return found


def _text(given: dict[str, Any], name: str) -> str:
    return text_field(given, name, maximum=limits.TEXT_MAX_CHARACTERS, required=True) or ""


def _nothing(request: HttpRequest) -> None:
    """An empty body is as good as {}."""
    only(json_body(request) if request.body else {})


def _listed(
    request: HttpRequest,
    read: Callable[..., list[Any]],
    states: tuple[str, ...],
    state: str,
    search: str,
    limit: int | None,
    skip: int,
) -> list[Any]:
    count = page_size(limit)
    if state not in states:
        raise InvalidInput(reason=f"state is one of {', '.join(states)}.")
    if not 0 <= skip <= SKIP_MAX_ROWS:
        raise InvalidInput(reason=f"skip is between 0 and {SKIP_MAX_ROWS}.")
    words = search.strip().replace("\x00", "")[: limits.TEXT_MAX_CHARACTERS]
    with looking(request, _operator(request)):
        return list(read("" if state == "all" else state, words, count=count, skip=skip))


def _tenant(request: HttpRequest, model: type[Model], public_id: str, what: str) -> int:
    with looking(request, _operator(request)):
        key = model._default_manager.filter(public_id=public_id).values_list("tenant_id", flat=True).first()
    if key is None:
        raise NotFound(what=what)
    return int(key)


def _send(
    request: HttpRequest, model: type[Model], public_id: str, what: str, command: Callable[[], Sent]
) -> HttpResponse:
    tenant = _tenant(request, model, public_id, what)
    with commanding(request, _operator(request), tenant):
        done = command()
    told = {"ok": True, "state": done.state, "amount": done.amount, "unit": done.unit, "request": done.request or None}
    return answer(told, 202 if done.state == "requested" else 200)


def _step(request: HttpRequest, payout_id: str, command: Callable[[], Payout]) -> HttpResponse:
    tenant = _tenant(request, Payout, payout_id, "payout")
    with commanding(request, _operator(request), tenant):
        told = _payout(command())
    return answer({"ok": True, **told})


def _payment(row: Payment, overdue: bool | None = None) -> dict[str, Any]:
    told = {
        "payment_id": row.public_id, "tenant_id": row.tenant.public_id, "state": row.state, "source": row.source,
        "reference": row.external_ref, "amount": row.amount, "unit": row.unit, "matched": row.matched,
        "returned": row.returned, "rest": row.rest, "payer": row.payer, "note": row.note,
        "received_at": iso(row.received_at), "due_at": iso(row.due_at) if row.due_at else None,
    }  # fmt: skip
    return told if overdue is None else {**told, "overdue": overdue}


def _payout(row: Payout, overdue: bool | None = None) -> dict[str, Any]:
    told = {
        "payout_id": row.public_id, "tenant_id": row.tenant.public_id, "state": row.state,
        "subject": row.subject_ref, "side": row.side, "to": row.person.email, "amount": row.amount, "unit": row.unit,
        "attempts": row.attempts, "needs_a_person": outgoing.needs_a_person(row), "failure": row.failure,
        "reference": row.bank_reference, "sent_by": row.sent_by, "approved_by": row.approved_by,
        "bank_file": row.bank_file or None, "filed_by": row.filed_by,
        "due_at": iso(row.due_at) if row.due_at else None,
        "confirmed_at": iso(row.confirmed_at) if row.confirmed_at else None,
    }  # fmt: skip
    return told if overdue is None else {**told, "overdue": overdue}
