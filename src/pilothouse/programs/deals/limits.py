"""Limits of the deals program. Lengths of time that parties see stand in the pinned terms, never here."""

BPS = 10_000
# A price below this many quanta could not be split into parts that mean anything.
PRICE_MIN_QUANTA = 100
# Half of a 64-bit amount: sums of parts can then never leave the type.
PRICE_MAX_MINOR = 2**62
TTL_MAX_DAYS = 90
DRAFT_TTL_DAYS = 30
REASON_CODES_MAX_COUNT = 40
TERMS_FILE_MAX_BYTES = 256 * 1024
CLAIM_LINES_MAX_COUNT = 20
CODE_MAX_CHARACTERS = 40
NAME_MAX_CHARACTERS = 60
NOTE_MIN_CHARACTERS = 20
NOTE_MAX_CHARACTERS = 4_000
ITEM_FIELDS_MAX_COUNT = 40
FIELD_MAX_CHARACTERS = 500
PHOTOS_MAX_COUNT = 24
# Evidence may be added until this long before a dispute ends, so that the other side can still look at it.
EVIDENCE_CLOSES_BEFORE_S = 3_600
REMINDERS_BEFORE_S = (12 * 3_600, 2 * 3_600)
MAILS_CHUNK_ROWS = 200
MAILS_EVERY_S = 1.0
PAYOUT_ATTEMPTS_MAX_COUNT = 5
BANK_CHANGE_WAIT_S = 24 * 3_600
# A timer that is later than this is shown as stuck; the worker fires them every second.
STUCK_AFTER_S = 300
# Fewer matured deals than this judge nothing.
VERDICT_MIN_DEALS = 10
# The targets of the four metrics (requirements ESC-036 to ESC-039), and below what completion the pilot fails.
COMPLETION_TARGET_RATIO = 0.9
COMPLETION_FAIL_RATIO = 0.5
SETTLE_TARGET_DAYS = 7
DISPUTED_TARGET_RATIO = 0.1
EVIDENCE_TARGET_RATIO = 1.0
METRIC_PARTS_MAX_ROWS = 60
# A market's newest deals say which terms its people are shown first.
NEWEST_DEALS_MAX_ROWS = 100
IDEMPOTENCY_KEY_MAX_CHARACTERS = 255
IN_FLIGHT_RETRY_S = 1
