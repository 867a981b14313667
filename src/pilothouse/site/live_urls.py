"""The addresses of the live process; everything else is the web process's."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from pilothouse.programs.video.live import batch_stream


def healthz(request: HttpRequest) -> HttpResponse:
    """This process answers."""
    return HttpResponse("ok\n", content_type="text/plain")


urlpatterns = [
    path("healthz", healthz),
    path("live/batches/<str:public_id>", batch_stream),
]
