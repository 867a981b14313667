"""Accounts at the desk: search, one account with its money, people and work, opening one, inviting its owner, flags."""

import re
from zoneinfo import available_timezones

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from pilothouse.kernel.access.commands import set_flag
from pilothouse.kernel.access.desk import (
    DESK_WRITERS,
    DeskList,
    commanding,
    looking,
    may_act,
    refused_in,
)
from pilothouse.kernel.access.invitations import invite
from pilothouse.kernel.access.limits import (
    DESK_SEARCH_MAX_CHARACTERS,
    EMAIL_MAX_CHARACTERS,
)
from pilothouse.kernel.access.page_access import operator_page
from pilothouse.kernel.access.posted_forms import kept_form
from pilothouse.kernel.access.principal import OperatorPrincipal
from pilothouse.kernel.access.queries import keys, members
from pilothouse.kernel.base import clock
from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.kernel.base.ids import new_id
from pilothouse.kernel.base.models import Tenant
from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.kernel.ledger.models import CREDIT, TEST
from pilothouse.kernel.ledger.queries import balance

from . import desk_queries
from .account_choice import SuggestingInput
from .desk_work import WORK
from .forms import FlagForm

PART_ROWS = 10
OWN_ID = re.compile(r"ten_[0-9a-z]{26}")


class TenantForm(forms.Form):
    """A new account. `public_id` is made with the form, so that sending it twice opens one account."""

    public_id = forms.RegexField(OWN_ID, widget=forms.HiddenInput)
    name = forms.CharField(label=gettext_lazy("Company"), max_length=DESK_SEARCH_MAX_CHARACTERS)
    timezone = forms.CharField(
        label=gettext_lazy("Time zone"),
        initial="UTC",
        widget=SuggestingInput(options=sorted(available_timezones())),
        help_text=gettext_lazy("Its months and days follow it, for example Europe/Copenhagen."),
    )
    owner = forms.EmailField(
        label=gettext_lazy("First owner"),
        required=False,
        max_length=EMAIL_MAX_CHARACTERS,
        help_text=gettext_lazy("Gets an invitation by mail; can also be invited later."),
    )

    def clean_timezone(self) -> str:
        """A zone that exists."""
        zone = str(self.cleaned_data["timezone"])
        if zone not in available_timezones():
            raise ValidationError(_("There is no such time zone. Write it like Europe/Copenhagen."))
        return zone


class InviteForm(forms.Form):
    """Whom to invite as an owner."""

    email = forms.EmailField(label=gettext_lazy("Their mail address"), max_length=EMAIL_MAX_CHARACTERS)


