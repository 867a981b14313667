"""The Django app of the site."""

from django.apps import AppConfig


class SiteConfig(AppConfig):
    """Settings, urls, the process tree and the command line."""

    name = "pilothouse.site"
    label = "site"
