"""Which test shows what a second press of each form does: a double click, or a page left open in another tab."""

DEALS = "tests/pilots/test_forms_twice.py::test_deals"
CLAIMS = "tests/pilots/test_forms_twice.py::test_claims"
MONEY = "tests/pilots/test_forms_twice.py::test_money"
PILOT = "tests/pilots/test_desk_forms_twice.py::test_a_pilot"
DESK = "tests/pilots/test_desk_forms_twice.py::test_the_desk"
ACCOUNT = "tests/pilots/test_desk_forms_twice.py::test_a_customers_account"
KEYS = "tests/access/test_key_pages.py::test_pause_resume_and_revoke_from_a_stale_page_too"
HOOKS = "tests/outbox/test_pages.py::test_pause_resume_change_and_delete"
REPLAYED = "tests/outbox/test_pages.py::test_failed_deliveries_are_found_read_and_sent_again_once"
SECRETS = "tests/outbox/test_pages.py::test_an_endpoint_is_added_its_secret_shown_once_and_a_test_event_verified"
DEFAULT = "tests/outbox/test_pages.py::test_the_default_secret_is_shown_and_rotated"
ROLLBACK = "tests/pilots/test_rollback.py::test_the_whole_way_at_the_desk"
SENT_AGAIN = "tests/access/test_invitations.py::test_sent_again_the_old_link_is_dead_and_a_double_press_is_one_mail"
# It changes nothing, or sending it again means it again: a check is run, a page is compared, a setting is set as it is.
REPEATABLE = "repeatable"

