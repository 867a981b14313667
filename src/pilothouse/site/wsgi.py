"""The web process: `granian --interface wsgi pilothouse.site.wsgi:application`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pilothouse.site.settings")
application = get_wsgi_application()

from pilothouse.kernel.base import heap  # noqa: E402  (both need the apps that the line above loaded)

from .heartbeat import start_heartbeat  # noqa: E402

start_heartbeat("web")
heap.settle()
