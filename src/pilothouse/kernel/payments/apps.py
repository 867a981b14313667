"""The Django app of the payments room."""

from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    """The payments room."""

    name = "pilothouse.kernel.payments"
    label = "payments"
    default_auto_field = "django.db.models.BigAutoField"
