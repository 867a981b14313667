"""Limits of the video program, unit last."""

ITEM_TIMEOUT_S = 900
STUDIO_ITEM_TIMEOUT_S = 1200
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
BUSY_WAITS_S = (5.0, 30.0, 120.0)
BROKEN_BACKOFF_FIRST_S = 2.0
IN_FLIGHT_RETRY_AFTER_S = 1
COST_PER_VIDEO_CREDITS = 10
