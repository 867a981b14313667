"""Limits of the pilots room, unit last."""

WORDS_MAX_CHARACTERS = 4_000
QUESTION_MAX_CHARACTERS = 300
PLACE_MAX_CHARACTERS = 300
# One person may send this many in an hour of business time; an inbox that is flooded is read by nobody.
REPORTS_PER_HOUR_MAX_COUNT = 20
MINE_SHOWN_COUNT = 20
FAQ_SHOWN_COUNT = 100
