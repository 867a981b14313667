"""Texts that people write into incidents and gates."""

from .errors import TextNeeded
from .limits import TEXT_MAX_CHARACTERS


def words(field: str, text: str) -> str:
    """`text` without surrounding space; TextNeeded when it is empty, too long or holds a NUL."""
    stripped = text.strip()
    if not stripped or len(stripped) > TEXT_MAX_CHARACTERS or "\x00" in stripped:
        raise TextNeeded(field=field, maximum=TEXT_MAX_CHARACTERS)
    return stripped
