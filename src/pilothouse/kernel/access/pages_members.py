"""The pages of an account's people, for its owners."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.kernel.base.outgoing import echo
from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.kernel.base.sql import Row
from pilothouse.kernel.lifecycle.queries import timeline
from pilothouse.ui.links import event_line, numbered_pager, search_words, whole_number, with_query

from . import commands, invitations, queries
from .authenticate import forget_memberships
from .forms import InviteForm, RoleForm
from .limits import INVITATION_SENDS_MAX_COUNT, MEMBERS_PER_TENANT_MAX_COUNT, PAGE_ROWS
from .models import Member
from .page_access import member_page
from .posted_forms import kept_form
from .principal import Principal, require
from .roles import OFFERED_ROLES

SCOPE = "members:write"


@require_GET
@member_page
def member_list(request: HttpRequest, principal: Principal) -> HttpResponse:
    """The people of the account with their roles, the invitations that wait, and what happened to both."""
    require(principal, SCOPE)
    role = request.GET.get("role", "")
    role = role if role in OFFERED_ROLES else ""
    words = search_words(request.GET.get("q"))
    page = whole_number(request.GET.get("page"), MEMBERS_PER_TENANT_MAX_COUNT // PAGE_ROWS)
    with tenant_scope(principal.tenant, principal.actor):
        rows = queries.members(principal.tenant, PAGE_ROWS + 1, page * PAGE_ROWS, role=role, search=words)
        waiting = queries.invitations(principal.tenant)
        history = [_event(row) for row in queries.people_history(principal.tenant)]
    echo(request, *(text for row in (*rows, *waiting) for text in (row["email"], row.get("name", ""))))
    here, you = reverse("access_members"), principal.actor.removeprefix("user:")
    tabs = [("", _("All")), ("owner", _("Owners")), ("engineer", _("Engineers")), ("finance", _("Finance"))]
    context = {
        "members": [
            {
                **row,
                "url": reverse("access_member", args=[row["public_id"]]),
                "you": row["email"] == you,
            }
            for row in rows[:PAGE_ROWS]
        ],
        "invitations": [{**row, "may_resend": row["sends"] < INVITATION_SENDS_MAX_COUNT} for row in waiting],
        "tabs": [
            {"label": label, "url": with_query(here, role=key, q=words), "current": key == role} for key, label in tabs
        ],
        "role": role,
        "query": words,
        "filtered": bool(role or words or page),
        "pager": numbered_pager(here, page, len(rows), PAGE_ROWS, role=role, q=words),
        "events": history,
    }
    return render(request, "access/members.html", context)


@require_http_methods(["GET", "POST"])
@member_page
def invite(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Invite a person by mail."""
    require(principal, SCOPE)
    form = InviteForm(request.POST or kept_form(request, principal))
    if request.method == "POST" and form.is_valid():
        email, role = form.cleaned_data["email"], form.cleaned_data["role"]
        try:
            with tenant_scope(principal.tenant, principal.actor):
                invitations.invite(principal.tenant, email, role)
        except PilothouseError as refused:
            form.add_error("email", str(refused))
        else:
            said = {"email": email, "role": role}
            messages.success(request, _("An invitation is on its way to %(email)s, as %(role)s.") % said)
            return redirect("access_members")
    return render(request, "access/invite.html", {"form": form})


@require_POST
@member_page
def invitation_resend(request: HttpRequest, principal: Principal, public_id: str) -> HttpResponse:
    """Mail a new link; the old one ends."""
    require(principal, SCOPE)
    with tenant_scope(principal.tenant, principal.actor):
        found = queries.access_invitation(principal.tenant, public_id)
        try:
            invitations.resend(found)
        except PilothouseError as refused:
            messages.error(request, str(refused))
        else:
            said = {"email": found.email}
            messages.success(request, _("A new link is on its way to %(email)s. The old one is dead.") % said)
    return redirect("access_members")


@require_POST
@member_page
def invitation_withdraw(request: HttpRequest, principal: Principal, public_id: str) -> HttpResponse:
    """End an invitation before it is accepted."""
    require(principal, SCOPE)
    with tenant_scope(principal.tenant, principal.actor):
        found = queries.access_invitation(principal.tenant, public_id)
        try:
            invitations.withdraw(found)
        except PilothouseError as refused:
            messages.error(request, str(refused))
        else:
            messages.success(request, _("The invitation of %(email)s is withdrawn.") % {"email": found.email})
    return redirect("access_members")


@require_http_methods(["GET", "POST"])
@member_page
def member(request: HttpRequest, principal: Principal, public_id: str) -> HttpResponse:
    """One member: their role, which a POST changes, and what happened to them."""
    require(principal, SCOPE)
    with tenant_scope(principal.tenant, principal.actor):
        found = queries.access_member(principal.tenant, public_id)
        form = RoleForm(request.POST or kept_form(request, principal), present=found.role)
        if request.method == "POST" and form.is_valid():
            try:
                commands.set_role(found, form.cleaned_data["role"])
            except PilothouseError as refused:
                messages.error(request, str(refused))
            else:
                said = {"email": found.user.email, "role": form.cleaned_data["role"]}
                messages.success(request, _("%(email)s is %(role)s now.") % said)
                return _onwards(request, found, principal)
        owners = Member.objects.filter(tenant_id=principal.tenant, role="owner").count()
        events = [_event(row) for row in timeline("member", [found.id], "customer")]
    context = {
        "member": found,
        "name": found.user.get_full_name(),
        "you": found.user_id == principal.user,
        "last_owner": found.role == "owner" and owners == 1,
        "form": form,
        "events": events,
    }
    return render(request, "access/member.html", context)


@require_POST
@member_page
def member_remove(request: HttpRequest, principal: Principal, public_id: str) -> HttpResponse:
    """Take a person out of the account; their open sessions lose it with the next request."""
    require(principal, SCOPE)
    with tenant_scope(principal.tenant, principal.actor):
        found = queries.access_member(principal.tenant, public_id)
        try:
            commands.remove_member(found)
        except PilothouseError as refused:
            messages.error(request, str(refused))
            return redirect("access_member", public_id)
    said = {"email": found.user.email, "account": principal.tenant_name}
    messages.success(request, _("%(email)s is no member of %(account)s any more.") % said)
    return _onwards(request, found, principal)


def _onwards(request: HttpRequest, changed: Member, principal: Principal) -> HttpResponse:
    """Back to the list; who changed themselves may not see it any more."""
    forget_memberships(request)
    return redirect("/" if changed.user_id == principal.user else "access_members")


def _event(row: Row) -> dict[str, Any]:
    data = {"email": "", "role": "", **row["data"]}
    sentences = {
        "send": _("%(email)s was invited as %(role)s"),
        "resend": _("The invitation of %(email)s was sent again"),
        "accept": _("%(email)s accepted the invitation"),
        "withdraw": _("The invitation of %(email)s was withdrawn"),
        "expire": _("An invitation expired"),
        "add": _("%(email)s became a member, as %(role)s"),
        "set_role": _("The role changed from %(old)s to %(role)s"),
        "remove": _("%(email)s was removed"),
    }
    if row["type"] == "set_role" and data["email"]:
        sentences["set_role"] = _("%(email)s changed from %(old)s to %(role)s")
    sentence = sentences[row["type"]] % data if row["type"] in sentences else row["type"].replace("_", " ")
    return event_line(row, sentence)