FORMS = {
    "/ask": PILOT,
    "/batches/new": "tests/browser/test_console.py::test_the_engineer_creates_a_batch_by_the_form",
    "/batches/{public_id}/cancel": ACCOUNT,
    "/deals/new": DEALS,
    "/deals/bank-account": MONEY,
    "/deals/bank-account/{public_id}/confirm": MONEY,
    "/deals/bank-account/{public_id}/remove": MONEY,
    "/deals/join/{secret}": DEALS,
    "/deals/{public_id}/edit": DEALS,
    "/deals/{public_id}/offer": DEALS,
    "/deals/{public_id}/files": REPEATABLE,
    "/deals/{public_id}/fund": "tests/payments/test_cards.py::test_a_card_pays_a_deal_once",
    "/deals/{public_id}/price": DEALS,
    "/deals/{public_id}/contest": DEALS,
    "/deals/{public_id}/claim": CLAIMS,
    "/deals/{public_id}/respond": CLAIMS,
    "/deals/{public_id}/agree": CLAIMS,
    "/deals/{public_id}/act/{name}": CLAIMS,
    "/admin/disputes/{public_id}/review": REPEATABLE,
    "/admin/disputes/{public_id}/decide": CLAIMS,
    "/admin/disputes/handovers/{public_id}": REPEATABLE,
    "/admin/disputes/handovers/{public_id}/decide": DEALS,
    "/feedback/{program}/{subject}": CLAIMS,
    "/desk/feedback/{program}/{subject}": CLAIMS,
    "/ledger/reconcile": REPEATABLE,
    "/ledger/reconcile/confirm": (
        "tests/video/test_confirmations.py::test_eight_ticks_agree_once_however_often_they_are_sent"
    ),
    "/keys/new": "tests/access/test_key_pages.py::test_a_double_press_makes_one_link_and_one_key",
    "/keys/{public_id}/rotate": (
        "tests/access/test_key_pages.py::test_a_rotation_at_once_ends_the_old_key_with_the_new_one"
    ),
    "/keys/{public_id}/{verb}": KEYS,
    "/keys/links/{public_id}/open": "tests/access/test_key_pages.py::test_a_double_press_makes_one_link_and_one_key",
    "/keys/links/{public_id}/withdraw": KEYS,
    "/members/invite": ACCOUNT,
    "/members/invitations/{public_id}/resend": SENT_AGAIN,
    "/members/invitations/{public_id}/withdraw": ACCOUNT,
    "/members/{public_id}/": REPEATABLE,
    "/members/{public_id}/remove": ACCOUNT,
    "/webhooks/new": SECRETS,
    "/webhooks/secret/show": DEFAULT,
    "/webhooks/secret/rotate": DEFAULT,
    "/webhooks/deliveries/replay-failed": REPLAYED,
    "/webhooks/deliveries/{public_id}/replay": REPLAYED,
    "/webhooks/deliveries/{public_id}/cancel": ACCOUNT,
    "/webhooks/{public_id}/edit": REPEATABLE,
    "/webhooks/{public_id}/secret": SECRETS,
    "/webhooks/{public_id}/test": REPEATABLE,
    "/webhooks/{public_id}/{verb}": HOOKS,
    "/pilot/confirm/{line}": PILOT,
    "/start/{program}": ACCOUNT,
    "/desk/incidents/report": DESK,
    "/desk/incidents/{public_id}/recheck": REPEATABLE,
    "/desk/incidents/{public_id}/{step}": DESK,
    "/desk/gates/close": DESK,
    "/desk/gates/{public_id}/reopen": DESK,
    "/desk/promises/{name}/run": REPEATABLE,
    "/desk/health/jobs/{job}/retry": "tests/watch/test_pages.py::test_a_job_that_gave_up_is_queued_again_once",
    "/desk/deliveries/{public_id}/replay": ACCOUNT,
    "/desk/accounts/new": DESK,
    "/desk/accounts/{public_id}/invite": DESK,
    "/desk/accounts/{public_id}/flag": DESK,
    "/desk/flags/": DESK,
    "/desk/grants/new": DESK,
    "/desk/grants/entries/{entry}/reverse": DESK,
    "/desk/grants/{public_id}/approve": DESK,
    "/desk/grants/{public_id}/refuse": DESK,
    "/desk/payments/new": MONEY,
    "/desk/payments/import": "tests/payments/test_desk.py::test_a_file_is_recorded_whole_or_not_at_all",
    "/desk/payments/settlement": MONEY,
    "/desk/payments/in/{public_id}/match": MONEY,
    "/desk/payments/in/{public_id}/back": MONEY,
    "/desk/payments/in/{public_id}/refunds/{refund}/retry": (
        "tests/payments/test_cards.py::test_a_step_that_fails_is_tried_again_and_then_told"
    ),
    "/desk/payments/out/files/new": MONEY,
    "/desk/payments/out/{public_id}/send": MONEY,
    "/desk/payments/out/{public_id}/confirm": MONEY,
    "/desk/payments/out/{public_id}/fail": MONEY,
    "/desk/payments/out/{public_id}/retry": MONEY,
    "/desk/payments/approvals/{public_id}/approve": MONEY,
    "/desk/payments/approvals/{public_id}/refuse": MONEY,
    "/desk/pilots/new": PILOT,
    "/desk/pilots/{public_id}/qualify": PILOT,
    "/desk/pilots/{public_id}/tick/{line}": PILOT,
    "/desk/pilots/{public_id}/step/{step}": PILOT,
    "/desk/pilots/{public_id}/texts/{name}/send": (
        "tests/pilots/test_message_pages.py::test_a_text_is_looked_at_and_sent_once_by_two_clicks"
    ),
    "/desk/rollbacks/new": ROLLBACK,
    "/desk/rollbacks/{public_id}/{step}": ROLLBACK,
    "/desk/inbox/{public_id}/reply": PILOT,
    "/desk/inbox/{public_id}/faq": PILOT,
    "/desk/inbox/{public_id}/incident": PILOT,
    "/desk/terms/{name}/new": DEALS,
    "/desk/terms/{name}/{version}/publish": DEALS,
    "/desk/terms/{name}/retire": DEALS,
    "/desk/parity/run": REPEATABLE,
    "/desk/parity/keep": "tests/pilots/test_parity.py::test_twins_keep_one_proof_and_one_acceptance",
    "/checklist/webhook/{token}": REPEATABLE,
    "/account/login/link/": REPEATABLE,
    "/account/login/link/{token}/": "tests/access/test_sign_in.py::test_of_two_who_press_at_once_one_is_signed_in",
    "/account/reveal/{token}/": "tests/access/test_keys.py::test_a_reveal_link_makes_the_key_once",
    "/account/invitation/{token}/": "tests/access/test_invitations.py::test_of_two_presses_at_once_one_joins",
    "/account/language": REPEATABLE,
    "/account/tenant": REPEATABLE,
    "/account/email/": REPEATABLE,
}
