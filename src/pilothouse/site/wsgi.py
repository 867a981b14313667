"""The web process: `granian --interface wsgi pilothouse.site.wsgi:application`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pilothouse.site.settings")
application = get_wsgi_application()
