"""The Django app of the outbox room."""

from django.apps import AppConfig


class OutboxConfig(AppConfig):
    """The outbox room."""

    name = "pilothouse.kernel.outbox"
    label = "outbox"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Send the mails of the rooms below this one."""
        from pilothouse.kernel.base.mail import register_post

        from .notices import post

        register_post(post)
