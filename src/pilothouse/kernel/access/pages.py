"""Pages of the access room that allauth does not bring: the magic link, the reveal link, the choice of a tenant."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods

from pilothouse.kernel.base.scope import tenant_scope

from . import magic
from .authenticate import ask, choose_tenant, forget_memberships, memberships, tenant_of
from .commands import consume_reveal_link, hash_of
from .errors import RevealLinkGone
from .limits import EMAIL_MAX_CHARACTERS, KEY_RAW_MAX_CHARACTERS

GONE = 410


class MagicLinkForm(forms.Form):
    """Asks for the address to which the link goes."""

    email = forms.EmailField(
        label=_("Email"),
        max_length=EMAIL_MAX_CHARACTERS,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "autofocus": True}),
    )


@never_cache
@require_http_methods(["GET", "POST"])
def request_magic_link(request: HttpRequest) -> HttpResponse:
    """Mail a sign-in link. The answer is the same whether or not the address is known."""
    form = MagicLinkForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        email = form.cleaned_data["email"]
        if magic.send_magic_link(request, email):
            return render(request, "access/magic_link_sent.html", {"email": email})
        form.add_error("email", _("Too many links or codes were asked for. Wait a few minutes."))
        return render(request, "access/magic_link_request.html", {"form": form}, status=429)
    return render(request, "access/magic_link_request.html", {"form": form})


@never_cache
@require_http_methods(["GET", "POST"])
def magic_link(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows a button; POST signs in, once."""
    if request.method == "POST":
        answer = magic.sign_in(request, token)
        if answer is not None:
            return answer
    else:
        person = magic.person_of(token)
        if person is not None:
            return render(request, "access/magic_link.html", {"email": person.email})
    return render(request, "access/magic_link_gone.html", status=GONE)


@never_cache
@sensitive_variables("token", "raw")
@require_http_methods(["GET", "POST"])
def reveal(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows a button; POST makes the API key and shows it, once."""
    found = ask("auth_reveal_link", hash=hash_of(token)) if len(token) <= KEY_RAW_MAX_CHARACTERS else []
    if not found:
        return render(request, "access/reveal_gone.html", status=GONE)
    link = found[0]
    if request.method == "GET":
        return render(request, "access/reveal.html", {"account_name": link["tenant_name"]})
    try:
        with tenant_scope(link["tenant"], "reveal link"):
            key, raw = consume_reveal_link(link["tenant"], link["link"], token)
    except RevealLinkGone:
        return render(request, "access/reveal_gone.html", status=GONE)
    return render(request, "access/revealed.html", {"key": key, "raw": raw, "account_name": link["tenant_name"]})


@never_cache
@require_http_methods(["GET", "POST"])
def tenant(request: HttpRequest) -> HttpResponse:
    """GET lists the accounts of the signed-in person; POST with `tenant` (public id) works in another from now on."""
    if not request.user.is_authenticated:
        return redirect(f"{reverse('account_login')}?next={reverse('access_tenant')}")
    refused = request.method == "POST" and not choose_tenant(request, request.POST.get("tenant", ""))
    if request.method == "POST" and not refused:
        forget_memberships(request)
        here = tenant_of(request)
        messages.success(request, _("You work in %(account)s now.") % {"account": here.name if here else ""})
        return redirect("/")
    return render(
        request,
        "access/tenant.html",
        {"tenants": memberships(request).tenants, "chosen": tenant_of(request)},
        status=404 if refused else 200,
    )
