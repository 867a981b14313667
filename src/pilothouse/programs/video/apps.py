"""The Django app of the video program."""

from django.apps import AppConfig


class VideoConfig(AppConfig):
    """Batches of videos."""

    name = "pilothouse.programs.video"
    label = "video"
    default_auto_field = "django.db.models.BigAutoField"
