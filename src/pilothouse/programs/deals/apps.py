"""The Django app of the deals program."""

from django.apps import AppConfig


class DealsConfig(AppConfig):
    """Escrow deals."""

    name = "pilothouse.programs.deals"
    label = "deals"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Make deals payable in every process: the desk matches payments, and the worker hears of card payments. Tell
        the desk's first page what operators decide."""
        from . import payment  # noqa: F401
        from .desk_needs import register

        register()
