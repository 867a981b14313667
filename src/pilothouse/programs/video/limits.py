"""Limits of the video program, unit last."""

ITEM_TIMEOUT_S = 900
BATCH_DEADLINE_S = 24 * 3600
# A pilot's batch size (requirement C43); a tenant's settings may change both up to BATCH_ITEMS_MAX_COUNT.
PILOT_BATCH_ITEMS_MIN_COUNT = 10
PILOT_BATCH_ITEMS_MAX_COUNT = 50
REQUEST_ID_MAX_CHARACTERS = 255
REQUEST_ID_PATTERN = r"^[^\x00-\x1f\x7f]+$"
WEBHOOK_URL_MAX_CHARACTERS = 2_000
PROMPT_MAX_CHARACTERS = 4_000
METADATA_MAX_BYTES = 4_096
SECONDS_MIN = 1
SECONDS_MAX = 12
SECONDS_DEFAULT = 4
IMAGE_MAX_BYTES = 10 * 1024 * 1024
OUTPUT_KEPT_DAYS = 30
OUTPUT_LINK_S = 15 * 60
# The default of the setting of the same name.
CLAIM_LEASE_S = 30
# Items of test keys in work at once over all workers and tenants: they cost nothing, so they must not fill a worker.
TEST_IN_WORK_MAX_ITEMS = 20
POLL_FIRST_S = 0.5
POLL_MAX_S = 10.0
IN_FLIGHT_RETRY_AFTER_S = 1
COST_PER_VIDEO_CREDITS = 10
# A stream ends after ten minutes and the browser opens the next; its session and right are looked at every ten seconds.
STREAM_MAX_TICKS = 1_500
STREAM_RECHECK_TICKS = 25
STREAMS_MAX_COUNT = 2_000
STREAMS_PER_TENANT_MAX_COUNT = 200
STREAMS_PER_PERSON_MAX_COUNT = 20

# The pages.
LIST_PAGE_ROWS = 25
ITEMS_PAGE_ROWS = 24
SEARCH_MAX_CHARACTERS = 255
OVERVIEW_ROWS = 5
OVERVIEW_LOOK_BACK_BATCHES = 1_000
OVERVIEW_FAILED_BATCHES_COUNT = 4
OVERVIEW_FAILED_ITEMS_COUNT = 3
# A form with more rows is slow to fill in and slow to send: the API takes the rest.
FORM_ITEMS_MAX_COUNT = 100
PASTE_MAX_CHARACTERS = 500_000
METADATA_TEXT_MAX_CHARACTERS = METADATA_MAX_BYTES
DRAFT_MAX_BYTES = 256 * 1024
RECEIPT_MAX_BYTES = 64 * 1024
# The operator desk: how far it looks back in the log of calls, and how much it compares at once.
DESK_TAIL_ATTEMPTS = 20_000
DESK_BREAKER_CALLS = 200
DESK_PARITY_ITEMS_MAX_COUNT = 200
DESK_PARITY_PROMPTS_MAX_COUNT = 20
DESK_PARITY_CHOICES = 20
DESK_API_TIMEOUT_S = 30
# The internal checklist (requirements ENP-014 and ENP-015): the whole of it, and its parts.
CHECKLIST_WITHIN_S = 600
CHECKLIST_INSTALL_S = 180
CHECKLIST_REQUEST_TIMEOUT_S = 30
CHECKLIST_WEBHOOK_S = 60
CHECKLIST_POLL_S = 1.0
CHECKLIST_RATE_PER_MIN = 120
CONFIRMATIONS_PAGE_ROWS = 25
# How often the worker looks for a confirmed difference of money whose incident is not open yet.
CONFIRMATION_LOOK_EVERY_S = 30.0
CONFIRMATION_LOOK_BACK_COUNT = 200
