"""Addresses of sign-in and of a person's own pages, all under account/."""

from django.urls import URLPattern, URLResolver, include, path

from . import pages

urlpatterns: list[URLPattern | URLResolver] = [
    path("account/login/link/", pages.request_magic_link, name="access_request_magic_link"),
    path("account/login/link/<str:token>/", pages.magic_link, name="access_magic_link"),
    path("account/reveal/<str:token>/", pages.reveal, name="access_reveal"),
    path("account/tenant", pages.tenant, name="access_tenant"),
    path("account/two-factor/", include("allauth.mfa.urls")),
    path("account/sessions/", include("allauth.usersessions.urls")),
    path("account/", include("allauth.account.urls")),
]
