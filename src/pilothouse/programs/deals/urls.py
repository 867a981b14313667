"""The addresses of the program's pages."""

from django.urls import path

from . import desk_urls, pages, pages_claim, pages_money, pages_new

app_name = "deals"
urlpatterns = [
    *desk_urls.urlpatterns,
    path("deals/", pages.deal_list, name="deals"),
    path("deals/new", pages_new.new_deal, name="new"),
    path("deals/bank-account", pages_money.bank_account, name="bank"),
    path("deals/bank-account/<str:public_id>/confirm", pages_money.confirm_bank_account, name="bank_confirm"),
    path("deals/bank-account/<str:public_id>/remove", pages_money.remove_bank_account, name="bank_remove"),
    path("deals/join/<str:secret>", pages_new.join, name="join"),
    path("deals/<str:public_id>/", pages.deal_room, name="deal"),
    path("deals/<str:public_id>/edit", pages_new.edit, name="edit"),
    path("deals/<str:public_id>/offer", pages_new.offer, name="offer"),
    path("deals/<str:public_id>/files", pages_new.upload, name="upload"),
    path("deals/<str:public_id>/fund", pages_money.fund, name="fund"),
    path("deals/<str:public_id>/price", pages_claim.lower_price, name="price"),
    path("deals/<str:public_id>/contest", pages_claim.contest, name="contest"),
    path("deals/<str:public_id>/claim", pages_claim.claim, name="claim"),
    path("deals/<str:public_id>/respond", pages_claim.respond, name="respond"),
    path("deals/<str:public_id>/agree", pages_claim.agree, name="agree"),
    path("deals/<str:public_id>/act/<str:name>", pages.act, name="act"),
]
