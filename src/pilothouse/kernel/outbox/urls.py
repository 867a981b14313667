"""Addresses of the webhook pages."""

from django.urls import path, re_path

from . import pages_deliveries, pages_endpoints

app_name = "outbox"
urlpatterns = [
    path("webhooks/", pages_endpoints.endpoint_list, name="endpoints"),
    path("webhooks/new", pages_endpoints.endpoint_new, name="endpoint_new"),
    path("webhooks/secret/show", pages_endpoints.default_secret, {"verb": "show"}, name="default_show"),
    path("webhooks/secret/rotate", pages_endpoints.default_secret, {"verb": "rotate"}, name="default_rotate"),
    path("webhooks/deliveries/", pages_deliveries.delivery_list, name="deliveries"),
    path("webhooks/deliveries/replay-failed", pages_deliveries.replay_all, name="replay_failed"),
    path("webhooks/deliveries/<str:public_id>/", pages_deliveries.delivery, name="delivery"),
    path("webhooks/deliveries/<str:public_id>/live", pages_deliveries.delivery_live, name="delivery_live"),
    path("webhooks/deliveries/<str:public_id>/result", pages_deliveries.test_result, name="test_result"),
    path("webhooks/deliveries/<str:public_id>/replay", pages_deliveries.replay, name="replay"),
    path("webhooks/deliveries/<str:public_id>/cancel", pages_deliveries.cancel, name="cancel"),
    path("webhooks/<str:public_id>/", pages_endpoints.endpoint, name="endpoint"),
    path("webhooks/<str:public_id>/edit", pages_endpoints.endpoint_edit, name="endpoint_edit"),
    path("webhooks/<str:public_id>/secret", pages_endpoints.endpoint_secret, name="endpoint_secret"),
    path("webhooks/<str:public_id>/test", pages_endpoints.endpoint_test, name="endpoint_test"),
    re_path(
        r"^webhooks/(?P<public_id>[^/]+)/(?P<verb>pause|resume|delete|rotate)$",
        pages_endpoints.endpoint_act,
        name="endpoint_act",
    ),
]
