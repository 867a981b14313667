"""Limits of the payments room."""

AMOUNT_MAX_MINOR = 2**62
TEXT_MAX_CHARACTERS = 500
ACCOUNT_NUMBER_MAX_CHARACTERS = 64
# What came in and belongs to nothing is an operator's task, due then.
WAITING_DUE_S = 2 * 24 * 3_600
# A changed bank account is used only after this long, with a notice to its owner: time to stop a thief.
BANK_CHANGE_WAIT_S = 24 * 3_600
PAYOUT_DUE_S = 24 * 3_600
PAYOUT_CONFIRM_DUE_S = 3 * 24 * 3_600
PAYOUT_ATTEMPTS_MAX_COUNT = 5
# From this many minor units of any currency on, sending money out needs a second operator.
SECOND_PERSON_FROM_MINOR = 10_000_000
SWEEP_MAX_ROWS = 1_000
# The processor takes 30 minutes to 24 hours.
CHECKOUT_TTL_S = 3_600
# A checkout whose order to the processor was lost is ordered again under its own key for this long.
CHECKOUT_REORDER_S = 600
# Most of a currency that the processor charges to a card at once: eight digits, more where an amount is small.
CARD_MAX_MINOR = 99_999_999
CARD_MAX_OF_UNIT_MINOR = {"INR": 999_999_999, "JPY": 9_999_999_999}
STRIPE_TIMEOUT_S = 20
STRIPE_RETRIES_MAX_COUNT = 2
WEBHOOK_BODY_MAX_BYTES = 256 * 1024
EVENTS_CHUNK_ROWS = 50
EVENT_ATTEMPTS_MAX_COUNT = 10
EVENT_RETRY_S = 30
REFUNDS_CHUNK_ROWS = 20
REFUND_LEASE_S = 60
REFUND_RETRY_S = 60
REFUND_RETRY_MAX_S = 3_600
# A refund that the processor has in hand is asked about again this often.
REFUND_LOOK_S = 3_600
REFUND_DUE_S = 24 * 3_600
# An answer to a chargeback is due at the processor within a week or so.
CHARGEBACK_DUE_S = 5 * 24 * 3_600
SEND_REQUEST_LIFE_S = 7 * 24 * 3_600
IMPORT_MAX_ROWS = 2_000
IMPORT_MAX_BYTES = 1024 * 1024
SUGGESTIONS_MAX_ROWS = 8
BANK_FILE_MAX_ROWS = 1_000
HOLDINGS_MAX_ROWS = 200
# A transfer that names more subjects than this tells nobody of them.
NAMED_MAX_COUNT = 5
