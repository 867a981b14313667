"""Sizes of the benches, unit last. Small enough for a laptop, large enough that a round is not all start-up."""

ROUNDS_COUNT = 10
ROUNDS_MIN_COUNT = 3
CHUNK_ROWS = 500
ITEMS_PER_ROUND_COUNT = 4_000
BATCH_ITEMS_COUNT = 2_000
TENANTS_COUNT = 4
# Enough of the largest grants for a hundred rounds of everything.
GRANTS_COUNT = 8
PROCRASTINATE_JOBS_COUNT = 150
PROCRASTINATE_CONCURRENCY = 20
LEDGER_ITEMS_COUNT = 1_000
# Below this the peer's baseline was slowed by something else and its ratio says nothing.
BARE_TO_PEER_MIN_RATIO = 40.0
WAL_SEGMENTS_COUNT = 48
ENDPOINTS_LIVE_COUNT = 9
MESSAGES_PER_ROUND_COUNT = 200
BARE_IN_FLIGHT_COUNT = 450
ROUND_TIMEOUT_S = 60
API_BATCH_ITEMS_COUNT = 50
REQUESTS_PER_ROUND_COUNT = 80
API_CONCURRENCY = 8
SERVER_START_TIMEOUT_S = 60
# A million items in one tenant.
SEED_BATCHES_COUNT = 20_000
SEED_BATCH_ITEMS_COUNT = 50
SEED_OPEN_BATCHES_COUNT = 20
# Below the house's price, so that the wallet's grants last for all of them.
SEED_ITEM_COST_CREDITS = 5
