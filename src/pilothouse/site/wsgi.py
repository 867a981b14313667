"""The web process: `granian --interface wsgi pilothouse.site.wsgi:application`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pilothouse.site.settings")
application = get_wsgi_application()

from .heartbeat import start_heartbeat  # noqa: E402  (it needs the apps that the line above loaded)

start_heartbeat("web")
