"""Addresses of sign-in and of a person's own pages, all under account/."""

from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from . import pages

urlpatterns: list[URLPattern | URLResolver] = [
    path("account/login/link/", pages.request_magic_link, name="access_request_magic_link"),
    path("account/login/link/<str:token>/", pages.magic_link, name="access_magic_link"),
    path("account/reveal/<str:token>/", pages.reveal, name="access_reveal"),
    path("account/tenant", pages.tenant, name="access_tenant"),
    path("account/two-factor/", include("allauth.mfa.urls")),
    path("account/sessions/", include("allauth.usersessions.urls")),
    # The address is how an account's owners know a person: nobody changes it alone. This stands before allauth's page.
    path("account/email/", RedirectView.as_view(pattern_name="mfa_index")),
    path("account/", include("allauth.account.urls")),
]
