"""Limits of the ledger room, unit last."""

GRANT_MAX_CREDITS = 1_000_000
# What one operator may grant and take back of one tenant within GRANT_WINDOW_HOURS; above, a second one approves
# (requirement C48). 34_by_hand.sql holds both.
GRANT_ONE_PERSON_MAX_CREDITS = 1_000
GRANT_WINDOW_HOURS = 24
# What is granted in nobody's name (to pilots that begin by themselves) over all accounts within the same hours;
# 34_by_hand.sql and an invariant hold it.
GRANT_UNSIGNED_MAX_CREDITS = 3_000
GRANT_REQUEST_LIFE_S = 7 * 24 * 3600
GRANT_TEXT_MAX_CHARACTERS = 500
EXPORT_CHUNK_ROWS = 5_000
SEAL_EVERY_S = 30
SEAL_HEADS_EVERY_S = 600
SEAL_BLOCK_MAX_ROWS = 10_000
SEAL_FORMAT = 1
SEAL_FOR_EXPORT_MAX_PASSES = 10
INVARIANT_SAMPLE_MAX_ROWS = 5
LEDGER_PAGE_MAX_ROWS = 200
# Recorded later than this after its effect, an entry counts as late.
TIMELY_MAX_S = 300
# A worksheet holds 1,048,576 rows; an export goes on in the next one before that.
XLSX_MAX_ROWS = 1_000_000
# The pages.
PAGE_ROWS = 50
STATEMENT_PAGE_ROWS = 50
# How far back the list of months goes; any other month is reached by its address.
MONTHS_LISTED_COUNT = 12
REF_MAX_CHARACTERS = 64
