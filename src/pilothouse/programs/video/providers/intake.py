"""The last step of every fetch: a part becomes the file only when it is a whole video."""

from pathlib import Path

from pilothouse.programs.video.providers.media import BrokenVideo, video_facts
from pilothouse.programs.video.providers.protocol import Broken, Fetched, FetchOutcome, file_hash


def adopt(part: Path, destination: Path) -> FetchOutcome:
    """Check the whole file `part` and move it to `destination`. Raises OSError."""
    try:
        facts = video_facts(part)
    except BrokenVideo as error:
        return Broken("truncated", str(error))
    size_bytes, sha256 = file_hash(part)
    part.replace(destination)
    return Fetched(destination, size_bytes, sha256, facts)
