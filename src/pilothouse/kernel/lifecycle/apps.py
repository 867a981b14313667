"""The Django app of the lifecycle room."""

from django.apps import AppConfig


class LifecycleConfig(AppConfig):
    """The lifecycle room."""

    name = "pilothouse.kernel.lifecycle"
    label = "lifecycle"
    default_auto_field = "django.db.models.BigAutoField"
