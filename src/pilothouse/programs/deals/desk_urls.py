"""The addresses of the operators' pages of deals; `urls.py` takes them in."""

from django.urls import path

from . import desk, desk_deals, desk_metrics, desk_terms

urlpatterns = [
    path("admin/disputes", desk.disputes, name="desk_disputes"),
    path("admin/disputes/handovers/<str:public_id>", desk.handover, name="desk_handover"),
    path("admin/disputes/handovers/<str:public_id>/decide", desk.handover_decide, name="desk_handover_decide"),
    path("admin/disputes/<str:public_id>", desk.dispute, name="desk_dispute"),
    path("admin/disputes/<str:public_id>/review", desk.review, name="desk_review"),
    path("admin/disputes/<str:public_id>/decide", desk.decide, name="desk_decide"),
    path("desk/deals/", desk_deals.deals, name="desk_deals"),
    path("desk/deals/metrics", desk_metrics.numbers, name="desk_metrics"),
    path("desk/deals/<str:public_id>/", desk_deals.deal, name="desk_deal"),
    path("desk/terms/", desk_terms.names, name="desk_terms"),
    path("desk/terms/<str:name>/", desk_terms.one, name="desk_terms_one"),
    path("desk/terms/<str:name>/diff", desk_terms.diff, name="desk_terms_diff"),
    path("desk/terms/<str:name>/new", desk_terms.new, name="desk_terms_new"),
    path("desk/terms/<str:name>/<int:version>/publish", desk_terms.publish_one, name="desk_terms_publish"),
    path("desk/terms/<str:name>/retire", desk_terms.retire_one, name="desk_terms_retire"),
]
