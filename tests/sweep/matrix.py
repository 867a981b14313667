"""Who may do what at every address: one line for each method of each address.

A line is `"METHOD /path": Row(NEEDS, STATUS)`. NEEDS says who gets through, STATUS what those people get when the path
names nothing that exists and the body is empty (so a line with an id mostly says 404, a line that takes a body 422).
Everybody else gets what `expected` says. Where an address differs, the line says so by name.
"""

from __future__ import annotations

from dataclasses import dataclass, field

# Who holds which scope. Written down here a second time on purpose: a change of roles.py must be decided here too.
PEOPLE = ("owner", "engineer", "finance", "creator", "support", "contractor", "crew", "buyer", "seller")
OPERATORS = ("operator admin", "operator operator", "operator support")
KEYS = ("full key", "batches:read key", "batches:write key", "ledger:read key", "webhooks:write key", "test key")
REFUSED_KEYS = ("unknown key", "paused key")
CALLERS = ("nobody", *REFUSED_KEYS, *KEYS, *PEOPLE, "stranger", *OPERATORS)
HOLDERS: dict[str, frozenset[str]] = {
    "batches:read": frozenset(
        {"full key", "batches:read key", "test key", "owner", "engineer", "finance", "creator", "support"}
    ),
    "batches:write": frozenset({"full key", "batches:write key", "test key", "owner", "engineer", "creator"}),
    "ledger:read": frozenset({"full key", "ledger:read key", "test key", "owner", "engineer", "finance", "creator"}),
    # Webhooks are live work: a test key has the scope and may not.
    "webhooks:write": frozenset({"full key", "webhooks:write key", "owner", "engineer"}),
    # People alone trade; a key never does.
    "deals:write": frozenset({"owner", "buyer", "seller"}),
    "keys:write": frozenset({"owner", "engineer"}),
    "members:write": frozenset({"owner"}),
    "tenant:write": frozenset({"owner"}),
    "usage:read": frozenset({"owner", "engineer", "support"}),
    # The pages of a market, for those who buy and sell in it.
    "deals": frozenset({"owner", "buyer", "seller"}),
    # Anybody at all; anybody signed in; any member of an account; any of us.
    "anyone": frozenset(CALLERS),
    "signed in": frozenset({*PEOPLE, "stranger", *OPERATORS}),
    "member": frozenset(PEOPLE),
    "operator": frozenset(OPERATORS),
}


@dataclass(frozen=True, slots=True)
class Row:
    """What one method of one address answers; `but` names the callers that get something else."""

    needs: str
    status: int
    but: dict[str, int] = field(default_factory=dict)


def expected(caller: str, line: str, row: Row) -> int:
    """The status that `caller` gets."""
    if caller in row.but:
        return row.but[caller]
    group = "person" if caller in (*PEOPLE, "stranger", *OPERATORS) else "key" if caller in KEYS else "nobody"
    if group in row.but:
        return row.but[group]
    page = "/v1/" not in line
    # A page knows no keys: whoever is not signed in is sent to sign in.
    if page and group != "person" and row.needs != "anyone":
        return 302
    if caller in HOLDERS[row.needs]:
        return row.status
    if page and row.needs == "operator" and group == "person":
        # To a customer the pages of the operators do not exist.
        return 404
    return 401 if caller in ("nobody", *REFUSED_KEYS) else 403


