"""The page behind an invitation's link: a person joins a tenant, once."""

from typing import Any

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.kernel.base.sql import Row

from .authenticate import TENANT_SESSION_KEY, ask, forget_memberships
from .commands import hash_of
from .errors import InvitationGone
from .forms import JoinForm
from .invitations import accept
from .limits import KEY_RAW_MAX_CHARACTERS

GONE = 410


@never_cache
@sensitive_variables("token", "password")
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """GET says who invites to what and shows a button; POST joins, once.

    The link proves the mailbox, so it may make a new person and sign them in. Somebody who is known here joins and
    then signs in as ever: a link must not go around their second factor. `?next=` is a page of ours that they are
    invited to; a link that was used leads there as well.
    """
    found = ask("auth_invitation", hash=hash_of(token)) if len(token) <= KEY_RAW_MAX_CHARACTERS else []
    if not found:
        return _gone(request)
    offer = found[0]
    known = get_user_model().objects.filter(username=offer["email"]).exists()
    here = request.user.email.lower() if request.user.is_authenticated else ""
    form = None if known else JoinForm(request.POST or None, email=offer["email"])
    context = {"offer": offer, "known": known, "here": here, "form": form, "stranger": here not in ("", offer["email"])}
    if request.method == "GET" or context["stranger"] or (form is not None and not form.is_valid()):
        return render(request, "access/invitation.html", context)
    given: dict[str, Any] = form.cleaned_data if form is not None else {}
    try:
        with tenant_scope(offer["tenant"], f"user:{offer['email']}"):
            person, new = accept(
                offer["tenant"], offer["invitation"], token, given.get("name", ""), given.get("password") or None
            )
    except InvitationGone:
        return _gone(request)
    return _joined(request, offer, person, new)


def _gone(request: HttpRequest) -> HttpResponse:
    invited_to = _invited_to(request)
    return redirect(invited_to) if invited_to else render(request, "access/invitation_gone.html", status=GONE)


def _invited_to(request: HttpRequest) -> str:
    """The page behind the invitation; empty when none is named, or one of another site."""
    named = request.GET.get("next", "")
    return named if named.startswith("/") and url_has_allowed_host_and_scheme(named, allowed_hosts=None) else ""


def _joined(request: HttpRequest, offer: Row, person: User, new: bool) -> HttpResponse:
    invited_to = _invited_to(request)
    request.session[TENANT_SESSION_KEY] = offer["tenant_public_id"]
    forget_memberships(request)
    said = {"account": offer["tenant_name"], "role": offer["role"]}
    if request.user.is_authenticated:
        messages.success(request, _("You joined %(account)s as %(role)s, and work in it now.") % said)
        return redirect(invited_to or "/")
    if not new:
        messages.success(request, _("You joined %(account)s as %(role)s. Sign in as you always do.") % said)
        return redirect_to_login(invited_to) if invited_to else redirect("account_login")
    record_authentication(request, person, method="invitation", email=person.email)
    answer: HttpResponse = perform_login(
        request, Login(user=person, email=person.email, redirect_url=invited_to or None)
    )
    request.session[TENANT_SESSION_KEY] = offer["tenant_public_id"]
    return answer
