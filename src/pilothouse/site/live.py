"""The live process: `granian --interface asginl pilothouse.site.live:application`."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pilothouse.site.settings")
os.environ["PROCESS_NAME"] = "live"
application = get_asgi_application()

from pilothouse.kernel.base import heap  # noqa: E402  (both need the apps that the line above loaded)

from .heartbeat import start_heartbeat  # noqa: E402

start_heartbeat("live")
heap.settle()
