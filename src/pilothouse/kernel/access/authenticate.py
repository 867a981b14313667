"""Finds out who is asking, before any tenant is known.

A Bearer key costs one round trip that finds the key and counts the request. A session costs one for the memberships.
Both run outside every scope, in their own short transaction: the row lock of the counting must not outlive it.
"""

import hashlib
from typing import Any

from allauth.account import app_settings
from allauth.account.authentication import get_authentication_records
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware

from pilothouse.kernel.base import clock
from pilothouse.kernel.base.scope import WEB_ALIAS
from pilothouse.kernel.base.sql import Row, Statements, fetch

from .errors import CsrfFailed, InactiveKey, InvalidKey, NoMembership, RateLimited, SignInNeeded
from .limits import KEY_RAW_MAX_CHARACTERS
from .principal import Membership, Memberships, Principal
from .rate import count_request
from .roles import ROLE_SCOPES, mode_of_prefix

SQL = Statements(__file__)
TENANT_SESSION_KEY = "tenant"
_NOBODY = Memberships()


def ask(name: str, **params: Any) -> list[Row]:
    """Run one of the gate's statements on the web connection, outside any scope."""
    with connections[WEB_ALIAS].cursor() as cursor:
        cursor.execute(SQL.text(name), params)
        return fetch(cursor)


def authenticate(request: HttpRequest) -> Principal:
    """The caller of an API request, by Bearer key or else by session cookie.

    Raises InvalidKey, InactiveKey, SignInNeeded (401), RateLimited (429), CsrfFailed or NoMembership (403).
    """
    header = request.headers.get("Authorization", "")
    if header:
        scheme, _, raw = header.partition(" ")
        if scheme.lower() != "bearer":
            raise SignInNeeded()
        return _by_key(request, raw.strip())
    principal = principal_of_session(request)
    if principal is None:
        if _signed_in(request):
            raise NoMembership()
        raise SignInNeeded()
    enforce_csrf(request)
    _remember(request, principal.tenant, None, principal.actor)
    count_request(principal.user or 0)
    return principal


def _by_key(request: HttpRequest, raw: str) -> Principal:
    if not 0 < len(raw) <= KEY_RAW_MAX_CHARACTERS:
        raise InvalidKey()
    found = ask("auth_key", hash=hashlib.sha256(raw.encode()).hexdigest())
    if not found:
        raise InvalidKey()
    row = found[0]
    actor = f"key:{row['hint']}"
    _remember(request, row["tenant"], row["key"], actor)
    if not row["is_active"]:
        raise InactiveKey(key=row["hint"], state="revoked" if row["state"] == "revoked" else "paused")
    if row["retry_after_s"]:
        raise RateLimited(limit_per_min=row["limit_per_min"], retry_after_s=row["retry_after_s"])
    return Principal(
        tenant=row["tenant"],
        tenant_public_id=row["tenant_public_id"],
        tenant_name=row["tenant_name"],
        actor=actor,
        role="engineer",
        scopes=frozenset(row["scopes"]),
        # A row inserted by SQL knows no prefix; a raw test key never touches real credits all the same.
        mode="test" if "test" in (row["mode"], mode_of_prefix(raw)) else "live",
        key=row["key"],
    )


def _remember(request: HttpRequest, tenant: int, key: int | None, actor: str) -> None:
    """Leave for the usage log who called, also when the call is about to be refused."""
    request.api_caller = (tenant, key, actor)  # type: ignore[attr-defined]


def _signed_in(request: HttpRequest) -> bool:
    user = getattr(request, "user", None)
    return bool(user is not None and user.is_authenticated)


def memberships(request: HttpRequest) -> Memberships:
    """The tenants and operator role of the signed-in person; one query a request, empty for nobody."""
    known: Memberships | None = getattr(request, "_memberships", None)
    if known is None:
        known = memberships_of(request.user.pk) if _signed_in(request) else _NOBODY  # type: ignore[arg-type]
        request._memberships = known  # type: ignore[attr-defined]
    return known


def memberships_of(person: int) -> Memberships:
    """The tenants and operator role of a person by their row id."""
    rows = ask("auth_memberships", person=person)
    return Memberships(
        tuple(
            Membership(
                row["tenant"], row["tenant_public_id"], row["tenant_name"], row["role"], row["tenant_language"] or ""
            )
            for row in rows
            if row["tenant"] is not None
        ),
        (rows[0]["operator_role"] or "") if rows else "",
        (rows[0]["language"] or "") if rows else "",
    )


def forget_memberships(request: HttpRequest) -> None:
    """Ask again for the memberships of this request: they have just changed."""
    request.__dict__.pop("_memberships", None)


def tenant_of(request: HttpRequest) -> Membership | None:
    """The tenant that the person works in: the one chosen in the session while they are its member, else the first."""
    tenants = memberships(request).tenants
    if not tenants:
        return None
    chosen = request.session.get(TENANT_SESSION_KEY)
    return next((tenant for tenant in tenants if tenant.public_id == chosen), tenants[0])


def signed_in_lately(request: HttpRequest) -> bool:
    """Whether this session's person proved within the last minutes who they are, in whatever way they sign in."""
    since = clock.now().timestamp() - app_settings.REAUTHENTICATION_TIMEOUT
    records = get_authentication_records(request, request.user)
    return any(record["at"] >= since for record in records)


def choose_tenant(request: HttpRequest, public_id: str) -> bool:
    """Work in another tenant from now on; False, and nothing is changed, when the person is not its member."""
    if public_id not in [tenant.public_id for tenant in memberships(request).tenants]:
        return False
    request.session[TENANT_SESSION_KEY] = public_id
    return True


def operator_of(request: HttpRequest) -> str:
    """The operator role of the signed-in person, or an empty text."""
    return memberships(request).operator


def principal_of_session(request: HttpRequest) -> Principal | None:
    """The signed-in person in the tenant they work in, or None: for pages."""
    membership = tenant_of(request)
    if membership is None:
        return None
    return principal_in(membership, request.user.pk, request.user.email)  # type: ignore[arg-type, union-attr]


def principal_in(membership: Membership, person: int, email: str) -> Principal:
    """A person in one of the tenants of which they are a member: what they may do follows from their role there."""
    return Principal(
        tenant=membership.tenant,
        tenant_public_id=membership.public_id,
        tenant_name=membership.name,
        actor=f"user:{email}",
        role=membership.role,
        scopes=ROLE_SCOPES[membership.role],
        user=person,
    )


class _CsrfCheck(CsrfViewMiddleware):
    """Django's own check, for views that are exempt because keys may call them too."""

    def _reject(self, request: HttpRequest, reason: str) -> Any:
        return reason


def enforce_csrf(request: HttpRequest) -> None:
    """Raise CsrfFailed for a change that does not carry the page's own token."""
    check = _CsrfCheck(lambda _: HttpResponse())
    check.process_request(request)
    if check.process_view(request, lambda _: HttpResponse(), (), {}) is not None:
        raise CsrfFailed()
