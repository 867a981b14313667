"""The Django app of the terms room."""

from django.apps import AppConfig


class TermsConfig(AppConfig):
    """The terms room."""

    name = "pilothouse.kernel.terms"
    label = "terms"
    default_auto_field = "django.db.models.BigAutoField"
