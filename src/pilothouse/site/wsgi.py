"""The web process: `granian --interface wsgi pilothouse.site.wsgi:application`."""

import os

from django.core.wsgi import get_wsgi_application

from pilothouse.kernel.base import heap

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pilothouse.site.settings")
with heap.loading():
    application = get_wsgi_application()

    from .heartbeat import start_heartbeat  # needs the apps that the line above loaded

start_heartbeat("web")
heap.settle()
