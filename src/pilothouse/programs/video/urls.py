"""The addresses of the program's pages."""

from django.urls import path

from . import (
    checklist_hook,
    desk,
    desk_checklist,
    pages,
    pages_confirmations,
    pages_item,
    pages_new,
    pages_overview,
    pages_reconcile,
)

app_name = "video"
urlpatterns = [
    path("overview/", pages_overview.overview, name="overview"),
    path("batches/", pages.batch_list, name="batches"),
    path("batches/new", pages_new.new_batch, name="new"),
    path("batches/<str:public_id>/", pages.batch_detail, name="batch"),
    path("batches/<str:public_id>/live", pages.batch_live, name="live"),
    path("batches/<str:public_id>/cancel", pages.cancel, name="cancel"),
    path("batches/<str:public_id>/items/<str:item_id>/", pages_item.item_detail, name="item"),
    path("ledger/reconcile", pages_reconcile.reconcile, name="reconcile"),
    path("ledger/reconcile/confirm", pages_confirmations.confirm, name="confirm"),
    path("ledger/confirmations", pages_confirmations.confirmation_list, name="confirmations"),
    path("desk/confirmations/", pages_confirmations.desk_confirmations, name="desk_confirmations"),
    path("desk/providers/", desk.providers, name="desk_providers"),
    path("desk/checklist/", desk_checklist.checklist, name="desk_checklist"),
    path("checklist/webhook/<str:token>", checklist_hook.checklist_hook, name="checklist_hook"),
    path("desk/parity/", desk.parity, name="desk_parity"),
    path("desk/parity/result", desk.parity_live, name="desk_parity_live"),
    path("desk/parity/run", desk.parity_run, name="desk_parity_run"),
    path("desk/parity/keep", desk.parity_keep, name="desk_parity_keep"),
]
