"""The pages of API keys: list, issue, rotate, pause, revoke, and what each key did."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.kernel.base.mail import post_mail
from pilothouse.kernel.base.outgoing import echo
from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.kernel.base.sql import Row
from pilothouse.kernel.lifecycle.queries import timeline
from pilothouse.ui.links import actor_words, event_line, numbered_pager, search_words, whole_number, with_query

from . import commands, queries
from .forms import KIND_WORDS, MYSELF, SCOPE_WORDS, KeyForm, RotateForm
from .limits import KEY_CALLS_COUNTED_MAX, KEYS_PER_TENANT_MAX_COUNT, PAGE_ROWS, REVEAL_LINK_LIFE_HOURS
from .models import ApiKey, Member
from .page_access import member_page
from .posted_forms import kept_form
from .principal import Principal, require
from .roles import KEY_SCOPES

SCOPE = "keys:write"
STATES = ("active", "paused", "revoked")


@require_GET
@member_page
def key_list(request: HttpRequest, principal: Principal) -> HttpResponse:
    """The keys of the account with what each did in the last 24 hours, and the links that were not opened yet."""
    require(principal, SCOPE)
    state = request.GET.get("state", "")
    state = state if state in STATES else ""
    words = search_words(request.GET.get("q"))
    page = whole_number(request.GET.get("page"), KEYS_PER_TENANT_MAX_COUNT * 10 // PAGE_ROWS)
    with tenant_scope(principal.tenant, principal.actor):
        rows = queries.keys(principal.tenant, PAGE_ROWS + 1, page * PAGE_ROWS, state=state, search=words)
        counts = queries.key_counts(principal.tenant)
        links = queries.reveal_links(principal.tenant)
    echo(request, *(row["name"] for row in (*rows, *links)))
    here = reverse("access_keys")
    labels = {"": _("All"), "active": _("Active"), "paused": _("Paused"), "revoked": _("Revoked")}
    context = {
        "keys": [_shown(row) for row in rows[:PAGE_ROWS]],
        "links": [{**row, "created_by": actor_words(row["created_by"])} for row in links],
        "tabs": [
            {
                "label": label,
                "url": with_query(here, state=key, q=words),
                "current": key == state,
                "count": counts.get(key, 0) if key else sum(counts.values()),
            }
            for key, label in labels.items()
        ],
        "state": state,
        "query": words,
        "filtered": bool(state or words or page),
        "pager": numbered_pager(here, page, len(rows), PAGE_ROWS, state=state, q=words),
    }
    return render(request, "access/keys.html", context)


@require_GET
@member_page
def key(request: HttpRequest, principal: Principal, public_id: str) -> HttpResponse:
    """One key: what it may do, what it did, and what happened to it."""
    require(principal, SCOPE)
    failed = request.GET.get("show") == "errors"
    before = search_words(request.GET.get("before"), 40)
    with tenant_scope(principal.tenant, principal.actor):
        found = queries.access_key(principal.tenant, public_id)
        (row,) = queries.keys(principal.tenant, key=public_id)
        calls = queries.key_usage(
            principal.tenant, found.id, failed=failed, before=_instant(before), count=PAGE_ROWS + 1
        )
        events = [_event(event) for event in timeline("api_key", [found.id], "customer")]
    echo(request, found.name)
    here = reverse("access_key", args=[public_id])
    show = "errors" if failed else ""
    more = len(calls) > PAGE_ROWS
    context = {
        "key": _shown(row),
        "scopes": [SCOPE_WORDS[scope] for scope in KEY_SCOPES if scope in row["scopes"]],
        "kind": KIND_WORDS[row["kind"]],
        "calls": calls[:PAGE_ROWS],
        "tabs": [
            {"label": _("All calls"), "url": here, "current": not failed},
            {"label": _("Refused or failed"), "url": with_query(here, show="errors"), "current": failed},
        ],
        "filtered": failed or bool(before),
        "pager": {
            "previous_url": with_query(here, show=show) if before else "",
            "next_url": with_query(here, show=show, before=calls[PAGE_ROWS - 1]["at"].isoformat()) if more else "",
        }
        if more or before
        else None,
        "events": events,
    }
    return render(request, "access/key.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
@member_page
def key_new(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Make a one-time link from which a new key is born, and open it here or mail it to a member."""
    require(principal, SCOPE)
    with tenant_scope(principal.tenant, principal.actor):
        people = _receivers(principal)
        count = sum(queries.key_counts(principal.tenant).get(state, 0) for state in ("active", "paused"))
    initial = {"name": f"Pilot - {principal.tenant_name}" if not count else "", "once": commands.new_secret()}
    form = KeyForm(request.POST or kept_form(request, principal), people=people, initial=initial)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            return _deliver(
                request, principal, given["to"], given["once"],
                name=given["name"], kind=given["kind"], scopes=given["scopes"],
                rate_limit_per_min=given["rate_limit_per_min"],
            )  # fmt: skip
        except PilothouseError as refused:
            form.add_error("name", str(refused))
    return render(request, "access/key_new.html", {"form": form, "scope_words": SCOPE_WORDS})


