"""The Django app of the watch room."""

from django.apps import AppConfig


class WatchConfig(AppConfig):
    """The watch room."""

    name = "pilothouse.kernel.watch"
    label = "watch"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Stand before everything that leaves for a customer."""
        from pilothouse.kernel.base.outgoing import register

        from .deny_list import guard

        register(guard)
