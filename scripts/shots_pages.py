"""Which roles look, where they begin, and which addresses are no pages of their own."""

# Each role with the demo's person who has it, and the first page from which the others are found.
PEOPLE = {
    "operator": "admin", "owner": "owner", "engineer": "engineer", "finance": "finance", "buyer": "market_buyer",
    "seller": "market_seller",
}  # fmt: skip
STARTS = {"operator": ("/desk/",), "stranger": ("/account/login/",), "buyer": ("/deals/",), "seller": ("/deals/",)}
# Those with the most pages first, so that none of them is waited for at the end.
ROLES = ("operator", "owner", "engineer", "finance", "buyer", "seller", "stranger")
# How many addresses of one name are looked at, where each is a text or a state of its own; else two.
SAME_KIND_COUNTS = {
    "guide": 12, "playbook": 10, "deals:deal": 10, "deals:desk_deal": 3, "deals:desk_dispute": 3,
    "deals:desk_disputes": 3, "deals:desk_terms_one": 3, "desk:incident": 3, "desk:incidents": 3, "desk:postmortem": 3,
    "desk:tenant": 6, "pilots:desk_pilot": 3, "pilots:desk_text": 4, "pilots:mine": 4, "pilots:my_message": 4,
    "pilots:rollbacks": 3,
}  # fmt: skip
SAME_KIND_DEFAULT_COUNT = 2
# Addresses that are no page of their own, by the reason.
NOT_PAGES = {
    "takes a form, and leads to a page": (
        "access_invitation_resend access_invitation_withdraw access_key_act access_language access_link_open"
        " access_link_withdraw access_member_remove account_logout deals:act deals:bank_confirm deals:bank_remove"
        " deals:desk_decide deals:desk_handover_decide deals:desk_review deals:desk_terms_publish"
        " deals:desk_terms_retire deals:offer deals:upload desk:check_run desk:client_events desk:delivery_replay"
        " desk:gate_reopen desk:grant_approve desk:grant_refuse desk:incident_recheck desk:incident_step"
        " desk:job_retry desk:tenant_flag desk:tenant_invite mfa_generate_recovery_codes mfa_login_webauthn"
        " mfa_remove_webauthn outbox:cancel outbox:default_rotate outbox:default_show outbox:endpoint_act"
        " outbox:endpoint_secret outbox:endpoint_test outbox:replay outbox:replay_failed payments:approve"
        " payments:back payments:bank_file_new payments:match payments:payout_confirm payments:payout_fail"
        " payments:payout_retry payments:payout_send payments:refund_retry payments:refuse pilots:confirm"
        " pilots:desk_step pilots:desk_text_send pilots:desk_tick pilots:reply pilots:rollback_step pilots:to_faq"
        " pilots:to_incident video:cancel video:confirm video:desk_parity_keep video:desk_parity_run"
    ),
    "a part of a page, a file or an answer for machines": (
        "desk:account_names desk:postmortem_file files:serve healthz ledger:statement_csv ledger:statement_xlsx metrics"
        " mfa_download_recovery_codes outbox:delivery_live outbox:test_result payments:bank_file"
        " payments:stripe_webhook pilots:desk_message_file pilots:desk_text_file pilots:my_message_file"
        " pilots:review_file readyz video:checklist_hook video:desk_parity_live video:live"
    ),
    "leads on to another page": "account_email guides home mfa_authenticate mfa_reauthenticate",
    "shown only in the middle of signing in or joining, or to nobody here": (
        "access_invitation account_confirm_email account_confirm_login_code account_email_verification_sent"
        " account_inactive account_reauthenticate account_reset_password_done account_reset_password_from_key_done"
        " account_set_password mfa_reauthenticate_webauthn"
    ),
    "of a second factor that the demo's people have not set up": (
        "mfa_deactivate_totp mfa_edit_webauthn mfa_list_webauthn mfa_view_recovery_codes"
    ),
}


def declared() -> set[str]:
    """The names of all of them."""
    return {name for names in NOT_PAGES.values() for name in names.split()}