@never_cache
@require_http_methods(["GET", "POST"])
@member_page
def key_rotate(request: HttpRequest, principal: Principal, public_id: str) -> HttpResponse:
    """Make the link of a key that follows this one; the old one works on until the chosen hour."""
    require(principal, SCOPE)
    with tenant_scope(principal.tenant, principal.actor):
        found = queries.access_key(principal.tenant, public_id)
        people = _receivers(principal)
    echo(request, found.name)
    if found.state == "revoked":
        messages.error(request, _("This key is revoked; issue a new one instead."))
        return redirect("access_key", public_id)
    initial = {"once": commands.new_secret()}
    form = RotateForm(request.POST or kept_form(request, principal), people=people, initial=initial)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            return _deliver(
                request, principal, given["to"], given["once"],
                name=found.name, kind=found.kind, scopes=found.scopes, rate_limit_per_min=found.rate_limit_per_min,
                replaces=found, overlap_hours=given["overlap_hours"],
            )  # fmt: skip
        except PilothouseError as refused:
            form.add_error("overlap_hours", str(refused))
    return render(request, "access/key_rotate.html", {"form": form, "key": found})


@require_POST
@member_page
def key_act(request: HttpRequest, principal: Principal, public_id: str, verb: str) -> HttpResponse:
    """Pause, resume or revoke a key."""
    require(principal, SCOPE)
    act = {"pause": commands.pause_key, "resume": commands.resume_key, "revoke": _revoke}[verb]
    said = {
        "pause": _("The key %(hint)s is paused: calls with it answer 401 until you resume it."),
        "resume": _("The key %(hint)s works again."),
        "revoke": _("The key %(hint)s is revoked for good."),
    }
    with tenant_scope(principal.tenant, principal.actor):
        try:
            row = act(principal.tenant, public_id)
        except PilothouseError as refused:
            if refused.status != 409:
                raise
            messages.error(request, str(refused))
        else:
            messages.success(request, said[verb] % {"hint": row.hint})
    return redirect("access_key", public_id)


@require_POST
@member_page
def link_withdraw(request: HttpRequest, principal: Principal, public_id: str) -> HttpResponse:
    """End a one-time link before it is opened."""
    require(principal, SCOPE)
    with tenant_scope(principal.tenant, principal.actor):
        try:
            commands.withdraw_reveal_link(principal.tenant, public_id)
        except PilothouseError:
            messages.error(request, _("This link was opened, withdrawn or has expired already. Nothing was changed."))
        else:
            messages.success(request, _("The link is withdrawn: no key will come of it."))
    return redirect("access_keys")


