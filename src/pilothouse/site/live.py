"""The live process: `granian --interface asginl pilothouse.site.live:application`."""

import os

from django.core.asgi import get_asgi_application

from pilothouse.kernel.base import heap

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pilothouse.site.settings")
os.environ["PROCESS_NAME"] = "live"
with heap.loading():
    application = get_asgi_application()

    from .heartbeat import start_heartbeat  # needs the apps that the line above loaded

start_heartbeat("live")
heap.settle()
