"""Health at the desk: queues, workers, jobs that fail, and webhook deliveries that gave up."""

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from pilothouse.kernel.access.desk import DESK_WRITERS, DeskList, act, looking, may_act, page_number, paged
from pilothouse.kernel.access.limits import DESK_PAGE_ROWS
from pilothouse.kernel.access.page_access import operator_page
from pilothouse.kernel.access.principal import OperatorPrincipal
from pilothouse.kernel.base import clock
from pilothouse.kernel.base.errors import NotFound, PilothouseError
from pilothouse.kernel.base.models import Tenant
from pilothouse.kernel.base.scope import tenant_scope
from pilothouse.kernel.lifecycle.commands import apply
from pilothouse.kernel.outbox.models import Delivery
from pilothouse.kernel.outbox.queries import ERROR_TEXT
from pilothouse.kernel.outbox.resending import replay_again
from pilothouse.kernel.work.models import JOB, Job

from . import backups, desk_queries
from .desk_views import duration
from .limits import HEARTBEAT_FRESH_S

QUEUE_LABELS = {
    "jobs": gettext_lazy("Jobs"),
    "webhooks": gettext_lazy("Webhooks"),
    "notices": gettext_lazy("Mail and chat"),
    "timers": gettext_lazy("Timers"),
}


@require_GET
@operator_page()
def health(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """The queues with their oldest due row, the workers, and what fails."""
    number = page_number(request)
    with looking(request, operator):
        queues = desk_queries.queues()
        workers = desk_queries.workers()
        jobs = desk_queries.failing_jobs(skip=number * DESK_PAGE_ROWS)
        endpoints = desk_queries.sick_endpoints()
        dead = desk_queries.dead_deliveries(count=DESK_PAGE_ROWS)
        backup_at, is_stale = backups.last_verified(), backups.is_stale()
    jobs, pager = paged(jobs, number, reverse("desk:health"))
    context = {
        "queues": [{**row, "label": QUEUE_LABELS[row["queue"]], **_late(row["late_s"])} for row in queues],
        "workers": [
            {**row, "fresh": row["age_s"] <= HEARTBEAT_FRESH_S, "age": duration(row["age_s"])} for row in workers
        ],
        "jobs": jobs,
        "pager": pager,
        "endpoints": endpoints,
        "dead": len(dead),
        "backup": {"at": backup_at, "is_stale": is_stale, "is_scheduled": bool(settings.BACKUP_FOLDER)},
        "may_act": may_act(operator),
    }  # fmt: skip
    return render(request, "watch/health.html", context)


def _late(late_s: float | None) -> dict[str, object]:
    if late_s is None:
        return {"late": "", "is_late": False}
    return {"late": duration(late_s) if late_s > 0 else "", "is_late": late_s > HEARTBEAT_FRESH_S}


@require_POST
@operator_page(*DESK_WRITERS)
def job_retry(request: HttpRequest, operator: OperatorPrincipal, job: int) -> HttpResponse:
    """Queue a job again that gave up; one that is queued already stays as it is."""

    def retry() -> None:
        if not Job.objects.filter(id=job).exists():
            raise NotFound(what="job")
        changes = {"attempt": 0, "error": "", "ended_at": None, "lease_until": None}
        apply(JOB, "retry", [job], role="operator", changes={**changes, "next_run_at": clock.business_now()})

    return act(
        request, operator, retry, done=_("The job is queued again; it has all its tries."), back=reverse("desk:health")
    )


@require_GET
@operator_page()
def deliveries(request: HttpRequest, operator: OperatorPrincipal) -> HttpResponse:
    """Deliveries that gave up, with why, and their replay."""
    asked = DeskList.of(request, "desk:deliveries")
    with looking(request, operator):
        rows = desk_queries.dead_deliveries(asked.words, skip=asked.skip)
        endpoints = desk_queries.sick_endpoints()
    rows, frame = asked.shown(rows)
    context = {
        **frame,
        "deliveries": [{**row, "why": ERROR_TEXT.get(row["last_error"], row["last_error"])} for row in rows],
        "endpoints": endpoints,
        "may_act": may_act(operator),
    }
    return render(request, "watch/deliveries.html", context)


@require_POST
@operator_page(*DESK_WRITERS)
def delivery_replay(request: HttpRequest, operator: OperatorPrincipal, public_id: str) -> HttpResponse:
    """Send a delivery that gave up again: the same event id and the same bytes; once, while that is under way."""
    with looking(request, operator):
        tenant = Delivery.objects.filter(public_id=public_id).values_list("tenant_id", flat=True).first()
        if tenant is None or not Tenant.objects.filter(id=tenant).exists():
            raise Http404
    try:
        with tenant_scope(tenant, operator.actor):
            _newer, sent = replay_again(public_id)
    except NotFound:
        raise Http404 from None
    except PilothouseError as refused:
        messages.error(request, str(refused))
    else:
        done = _("It is on its way again.") if sent else _("It is under way already; nothing was sent a second time.")
        messages.success(request, done)
    return HttpResponseRedirect(reverse("desk:deliveries"))