@require_POST
@member_page
@sensitive_variables("token")
def link_open(request: HttpRequest, principal: Principal, public_id: str) -> HttpResponse:
    """Open a link of the account here, whoever it was mailed to: it gets a new token, and the mailed one is over."""
    require(principal, SCOPE)
    with tenant_scope(principal.tenant, principal.actor):
        try:
            token = commands.renew_reveal_link(principal.tenant, public_id)
        except PilothouseError:
            messages.error(request, _("This link was opened, withdrawn or has expired already. Nothing was changed."))
            return redirect("access_keys")
    return redirect("access_reveal", token)


@sensitive_variables("token")
def _deliver(
    request: HttpRequest, principal: Principal, to: str, once: str, *, name: str, **key_fields: Any
) -> HttpResponse:
    """Make the link and open it here, or mail it. The same form again gives the same link, and no second mail."""
    # Made from the form's own random text, so that a double press or a second tab finds the link that is there.
    token = salted_hmac(
        "reveal link", f"{principal.tenant}:{once or commands.new_secret()}", algorithm="sha256"
    ).hexdigest()
    with tenant_scope(principal.tenant, principal.actor):
        link, token = commands.create_reveal_link(
            principal.tenant, name, token=token, sent_to="" if to == MYSELF else to, **key_fields
        )
        if to != MYSELF:
            _mail_link(principal, to, name, token, link.public_id)
    if to == MYSELF:
        return redirect("access_reveal", token)
    messages.success(request, _("A link that shows the key once is on its way to %(email)s.") % {"email": to})
    return redirect("access_keys")


def _mail_link(principal: Principal, to: str, name: str, token: str, link: str) -> None:
    sender = principal.actor.removeprefix("user:")
    words = {
        "account": principal.tenant_name,
        "sender": sender,
        "name": name,
        "url": settings.SITE_URL + reverse("access_reveal", args=[token]),
        "hours": REVEAL_LINK_LIFE_HOURS,
        "product_name": settings.PRODUCT_NAME,
    }
    post_mail(
        [to],
        render_to_string("access/email/reveal_subject.txt", words).strip(),
        render_to_string("access/email/reveal_message.txt", words),
        tenant=principal.tenant,
        dedupe_key=f"reveal:{link}",
        echoed=(principal.tenant_name, sender, name, to),
    )


def _receivers(principal: Principal) -> list[str]:
    """The addresses of the members who may hold keys, but for the one who asks."""
    found = Member.objects.filter(tenant_id=principal.tenant, role__in=("owner", "engineer"))
    return list(
        found.exclude(user_id=principal.user or 0).order_by("user__email").values_list("user__email", flat=True)
    )


def _revoke(tenant: int, public_id: str) -> ApiKey:
    return commands.revoke_key(tenant, public_id)


def _shown(row: Row) -> dict[str, Any]:
    """A key as the pages show it; `standing` is the one word for its state."""
    standing = "revoked" if row["state"] == "revoked" else "active" if row["is_active"] else "paused"
    scopes = _("Everything") if set(row["scopes"]) == set(KEY_SCOPES) else ", ".join(row["scopes"])
    return {
        **row,
        "standing": standing,
        "created_by": actor_words(row["created_by"]),
        "scope_text": scopes,
        "url": reverse("access_key", args=[row["public_id"]]),
        "calls_text": f"{row['calls']:,}" + ("+" if row["calls"] >= KEY_CALLS_COUNTED_MAX else ""),
    }


def _instant(text: str) -> str | None:
    """The instant below which a page of calls begins; nothing for a text that is none."""
    try:
        found = parse_datetime(text.replace(" ", "+"))
    except ValueError:
        return None
    return found.isoformat() if found is not None and found.tzinfo is not None else None


def _event(row: Row) -> dict[str, Any]:
    sentences = {
        "issue": _("Issued and shown once"),
        "use": _("Used for the first time"),
        "pause": _("Paused"),
        "resume": _("Resumed"),
        "rotate": _("Followed by a new key; this one works on for a while"),
        "revoke": _("Revoked, because it was rotated") if row["data"].get("reason") == "rotated" else _("Revoked"),
    }
    sentence = sentences.get(row["type"], row["type"].replace("_", " "))
    return event_line(row, sentence)
