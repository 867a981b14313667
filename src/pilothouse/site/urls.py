"""Every address of the web process."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, include, path

from pilothouse.kernel.access.authenticate import operator_of, tenant_of
from pilothouse.kernel.watch.pages_status import status

from . import deal_playbooks, guides, health, playbooks
from .api import build
from .programs import load_programs

API = build()


def home(request: HttpRequest) -> HttpResponse:
    """The first page of whoever is signed in: operators without an account of a customer's begin at the desk."""
    if operator_of(request) and not tenant_of(request):
        return redirect("desk:home")
    member = tenant_of(request)
    if member and member.role in ("buyer", "seller"):
        return redirect("deals:deals")
    return redirect("video:overview")


urlpatterns: list[URLPattern | URLResolver] = [
    path("", home, name="home"),  # before the API, which would answer the bare address with a 404
    path("", API.urls),  # then this: a program asks far more often than a person, and patterns are tried one by one
    *health.urlpatterns,
    path("docs/", guides.index, name="guides"),
    *(
        path(f"docs/{one.slug}", guides.operators_guide, {"slug": one.slug}, name=f"guide_{one.slug}")
        for one in guides.OPERATORS
    ),
    *(
        path(
            f"docs/{one.slug}", deal_playbooks.deal_playbook, {"name": one.slug.partition("/")[2]}, name="deal_playbook"
        )
        for one in guides.DEAL_PLAYBOOKS
    ),
    path("docs/playbooks/<slug:name>", playbooks.playbook, name="playbook"),
    path("docs/<slug:slug>", guides.guide, name="guide"),
    path("status/", status, name="status"),
    path("", include("pilothouse.kernel.access.urls")),
    path("", include("pilothouse.kernel.files.urls")),
    path("", include("pilothouse.kernel.outbox.urls")),
    path("", include("pilothouse.kernel.ledger.urls")),
    path("", include("pilothouse.kernel.payments.urls")),
    path("", include("pilothouse.kernel.watch.urls")),
    path("", include("pilothouse.pilots.urls")),
    *(path("", include(program.urls)) for program in load_programs().values() if program.urls),
]
handler400 = "pilothouse.site.errors.bad_request"
handler403 = "pilothouse.site.errors.forbidden"
handler404 = "pilothouse.site.errors.missing"
handler500 = "pilothouse.site.errors.failed"
