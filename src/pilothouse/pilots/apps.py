"""The Django app of the pilots room."""

from django.apps import AppConfig


class PilotsConfig(AppConfig):
    """The pilots room."""

    name = "pilothouse.pilots"
    label = "pilots"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Tell the desk's first page of the pilots that wait; say what a pilot's and a digest's timers do, in every
        process that may fire them."""
        from . import pilot_timers, timers  # noqa: F401
        from .desk_needs import register

        register()
