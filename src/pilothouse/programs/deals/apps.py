"""The Django app of the deals program."""

from django.apps import AppConfig


class DealsConfig(AppConfig):
    """Escrow deals."""

    name = "pilothouse.programs.deals"
    label = "deals"
    default_auto_field = "django.db.models.BigAutoField"
