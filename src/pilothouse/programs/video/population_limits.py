"""How the people and the providers of a rehearsed video pilot behave, unit last. A pair is the least and the most."""

BATCHES_COUNT = 3
BATCH_ITEMS_COUNT = 10
REFUSED_ITEMS_MAX_COUNT = 3
# When the first batch comes, and how long the customer waits before the next. One in ten customers stalls.
STALLS_RATIO = 0.1
FIRST_BATCH_S = (1_800, 14_400)
STALLED_FIRST_BATCH_S = (140_000, 200_000)
NEXT_BATCH_S = (10_800, 50_400)
# How often people look at what came, and how much of it they forget to confirm.
ENGINEER_LOOKS_EVERY_S = (3_600, 14_400)
FINANCE_LOOKS_EVERY_S = (14_400, 36_000)
FORGETS_RATIO = 0.05
CONCURRENCY_COUNT = 50
# Jobs take this long; a provider fails so many of them, more while a storm lasts.
LATENCY_S = (20.0, 120.0)
CALM = {"broken": 0.04, "timeout": 0.01, "late": 0.02, "busy": 0.02, "lost_answer": 0.02}
STORMY = {"broken": 0.35, "timeout": 0.05, "stuck": 0.02, "late": 0.05, "busy": 0.5, "lost_answer": 0.1}
LATE_S = 1_200.0
