"""Limits of rehearsals, unit last."""

DAYS_MAX = 400
SEED_MAX = 2**63 - 1
# Operators look at the desk and everything is checked so often: each half day, in a short rehearsal each hour.
LOOK_EVERY_S = 43_200
LOOK_EVERY_SHORT_S = 3_600
SHORT_MAX_DAYS = 7
ROUNDS_MAX_COUNT = 200
ROWS_AT_ONCE_COUNT = 500
# How often a fault strikes one act of a person, and how often the others come: one of each kind in so many days.
ACT_FAULT_RATIO = 0.03
SPELL_EVERY_DAYS = 7
MOMENT_EVERY_DAYS = 3
# In a short rehearsal they come each day.
EVERY_SHORT_DAYS = 1
SPELL_MAX_S = 6 * 3_600
SPELL_MAX_SHORT_S = 2 * 3_600
# A worker that was thought dead comes back with its results within this.
LATE_MAX_S = 3_600
SAMPLE_MAX_ROWS = 3
STORY_MAX_LINES = 5_000
# How soon the operator on call takes an incident after the page (the least and the most), and how soon one who sleeps.
ON_CALL_TAKES_S = (120, 720)
ON_CALL_STALLS_RATIO = 0.1
ON_CALL_STALLED_S = (1_800, 14_400)