MATRIX: dict[str, Row] = {
    # --- the JSON API
    "GET /v1/batches": Row("batches:read", 200),
    "POST /v1/batches": Row("batches:write", 422),
    "GET /v1/batches/{batch_id}": Row("batches:read", 404),
    "POST /v1/batches/{batch_id}/cancel": Row("batches:write", 404),
    "GET /v1/batches/{batch_id}/items": Row("batches:read", 404),
    "GET /v1/credits/balance": Row("ledger:read", 200),
    "GET /v1/ledger": Row("ledger:read", 200),
    "GET /v1/ledger/reconciliation": Row("ledger:read", 200, {"test key": 422}),
    "GET /v1/ledger/statement": Row("ledger:read", 422),
    # Credits by hand: an operator's session only; a key is nobody here, and support looks at the desk.
    "GET /v1/admin/grants": Row("operator", 200, {"key": 401, "operator support": 403}),
    "POST /v1/admin/grants": Row("operator", 422, {"key": 401, "operator support": 403}),
    "POST /v1/admin/grants/{public_id}/approve": Row("operator", 404, {"key": 401, "operator support": 403}),
    "POST /v1/admin/grants/{public_id}/refuse": Row("operator", 422, {"key": 401, "operator support": 403}),
    "POST /v1/admin/reversals": Row("operator", 422, {"key": 401, "operator support": 403}),
    "POST /v1/uploads": Row("batches:write", 422),
    "PUT /v1/uploads/{upload_id}": Row("batches:write", 404),
    "GET /v1/webhook-deliveries": Row("webhooks:write", 200),
    "GET /v1/webhook-deliveries/{delivery_id}/attempts": Row("webhooks:write", 404),
    "POST /v1/webhook-deliveries/{delivery_id}/cancel": Row("webhooks:write", 404),
    "POST /v1/webhook-deliveries/{delivery_id}/replay": Row("webhooks:write", 404),
    "GET /v1/webhook-secret": Row("webhooks:write", 200),
    "POST /v1/webhook-secret/rotate": Row("webhooks:write", 200),
    "GET /v1/webhooks": Row("webhooks:write", 200),
    "POST /v1/webhooks": Row("webhooks:write", 422),
    "GET /v1/webhooks/{endpoint_id}": Row("webhooks:write", 404),
    "PATCH /v1/webhooks/{endpoint_id}": Row("webhooks:write", 404),
    "DELETE /v1/webhooks/{endpoint_id}": Row("webhooks:write", 404),
    "POST /v1/webhooks/{endpoint_id}/rotate": Row("webhooks:write", 404),
    "POST /v1/webhooks/{endpoint_id}/test": Row("webhooks:write", 404),
    # The card processor's events: signed, not signed in. Without its keys there are no cards.
    "GET /v1/stripe/webhook": Row("anyone", 405),
    "POST /v1/stripe/webhook": Row("anyone", 409),
    # --- deals, by the sides' own sessions
    "GET /v1/deals": Row("deals:write", 200),
    "POST /v1/deals": Row("deals:write", 422),
    "POST /v1/deals/join": Row("deals:write", 422),
    "GET /v1/deals/{deal_id}": Row("deals:write", 404),
    "GET /v1/deals/{deal_id}/timeline": Row("deals:write", 404),
    "POST /v1/deals/{deal_id}/files": Row("deals:write", 415),
    "POST /v1/deals/{deal_id}/edit": Row("deals:write", 404),
    "POST /v1/deals/{deal_id}/offer": Row("deals:write", 404),
    "POST /v1/deals/{deal_id}/accept": Row("deals:write", 404),
    "POST /v1/deals/{deal_id}/withdraw": Row("deals:write", 404),
    "POST /v1/deals/{deal_id}/handover": Row("deals:write", 404),
    "POST /v1/deals/{deal_id}/handover/confirm": Row("deals:write", 404),
    "POST /v1/deals/{deal_id}/handover/contest": Row("deals:write", 404),
    "POST /v1/deals/{deal_id}/approve": Row("deals:write", 404),
    "POST /v1/deals/{deal_id}/release": Row("deals:write", 404),
    "POST /v1/deals/{deal_id}/issue": Row("deals:write", 404),
    "POST /v1/deals/{deal_id}/respond": Row("deals:write", 404),
    "POST /v1/deals/{deal_id}/claim/accept": Row("deals:write", 404),
    "POST /v1/deals/{deal_id}/claim/withdraw": Row("deals:write", 404),
    "POST /v1/deals/{deal_id}/sign": Row("deals:write", 404),
    "POST /v1/deals/{deal_id}/unsign": Row("deals:write", 404),
    "POST /v1/deals/{deal_id}/evidence": Row("deals:write", 404),
    # Disputes and contested handovers: an operator's session only, as with credits.
    "GET /v1/admin/disputes": Row("operator", 200, {"key": 401, "operator support": 403}),
    "GET /v1/admin/disputes/{deal_id}": Row("operator", 404, {"key": 401, "operator support": 403}),
    "POST /v1/admin/disputes/{deal_id}/resolve": Row("operator", 422, {"key": 401, "operator support": 403}),
    "GET /v1/admin/handovers": Row("operator", 200, {"key": 401, "operator support": 403}),
    "POST /v1/admin/handovers/{deal_id}/decide": Row("operator", 422, {"key": 401, "operator support": 403}),
    # --- pages
    "GET /": Row("anyone", 302),
    "GET /batches/": Row("batches:read", 200),
    "GET /batches/{public_id}/": Row("batches:read", 404),
    "GET /batches/{public_id}/live": Row("batches:read", 404),
    "POST /batches/{public_id}/cancel": Row("batches:write", 404),
    "GET /batches/new": Row("batches:write", 200),
    "POST /batches/new": Row("batches:write", 200),
    "GET /batches/{public_id}/items/{item_id}/": Row("batches:read", 404),
    "GET /overview/": Row("batches:read", 200),
    "GET /ledger/": Row("ledger:read", 200),
    "GET /ledger/reconcile": Row("ledger:read", 200),
    "POST /ledger/reconcile": Row("ledger:read", 200),
    "POST /ledger/reconcile/confirm": Row("ledger:read", 302, {"creator": 403}),
    "GET /ledger/confirmations": Row("ledger:read", 200),
    "GET /ledger/statement": Row("ledger:read", 200),
    "GET /ledger/statement.csv": Row("ledger:read", 200),
    "GET /ledger/statement.xlsx": Row("ledger:read", 200),
    "GET /keys/": Row("keys:write", 200),
    "GET /keys/new": Row("keys:write", 200),
    "POST /keys/new": Row("keys:write", 200),
    "GET /keys/{public_id}/": Row("keys:write", 404),
    "GET /keys/{public_id}/rotate": Row("keys:write", 404),
    "POST /keys/{public_id}/rotate": Row("keys:write", 404),
    "POST /keys/{public_id}/{verb}": Row("keys:write", 404),
    "POST /keys/links/{public_id}/withdraw": Row("keys:write", 302),
    "GET /members/": Row("members:write", 200),
    "GET /members/invite": Row("members:write", 200),
    "POST /members/invite": Row("members:write", 200),
    "POST /members/invitations/{public_id}/resend": Row("members:write", 404),
    "POST /members/invitations/{public_id}/withdraw": Row("members:write", 404),
    "GET /members/{public_id}/": Row("members:write", 404),
    "POST /members/{public_id}/": Row("members:write", 404),
    "POST /members/{public_id}/remove": Row("members:write", 404),
    "GET /webhooks/": Row("webhooks:write", 200),
    "GET /webhooks/new": Row("webhooks:write", 200),
    "POST /webhooks/new": Row("webhooks:write", 200),
    "POST /webhooks/secret/show": Row("webhooks:write", 200),
    "POST /webhooks/secret/rotate": Row("webhooks:write", 302),
    "GET /webhooks/deliveries/": Row("webhooks:write", 200),
    "POST /webhooks/deliveries/replay-failed": Row("webhooks:write", 302),
    "GET /webhooks/deliveries/{public_id}/": Row("webhooks:write", 404),
    "GET /webhooks/deliveries/{public_id}/live": Row("webhooks:write", 404),
    "GET /webhooks/deliveries/{public_id}/result": Row("webhooks:write", 404),
    "POST /webhooks/deliveries/{public_id}/replay": Row("webhooks:write", 404),
    "POST /webhooks/deliveries/{public_id}/cancel": Row("webhooks:write", 404),
    "GET /webhooks/{public_id}/": Row("webhooks:write", 404),
    "GET /webhooks/{public_id}/edit": Row("webhooks:write", 404),
    "POST /webhooks/{public_id}/edit": Row("webhooks:write", 404),
    "POST /webhooks/{public_id}/secret": Row("webhooks:write", 404),
    "POST /webhooks/{public_id}/test": Row("webhooks:write", 404),
    "POST /webhooks/{public_id}/{verb}": Row("webhooks:write", 404),
    "GET /deals/": Row("deals", 200),
    "GET /deals/new": Row("deals", 200),
    "POST /deals/new": Row("deals", 200),
    "GET /deals/bank-account": Row("deals", 200),
    "POST /deals/bank-account": Row("deals", 200),
    "POST /deals/bank-account/{public_id}/confirm": Row("deals", 404),
    "GET /deals/join/{secret}": Row("deals", 200),
    "POST /deals/join/{secret}": Row("deals", 404),
    "GET /deals/{public_id}/": Row("deals", 404),
    "GET /deals/{public_id}/edit": Row("deals", 404),
    "POST /deals/{public_id}/edit": Row("deals", 404),
    "POST /deals/{public_id}/offer": Row("deals", 404),
    "POST /deals/{public_id}/files": Row("deals", 404),
    "GET /deals/{public_id}/fund": Row("deals", 404),
    "POST /deals/{public_id}/fund": Row("deals", 404),
    "GET /deals/{public_id}/price": Row("deals", 404),
    "POST /deals/{public_id}/price": Row("deals", 404),
    "GET /deals/{public_id}/contest": Row("deals", 404),
    "POST /deals/{public_id}/contest": Row("deals", 404),
    "GET /deals/{public_id}/claim": Row("deals", 404),
    "POST /deals/{public_id}/claim": Row("deals", 404),
    "GET /deals/{public_id}/respond": Row("deals", 404),
    "POST /deals/{public_id}/respond": Row("deals", 404),
    "GET /deals/{public_id}/agree": Row("deals", 404),
    "POST /deals/{public_id}/agree": Row("deals", 404),
    "POST /deals/{public_id}/act/{name}": Row("deals", 404),
    # --- the operator desk; support looks and changes nothing
    "GET /desk/": Row("operator", 200),
    "GET /desk/incidents/": Row("operator", 200),
    "GET /desk/incidents/report": Row("operator", 200, {"operator support": 403}),
    "POST /desk/incidents/report": Row("operator", 422, {"operator support": 403}),
    "GET /desk/incidents/{public_id}/": Row("operator", 404),
    "POST /desk/incidents/{public_id}/recheck": Row("operator", 404, {"operator support": 403}),
    "POST /desk/incidents/{public_id}/{step}": Row("operator", 404, {"operator support": 403}),
    "GET /desk/gates/": Row("operator", 200),
    "GET /desk/gates/close": Row("operator", 200, {"operator support": 403}),
    "POST /desk/gates/close": Row("operator", 422, {"operator support": 403}),
    "POST /desk/gates/{public_id}/reopen": Row("operator", 404, {"operator support": 403}),
    "GET /desk/promises/": Row("operator", 200),
    "GET /desk/promises/{name}/": Row("operator", 404),
    "POST /desk/promises/{name}/run": Row("operator", 404, {"operator support": 403}),
    "GET /desk/stuck/": Row("operator", 200),
    "GET /desk/health/": Row("operator", 200),
    "POST /desk/health/jobs/{job}/retry": Row("operator", 404, {"operator support": 403}),
    "GET /desk/deliveries/": Row("operator", 200),
    "POST /desk/deliveries/{public_id}/replay": Row("operator", 404, {"operator support": 403}),
    "GET /desk/accounts/": Row("operator", 200),
    "GET /desk/accounts/new": Row("operator", 200, {"operator support": 403}),
    "POST /desk/accounts/new": Row("operator", 422, {"operator support": 403}),
    "GET /desk/accounts/{public_id}/": Row("operator", 404),
    "POST /desk/accounts/{public_id}/invite": Row("operator", 404, {"operator support": 403}),
    "POST /desk/accounts/{public_id}/flag": Row("operator", 404, {"operator support": 403}),
    "GET /desk/payments/": Row("operator", 200),
    "GET /desk/payments/new": Row("operator", 200, {"operator support": 403}),
    "POST /desk/payments/new": Row("operator", 422, {"operator support": 403}),
    "GET /desk/payments/import": Row("operator", 200, {"operator support": 403}),
    "POST /desk/payments/import": Row("operator", 422, {"operator support": 403}),
    "GET /desk/payments/in/{public_id}/": Row("operator", 404),
    "POST /desk/payments/in/{public_id}/match": Row("operator", 404, {"operator support": 403}),
    "POST /desk/payments/in/{public_id}/back": Row("operator", 404, {"operator support": 403}),
    "POST /desk/payments/in/{public_id}/refunds/{refund}/retry": Row("operator", 404, {"operator support": 403}),
    "GET /desk/payments/out/": Row("operator", 200),
    "POST /desk/payments/out/bank-file": Row("operator", 200, {"operator support": 403}),
    "GET /desk/payments/out/{public_id}/": Row("operator", 404),
    "POST /desk/payments/out/{public_id}/send": Row("operator", 404, {"operator support": 403}),
    "POST /desk/payments/out/{public_id}/confirm": Row("operator", 404, {"operator support": 403}),
    "POST /desk/payments/out/{public_id}/fail": Row("operator", 404, {"operator support": 403}),
    "POST /desk/payments/out/{public_id}/retry": Row("operator", 404, {"operator support": 403}),
    "GET /desk/payments/approvals/": Row("operator", 200),
    "POST /desk/payments/approvals/{public_id}/approve": Row("operator", 404, {"operator support": 403}),
    "POST /desk/payments/approvals/{public_id}/refuse": Row("operator", 404, {"operator support": 403}),
    "GET /desk/grants/": Row("operator", 200),
    "GET /desk/grants/new": Row("operator", 200, {"operator support": 403}),
    "POST /desk/grants/new": Row("operator", 422, {"operator support": 403}),
    "POST /desk/grants/{public_id}/approve": Row("operator", 404, {"operator support": 403}),
    "POST /desk/grants/{public_id}/refuse": Row("operator", 422, {"operator support": 403}),
    "GET /desk/providers/": Row("operator", 200),
    "GET /ask": Row("member", 200),
    "POST /ask": Row("member", 422),
    "GET /desk/inbox/": Row("operator", 200),
    "POST /desk/inbox/{public_id}/reply": Row("operator", 422, {"operator support": 403}),
    "POST /desk/inbox/{public_id}/faq": Row("operator", 422, {"operator support": 403}),
    "POST /desk/inbox/{public_id}/incident": Row("operator", 404, {"operator support": 403}),
    # The desk of deals: support looks and decides nothing.
    "GET /admin/disputes": Row("operator", 200),
    "GET /admin/disputes/{public_id}": Row("operator", 404),
    "GET /admin/disputes/{public_id}/review": Row("operator", 404, {"operator support": 403}),
    "POST /admin/disputes/{public_id}/review": Row("operator", 404, {"operator support": 403}),
    "POST /admin/disputes/{public_id}/decide": Row("operator", 404, {"operator support": 403}),
    "GET /admin/disputes/handovers/{public_id}": Row("operator", 404),
    "POST /admin/disputes/handovers/{public_id}": Row("operator", 404, {"operator support": 403}),
    "POST /admin/disputes/handovers/{public_id}/decide": Row("operator", 404, {"operator support": 403}),
    "GET /desk/deals/": Row("operator", 200),
    "GET /desk/deals/metrics": Row("operator", 200),
    "GET /desk/deals/{public_id}/": Row("operator", 404),
    "GET /desk/terms/": Row("operator", 200),
    "GET /desk/terms/{name}/": Row("operator", 404),
    "GET /desk/terms/{name}/diff": Row("operator", 404),
    "GET /desk/terms/{name}/new": Row("operator", 404, {"operator support": 403}),
    "POST /desk/terms/{name}/new": Row("operator", 404, {"operator support": 403}),
    "POST /desk/terms/{name}/{version}/publish": Row("operator", 404, {"operator support": 403}),
    "POST /desk/terms/{name}/retire": Row("operator", 404, {"operator support": 403}),
    "GET /desk/confirmations/": Row("operator", 200),
    "GET /desk/checklist/": Row("operator", 200),
    "GET /desk/parity/": Row("operator", 200),
    "GET /desk/parity/result": Row("operator", 200),
    "POST /desk/parity/run": Row("operator", 422, {"operator support": 403}),
    # --- live updates (the live process)
    "GET /live/batches/{public_id}": Row("batches:read", 404, {"nobody": 401, "key": 401}),
    # --- for everybody: documents, health, and links whose token is the permission
    "GET /openapi.json": Row("anyone", 200),
    "GET /healthz": Row("anyone", 200),
    "GET /readyz": Row("anyone", 503),
    "GET /metrics": Row("anyone", 200),
    "GET /files/{token}": Row("anyone", 404),
    "POST /checklist/webhook/{token}": Row("anyone", 404),
    "GET /account/login/link/": Row("anyone", 200),
    "POST /account/login/link/": Row("anyone", 200),
    "GET /account/login/link/{token}/": Row("anyone", 410),
    "POST /account/login/link/{token}/": Row("anyone", 410),
    "GET /account/reveal/{token}/": Row("anyone", 410),
    "POST /account/reveal/{token}/": Row("anyone", 410),
    "GET /docs/": Row("anyone", 302),
    "GET /docs/{slug}": Row("anyone", 404),
    "GET /docs/operations": Row("operator", 200),
    "POST /docs/operations": Row("operator", 200),
    "GET /docs/reference": Row("operator", 200),
    "POST /docs/reference": Row("operator", 200),
    "GET /docs/playbooks/{name}": Row("anyone", 404),
    "GET /account/invitation/{token}/": Row("anyone", 410),
    "POST /account/invitation/{token}/": Row("anyone", 410),
    "POST /account/language": Row("anyone", 422),
    # --- a person's own account
    "GET /account/tenant": Row("signed in", 200),
    "POST /account/tenant": Row("signed in", 404),
    "GET /account/email/": Row("anyone", 302),
    "POST /account/email/": Row("anyone", 302),
}

