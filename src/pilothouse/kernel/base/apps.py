"""The Django app of the base room."""

from django.apps import AppConfig


class BaseConfig(AppConfig):
    """The base room."""

    name = "pilothouse.kernel.base"
    label = "base"
    default_auto_field = "django.db.models.BigAutoField"
