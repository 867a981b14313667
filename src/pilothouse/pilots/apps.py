"""The Django app of the pilots room."""

from django.apps import AppConfig


class PilotsConfig(AppConfig):
    """The pilots room."""

    name = "pilothouse.pilots"
    label = "pilots"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Tell the desk's first page of the pilots that wait."""
        from .desk_needs import register

        register()
