"""The Django app of the pilots room."""

from django.apps import AppConfig


class PilotsConfig(AppConfig):
    """The pilots room."""

    name = "pilothouse.pilots"
    label = "pilots"
    default_auto_field = "django.db.models.BigAutoField"
