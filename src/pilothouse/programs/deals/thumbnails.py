"""Small pictures of evidence, so that a page of twenty photos loads on a phone."""

import io
from collections.abc import Sequence

from PIL import Image

from pilothouse.kernel.files.commands import StoredObject, discarded_on_error, put_object, record_files
from pilothouse.kernel.files.content import IMAGES, JPEG
from pilothouse.kernel.files.models import File
from pilothouse.kernel.files.storage import store

SIDE_PIXELS = 480
QUALITY_PERCENT = 80


def store_thumbnails(files: Sequence[File]) -> list[int | None]:
    """For each file the row id of a JPEG of at most SIDE_PIXELS a side, or None for what is no image.

    The images were cleaned when they were stored.
    """
    stored: list[StoredObject] = []
    places: list[int | None] = []
    with discarded_on_error(stored):
        for file in files:
            is_image = file.content_type in {each.content_type for each in IMAGES}
            places.append(len(stored) if is_image else None)
            if is_image:
                stored.append(put_object(file.tenant_id, _small(file), (JPEG,)))
        rows = record_files(stored, purpose="thumbnail", names=["thumbnail.jpg"] * len(stored))
    return [None if place is None else rows[place]["id"] for place in places]


def _small(file: File) -> bytes:
    with Image.open(io.BytesIO(b"".join(store().read(file.storage_key)))) as image:
        image.draft("RGB", (SIDE_PIXELS, SIDE_PIXELS))
        small = image.convert("RGB")
        small.thumbnail((SIDE_PIXELS, SIDE_PIXELS))
    out = io.BytesIO()
    small.save(out, "JPEG", quality=QUALITY_PERCENT)
    return out.getvalue()
