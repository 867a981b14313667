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
CHECKOUT_TTL_S = 30 * 60
