"""Who may see a page: a signed-in member of a tenant, whose principal the view then gets."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from .authenticate import principal_of_session
from .principal import Principal

PageView = Callable[..., HttpResponse]


def member_page(view: Callable[..., HttpResponse]) -> PageView:
    """Give the view `(request, principal, …)`; send strangers to sign in, and say so to people without a tenant."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        principal: Principal | None = principal_of_session(request)
        if principal is None:
            return render(request, "ui/errors/403.html", {"reason": "You are not a member of any account."}, status=403)
        request.principal = principal  # type: ignore[attr-defined]
        response = view(request, principal, *args, **kwargs)
        # A page shows one tenant's money: no shared cache may keep it.
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    return guarded
