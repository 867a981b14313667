"""Named limits of the outbox, unit last."""

SECRET_BYTES = 32
SECRET_OVERLAP_HOURS = 24
# Secrets that sign beside the present one: each adds a signature to the header of every delivery.
SECRETS_BEFORE_MAX_COUNT = 4

# Waits before attempt 2, 3, … 9: about 21 hours in all, inside a 48-hour pilot.
RETRY_WAITS_S = (5, 30, 120, 600, 1800, 7200, 21600, 43200)
ATTEMPTS_MAX = len(RETRY_WAITS_S) + 1
RETRY_JITTER_RATIO = 0.1
# A Retry-After may lengthen a wait up to this, never shorten it.
RETRY_AFTER_MAX_S = 21600

REQUEST_TIMEOUT_S = 10.0
RESPONSE_BODY_TIMEOUT_S = 2.0
RESPONSE_CAPTURE_BYTES = 2048
LEASE_S = 30

# How many deliveries of one endpoint may be in flight at once over all workers.
ENDPOINT_IN_FLIGHT_MAX = 50
# The same of one tenant: enough for each of its endpoints to go on, and less than half of what a worker has under way.
TENANT_IN_FLIGHT_MAX = 200
# How many requests one worker has under way.
IN_FLIGHT_MAX = 500
# After this many failures in a row an endpoint is probed by one delivery at a time, with a growing pause between.
BREAKER_FAILURES = 5
BREAKER_PAUSES_S = (5, 15, 30, 60)
# No delivery stays open for longer: above the whole schedule, below a 48-hour pilot.
DELIVERY_LIFE_HOURS = 36
SWEEP_EVERY_S = 5.0
SWEEP_MAX_ROWS = 500

BODY_MAX_BYTES = 1024 * 1024
ENDPOINTS_PER_TENANT_MAX = 20
DESCRIPTION_MAX_CHARACTERS = 200
URL_MAX_CHARACTERS = 2048
MESSAGES_PER_STATEMENT_MAX = 10_000
MAIL_RECIPIENTS_MAX = 20
MAIL_SUBJECT_MAX_CHARACTERS = 200
CHANNEL_CONCURRENCY = 8
NOTICE_WAITS_S = (30, 120, 600, 3600, 14400)
NOTICE_ATTEMPTS_MAX = len(NOTICE_WAITS_S) + 1
NOTICE_TIMEOUT_S = 30
NOTICE_LEASE_S = 60
PAGE_ROWS_MAX = 200
