"""Addresses of sign-in, of a person's own pages (all under account/), and of an account's members and keys."""

from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.generic import RedirectView

from . import language, pages, pages_join, pages_keys, pages_members

urlpatterns: list[URLPattern | URLResolver] = [
    path("members/", pages_members.member_list, name="access_members"),
    path("members/invite", pages_members.invite, name="access_invite"),
    path(
        "members/invitations/<str:public_id>/resend", pages_members.invitation_resend, name="access_invitation_resend"
    ),
    path(
        "members/invitations/<str:public_id>/withdraw",
        pages_members.invitation_withdraw,
        name="access_invitation_withdraw",
    ),
    path("members/<str:public_id>/", pages_members.member, name="access_member"),
    path("members/<str:public_id>/remove", pages_members.member_remove, name="access_member_remove"),
    path("keys/", pages_keys.key_list, name="access_keys"),
    path("keys/new", pages_keys.key_new, name="access_key_new"),
    path("keys/links/<str:public_id>/open", pages_keys.link_open, name="access_link_open"),
    path("keys/links/<str:public_id>/withdraw", pages_keys.link_withdraw, name="access_link_withdraw"),
    path("keys/<str:public_id>/", pages_keys.key, name="access_key"),
    path("keys/<str:public_id>/rotate", pages_keys.key_rotate, name="access_key_rotate"),
    re_path(r"^keys/(?P<public_id>[^/]+)/(?P<verb>pause|resume|revoke)$", pages_keys.key_act, name="access_key_act"),
    path("account/invitation/<str:token>/", pages_join.invitation, name="access_invitation"),
    path("account/login/link/", pages.request_magic_link, name="access_request_magic_link"),
    path("account/login/link/<str:token>/", pages.magic_link, name="access_magic_link"),
    path("account/reveal/<str:token>/", pages.reveal, name="access_reveal"),
    path("account/tenant", pages.tenant, name="access_tenant"),
    path("account/language", language.choose_language, name="access_language"),
    path("account/two-factor/", include("allauth.mfa.urls")),
    path("account/sessions/", include("allauth.usersessions.urls")),
    # The address is how an account's owners know a person: nobody changes it alone. This stands before allauth's page.
    path("account/email/", RedirectView.as_view(pattern_name="mfa_index")),
    path("account/", include("allauth.account.urls")),
]
