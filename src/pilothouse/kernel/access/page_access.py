"""Who may see a page: a signed-in member of a tenant, or an operator; the view then gets their principal."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from .authenticate import operator_of, principal_of_session
from .posted_forms import of_another_account, sign_in_first
from .principal import OperatorPrincipal, Principal
from .roles import OPERATOR_ROLES

PageView = Callable[..., HttpResponse]


def member_page(view: Callable[..., HttpResponse]) -> PageView:
    """Give the view `(request, principal, …)`; send strangers to sign in, and say so to people without a tenant."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return sign_in_first(request)
        principal: Principal | None = principal_of_session(request)
        if principal is None:
            return render(
                request, "ui/errors/403.html", {"reason": _("You are not a member of any account.")}, status=403
            )
        request.principal = principal  # type: ignore[attr-defined]
        response = of_another_account(request, principal) or view(request, principal, *args, **kwargs)
        # A page shows one tenant's money: no shared cache may keep it.
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    return guarded


def operator_page(*roles: str) -> Callable[[Callable[..., HttpResponse]], PageView]:
    """Give the view `(request, operator, …)`, for operators of one of `roles` (all of them when none is named).

    For anybody else who is signed in the page does not exist: that there is a desk is nobody's business.
    """
    allowed = roles or OPERATOR_ROLES

    def decorate(view: Callable[..., HttpResponse]) -> PageView:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return sign_in_first(request)
            role = operator_of(request)
            if not role:
                raise Http404
            operator = OperatorPrincipal(request.user.pk, request.user.email, role)  # type: ignore[union-attr]
            request.operator = operator  # type: ignore[attr-defined]
            if role not in allowed:
                reason = _("This needs the role %(needed)s.") % {"needed": " / ".join(allowed)}
                return render(request, "ui/errors/403.html", {"reason": reason}, status=403)
            response = view(request, operator, *args, **kwargs)
            response.headers.setdefault("Cache-Control", "private, no-store")
            return response

        return guarded

    return decorate
