"""The Django app of the watch room."""

from django.apps import AppConfig


class WatchConfig(AppConfig):
    """The watch room."""

    name = "pilothouse.kernel.watch"
    label = "watch"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Stand before everything that leaves for a customer; hear what payments wants a person to see; tell the desk's
        first page of money that waits."""
        from pilothouse.kernel.base.outgoing import register
        from pilothouse.kernel.payments.ports import register_alarm

        from .commands import open_incident
        from .deny_list import guard
        from .desk_money import register as register_money

        register_money()
        register(guard)
        register_alarm(lambda kind, title, tenant, subject: open_incident(kind, title, tenant=tenant, subject=subject))
