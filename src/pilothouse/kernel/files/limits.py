"""Named limits of the files room, unit last."""

MEBIBYTE = 1024 * 1024

IMAGE_MAX_BYTES = 10 * MEBIBYTE
VIDEO_MAX_BYTES = 512 * MEBIBYTE
DOCUMENT_MAX_BYTES = 25 * MEBIBYTE
IMAGE_MAX_PIXELS = 20_000_000
# Images decoded at once in one process; each may hold 4 bytes a pixel twice.
DECODERS_MAX_COUNT = 2
IMAGE_SIDE_MAX_PIXELS = 12_000
IMAGE_SIDE_MIN_PIXELS = 16
JPEG_QUALITY_PERCENT = 92

SNIFF_BYTES = 64
CHUNK_BYTES = 256 * 1024
# Uploads above this leave memory for a temporary file.
SPOOL_BYTES = 2 * MEBIBYTE

LINK_LIFE_S = 15 * 60
LINK_LIFE_MAX_S = 7 * 24 * 3600
UPLOAD_LIFE_S = 60 * 60
STORAGE_RETRY_AFTER_S = 60
OUTPUT_KEPT_DAYS = 30
FILE_NAME_MAX_CHARACTERS = 100
EXPIRE_MAX_ROWS = 500
EXPIRE_EVERY_S = 60
# Objects without a row are looked for once a day, and deleted when they are a day old.
ORPHANS_EVERY_S = 24 * 3600
ORPHAN_AGE_S = 24 * 3600
ORPHAN_CHUNK_KEYS = 1_000
ORPHANS_MAX_COUNT = 10_000
# So many objects may be unknown to a database that knows none of them.
ORPHANS_OF_EMPTY_HOUSE_MAX_COUNT = 10
