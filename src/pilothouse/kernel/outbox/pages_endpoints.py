"""The pages of webhook endpoints: where events go, how each is doing, its secret and its test event."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from pilothouse.kernel.access.page_access import member_page
from pilothouse.kernel.access.posted_forms import kept_form
from pilothouse.kernel.access.principal import Principal, require
from pilothouse.kernel.base.errors import PilothouseError
from pilothouse.kernel.base.outgoing import echo
from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.kernel.base.sql import Row
from pilothouse.kernel.lifecycle.queries import timeline
from pilothouse.ui.links import event_line, with_query

from . import commands, endpoints, queries, secrets_at_rest
from .forms import EndpointForm
from .limits import BREAKER_FAILURES, ENDPOINTS_PER_TENANT_MAX, SECRET_OVERLAP_HOURS
from .models import Endpoint, SigningSecret

SCOPE = "webhooks:write"
RECENT_ROWS = 8
OK = 200
CONFLICT = 409


@require_GET
@member_page
def endpoint_list(request: HttpRequest, principal: Principal) -> HttpResponse:
    """The account's endpoints and how each is doing."""
    require(principal, SCOPE)
    with tenant_scope(principal.tenant, principal.actor):
        rows = queries.endpoints()
        default = secrets_at_rest.default_secret(principal.tenant)
        failed = queries.deliveries(states=("dead", "disabled"), count=1)
    echo(request, *(text for row in rows for text in (row["url"], row["description"])))
    context = {
        "endpoints": [shown(row) for row in rows],
        "full": len(rows) >= ENDPOINTS_PER_TENANT_MAX,
        "most": ENDPOINTS_PER_TENANT_MAX,
        "default": _default(default),
        "failed": bool(failed),
    }
    return render(request, "outbox/endpoints.html", context)


@require_http_methods(["GET", "POST"])
@member_page
def endpoint_new(request: HttpRequest, principal: Principal) -> HttpResponse:
    """Add an endpoint. One with the same address is shown instead of made twice."""
    require(principal, SCOPE)
    form = EndpointForm(request.POST or kept_form(request, principal))
    if request.method == "POST" and form.is_valid():
        url, mode = form.cleaned_data["url"], form.cleaned_data["mode"] or "live"
        try:
            with tenant_scope(principal.tenant, principal.actor):
                endpoints.lock_endpoints(principal.tenant)
                known = Endpoint.objects.filter(kind="registered", url=url, mode=mode).exclude(state="deleted").first()
                words = form.cleaned_data["description"]
                made = known or endpoints.create_endpoint(url, words, mode=mode, shown=False).endpoint
        except PilothouseError as refused:
            form.add_error("url", str(refused))
        else:
            if known is None:
                messages.success(request, _("The endpoint is added. Copy its signing secret now: it is shown once."))
            else:
                messages.info(request, _("This address is an endpoint already. Here it is; nothing was added."))
            return redirect("outbox:endpoint", made.public_id)
    echo(request, str(form["url"].value() or ""), str(form["description"].value() or ""))
    return render(request, "outbox/endpoint_form.html", {"form": form, "endpoint": None})


@require_http_methods(["GET", "POST"])
@member_page
def endpoint_edit(request: HttpRequest, principal: Principal, public_id: str) -> HttpResponse:
    """Change an endpoint's address or description."""
    require(principal, SCOPE)
    with tenant_scope(principal.tenant, principal.actor):
        found = endpoints.access_endpoint(public_id)
    initial = {"url": found.url, "description": found.description}
    form = EndpointForm(request.POST or kept_form(request, principal), initial=initial, changing=True)
    if request.method == "POST" and form.is_valid():
        try:
            with tenant_scope(principal.tenant, principal.actor):
                endpoints.update_endpoint(public_id, **form.cleaned_data)
        except PilothouseError as refused:
            form.add_error("url", str(refused))
        else:
            messages.success(request, _("The endpoint is changed. What still waits goes to the new address."))
            return redirect("outbox:endpoint", public_id)
    echo(request, found.url, found.description, str(form["url"].value()), str(form["description"].value()))
    return render(request, "outbox/endpoint_form.html", {"form": form, "endpoint": found})


