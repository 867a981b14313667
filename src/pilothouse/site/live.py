"""The live process: `granian --interface asginl pilothouse.site.live:application`."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pilothouse.site.settings")
os.environ["PROCESS_NAME"] = "live"
application = get_asgi_application()

from .heartbeat import start_heartbeat  # noqa: E402  (it needs the apps that the line above loaded)

start_heartbeat("live")
