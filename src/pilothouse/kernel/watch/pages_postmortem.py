"""The post-mortem of an incident at the desk: page, Markdown, PDF."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from pilothouse.kernel.access.desk import looking
from pilothouse.kernel.access.page_access import operator_page
from pilothouse.kernel.access.principal import OperatorPrincipal
from pilothouse.kernel.base.clock import business_now
from pilothouse.ui.paper_files import FORMATS, as_file
from pilothouse.ui.papers import as_html

from .postmortem import postmortem


@require_GET
@operator_page()
def page(request: HttpRequest, operator: OperatorPrincipal, public_id: str) -> HttpResponse:
    """The paper as it reads."""
    with looking(request, operator):
        paper = postmortem(public_id)
    context = {
        "incident_id": public_id,
        "paper": paper,
        "html": as_html(paper),
        "files": [(each, reverse("desk:postmortem_file", args=[public_id, each])) for each in FORMATS],
    }
    return render(request, "watch/postmortem.html", context)


@require_GET
@operator_page()
def file(request: HttpRequest, operator: OperatorPrincipal, public_id: str, kind: str) -> HttpResponse:
    """The same as a file."""
    with looking(request, operator):
        paper, at = postmortem(public_id), business_now()
    return as_file(paper, kind, f"post-mortem-{public_id}", at)