@require_GET
@member_page
def endpoint(request: HttpRequest, principal: Principal, public_id: str) -> HttpResponse:
    """One endpoint: its health, its secret, its newest deliveries, and the test event that was just sent."""
    return render(request, "outbox/endpoint.html", _detail(request, principal, public_id))


@never_cache
@require_POST
@sensitive_variables("context")
@member_page
def endpoint_secret(request: HttpRequest, principal: Principal, public_id: str) -> HttpResponse:
    """Show the signing secret, to the first who asks."""
    require(principal, SCOPE)
    try:
        with tenant_scope(principal.tenant, principal.actor):
            secret = endpoints.show_secret(public_id)
    except PilothouseError as refused:
        return _refused(request, refused, public_id)
    return render(request, "outbox/endpoint.html", {**_detail(request, principal, public_id), "secret": secret})


@require_POST
@member_page
def endpoint_test(request: HttpRequest, principal: Principal, public_id: str) -> HttpResponse:
    """Send the test event; the endpoint's page shows how it goes."""
    require(principal, SCOPE)
    try:
        with tenant_scope(principal.tenant, principal.actor):
            delivery = commands.send_test(public_id)
    except PilothouseError as refused:
        return _refused(request, refused, public_id)
    return redirect(with_query(reverse("outbox:endpoint", args=[public_id]), test=delivery.public_id))


@require_POST
@member_page
def endpoint_act(request: HttpRequest, principal: Principal, public_id: str, verb: str) -> HttpResponse:
    """Pause, resume or delete an endpoint, or rotate its secret."""
    require(principal, SCOPE)
    said = {
        "pause": _("The endpoint is paused. Its events wait, for 36 hours at most, and go out when you resume it."),
        "resume": _("The endpoint gets events again."),
        "rotate": _("There is a new secret: show it below. The old one signs beside it for %(hours)s hours.")
        % {"hours": SECRET_OVERLAP_HOURS},
        "delete": _("The endpoint is deleted. Its deliveries stay in the list."),
    }
    try:
        with tenant_scope(principal.tenant, principal.actor):
            if verb == "pause":
                endpoints.pause_endpoint(public_id)
            elif verb == "resume":
                endpoints.resume_endpoint(public_id)
            elif verb == "delete":
                endpoints.delete_endpoint(public_id)
            else:
                endpoints.rotate_secret(public_id, seen=request.POST.get("seen", ""), shown=False)
    except PilothouseError as refused:
        return _refused(request, refused, public_id)
    messages.success(request, said[verb])
    return redirect("outbox:endpoints") if verb == "delete" else redirect("outbox:endpoint", public_id)


@never_cache
@require_POST
@sensitive_variables("context", "secret")
@member_page
def default_secret(request: HttpRequest, principal: Principal, verb: str) -> HttpResponse:
    """Show or rotate the secret that signs for addresses which a batch names itself."""
    require(principal, SCOPE)
    try:
        with tenant_scope(principal.tenant, principal.actor):
            if verb == "rotate":
                secret = secrets_at_rest.rotate_default_secret(seen=request.POST.get("seen", ""))
            else:
                secret = secrets_at_rest.reveal_default_secret()
            default = secrets_at_rest.default_secret(principal.tenant)
    except PilothouseError as refused:
        messages.error(request, str(refused))
        return redirect("outbox:endpoints")
    return render(request, "outbox/default_secret.html", {"secret": secret, "default": _default(default)})


def _refused(request: HttpRequest, refused: PilothouseError, public_id: str) -> HttpResponse:
    """A stale page is told and shown the endpoint as it is; what is not there stays a 404."""
    if refused.status != CONFLICT:
        raise refused
    messages.error(request, str(refused))
    return redirect("outbox:endpoint", public_id)


