"""Django application of the user-interface room."""

from django.apps import AppConfig


class UiConfig(AppConfig):
    """Templates, components and styles; holds no tables and imports no other room."""

    name = "pilothouse.ui"
    label = "ui"