@require_GET
@operator_page()
def tenant_list(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """Accounts by name, with their wallets and what they began today."""
    asked = DeskList.of(request, "desk:tenants")
    with looking(request, operator):
        shown, frame = asked.shown(desk_queries.tenants(asked.words, skip=asked.skip))
        ids = [row["id"] for row in shown]
        today: dict[int, int] = dict.fromkeys(ids, 0)
        for work in WORK.values():
            for tenant, count in work.today(ids).items():
                today[tenant] += count
    context = {
        **frame,
        "tenants": [{**row, "today": today[row["id"]]} for row in shown],
        "may_act": may_act(operator),
    }
    return render(request, "watch/tenant_list.html", context)


@require_GET
@operator_page()
def account_names(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """Suggestions for an account field, whatever its name: each a name, or an id where several have the name."""
    typed = str(next(iter(request.GET.values()), "")).strip()[:DESK_SEARCH_MAX_CHARACTERS]
    with looking(request, operator):
        rows = desk_queries.account_names(typed)
    options = [(row["public_id"], row["name"]) if row["shared"] else (row["name"], row["public_id"]) for row in rows]
    return HttpResponse(format_html_join("", '<option value="{}">{}</option>', options))


@require_http_methods(["GET", "POST"])
@operator_page(*DESK_WRITERS)
def tenant_new(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """Open an account, and invite its first owner."""
    kept = kept_form(request, operator)
    form = TenantForm(request.POST or kept, initial={"public_id": new_id("ten"), "name": request.GET.get("name", "")})
    status = 200
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        with commanding(request, operator):
            made, new = Tenant.objects.get_or_create(
                public_id=given["public_id"],
                defaults={"name": given["name"], "timezone": given["timezone"], "created_at": clock.now()},
            )
        if given["owner"] and new:
            _invite(request, operator, made.id, given["owner"])
        if new:
            messages.success(request, _("The account %(name)s is open.") % {"name": made.name})
        return HttpResponseRedirect(reverse("desk:tenant", args=[made.public_id]))
    if request.method == "POST":
        status = 422
    context = {
        "form": form,
        "title": _("Open an account"),
        "verb": _("Open the account"),
        "lead": _("An account begins with an empty wallet. Credits come by a grant, people by invitation."),
        "back": reverse("desk:tenants"),
        "back_label": _("Accounts"),
    }
    return render(request, "watch/form.html", context, status=status)


@require_GET
@operator_page()
def tenant_detail(request: HttpRequest, operator: OperatorPrincipal, public_id: str) -> HttpResponse:
    """One account: money, people, keys by their hints, work, incidents, usage, gates and flags."""
    kept = kept_form(request, operator)
    step = kept.to.rpartition("/")[2] if kept else ""
    return _detail(
        request,
        operator,
        public_id,
        invite_form=InviteForm(kept, auto_id="invite_%s") if step == "invite" else None,
        flag_form=FlagForm(kept, auto_id="flag_%s") if step == "flag" else None,
    )


@require_POST
@operator_page(*DESK_WRITERS)
def tenant_invite(request: HttpRequest, operator: OperatorPrincipal, public_id: str) -> HttpResponse:
    """Invite an owner by mail."""
    form = InviteForm(request.POST, auto_id="invite_%s")
    if not form.is_valid():
        return _detail(request, operator, public_id, invite_form=form, status=422)
    with looking(request, operator):
        tenant = desk_queries.tenant(public_id)
    try:
        with tenant_scope(tenant["id"], operator.actor):
            invite(tenant["id"], form.cleaned_data["email"], "owner")
    except PilothouseError as refused:
        return _detail(request, operator, public_id, invite_form=form, status=refused_in(form, refused))
    messages.success(request, _("The invitation is on its way to %(email)s.") % {"email": form.cleaned_data["email"]})
    return HttpResponseRedirect(reverse("desk:tenant", args=[public_id]))


@require_POST
@operator_page(*DESK_WRITERS)
def tenant_flag(request: HttpRequest, operator: OperatorPrincipal, public_id: str) -> HttpResponse:
    """Set a switch for an account; the older setting stays as history."""
    form = FlagForm(request.POST, auto_id="flag_%s")
    if not form.is_valid():
        return _detail(request, operator, public_id, flag_form=form, status=422)
    with looking(request, operator):
        tenant = desk_queries.tenant(public_id)
    try:
        with tenant_scope(tenant["id"], operator.actor):
            set_flag(form.cleaned_data["name"], form.cleaned_data["value"], form.cleaned_data["reason"], tenant["id"])
    except PilothouseError as refused:
        return _detail(request, operator, public_id, flag_form=form, status=refused_in(form, refused))
    messages.success(request, _("The flag %(name)s is set.") % {"name": form.cleaned_data["name"]})
    return HttpResponseRedirect(reverse("desk:tenant", args=[public_id]))


def _invite(request: HttpRequest, operator: OperatorPrincipal, tenant: int, email: str) -> None:
    try:
        with tenant_scope(tenant, operator.actor):
            invite(tenant, email, "owner")
    except PilothouseError as refused:
        messages.error(request, _("The owner was not invited: %(why)s") % {"why": refused})
    else:
        messages.success(request, _("The invitation is on its way to %(email)s.") % {"email": email})


def _detail(
    request: HttpRequest,
    operator: OperatorPrincipal,
    public_id: str,
    *,
    invite_form: InviteForm | None = None,
    flag_form: FlagForm | None = None,
    status: int = 200,
) -> HttpResponse:
    with looking(request, operator):
        tenant = desk_queries.tenant(public_id)
        key = tenant["id"]
        context = {
            "tenant_row": tenant,
            "wallet": balance(key),
            "test_wallet": balance(key, TEST),
            "unit": CREDIT,
            "members": members(key, PART_ROWS),
            "keys": keys(key, PART_ROWS),
            "work": [
                {"title": work.title, "rows": work.recent(key, PART_ROWS), "today": work.today([key]).get(key, 0)}
                for work in WORK.values()
            ],
            "incidents": desk_queries.incidents(tenant=key, count=PART_ROWS),
            "gates": desk_queries.closed_gates(tenant=key),
            "usage": desk_queries.usage_by_day(key),
            "grants": desk_queries.grants_of(key, PART_ROWS),
            "flags": desk_queries.flags(key),
        }
    forms_given = {
        "invite_form": invite_form or InviteForm(auto_id="invite_%s"),
        "flag_form": flag_form or FlagForm(auto_id="flag_%s"),
        "may_act": may_act(operator),
    }
    return render(request, "watch/tenant.html", {**context, **forms_given}, status=status)
