"""What a posted form is checked for before its view runs, and what becomes of it when the session has ended.

Two things a browser lets happen to a form: the person works in another account by now (in another tab), or is signed
in no more. The first is refused; for the second what was typed is kept until they have signed in again.
"""

import json
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _

from pilothouse.ui.templatetags.posted_form import ACCOUNT_FIELD

from .authenticate import memberships
from .errors import OtherAccount
from .limits import KEPT_FORM_MAX_BYTES
from .principal import OperatorPrincipal, Principal

KEPT = "kept_form"
# Never put aside: what proves who somebody is, and what belongs to the ended session.
NEVER_KEPT = ("csrfmiddlewaretoken", "password", "secret", "code")


class KeptForm(QueryDict):
    """What somebody had typed; `to` is the path that it was sent to, for a page with several forms."""

    to = ""


def of_another_account(request: HttpRequest, principal: Principal) -> HttpResponse | None:
    """The refusal of a form whose page belongs to another account than the one the person works in; else None."""
    given = request.POST.get(ACCOUNT_FIELD, "") if request.method == "POST" else ""
    if not given or given == principal.tenant_public_id:
        return None
    page = next((tenant for tenant in memberships(request).tenants if tenant.public_id == given), None)
    refused = OtherAccount(page=page.name if page else given, here=principal.tenant_name)
    context = {"page": page, "here": principal.tenant_name, "error": {"code": refused.code}}
    return render(request, "access/other_account.html", context, status=refused.status)


def sign_in_first(request: HttpRequest) -> HttpResponse:
    """Send a stranger to sign in; a form that they sent is kept for the page that it stands on."""
    if request.method != "POST":
        return redirect_to_login(request.get_full_path())
    page = _page_of_form(request)
    fields = {name: values for name, values in request.POST.lists() if not any(word in name for word in NEVER_KEPT)}
    kept = {"path": urlsplit(page).path, "to": request.path, "fields": fields}
    if len(json.dumps(kept)) <= KEPT_FORM_MAX_BYTES:
        request.session[KEPT] = kept
        messages.warning(request, _("You were signed out. Nothing was sent; what you typed waits behind the sign-in."))
    else:
        messages.warning(request, _("You were signed out, and nothing was sent. The form has to be filled in again."))
    return redirect_to_login(page)


def kept_form(request: HttpRequest, principal: Principal | OperatorPrincipal) -> KeptForm | None:
    """What the person had typed into this page's form when their session ended; given once, else None."""
    kept = request.session.get(KEPT)
    if request.method != "GET" or not kept or kept["path"] != request.path:
        return None
    del request.session[KEPT]
    # A form of the operator desk belongs to no account.
    here = principal.tenant_public_id if isinstance(principal, Principal) else ""
    if kept["fields"].get(ACCOUNT_FIELD, [""])[0] not in ("", here):
        return None
    messages.info(request, _("What you typed before the sign-in is here again. Nothing was sent yet."))
    found = KeptForm(mutable=True)
    found.to = kept["to"]
    for name, values in kept["fields"].items():
        found.setlist(name, values)
    return found


def _page_of_form(request: HttpRequest) -> str:
    """The page that the form stands on: our own Referer, else the address that it was sent to."""
    came_from = urlsplit(request.headers.get("Referer", ""))
    if came_from.netloc == request.get_host() and came_from.path.startswith("/"):
        return came_from.path + (f"?{came_from.query}" if came_from.query else "")
    return request.path
