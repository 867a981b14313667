"""The Django app of the site."""

from django.apps import AppConfig
from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created


class SiteConfig(AppConfig):
    """Settings, urls, the process tree and the command line."""

    name = "pilothouse.site"
    label = "site"

    def ready(self) -> None:
        """With LOG_SQL, let each connection tell its statements to the log; by itself Django does so for DEBUG only."""
        if settings.LOG_SQL:
            connection_created.connect(_tell_statements, dispatch_uid="log_sql")


def _tell_statements(connection: BaseDatabaseWrapper, **_options: object) -> None:
    connection.force_debug_cursor = True