# Pages that allauth brings, with what nobody and what somebody signed in gets from GET. They know no tenants.
ALLAUTH: dict[str, tuple[int, int]] = {
    "/account/confirm-email/": (200, 200),
    "/account/confirm-email/{key}/": (200, 200),
    "/account/inactive/": (200, 200),
    "/account/login/": (200, 302),
    "/account/login/code/": (200, 302),
    "/account/login/code/confirm/": (302, 302),
    "/account/logout/": (302, 200),
    "/account/password/change/": (302, 200),
    "/account/password/reset/": (200, 200),
    "/account/password/reset/done/": (200, 200),
    "/account/password/reset/key/done/": (200, 200),
    "/account/password/reset/key/{uidb36}-{key}/": (200, 200),
    "/account/password/set/": (302, 302),
    "/account/reauthenticate/": (302, 200),
    "/account/sessions/": (302, 200),
    "/account/signup/": (200, 302),
    "/account/two-factor/": (302, 200),
    "/account/two-factor/authenticate/": (302, 302),
    "/account/two-factor/reauthenticate/": (302, 302),
    "/account/two-factor/recovery-codes/": (302, 404),
    "/account/two-factor/recovery-codes/download/": (302, 404),
    "/account/two-factor/recovery-codes/generate/": (302, 302),
    "/account/two-factor/totp/activate/": (302, 302),
    "/account/two-factor/totp/deactivate/": (302, 404),
    "/account/two-factor/webauthn/": (302, 200),
    "/account/two-factor/webauthn/add/": (302, 302),
    "/account/two-factor/webauthn/keys/{pk}/edit/": (302, 302),
    "/account/two-factor/webauthn/keys/{pk}/remove/": (302, 302),
    "/account/two-factor/webauthn/login/": (302, 302),
    "/account/two-factor/webauthn/reauthenticate/": (302, 302),
}
