"""Limits of the pilots room, unit last."""

WORDS_MAX_CHARACTERS = 4_000
QUESTION_MAX_CHARACTERS = 300
PLACE_MAX_CHARACTERS = 300
# One person may send this many in an hour of business time; an inbox that is flooded is read by nobody.
REPORTS_PER_HOUR_MAX_COUNT = 20
MINE_SHOWN_COUNT = 20
FAQ_SHOWN_COUNT = 100
# A pilot's texts: a company, a note of a person, a quote.
COMPANY_MAX_CHARACTERS = 120
NOTE_MAX_CHARACTERS = 2_000
EVIDENCE_MAX_CHARACTERS = 500
BATCHES_PLANNED_MAX_COUNT = 1_000
# Two smallest batches: with less, one mistake ends a pilot.
BATCHES_LEAST_COUNT = 2
CALL_WITHIN_WORKING_DAYS = 2
STALE_NOTICES_DAYS = (7, 13)
KEY_NOTICE_DAYS = 7
RUNBOOK_FILE_MAX_BYTES = 500_000
SUCCESSES_UNLOCK_COUNT = 3
PILOT_TIMELINE_ROWS = 60
# An account's own pilots, over all programs and attempts to begin.
MINE_MAX_ROWS = 20
BOARD_COLUMN_ROWS = 12
OPEN_PILOTS_MAX_ROWS = 500
FOLLOW_EVERY_S = 5.0
# The same words of the same person again so soon are a second click, not said twice.
SECOND_PRESS_S = 60
ADVANCE_EVERY_S = 10.0
DESK_NEEDS_ROWS = 6
# An account that works all the time is read again until nothing happened meanwhile.
EXPORT_PASSES_MAX_COUNT = 20
# How far back the log of operators' looks is read for a day's checklist.
LOOKS_TAIL_ROWS = 50_000
PLANS_SHOWN_COUNT = 50
WEEKS_SHOWN_COUNT = 12
DIGESTS_FOLLOW_EVERY_S = 60
TRIGGERS_EVERY_S = 300
# While new work is stopped, the operators are reminded this often.
ROLLBACK_NEWS_EVERY_S = 24 * 3600
NOTICE_SUBJECT_MAX_CHARACTERS = 150
NOTICE_MAX_CHARACTERS = 4_000
RECEIPT_CHUNK_ROWS = 500
FEEDBACK_WORDS_MAX_CHARACTERS = 2_000
EMPTY_SLOT = "—"
REPORTS_QUOTED_COUNT = 5
MESSAGES_SHOWN_COUNT = 20
MESSAGES_LISTED_COUNT = 500
UPDATES_EVERY_S = 300