def _detail(request: HttpRequest, principal: Principal, public_id: str) -> dict[str, Any]:
    require(principal, SCOPE)
    with tenant_scope(principal.tenant, principal.actor):
        row = queries.endpoint_row(public_id)
        found = endpoints.access_endpoint(public_id)
        recent = queries.deliveries(endpoint=public_id, count=RECENT_ROWS)
        events = [_event(event) for event in timeline("endpoint", [found.id], "customer")]
        test = request.GET.get("test", "")
        result = next((each for each in recent if each["public_id"] == test and each["type"] == "test"), None)
        tested = next((each for each in queries.deliveries(endpoint=public_id) if each["type"] == "test"), None)
        mark = secrets_at_rest.mark(found.secret)
    echo(request, row["url"], row["description"])
    return {
        "endpoint": shown(row),
        "mark": mark,
        "recent": [result_of(each) for each in recent],
        "deliveries_url": with_query(reverse("outbox:deliveries"), endpoint=public_id),
        "events": events,
        "result": result and result_of(result),
        "confirmed": _confirmed(row["url"], tested),
    }


def _confirmed(url: str, tested: Row | None) -> list[dict[str, Any]]:
    """The three lines that confirm an endpoint (requirement ENP-024), ticked by the newest test event's answer."""
    status = tested["last_status"] if tested else None
    answered = tested is not None and status is not None
    nothing = _("send a test event") if tested is None else _("no answer yet")
    return [
        {"claim": _("Its address is registered"), "value": url.partition("://")[0], "target": "https", "state": "pass"},
        {
            "claim": _("It can receive a POST"),
            "value": _("it answered") if answered else nothing,
            "target": _("an answer"),
            "state": "pass" if answered else "fail" if _tried(tested) else "insufficient",
        },
        {
            "claim": _("It returns 200"),
            "value": status if answered else nothing,
            "target": "200",
            "state": ("pass" if status == OK else "fail") if answered else "insufficient",
        },
    ]


def _tried(tested: Row | None) -> bool:
    """Whether a try of this test event has ended without an answer."""
    return tested is not None and bool(tested["last_error"])


def result_of(row: Row) -> dict[str, Any]:
    """A delivery's newest try as the pages tell it; `under_way` until its first try has come back."""
    return {
        **row,
        "under_way": row["state"] in ("queued", "sending") and row["attempt"] <= 1,
        "sentence": queries.ERROR_TEXT.get(row["last_error"], row["last_error"]),
    }


def shown(row: Row) -> dict[str, Any]:
    """An endpoint as the pages show it; `health` is (tone, words)."""
    return {
        **row,
        "health": _health(row),
        "page_url": reverse("outbox:endpoint", args=[row["public_id"]]),
        "last_sentence": queries.ERROR_TEXT.get(row["last_error"] or "", row["last_error"]),
    }


def _health(row: Row) -> tuple[str, str]:
    if row["state"] != "active":
        return ("returned", _("Paused")) if row["state"] == "paused" else ("breach", _("Switched off"))
    if row["failures"] >= BREAKER_FAILURES:
        return "breach", _("Failing: %(count)s in a row") % {"count": row["failures"]}
    if row["failures"]:
        return "held", _("Failed %(count)s in a row") % {"count": row["failures"]}
    return ("settled", _("Healthy")) if row["last_at"] else ("returned", _("Nothing sent yet"))


def _default(secret: SigningSecret) -> dict[str, Any]:
    return {
        "mark": secrets_at_rest.mark(secret),
        "previous_until": secret.previous_until,
        "rotated_at": secret.rotated_at,
    }


def _event(row: Row) -> dict[str, Any]:
    sentences = {
        "create": _("Added"),
        "update": _("Changed"),
        "pause": _("Paused"),
        "resume": _("Resumed"),
        "gone": _("Switched off: it answered 410 Gone"),
        "disable": _("Switched off by an operator"),
        "delete": _("Deleted"),
        "rotate_secret": _("Secret rotated"),
        "show_secret": _("Secret shown"),
    }
    sentence = sentences.get(row["type"], row["type"].replace("_", " "))
    return event_line(row, sentence)
