"""The addresses of the payments room: the operators' pages, and the door for the card processor's events."""

from django.urls import path

from . import pages, pages_bank_files, pages_out, pages_settlement, webhook

app_name = "payments"
urlpatterns = [
    path("v1/stripe/webhook", webhook.stripe_webhook, name="stripe_webhook"),
    path("desk/payments/", pages.incoming, name="incoming"),
    path("desk/payments/new", pages.record, name="record"),
    path("desk/payments/import", pages.import_file, name="import"),
    path("desk/payments/settlement", pages_settlement.settlement, name="settlement"),
    path("desk/payments/in/<str:public_id>/", pages.payment, name="payment"),
    path("desk/payments/in/<str:public_id>/match", pages.payment_match, name="match"),
    path("desk/payments/in/<str:public_id>/back", pages.payment_back, name="back"),
    path("desk/payments/in/<str:public_id>/refunds/<str:refund>/retry", pages.refund_retry, name="refund_retry"),
    path("desk/payments/out/", pages_out.payout_list, name="payouts"),
    path("desk/payments/out/files/", pages_bank_files.file_list, name="bank_files"),
    path("desk/payments/out/files/new", pages_bank_files.make, name="bank_file_new"),
    path("desk/payments/out/files/<str:public_id>.csv", pages_bank_files.download, name="bank_file"),
    path("desk/payments/out/<str:public_id>/", pages_out.payout, name="payout"),
    path("desk/payments/out/<str:public_id>/send", pages_out.payout_send, name="payout_send"),
    path("desk/payments/out/<str:public_id>/confirm", pages_out.payout_confirm, name="payout_confirm"),
    path("desk/payments/out/<str:public_id>/fail", pages_out.payout_fail, name="payout_fail"),
    path("desk/payments/out/<str:public_id>/retry", pages_out.payout_retry, name="payout_retry"),
    path("desk/payments/approvals/", pages_out.approvals, name="approvals"),
    path("desk/payments/approvals/<str:public_id>/approve", pages_out.approve, name="approve"),
    path("desk/payments/approvals/<str:public_id>/refuse", pages_out.refuse, name="refuse"),
]
