"""The product image of an item, read for a provider."""

from pilothouse.kernel.base.scope import worker_scope
from pilothouse.kernel.base.sql import Row
from pilothouse.kernel.files.models import File
from pilothouse.kernel.files.storage import store


def load_image(row: Row) -> tuple[bytes, str] | None:
    """An item's image as (bytes, content type), or None when it has none."""
    if row["image"] is None:
        return None
    with worker_scope("worker"):
        file = File.objects.get(public_id=row["image"])
    return b"".join(store().read(file.storage_key)), file.content_type
