"""Small pictures of evidence, so that a page of twenty photos loads on a phone."""

import io

from PIL import Image

from pilothouse.kernel.files.commands import store_file
from pilothouse.kernel.files.content import IMAGES, JPEG
from pilothouse.kernel.files.models import File
from pilothouse.kernel.files.storage import store

SIDE_PIXELS = 480
QUALITY_PERCENT = 80


def thumbnail_of(file: File) -> File | None:
    """A JPEG of at most SIDE_PIXELS a side, or None for what is no image. The image was cleaned when it was stored."""
    if file.content_type not in {each.content_type for each in IMAGES}:
        return None
    with Image.open(io.BytesIO(b"".join(store().read(file.storage_key)))) as image:
        image.draft("RGB", (SIDE_PIXELS, SIDE_PIXELS))
        small = image.convert("RGB")
        small.thumbnail((SIDE_PIXELS, SIDE_PIXELS))
    out = io.BytesIO()
    small.save(out, "JPEG", quality=QUALITY_PERCENT)
    return store_file(out.getvalue(), (JPEG,), purpose="thumbnail", name="thumbnail.jpg")
