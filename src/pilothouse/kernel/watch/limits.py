"""Limits of the watch room, unit last."""

# An incident that nobody acknowledges, or that has no news for this long, escalates (lifecycles: incident).
ACK_DUE_S = {"P0": 15 * 60, "P1": 4 * 3600, "P2": 24 * 3600}
UPDATE_DUE_S = {"P0": 3600, "P1": 24 * 3600, "P2": 7 * 24 * 3600}
ESCALATE_CHUNK_ROWS = 500
TEXT_MAX_CHARACTERS = 4_000
SAMPLE_MAX_ROWS = 20
# A breach at more tenants than this is the program's own: one incident and one gate for all of them.
SCOPED_TENANTS_MAX_COUNT = 10
CHECK_RUN_KEEP_DAYS = 90
# A worker that has not been seen for this long counts as gone; it reports every few seconds.
HEARTBEAT_FRESH_S = 30
METRICS_CACHE_S = 5
# Objectives look at four weeks, at most the newest rows of a hot table.
SLO_WINDOW_DAYS = 28
SLO_TAIL_ROWS = 50_000
SLO_CACHE_S = 60
# A backup is younger than a day, verified (requirement STO-005).
BACKUP_STALE_S = 24 * 3600
BACKUP_CHECK_EVERY_S = 600
PAUSES_MAX_ROWS = 50
SLO_CHECK_EVERY_S = 300
# How fast the allowance of misses burns is told over one day; at three times the even pace that day takes a tenth of
# four weeks' allowance.
SLO_BURN_DAYS = 1
SLO_BURN_MAX = 3.0
PROCESS_KEEP_DAYS = 1
# What is older and in no seal block, while workers run, is a finding (lifecycles K13).
UNSEALED_MAX_S = 60
PARITY_CHUNK_ROWS = 5_000
ALERT_LINE_MAX_CHARACTERS = 500
# Every completion is checked at once; this is the look over everything, also at what nobody completed.
FULL_CHECK_EVERY_S = 900
# These hash all that was ever sealed again.
INVARIANTS_EVERY_S = 3600
STUCK_CHECK_EVERY_S = 60
FORGET_EVERY_S = 3600
METRIC_TIMEOUT_MS = 2_000
ACCEPT_MAX_ROWS = 1_000
# The operator desk: rows of each part of its first page, and how far back it looks in hot tables.
DESK_SUGGESTIONS_COUNT = 10
DESK_HOME_ROWS = 6
DESK_TAIL_ROWS = 10_000
# A checklist's run holds for a day: what was true of a deployment yesterday says little of today's.
CHECKLIST_VALID_S = 24 * 3600
CHECKLIST_TEXT_MAX_CHARACTERS = 1_000
CHECKLIST_RUNS_COUNT = 10
# What browsers tell of themselves (client_events.py) and what went wrong (error_log.py).
CLIENT_EVENTS_BODY_MAX_BYTES = 16 * 1024
CLIENT_EVENTS_MAX_COUNT = 20
ERROR_WORDS_MAX_CHARACTERS = 200
PLACE_MAX_CHARACTERS = 300
PLACE_WORD_MAX_CHARACTERS = 20
SCRIPT_LINE_MAX = 10_000_000
PAGE_LOAD_MAX_MS = 600_000
# A page within the first is quick, above the second it is slow (the bounds of the web vitals for the largest paint).
PAGE_QUICK_MS = 2_500
PAGE_SLOW_MS = 4_000
ERROR_FRAMES_MAX_COUNT = 12
# Strangers may post: beyond this many new kinds of browser error a day, the rest counts as one.
NEW_BROWSER_ERRORS_PER_DAY_MAX_COUNT = 200
ERRORS_KEEP_DAYS = 90
ERROR_TREND_BARS_COUNT = 24
EXPORT_CHUNK_ROWS = 5_000
