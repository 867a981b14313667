"""The Django app of the work room."""

from django.apps import AppConfig


class WorkConfig(AppConfig):
    """The work room."""

    name = "pilothouse.kernel.work"
    label = "work"
    default_auto_field = "django.db.models.BigAutoField"
