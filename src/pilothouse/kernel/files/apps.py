"""The Django app of the files room."""

from django.apps import AppConfig


class FilesConfig(AppConfig):
    """The files room."""

    name = "pilothouse.kernel.files"
    label = "files"
    default_auto_field = "django.db.models.BigAutoField"
