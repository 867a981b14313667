"""The Django app of the access room."""

from django.apps import AppConfig


class AccessConfig(AppConfig):
    """The access room."""

    name = "pilothouse.kernel.access"
    label = "access"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Guard the pages of the rooms below this one, and register the timers."""
        from pilothouse.kernel.base.caller import register_page_guard

        from . import timers  # noqa: F401
        from .page_access import member_page

        register_page_guard(member_page)
