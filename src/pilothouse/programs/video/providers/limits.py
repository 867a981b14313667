"""Named limits of the provider room, unit last."""

from typing import Final

# What a job may ask for. The requirement names one to twelve seconds; every renderer here runs at one frame rate.
JOB_SECONDS_MIN: Final = 1
JOB_SECONDS_MAX: Final = 12
FRAME_RATE_FPS: Final = 24
PROMPT_LENGTH_MAX_CHARS: Final = 4_000
IMAGE_SIZE_MAX_BYTES: Final = 10 * 1024 * 1024
IMAGE_AREA_MAX_PIXELS: Final = 40_000_000
IMAGE_SIDE_MIN_PIXELS: Final = 16

# An answer of an upstream is bounded: a 12 s 720p clip is far below this.
VIDEO_SIZE_MAX_BYTES: Final = 256 * 1024 * 1024
ERROR_DETAIL_MAX_CHARS: Final = 500
FETCH_CHUNK_BYTES: Final = 256 * 1024

# HTTP to upstreams. Machine time: shorter than half of a worker's lease, so that a slow call never loses its claim.
CONNECT_TIMEOUT_S: Final = 5.0
CALL_TIMEOUT_S: Final = 30.0
FETCH_TIMEOUT_S: Final = 120.0
POLLS_IN_FLIGHT_MAX: Final = 16
LOOKUP_PAGES_MAX: Final = 5
LOOKUP_PAGE_ROWS: Final = 100

# Waits of an item. Capacity refusals burn no attempt and are waited out; broken calls burn one of three.
CAPACITY_WAITS_S: Final = (5.0, 30.0, 120.0)
CAPACITY_WAIT_JITTER_RATIO: Final = 0.2
RETRY_AFTER_MAX_S: Final = 600.0
BROKEN_ATTEMPTS_MAX: Final = 3
BROKEN_WAIT_BASE_S: Final = 2.0
BROKEN_WAIT_MAX_S: Final = 60.0
LOOKUP_DELAY_S: Final = 15.0

# Routing and breaker.
BREAKER_FAILURES_TO_OPEN: Final = 5
BREAKER_OPEN_S: Final = 15.0
BREAKER_OPEN_MAX_S: Final = 240.0
BREAKER_PROBE_TIMEOUT_S: Final = 60.0
ROUTES_MAX: Final = 16
WEIGHT_MAX: Final = 1_000

# The embedded renderer.
RENDER_PROCESSES_MAX: Final = 2
RENDER_NICENESS: Final = 10
RENDER_QUEUE_MAX_JOBS: Final = 256
# Jobs handed to the local renderer at once: few enough that the last ends long before ITEM_TIMEOUT.
RENDER_IN_FLIGHT_MAX_JOBS: Final = 64
RENDER_TIMEOUT_S: Final = 120.0
RENDER_BUSY_RETRY_S: Final = 5.0
RENDER_KEEP_S: Final = 172_800.0
RENDER_SWEEP_EVERY_SUBMITS: Final = 500

# The simulated upstream remembers this many keys; beyond them the oldest is forgotten.
SIMULATED_KEYS_MAX: Final = 100_000
SIMULATED_FRAME_RATE_FPS: Final = 1
SIMULATED_BUSY_WINDOW_S: Final = 10.0
