"""The Django app of the access room."""

from django.apps import AppConfig


class AccessConfig(AppConfig):
    """The access room."""

    name = "pilothouse.kernel.access"
    label = "access"
    default_auto_field = "django.db.models.BigAutoField"
