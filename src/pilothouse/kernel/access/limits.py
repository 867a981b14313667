"""Limits of the access room, unit last."""

KEYS_PER_TENANT_MAX_COUNT = 200
MEMBERS_PER_TENANT_MAX_COUNT = 1_000
KEY_NAME_MAX_CHARACTERS = 200
KEY_SECRET_CHARACTERS = 40
KEY_RAW_MAX_CHARACTERS = 200
EMAIL_MAX_CHARACTERS = 150
REASON_MAX_CHARACTERS = 1_000
FLAG_NAME_MAX_CHARACTERS = 100
RATE_LIMIT_DEFAULT_PER_MIN = 60
RATE_LIMIT_MAX_PER_MIN = 100_000
# A person's API requests by session, in all tabs together.
SESSION_REQUESTS_PER_MIN_MAX_COUNT = 600
# Posts of a browser about itself: errors, timings, named acts. A page sends one when it is left.
CLIENT_POSTS_PER_MIN_MAX_COUNT = 120
# Whole files of ledger rows and statements, by key, session or page, of one account.
EXPORTS_PER_MIN_MAX_COUNT = 60
REVEAL_LINK_LIFE_HOURS = 24
MAGIC_LINK_LIFE_MINUTES = 15
USAGE_TEXT_MAX_CHARACTERS = 200
USAGE_KEEP_DAYS = 400
USAGE_PRUNE_CHUNK_ROWS = 50_000
INVITATION_LIFE_HOURS = 7 * 24
INVITATIONS_OPEN_MAX_COUNT = 200
INVITATION_SENDS_MAX_COUNT = 10
# A second press of "send again" is not a second mail.
INVITATION_RESEND_GAP_S = 60
PERSON_NAME_MAX_CHARACTERS = 150
KEY_OVERLAP_MAX_HOURS = 14 * 24
# A page counts no further: beyond it reads "10,000+".
KEY_CALLS_COUNTED_MAX = 10_000
PAGE_ROWS = 25
HISTORY_ROWS = 30
# How exact "last seen" is in the list of a person's sessions, and how many sessions a process keeps in mind for it.
SESSION_SEEN_EVERY_S = 60
SESSIONS_SEEN_MAX_COUNT = 10_000
DEVICE_COOKIE_LIFE_S = 180 * 24 * 3600
DEVICE_PEOPLE_MAX_COUNT = 5
FORM_TOKEN_MAX_CHARACTERS = 100
KEPT_FORM_MAX_BYTES = 20_000
# The operator desk: rows of a list, characters of a search, and how long a command may hold a page.
DESK_PAGE_ROWS = 25
DESK_SEARCH_MAX_CHARACTERS = 200
DESK_COMMAND_TIMEOUT_MS = 30_000
